"""The rule teacher on one moment of each scenario whose cause the evidence can tell: what is seen and done, and why."""

from typing import Any

import pytest

from causeway.reasoning.behaviour import Behaviour
from causeway.reasoning.critic import CriticConfig
from causeway.reasoning.label import Label, make_label
from causeway.reasoning.teachers import rules
from tests.reasoning.seen import CROSSING, CURVE, LEAD, MAPPED, PARKED, RED

GREEN = RED | {"signal_state": "green", "signal_distance_m": 4.0, "stop_line_distance_m": 4.0}
BUMP = MAPPED | {"bump_id": "b1", "bump_distance_m": 25.0}
CONE = MAPPED | {"cone_id": "c1", "cone_distance_m": 30.0}
SIGN = MAPPED | {"sign_id": "s9", "sign_distance_m": 25.0, "stop_line_distance_m": 25.0}
CUT_IN = MAPPED | {
    "left_track_id": "5",
    "left_type": "car",
    "left_gap_m": 12.0,
    "left_relative_speed_mps": -1.0,
    "left_towards_mps": 1.2,
    "cut_in_track_id": "5",
    "cut_in_type": "car",
    "cut_in_distance_m": 12.0,
    "cut_in_lateral_m": 2.5,
    "cut_in_towards_mps": 1.2,
}
LANES = {"lane_width_m": 3.6, "lane_offset_m": 0.0}
HOLD, KEEP = "maintain_speed", "lane_keep"


def done(along: str = HOLD, lane: str = KEEP, at: int = 4, before: str = HOLD) -> Behaviour:
    """An action that begins at tick `at` + 1 on each channel, with steering that goes with the lane's."""
    side = lane.rpartition("_")[2]
    steer = f"steer_{side}" if side in ("left", "right") else "go_straight"
    return Behaviour(
        (before,) * at + (along,) * (25 - at), ("go_straight",) * 2 + (steer,) * 23, (KEEP,) * at + (lane,) * (25 - at)
    )


def label(evidence: Any, behaviour: Behaviour) -> Label:
    return make_label(evidence, behaviour, rules, CriticConfig())


@pytest.mark.parametrize(
    ("seen", "behaviour", "sentence"),
    [
        (BUMP, done("gentle_decelerate"), "Adapt speed for the speed bump ahead."),
        (SIGN, done("strong_decelerate"), "Stop for the stop sign ahead."),
        (CONE, done("gentle_decelerate"), "Adapt speed for the cone ahead."),
        (CONE | LANES, done(lane="slight_shift_left"), "Nudge left out of lane for the cone ahead."),
        (CONE | LANES, done(lane="lane_change_left"), "Change lane left for the cone ahead."),
        (
            CONE | LANES,
            done("gentle_decelerate", "slight_shift_left"),
            "Adapt speed and nudge left out of lane for the cone ahead.",
        ),
        (CUT_IN, done("gentle_decelerate"), "Yield to the encroaching car on the left."),
        # who cuts in signals long before one has to answer
        (CUT_IN, done("gentle_decelerate", at=15), "Yield to the encroaching car on the left."),
        (
            CROSSING | {"crosswalk_id": "x", "crosswalk_distance_m": 16.0},
            done("strong_decelerate"),
            "Yield to the crossing pedestrian on the crosswalk.",
        ),
        (MAPPED | GREEN, done(), "Track the set speed for the green light ahead."),
        (MAPPED | GREEN | CROSSING, done(), "Track the set speed for the green light ahead."),
        (MAPPED | LANES | {"lane_offset_m": 1.2}, done(lane="slight_shift_right"), "Keep the lane for the free lane on the right."),
        (MAPPED | PARKED | LANES, done(lane="slight_shift_left"), "Nudge left in lane for the stopped car on the right."),
        (
            LEAD | {"lead_speed_mps": 6.0, "lead_accel_mps2": 0.0},
            done(lane="lane_change_left"),
            "Change lane left for the moving car ahead.",
        ),
        # what stands in our way and cannot be passed yet is followed like a lead
        (
            MAPPED | PARKED | {"obstacle_clearance_m": -0.8},
            done("gentle_decelerate"),
            "Keep distance to the stopped car ahead.",
        ),
    ],
)  # fmt: skip
def test_each_scenario_has_its_cause(evidence: Any, seen: dict, behaviour: Behaviour, sentence: str) -> None:
    made = label(evidence(**seen), behaviour)
    assert made.trace == sentence
    assert made.critic_score == 1.0, made.reasons
    assert made.consistent != "no"


def test_what_is_under_way_at_t0_is_no_new_decision(evidence: Any) -> None:
    lanes = ("lane_change_left",) * 25
    behaviour = Behaviour((HOLD,) * 4 + ("gentle_decelerate",) * 21, ("steer_left",) * 25, lanes)
    record = label(evidence(**CONE), behaviour).record
    assert (record.longitudinal_decision, record.lateral_decision) == ("speed_adaptation", "none")


def test_what_asks_for_the_most_braking_comes_first(evidence: Any) -> None:
    near = CURVE | {"curve_curvature_per_m": 0.04, "curve_distance_m": 12.0}
    far_bump = {"bump_id": "b1", "bump_distance_m": 60.0}
    assert rules.name_components(evidence(**near | far_bump))[0].kind == "left_curve"
    near_bump = {"bump_id": "b1", "bump_distance_m": 10.0}
    assert rules.name_components(evidence(**CURVE | near_bump))[0].kind == "speed_bump"


@pytest.mark.parametrize(
    ("seen", "kind"),
    [
        # a kink of the map: one would be in the curve, and drives straight
        (CURVE | {"curve_distance_m": 1.0, "ego_curvature_per_m": 0.0}, "left_curve"),
        # beside us, not ahead; or behind the lead that one follows
        (CUT_IN | {"cut_in_track_id": None, "left_gap_m": 0.0}, "car"),
        # a vehicle that hardly moves lets us go
        (CROSSING | {"crossing_type": "car", "crossing_speed_mps": 1.0, "crossing_lateral_m": 6.0}, "car"),
        (CONE | {"cone_distance_m": 90.0}, "cone"),
    ],
)
def test_what_is_no_cause_is_not_named(evidence: Any, seen: dict, kind: str) -> None:
    assert kind not in [component.kind for component in rules.name_components(evidence(**seen))]


def test_a_lane_that_somebody_fills_is_not_free(evidence: Any) -> None:
    crossing = MAPPED | CROSSING | {"crossing_type": "car", "crossing_speed_mps": 5.0}
    for seen in (MAPPED | LEAD, crossing):
        assert "free_lane" not in [c.kind for c in rules.name_components(evidence(**seen))]
    assert "free_lane" in [c.kind for c in rules.name_components(evidence(**MAPPED | CROSSING))]  # who walks may wait
