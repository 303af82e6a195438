"""The judge endpoint as a reward: grades are read strictly, and what is no grade is counted and never paid."""

import itertools

import numpy as np
import pytest

from causeway.errors import UnusableInput, UsageError
from causeway.reasoning.teachers import endpoint_client
from causeway.reasoning.teachers.schema import BadAnswer
from causeway.training.judge_reward import JudgeConfig, judged_grade, read_grade
from causeway.training.rewards import filled
from tests.reasoning.fake_endpoint import HOLD, Reply, fake_endpoint, said

STOP, GO = "Stop for the red light ahead.", "Accelerate to pass."


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(endpoint_client, "_WAITS_S", (0.001, 0.001))


def config(url, tmp_path, **changes):
    return JudgeConfig(f"grader@{url}", ledger=str(tmp_path / "answers"), **{"timeout_s": 5.0} | changes)


def grades_the_same_words(request):
    reference, explanation = request.text.split("\n")[:2]
    same = reference.split(": ")[1] == explanation.split(": ")[1]
    return said({"grade": 5 if same else 1, "reason": "as it is"})


def test_the_judge_grades_each_trace_and_is_asked_once_for_the_same_words(tmp_path):
    with fake_endpoint(grades_the_same_words) as fake:
        graded = judged_grade([STOP, GO, STOP, "the car is nice"], [STOP] * 4, config(fake.url, tmp_path))
        again = judged_grade([GO], [STOP], config(fake.url, tmp_path))
    assert graded.grades.tolist() == [5, 1, 5, 0]  # outside the closed sets nobody is asked
    assert graded.problems == {}
    assert again.grades.tolist() == [1]
    assert len(fake.requests) == 2


def test_nonsense_is_counted_and_is_no_reward(tmp_path):
    def nonsense(request):
        return said({"grade": 7, "reason": ""}) if "pass" in request.text else grades_the_same_words(request)

    with fake_endpoint(nonsense) as fake:
        graded = judged_grade([GO, STOP, GO], [STOP] * 3, config(fake.url, tmp_path))
    assert np.isnan(graded.grades).tolist() == [True, False, True]
    assert graded.problems == {"judge: nonsense": 2}
    assert filled(graded.grades, group=3).tolist() == [5, 5, 5]


@pytest.mark.parametrize("reply", [Reply(wait_s=HOLD), Reply(status=500), Reply(b"{}", cut=1)])
def test_a_judge_that_is_slow_or_down_is_counted_and_is_no_reward(tmp_path, reply):
    with fake_endpoint(lambda request: reply) as fake:
        graded = judged_grade([STOP, GO], [STOP] * 2, config(fake.url, tmp_path, timeout_s=0.2, attempts=1))
    assert np.isnan(graded.grades).all()
    assert graded.problems == {"judge: no answer": 2}


def test_nobody_there_gives_no_grade_to_anybody(tmp_path):
    words = [
        f"{verb} for the {light} light ahead." for verb, light in itertools.product(("Stop", "Yield"), ("red", "yellow"))
    ]
    graded = judged_grade(words, [STOP] * len(words), config("http://127.0.0.1:9/v1", tmp_path, attempts=1))
    asked = sum(graded.problems.values())
    assert np.isnan(graded.grades).sum() == asked >= 1


def test_a_wrong_key_ends_the_run(tmp_path):
    with fake_endpoint(lambda request: Reply(status=401)) as fake, pytest.raises(UsageError, match="401"):
        judged_grade([STOP], [STOP], config(fake.url, tmp_path))


def test_a_label_that_does_not_parse_is_refused_before_anybody_is_asked(tmp_path):
    with fake_endpoint() as fake, pytest.raises(UnusableInput, match="no grade"):
        judged_grade([STOP], [""], config(fake.url, tmp_path))
    assert fake.requests == []


@pytest.mark.parametrize("text", ["", "5", "[5]", '{"grade": true}', '{"grade": 5.0}', '{"grade": -1}', '{"grade": "5"}'])
def test_only_a_whole_grade_is_one(text):
    with pytest.raises(BadAnswer):
        read_grade(text)


@pytest.mark.parametrize("grade", range(6))
def test_every_grade_is_read(grade):
    assert read_grade(f'{{"grade": {grade}, "reason": "so"}}') == grade
