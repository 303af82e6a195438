import numpy as np
import pytest

from causeway.evaluation.answers import AskConfig
from causeway.evaluation.words.reasoning import Beside, against_label, majority, reasoning
from causeway.evidence import Evidence
from causeway.reasoning import CocRecord, Component, parse

from ..conftest import GO, STOP, make_sample, shows


def test_components_by_hand():
    light, car = Component("traffic_light", "red_light"), Component("critical_object", "car")
    known = CocRecord("yield", "none", (light,))
    found = against_label(CocRecord("yield", "turn_left", (light, car)), known)
    assert (found["longitudinal_accuracy"], found["lateral_accuracy"], found["decision_accuracy"]) == (1, 0, 0)
    assert (found["component_precision"], found["component_recall"]) == (0.5, 1.0)
    silent = against_label(None, known)
    assert silent["decision_accuracy"] == 0
    assert np.isnan(silent["component_precision"])
    assert silent["component_recall"] == 0


def test_a_policy_that_keeps_its_word(known, samples):
    found = reasoning(known(STOP), samples, AskConfig())
    assert set(found.values["parse_rate"]) == {1.0}
    assert set(found.values["decision_accuracy"]) == {1.0}
    assert set(found.values["consistency"]) == {1.0}, "it says stop and stands"
    broken = reasoning(known(STOP, listens=False), samples, AskConfig())
    assert set(broken.values["consistency"]) == {0.0}, "it says stop and drives on"


def test_unlabelled_samples_and_babble(known):
    found = reasoning(known("blah"), [make_sample(0, reasoning=""), make_sample(2)], AskConfig())
    assert set(found.values["parse_rate"]) == {0.0}
    assert np.isnan(found.values["decision_accuracy"][0])
    assert found.values["decision_accuracy"][1] == 0.0
    assert "1 of 2 samples have a label" in found.notes[0]


def test_failures_count_and_score_nothing(known, samples):
    policy = known(break_on=lambda s: "crash" if shows(0)(s) else "")
    found = reasoning(policy, samples, AskConfig())
    assert found.counts["reasoning_failed_answers"] == (1, 8)
    assert found.values["parse_rate"].mean() == pytest.approx(7 / 8)
    assert found.values["consistency"][0] == found.values["consistency_decided"][0] == 0.0


def test_majority_is_what_must_be_beaten():
    found = majority([parse(STOP), parse(GO), parse(STOP), None])
    assert np.nanmean(found["majority/longitudinal_accuracy"]) == pytest.approx(2 / 3)


def test_f1_beside_the_most_frequent_decision(known):
    samples = [make_sample(0), make_sample(2, reasoning=GO), make_sample(4), make_sample(6, reasoning="")]
    found = reasoning(known(STOP), samples, AskConfig()).estimates
    name = "longitudinal_f1@stop_for_static_constraint"
    assert found[name][0].value == found[f"majority/{name}"][0].value == pytest.approx(0.8)
    assert found["longitudinal_f1@set_speed_tracking"][0].value == 0.0
    assert found["longitudinal_macro_f1"][0].value == pytest.approx(0.4)
    assert found["longitudinal_macro_f1"][0].n == 3


def test_hallucinations_are_held_against_the_evidence(known):
    seeing = {"has_tracks": True, "has_map": True, "has_signals": True}
    red = {"signal_id": "s", "signal_state": "red", "signal_distance_m": 20.0}
    samples = [make_sample(i) for i in range(3)]
    seen = {
        "s000": Evidence("s000", "clip0", 0, 0, 0, 8.0, **seeing, **red),
        "s001": Evidence("s001", "clip0", 0, 0, 0, 8.0, **seeing),
    }
    found = reasoning(known(STOP), samples, AskConfig(), Beside(seen))
    np.testing.assert_array_equal(found.values["hallucination_rate"], [0.0, 1.0, np.nan])
    assert any("2 of 3 samples have evidence" in note for note in found.notes)
