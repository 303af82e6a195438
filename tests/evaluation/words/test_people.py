import json

import numpy as np
import pytest

from causeway.evaluation.answers import AskConfig
from causeway.evaluation.words.people import judge_agreement, people_say, right_by_people
from causeway.evaluation.words.reasoning import Beside, reasoning
from causeway.reasoning import parse

from ..conftest import GO, STOP, make_sample

NAN = float("nan")


def line(moment_id, longitudinal="stop_for_static_constraint", state="accepted", who="ann"):
    decisions = {"longitudinal_decision": longitudinal, "lateral_decision": "none"}
    return json.dumps({"moment_id": moment_id, "who": who, "when_us": 1, "state": state, "note": "x"} | decisions)


@pytest.fixture
def corrections(tmp_path):
    lines = [line("s000"), line("s001", "yield"), line("s002", state="excluded"), line("other")]
    (tmp_path / "ann.jsonl").write_text("\n".join(lines))
    return str(tmp_path)


def test_what_people_say_of_these_moments(corrections):
    ids = ["s000", "s001", "s002", "s003"]
    said = people_say(corrections, ids)
    assert said == {"s000": ("stop_for_static_constraint", "none"), "s001": ("yield", "none")}
    assert people_say("", ids) == {}


def test_right_by_people():
    theirs = ("stop_for_static_constraint", "none")
    found = right_by_people([parse(STOP), parse(GO), None, None], [theirs, theirs, theirs, None])
    assert np.array_equal(found, [1.0, 0.0, 0.0, NAN], equal_nan=True)


def test_kappa_by_hand():
    people = np.array([1.0, 1.0, 0.0, 0.0, NAN])
    judge = np.array([1.0, 0.0, 0.0, 0.0, 1.0])
    found = judge_agreement(people, {"rule_judge": judge}, ["a", "a", "b", "b", "c"], 0)
    # agree on 3 of 4; by chance 0.5 · 0.25 + 0.5 · 0.75
    kappa, raw = found["people_kappa_rule_judge"][0], found["people_agree_rule_judge"][0]
    assert (kappa.value, raw.value) == (pytest.approx(0.5), 0.75)
    assert (kappa.n, kappa.clusters) == (4, 2)
    assert raw.low == 0.5
    assert raw.high == 1.0
    nobody = judge_agreement(np.array([NAN]), {"rule_judge": np.ones(1)}, ["a"], 0)
    assert (nobody["people_kappa_rule_judge"][0].value, nobody["people_kappa_rule_judge"][0].n) == (None, 0)


def test_the_suite_holds_judges_against_people(known, corrections):
    samples = [make_sample(i) for i in range(4)]
    found = reasoning(known(STOP), samples, AskConfig(), Beside(corrections=corrections))
    np.testing.assert_array_equal(found.values["people_accuracy"], [1.0, 0.0, NAN, NAN])
    estimate, unit = found.estimates["people_agree_rule_judge"]
    assert (estimate.value, estimate.n, unit) == (0.5, 2, "share"), "by its labels the judge calls both right"
    assert not any("no person" in note for note in found.notes)
    assert any("no person" in note for note in reasoning(known(STOP), samples, AskConfig()).notes)
