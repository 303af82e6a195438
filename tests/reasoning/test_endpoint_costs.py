"""What asking an endpoint costs, what is on record, and that the key is nowhere."""

import json
import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from causeway.artifacts import Artifact, run, write_artifact
from causeway.errors import Refused, UsageError
from causeway.reasoning.step import LabelConfig, label_moments
from tests.reasoning.endpoint_labels import KEY, label, many
from tests.reasoning.fake_endpoint import Reply, Request, fake_endpoint, good, said
from tests.reasoning.small_drives import T0_US, evidence_row

pytestmark = pytest.mark.usefixtures("quick")


def test_nothing_is_paid_twice(endpoint_inputs: dict[str, str], tmp_path: Path) -> None:
    with fake_endpoint() as fake:
        first = label(endpoint_inputs, tmp_path / "first", fake.url)
        again = label(endpoint_inputs, tmp_path / "again", fake.url)
        assert again == first
        assert len(fake.requests) == 6
        label(endpoint_inputs, tmp_path / "other seed", fake.url, seed=1)
        assert len(fake.requests) == 12


def test_bad_answers_are_not_paid_twice_either(endpoint_inputs: dict[str, str], tmp_path: Path) -> None:
    with fake_endpoint(lambda request: said("no")) as fake:
        first = label(endpoint_inputs, tmp_path / "first", fake.url)
        assert label(endpoint_inputs, tmp_path / "again", fake.url) == first
        assert len(fake.requests) == 9


def test_the_same_question_at_once_is_asked_once(endpoint_inputs: dict[str, str], tmp_path: Path) -> None:
    rows = [evidence_row("lead") | {"moment_id": f"{n}@{T0_US}"} for n in range(5)]
    write_artifact("evidence", {"evidence": rows}, tmp_path / "same")
    with fake_endpoint() as fake:
        labels = label(endpoint_inputs | {"evidence": str(tmp_path / "same")}, tmp_path / "labels", fake.url)
    assert len(labels) == 5
    assert len(fake.requests) == 2


@pytest.mark.parametrize(("budget", "calls"), [
    ({"budget_calls": 7}, 7),
    ({"budget_tokens": 10_000, "max_tokens": 64}, None),
    ({"budget_money": 0.01, "price_in": 1.0, "price_out": 2.0, "max_tokens": 64}, None),
])  # fmt: skip
def test_a_budget_stops_cleanly_and_is_never_overspent(
    endpoint_inputs: dict[str, str], tmp_path: Path, budget: dict[str, Any], calls: int | None
) -> None:
    write_artifact("evidence", {"evidence": many(60)}, tmp_path / "many")
    endpoint_inputs = endpoint_inputs | {"evidence": str(tmp_path / "many")}

    def dear(request: Request) -> Reply:
        return said(json.loads(json.loads(good(request).body)["choices"][0]["message"]["content"]),
                    usage={"prompt_tokens": 300, "completion_tokens": 50})  # fmt: skip

    with fake_endpoint(dear) as fake:
        with pytest.raises(Refused, match="the same command with a larger budget goes on"):
            label(endpoint_inputs, tmp_path / "labels", fake.url, in_flight=4, **budget)
        paid = len(fake.requests)
        assert calls is None or paid == calls
        assert paid * 350 <= budget.get("budget_tokens", 10**9)
        assert paid * (300 + 2 * 50) <= budget.get("budget_money", 10**9) * 1e6
        assert paid > 3
        assert len(fake.answered) == paid  # what was in flight came back
        assert not (tmp_path / "labels").exists()
        unchanged = paid
        with pytest.raises(Refused):  # a second try has no second budget
            label(endpoint_inputs, tmp_path / "labels", fake.url, in_flight=4, **budget)
        assert len(fake.requests) <= unchanged + 1
        rows = label(endpoint_inputs, tmp_path / "labels", fake.url, max_tokens=budget.get("max_tokens", 2048))
        assert len(rows) == 60
        # all have the same cause and the same actions, so the second question is one
        assert len({request.key for request in fake.requests}) == len(fake.requests) == 61


