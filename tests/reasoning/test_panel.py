"""Settings, several teachers and a critic."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from causeway.errors import UsageError
from causeway.reasoning.step import LabelConfig
from tests.reasoning.endpoint_labels import label
from tests.reasoning.fake_endpoint import Reply, Request, fake_endpoint, good, said
from tests.reasoning.small_drives import SEEN

pytestmark = pytest.mark.usefixtures("quick")


@pytest.mark.parametrize(("config", "message"), [
    ({"teacher": "http://h/v1"}, "which model"),
    ({"teacher": "m@http://user:secret@h/v1"}, "keys go into CAUSEWAY_TEACHER_KEY"),
    ({"teacher": "m@http://h/v1?key=secret"}, "keys go into CAUSEWAY_TEACHER_KEY"),
    ({"teacher": "m@http://:8000/v1"}, "no host"),
    ({"teacher": "m@ftp://h"}, "not an endpoint"),
    ({"teacher": "oracle"}, "no such teacher"),
    ({"teacher": ","}, "no teacher named"),
    ({"teacher": "rules,rules"}, "named twice"),
    ({"teacher": "m@http://h/v1", "critic": "m@http://h/v1"}, "may not be its own critic"),
    ({"teacher": "org/M@http://h/v1", "critic": "m@http://elsewhere/v1"}, "may not be its own critic"),
    ({"teacher": "rules", "critic": "rules"}, "not an endpoint"),
    ({"budget_money": 1.0}, "without a price"),
    ({"budget_calls": -1}, "from 0 on"),
    ({"in_flight": 0}, "from 1"),
    ({"seed": -1}, "a number from 0"),
    ({"seed": 1 << 63}, "a number from 0"),
    ({"shard": 1}, "numbered from 0"),
])  # fmt: skip
def test_settings_that_make_no_sense_are_refused_before_anything_is_sent(config: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        LabelConfig(**config)
    assert "secret" not in str(caught.value)


def test_a_camera_that_no_clip_has_is_refused(endpoint_inputs: dict[str, str], tmp_path: Path) -> None:
    with fake_endpoint() as fake, pytest.raises(UsageError, match="they have front"):
        label(endpoint_inputs, tmp_path / "labels", fake.url, camera="rear")


def test_one_key_goes_to_one_host_only(endpoint_inputs: dict[str, str], tmp_path: Path) -> None:
    teachers = "m@http://one.example/v1,n@http://two.example/v1"
    with pytest.raises(UsageError, match="CAUSEWAY_KEY_ONE_EXAMPLE, CAUSEWAY_KEY_TWO_EXAMPLE"):
        label(endpoint_inputs, tmp_path / "labels", "", teacher=teachers)


def test_teachers_vote_and_their_agreement_is_kept(endpoint_inputs: dict[str, str], tmp_path: Path) -> None:
    def otherwise(request: Request) -> Reply:
        yields = said({"longitudinal_decision": "yield", "lateral_decision": "none"})
        return yields if request.call == "decision" and request.body["model"] == "n" else good(request)

    with fake_endpoint(otherwise) as fake:
        teacher = f"rules,m@{fake.url},n@{fake.url}"
        rows = label(endpoint_inputs, tmp_path / "labels", fake.url, teacher=teacher)
    row = rows["lead"]
    assert (row["status"], row["agreement"]) == ("accepted", pytest.approx(2 / 3))
    assert row["reasons"] == [f"agreement: n@{fake.url} says yield, none for no cause"]
    assert row["teacher"] == teacher
    assert row["teacher_version"].count("endpoint-1 fake-1") == 2
    assert rows["red"]["trace"] == "Stop for the red light ahead."


def test_a_teacher_that_fails_agrees_with_nobody(endpoint_inputs: dict[str, str], tmp_path: Path) -> None:
    with fake_endpoint(lambda request: said("no")) as fake:
        rows = label(endpoint_inputs, tmp_path / "labels", fake.url, teacher=f"rules,m@{fake.url}")
    row = rows["lead"]
    assert (row["trace"], row["agreement"], row["status"]) == ("Keep distance to the slowing car ahead.", 0.5, "review")
    assert row["reasons"][0].startswith(f"agreement: m@{fake.url} says answer: components: not JSON")


@pytest.mark.parametrize(("denied", "status", "score"), [
    ((), "accepted", 1.0),
    (("causes_true",), "review", 0.75),
    (("causes_true", "nearest_cause"), "rejected", 0.5),
])  # fmt: skip
def test_another_model_criticises(
    endpoint_inputs: dict[str, str], tmp_path: Path, denied: tuple[str, ...], status: str, score: float
) -> None:
    def critic(request: Request) -> Reply:
        flags = ("decision_fits", "causes_cover", "causes_true", "nearest_cause")
        return said({flag: flag not in denied for flag in flags} | {"reason": "<b>the car\nis far</b>"})

    with fake_endpoint(critic) as fake:
        rows = label(endpoint_inputs, tmp_path / "labels", fake.url, teacher="rules", critic=f"c@{fake.url}")
    row = rows["lead"]
    assert (row["status"], row["critic_score"], row["critic"]) == (status, score, f"c@{fake.url}")
    assert row["reasons"] == [f"critic: not {name} (<b>the car is far</b>)" for name in denied]
    assert {request.call for request in fake.requests} == {"verdict"}
    assert len(fake.requests) == 2  # a label without a cause has nothing to be judged
    assert "authorization" not in fake.requests[0].headers  # the teacher's key is not the critic's


def test_a_critic_without_an_answer_accepts_nothing(endpoint_inputs: dict[str, str], tmp_path: Path) -> None:
    with fake_endpoint(lambda request: said({"decision_fits": "yes"})) as fake:
        rows = label(endpoint_inputs, tmp_path / "labels", fake.url, teacher="rules", critic=f"c@{fake.url}")
    assert {row["status"] for row in rows.values()} == {"review"}
    assert rows["lead"]["reasons"][0].startswith("critic: verdict: ")
    assert SEEN["lead"]["lead_track_id"] == rows["lead"]["components"][0]["track_id"]


def test_a_critic_that_is_the_teachers_model_by_another_name_is_refused(
    endpoint_inputs: dict[str, str], tmp_path: Path
) -> None:
    def serves(*models: str) -> Callable[[Request], Reply]:
        names = dict(zip("tc", models, strict=True))
        return lambda request: Reply(good(request).body.replace(b"fake-1", names[request.body["model"]].encode()))

    with fake_endpoint(serves("org/Same-7b", "same-7B")) as fake:
        with pytest.raises(UsageError, match=r"serves same-7B as t@.* a teacher may not be its own critic"):
            label(endpoint_inputs, tmp_path / "labels", fake.url, teacher=f"t@{fake.url}", critic=f"c@{fake.url}")
        assert not (tmp_path / "labels").exists()
    with fake_endpoint(serves("one", "other")) as fake:
        rows = label(endpoint_inputs, tmp_path / "labels", fake.url, teacher=f"t@{fake.url}", critic=f"c@{fake.url}")
    assert rows["lead"]["status"] == "accepted"


def test_when_one_teacher_is_stopped_nobody_waits_for_another(
    endpoint_inputs: dict[str, str], tmp_path: Path
) -> None:
    def answer(request: Request) -> Reply:
        if request.body["model"] == "busy":
            return Reply(b"", 429, {"Retry-After": "300"})
        return Reply(b"", 401, wait_s=0.2)

    with fake_endpoint(answer) as fake:
        with pytest.raises(UsageError, match="401"):
            label(endpoint_inputs, tmp_path / "labels", fake.url, teacher=f"busy@{fake.url},wrong@{fake.url}")
        assert len([request for request in fake.requests if request.body["model"] == "busy"]) == 3  # none asked twice
