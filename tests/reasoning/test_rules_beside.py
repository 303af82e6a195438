"""The rule teacher on what comes from beside our lane, and on lanes that we want: what is seen and done, and why."""

from typing import Any

import pytest

from causeway.reasoning.behaviour import Behaviour
from causeway.reasoning.critic import CriticConfig
from causeway.reasoning.label import Label, make_label
from causeway.reasoning.teachers import rules
from tests.reasoning.seen import LEAD, MAPPED, PARKED

HOLD, KEEP = "maintain_speed", "lane_keep"
BESIDE = {"left_track_id": "5", "left_type": "car", "left_gap_m": 1.0, "left_relative_speed_mps": -0.5}
AHEAD = BESIDE | {"left_gap_m": 14.0, "left_relative_speed_mps": -2.0, "left_towards_mps": 0.0, "left_indicator": "off"}
COMES = {
    "oncoming_track_id": "8",
    "oncoming_type": "car",
    "oncoming_distance_m": 60.0,
    "oncoming_lateral_m": 3.4,
    "oncoming_clearance_m": 1.5,
    "oncoming_speed_mps": 9.0,
    "oncoming_towards_mps": 0.0,
}
BLOCKED = PARKED | {"obstacle_clearance_m": -0.6, "obstacle_distance_m": 40.0, "lane_width_m": 3.4, "ego_width_m": 1.9}
END = {"lane_end_distance_m": 90.0, "has_left_lane": True, "on_ramp": False}
ROUTE = {"route_action": "lane_left", "route_distance_m": 50.0}


def done(along: str = HOLD, lane: str = KEEP, steer: str = "go_straight") -> Behaviour:
    """Actions that begin 0.5 s after t0."""
    return Behaviour((HOLD,) * 4 + (along,) * 21, ("go_straight",) * 4 + (steer,) * 21, (KEEP,) * 4 + (lane,) * 21)


def label(evidence: Any, behaviour: Behaviour) -> Label:
    return make_label(evidence, behaviour, rules, CriticConfig())


@pytest.mark.parametrize(
    ("seen", "behaviour", "sentence"),
    [
        (END, done(lane="lane_change_left"), "Change lane left for the lane end ahead."),
        (END | {"on_ramp": True}, done(lane="lane_change_left"), "Merge for the merge route on the left."),
        (ROUTE, done(lane="lane_change_left"), "Change lane left for the target lane on the left."),
        (END | ROUTE, done(lane="lane_change_left"), "Change lane left for the lane end ahead."),
        (END | BESIDE, done("gentle_decelerate"), "Find a gap for the lane end ahead."),
        (ROUTE | BESIDE, done("gentle_decelerate"), "Find a gap for the target lane on the left."),
        (ROUTE | BESIDE, done(), "Find a gap for the target lane on the left."),
        (
            {"route_action": "turn_right", "route_distance_m": 20.0},
            done("gentle_decelerate"),
            "Adapt speed for the right route ahead.",
        ),
        # only over its lane could we pass what stands in ours
        (BLOCKED | COMES, done("gentle_decelerate"), "Yield to the moving car in oncoming traffic."),
        (BLOCKED, done("gentle_decelerate"), "Keep distance to the stopped car ahead."),
        # it drifts over the middle
        (
            COMES | {"oncoming_towards_mps": 1.0},
            done("strong_decelerate", steer="steer_right"),
            "Yield and nudge right in lane for the moving car in oncoming traffic.",
        ),
        (
            COMES | {"oncoming_towards_mps": 1.0},
            done("gentle_decelerate"),
            "Yield to the moving car in oncoming traffic.",
        ),
        # it signals long before one has to brake; without a signal it is let in once one does
        (AHEAD | {"left_indicator": "right"}, done(), "Yield to the encroaching car on the left."),
        (AHEAD | {"left_towards_mps": 0.2}, done("gentle_decelerate"), "Yield to the encroaching car on the left."),
        (AHEAD | {"left_towards_mps": 0.2}, done(), "Track the set speed for the free lane ahead."),
        (AHEAD, done(), "Track the set speed for the free lane ahead."),
        # half in our lane it is a lead already, and still comes over
        (
            LEAD | {"lead_lateral_m": 1.9, "lead_towards_mps": 1.5, "lead_accel_mps2": 0.6},
            done("gentle_decelerate"),
            "Yield to the encroaching car on the left.",
        ),
    ],
)
def test_each_cause_has_its_decision(evidence: Any, seen: dict, behaviour: Behaviour, sentence: str) -> None:
    made = label(evidence(**MAPPED | seen), behaviour)
    assert made.trace == sentence
    assert made.critic_score == 1.0, made.reasons
    assert made.consistent != "no"


@pytest.mark.parametrize(
    ("seen", "kinds"),
    [
        ({"lane_end_distance_m": 200.0, "has_left_lane": True}, {"free_lane"}),  # too far to matter at 10 m/s
        ({"route_action": "keep"}, {"free_lane"}),
        (COMES, {"free_lane"}),  # on its own lane
        (
            BLOCKED | COMES | {"oncoming_lateral_m": -3.4},
            {"car", "narrow_lane", "free_lane"},
        ),  # not on the side we need
        (AHEAD | {"left_indicator": "left"}, {"free_lane"}),  # it signals away from us
        (AHEAD | {"left_gap_m": 38.0, "left_indicator": "right"}, {"free_lane"}),  # there is room for it
    ],
)
def test_what_does_not_matter_is_not_named(evidence: Any, seen: dict, kinds: set[str]) -> None:
    found = rules.name_components(evidence(**MAPPED | seen))
    assert {c.kind for c in found} == kinds
    assert "8" not in [c.track_id for c in found]


def test_who_is_in_the_gap_is_named_with_the_reason(evidence: Any) -> None:
    first, rival, *_ = rules.name_components(evidence(**MAPPED | END | BESIDE))
    assert (first.kind, rival.track_id, rival.relative_pose) == ("lane_end", "5", "left")
    far = rules.name_components(evidence(**MAPPED | END | BESIDE | {"left_gap_m": -24.0}))
    assert [c.track_id for c in far if c.category == "critical_object"] == []


def test_a_change_to_the_other_side_is_not_for_the_route(evidence: Any) -> None:
    made = label(evidence(**MAPPED | ROUTE), done(lane="lane_change_right"))
    assert made.record.lateral_decision == "lane_change_right"
    assert made.record.components == ()
    assert made.status == "review"
