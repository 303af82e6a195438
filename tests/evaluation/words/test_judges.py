import numpy as np
import pytest

from causeway.errors import UnusableInput, UsageError
from causeway.evaluation.suites import SuiteConfig
from causeway.evaluation.words.judges import judge_words
from causeway.evidence import Evidence
from causeway.reasoning.teachers import endpoint_client
from tests.reasoning.fake_endpoint import Reply, fake_endpoint, said

from ..conftest import GO, STOP, make_sample

YES = {"decision_fits": True, "causes_cover": True, "causes_true": True, "nearest_cause": True, "reason": ""}


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path):
    monkeypatch.setattr(endpoint_client, "_WAITS_S", (0.005, 0.02))
    monkeypatch.setenv("CAUSEWAY_CACHE", str(tmp_path / "cache"))


def test_a_judge_is_shown_words_pictures_evidence_and_what_was_driven():
    samples = [make_sample(0), make_sample(1)]
    seen = Evidence("s000", "clip0", 10_000_000, 10_000_000, 10_000_000, 8.0, signal_id="secret", signal_state="red")

    def answer(request):
        return said(YES | {"causes_true": '"red"' in request.text})

    with fake_endpoint(answer) as fake:
        found = judge_words(f"m@{fake.url}", samples, [STOP, STOP], {"s000": seen}, 0)
    assert found.values["judge_causes_true"].tolist() == [1.0, 0.0], "the second has no evidence of a light"
    assert found.values["judge_score"].tolist() == [1.0, 0.75]
    assert found.unanswered == 0
    first = next(r for r in fake.requests if '"red"' in r.text)
    assert len(first.pictures) == 1
    assert STOP in first.text
    assert "maintain_speed" in first.text, "the driver on record held the speed"
    assert "secret" not in first.text
    assert "1 of 2 samples with evidence" in found.notes[0]


def test_words_that_do_not_parse_are_wrong_and_nobody_is_asked():
    with fake_endpoint(lambda request: said(YES)) as fake:
        found = judge_words(f"m@{fake.url}", [make_sample(0), make_sample(1)], ["blah", GO], {}, 0)
    assert found.values["judge_decision_fits"].tolist() == [0.0, 1.0]
    assert len(fake.requests) == 1


def test_an_answer_that_cannot_be_used_is_counted_and_scores_nothing():
    def answer(request):
        return said({"decision_fits": "maybe"}) if "green light" in request.text else said(YES)

    with fake_endpoint(answer) as fake:
        found = judge_words(f"m@{fake.url}", [make_sample(0), make_sample(1)], [STOP, GO], {}, 0)
    assert found.unanswered == 1
    assert found.values["judge_score"][0] == 1.0
    assert np.isnan(found.values["judge_score"][1])
    assert "1 answers not judged" in found.notes[1]


def test_a_judge_that_refuses_everything_ends_the_evaluation():
    with fake_endpoint(lambda request: Reply(status=401)) as fake, pytest.raises((UnusableInput, UsageError)):
        judge_words(f"m@{fake.url}", [make_sample(0)], [STOP], {}, 0)


def test_settings_are_refused_before_anything_is_asked(tmp_path):
    with pytest.raises(UsageError, match="which model"):
        SuiteConfig(judge="http://h/v1")
    with pytest.raises(UsageError, match="no folder of corrections"):
        SuiteConfig(corrections=str(tmp_path / "none"))
    (tmp_path / "a.jsonl").write_text("")
    before = SuiteConfig(corrections=str(tmp_path))
    (tmp_path / "a.jsonl").write_text("\n")
    assert SuiteConfig(corrections=str(tmp_path)) != before, "what people say is part of the key"
