from dataclasses import replace
from typing import Any

import pytest

from causeway.reasoning import CocRecord, Component, render
from causeway.reasoning.causes import CAUSES, can_cause
from causeway.reasoning.critic import CHECKS, CriticConfig, criticise, status_of
from causeway.reasoning.names import COMPONENT_KINDS, LATERAL_DECISIONS, LONGITUDINAL_DECISIONS
from tests.reasoning.seen import LEAD, RED, T0_US

STOP = "stop_for_static_constraint"
LIGHT = Component("traffic_light", "red_light", "s1", "in_path", "none", 8_000_000, T0_US, 1)
CAR = Component("critical_object", "car", "7", "in_path", "slowing", 9_000_000, T0_US, 1)
GOOD = CocRecord(STOP, "none", (LIGHT,))


def test_a_true_label_passes_every_check(evidence: Any) -> None:
    critique = criticise(GOOD, render(GOOD), evidence(**RED))
    assert (critique.score, critique.reasons) == (1.0, ())


@pytest.mark.parametrize(
    ("record", "check"),
    [
        (replace(GOOD, components=()), "coverage"),
        (replace(GOOD, lateral_decision="nudge_in_lane_left"), "coverage"),
        (replace(GOOD, components=(LIGHT, replace(CAR, rank=2))), "correctness"),
        (replace(GOOD, components=(replace(LIGHT, kind="green_light"),)), "coverage"),
        (replace(GOOD, components=(replace(LIGHT, kind="yellow_light"),)), "observation"),
        (replace(GOOD, components=(replace(LIGHT, track_id="s2"),)), "observation"),
        (replace(GOOD, components=(replace(LIGHT, track_id=None),)), "observation"),
        (replace(GOOD, components=(replace(LIGHT, observed_to_us=T0_US + 1),)), "observation"),
        (replace(GOOD, components=(replace(LIGHT, observed_from_us=T0_US + 1),)), "observation"),
        (replace(GOOD, components=(LIGHT, replace(LIGHT, rank=2))), "minimality"),
        (replace(GOOD, components=(replace(LIGHT, rank=3),)), "minimality"),
        (replace(GOOD, longitudinal_decision="none", components=()), "minimality"),
        (replace(GOOD, components=(replace(LIGHT, category="speed_bump"),)), "vocabulary"),
        (replace(GOOD, longitudinal_decision="brake"), "vocabulary"),
    ],
)
def test_broken_labels_are_caught_by_the_check_that_names_it(evidence: Any, record: CocRecord, check: str) -> None:
    trace = render(GOOD) if check == "vocabulary" else render(record)
    critique = criticise(record, trace, evidence(**RED))
    assert critique.score < 1
    assert any(reason.startswith(check) for reason in critique.reasons)
    assert status_of(record, critique, "yes", CriticConfig()) != "accepted"


def test_a_trace_that_says_something_else_is_caught(evidence: Any) -> None:
    critique = criticise(GOOD, "Stop for the yellow light ahead.", evidence(**RED))
    assert critique.score == 0


def test_a_stopped_lead_beats_the_light_behind_it(evidence: Any) -> None:
    seen = evidence(**LEAD | RED | {"lead_speed_mps": 0.0})
    assert any(r.startswith("proximity") for r in criticise(GOOD, render(GOOD), seen).reasons)
    beyond = evidence(**LEAD | RED | {"lead_speed_mps": 0.0, "lead_distance_m": 45.0})
    assert criticise(GOOD, render(GOOD), beyond).score == 1


def test_statuses(evidence: Any) -> None:
    good = criticise(GOOD, render(GOOD), evidence(**RED))
    config = CriticConfig()
    assert status_of(GOOD, good, "yes", config) == "accepted"
    assert status_of(GOOD, good, "undecidable", config) == "accepted"
    assert status_of(GOOD, good, "no", config) == "rejected"
    assert status_of(replace(GOOD, components=()), good, "yes", config) == "review"
    assert status_of(GOOD, replace(good, score=1 - 1 / len(CHECKS)), "yes", config) == "review"
    assert status_of(GOOD, replace(good, score=1 - 2 / len(CHECKS)), "yes", config) == "rejected"


def test_the_table_of_causes_knows_only_closed_sets() -> None:
    assert set(CAUSES) == {*LONGITUDINAL_DECISIONS, *LATERAL_DECISIONS}
    for decision, causes in CAUSES.items():
        assert bool(causes) == (decision != "none")
        for cause in causes:
            assert set(cause.kinds) <= set(COMPONENT_KINDS[cause.category])
    assert not can_cause(LIGHT, "set_speed_tracking")
    assert not can_cause(LIGHT, "none")
    assert not can_cause(LIGHT, "fly")