def files_below(folder: Path) -> Iterator[bytes]:
    yield from (path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_the_key_is_nowhere_written(
    endpoint_inputs: dict[str, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    echo = {"prompt_tokens": 5, "completion_tokens": 5}
    with fake_endpoint(lambda request: said(f"your key is {KEY}", model=KEY, usage=echo)) as fake:
        rows = label(endpoint_inputs, tmp_path / "labels", fake.url)
    assert {row["status"] for row in rows.values()} == {"rejected"}
    assert not [content for content in files_below(tmp_path) if KEY.encode() in content]
    told = capfd.readouterr()
    assert KEY not in told.out + told.err


def test_every_request_is_on_record(endpoint_inputs: dict[str, str], tmp_path: Path) -> None:
    with fake_endpoint() as fake:
        label(endpoint_inputs, tmp_path / "labels", fake.url, ledger=str(tmp_path / "ledger"))
    lines = [json.loads(line) for content in files_below(tmp_path / "ledger") for line in content.splitlines()]
    assert sorted(line["event"] for line in lines) == ["answered"] * 6 + ["sent"] * 6
    sent = {line["key"]: line for line in lines if line["event"] == "sent"}
    assert sorted(sent) == sorted(request.key for request in fake.requests)
    one = next(line for line in sent.values() if line["call"] == "components" and line["moment_id"].startswith("lead"))
    assert (one["try"], one["seed"], one["to"]) == (1, 0, f"m@{fake.url}")
    assert one["request"][3].startswith("picture sha256:")


def test_a_key_that_is_echoed_in_other_letters_is_not_written_either(
    endpoint_inputs: dict[str, str], tmp_path: Path
) -> None:
    hidden = KEY.replace("-", "\\u002d").encode()

    def echo(request: Request) -> Reply:
        return Reply(b'{"model": "%b", "choices": [{"message": {"content": "%b"}, "finish_reason": "%b"}]}' % ((hidden,) * 3)
                     if request.number else b'{"choices": [{"message": {"content": "%b"}}]}' % hidden)  # fmt: skip

    with fake_endpoint(echo) as fake:
        label(endpoint_inputs, tmp_path / "labels", fake.url)
    assert not [content for content in files_below(tmp_path) if KEY.encode() in content]


@pytest.mark.parametrize("variable", ["CAUSEWAY_TEACHER_KEY", "CAUSEWAY_KEY_HOST_EXAMPLE"])
@pytest.mark.parametrize("key", ["sk-secret\nX-Other: 1", "sk-secret word", "sk-sécret"])
def test_a_key_that_no_header_can_hold_is_refused_without_being_told(
    endpoint_inputs: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, key: str
) -> None:
    monkeypatch.setenv(variable, key)
    with pytest.raises(UsageError, match=f"^{variable}: holds spaces") as caught:
        label(endpoint_inputs, tmp_path / "labels", "http://host.example/v1")
    assert "cret" not in str(caught.value)


def test_hosts_of_one_variable_are_not_sent_the_same_key(
    endpoint_inputs: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"teacher": "m@http://a-b.example/v1", "critic": "n@http://a.b.example/v1"}
    monkeypatch.setenv("CAUSEWAY_KEY_A_B_EXAMPLE", KEY)
    with pytest.raises(UsageError, match=r"would go to a-b\.example and to a\.b\.example"):
        label(endpoint_inputs, tmp_path / "labels", "", **settings)


def test_dearer_answers_than_thought_overspend_by_what_was_under_way_alone(
    endpoint_inputs: dict[str, str], tmp_path: Path
) -> None:
    write_artifact("evidence", {"evidence": many(60)}, tmp_path / "many")
    endpoint_inputs = endpoint_inputs | {"evidence": str(tmp_path / "many")}

    def dear(request: Request) -> Reply:
        content = json.loads(json.loads(good(request).body)["choices"][0]["message"]["content"])
        return said(content, usage={"prompt_tokens": 40_000, "completion_tokens": 50})

    with fake_endpoint(dear) as fake, pytest.raises(Refused, match="spent"):
        label(endpoint_inputs, tmp_path / "labels", fake.url, in_flight=2, budget_tokens=400_000, max_tokens=64)
    assert 5 <= len(fake.requests) <= 9  # 400,000 tokens are nine calls: the first are seen to be dear


def test_a_call_that_an_earlier_run_lost_is_in_the_budget(endpoint_inputs: dict[str, str], tmp_path: Path) -> None:
    def hang_once(request: Request) -> Reply:
        return replace(good(request), wait_s=0.6 if request.number == 0 else 0.0)

    ledger = str(tmp_path / "ledger")
    with fake_endpoint(hang_once) as fake:
        with pytest.raises(Refused, match="spent 3 calls of 3"):
            label(endpoint_inputs, tmp_path / "l", fake.url, in_flight=1, timeout_s=0.3, budget_calls=3, ledger=ledger)
        assert len(fake.requests) == 3
        with pytest.raises(Refused, match="spent 6 calls of 6"):
            label(endpoint_inputs, tmp_path / "l", fake.url, in_flight=1, budget_calls=6, ledger=ledger)
        assert len(fake.requests) == 6
        label(endpoint_inputs, tmp_path / "l", fake.url, in_flight=1, budget_calls=7, ledger=ledger)
        assert len(fake.requests) == 7  # six questions, one of them sent twice


def one_of_two(inputs: dict[str, str], out: str, url: str, ledger: str) -> None:
    run(label_moments, inputs, out=out, config=LabelConfig(teacher=f"m@{url}", ledger=ledger))


@pytest.mark.slow
def test_two_processes_with_one_ledger_pay_once(endpoint_inputs: dict[str, str], tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    with fake_endpoint(lambda request: replace(good(request), wait_s=1.5)) as fake:
        outs = [str(tmp_path / name) for name in ("first", "second")]
        given = [(endpoint_inputs, out, fake.url, str(tmp_path / "ledger")) for out in outs]
        processes = [context.Process(target=one_of_two, args=arguments) for arguments in given]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert len(fake.requests) == len({request.key for request in fake.requests}) == 6
    first, second = (Artifact.open(out).table("labels") for out in outs)
    assert first.equals(second)
