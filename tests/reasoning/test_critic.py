from dataclasses import replace
from typing import Any

import pytest

from causeway.reasoning import CocRecord, Component, render
from causeway.reasoning.causes import CAUSES, can_cause
from causeway.reasoning.critic import CHECKS, CriticConfig, criticise, status_of
from causeway.reasoning.label import causes_of
from causeway.reasoning.names import COMPONENT_KINDS, LATERAL_DECISIONS, LONGITUDINAL_DECISIONS
from tests.reasoning.seen import CROSSING, LEAD, RED, T0_US

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


@pytest.mark.parametrize(
    ("motion", "speed_mps", "accel_mps2", "seen"),
    [
        ("slowing", 8.0, -2.0, True),
        ("slowing", 8.0, 1.0, False),
        ("accelerating", 8.0, -2.0, False),
        ("accelerating", 8.0, None, False),
        ("stopped", 0.1, 0.0, True),
        ("stopped", None, None, False),
        ("moving", -1.2, -0.8, True),
        ("stopped", -1.2, 0.0, False),
        ("none", None, None, True),
    ],
)
def test_a_lead_that_was_not_seen_to_move_so_is_caught(
    evidence: Any, motion: str, speed_mps: float | None, accel_mps2: float | None, seen: bool
) -> None:
    record = CocRecord("lead_following", "none", (replace(CAR, motion=motion),))
    fields = LEAD | {"lead_speed_mps": speed_mps, "lead_accel_mps2": accel_mps2}
    reasons = criticise(record, render(record), evidence(**fields)).reasons
    assert any(r.startswith("observation") for r in reasons) is not seen


@pytest.mark.parametrize(("pose", "seen"), [("left", True), ("right", False), ("crosswalk", True)])
def test_who_crosses_from_the_other_side_is_caught(evidence: Any, pose: str, seen: bool) -> None:
    walker = Component("critical_object", "pedestrian", "4", pose, "crossing", 9_900_000, T0_US, 1)
    record = CocRecord("yield", "none", (walker,))
    reasons = criticise(record, render(record), evidence(**CROSSING)).reasons
    assert any(r.startswith("observation") for r in reasons) is not seen


def test_causes_of_one_rank_keep_the_order_of_the_decisions() -> None:
    lanes = [Component("lane", "narrow_lane", f"lane {i}", "in_path") for i in range(2)]
    for turn in range(20):  # hashes of words differ from run to run: two causes in a set come out either way
        names = tuple(replace(c, track_id=f"{c.track_id} {turn}") for c in (LIGHT, *lanes))
        kept = causes_of(names, (STOP, "lane_keeping"))
        assert [c.kind for c in kept] == ["red_light", "narrow_lane"]
