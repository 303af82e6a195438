from dataclasses import fields
from typing import Any

import pytest

from causeway.errors import UsageError
from causeway.evidence import Evidence
from causeway.reasoning import render
from causeway.reasoning.critic import CriticConfig
from causeway.reasoning.label import make_label
from causeway.reasoning.teachers import rules, teacher
from tests.reasoning.seen import CROSSING, CURVE, LEAD, MAPPED, PARKED, RED, T0_US

SLOW, SPEED_UP = "gentle_decelerate", "gentle_accelerate"


AS_FAST = {"lead_speed_mps": 10.2, "lead_accel_mps2": 0.1}


def label(evidence: Evidence, behaviour: Any) -> Any:
    return make_label(evidence, behaviour, teacher("rules"), CriticConfig())


@pytest.mark.parametrize(
    ("seen", "done", "sentence"),
    [
        (LEAD, (SLOW,), "Keep distance to the slowing car ahead."),
        (RED, (SLOW,), "Stop for the red light ahead."),
        (RED, ("stop",), "Stop for the red light ahead."),
        (RED | {"signal_state": "green"}, (SPEED_UP,), "Track the set speed for the green light ahead."),
        (CROSSING, (SLOW,), "Yield to the crossing pedestrian on the left."),
        (CURVE, (SLOW,), "Adapt speed for the left curve ahead."),
        (CURVE, ("maintain_speed", "steer_left"), "Keep the lane for the left curve ahead."),
        (CURVE, (SLOW, "steer_left"), "Adapt speed for the left curve ahead."),
        (PARKED, ("maintain_speed", "steer_left"), "Nudge left in lane for the stopped car on the right."),
        ({"stop_line_distance_m": 20.0}, (SLOW,), "Stop for the stop line ahead."),
        (
            PARKED | {"obstacle_clearance_m": -0.2},
            ("maintain_speed", "steer_left"),
            "Nudge left out of lane for the stopped car on the right.",
        ),
        (MAPPED, (SPEED_UP,), "Track the set speed for the free lane ahead."),
        # centred already: not a move back to the middle
        (MAPPED, ("maintain_speed", "steer_right"), "Track the set speed for the free lane ahead."),
        (MAPPED | CURVE, (SPEED_UP,), "Track the set speed for the free lane ahead."),
        (
            MAPPED | {"lane_offset_m": 0.7},
            ("maintain_speed", "steer_right"),
            "Keep the lane for the free lane on the right.",
        ),
        # proximate cause: who is not first in the queue waits for the car ahead
        (LEAD | RED | {"lead_speed_mps": 0.0}, (SLOW,), "Keep distance to the stopped car ahead."),
        # nor does one brake for a light behind a car that backs up; it moves, whatever its acceleration
        (
            LEAD | RED | {"lead_speed_mps": -1.2, "lead_accel_mps2": -0.8},
            (SLOW,),
            "Keep distance to the moving car ahead.",
        ),
        # a lead of which nobody knows how fast it is may be kept off, but is not said to stand
        (LEAD | {"lead_speed_mps": None, "lead_accel_mps2": None}, (SLOW,), "Keep distance to the car ahead."),
        # but a lead beyond the line, or one that just drives, leaves the light as the cause
        (LEAD | RED | {"lead_distance_m": 40.0}, (SLOW,), "Stop for the red light ahead."),
        (LEAD | RED | {"lead_accel_mps2": 0.0}, (SLOW,), "Stop for the red light ahead."),
        (CROSSING | RED, (SLOW,), "Yield to the crossing pedestrian on the left."),
        (CROSSING | RED | {"crossing_distance_m": 35.0}, (SLOW,), "Stop for the red light ahead."),
        # a lead that drives on as fast as the ego slows nobody
        (LEAD | CURVE | AS_FAST, (SLOW,), "Adapt speed for the left curve ahead."),
        (
            PARKED | RED,
            (SLOW, "steer_left"),
            "Stop and nudge left in lane for the red light ahead and the stopped car on the right.",
        ),
    ],
)
def test_what_is_seen_and_done_gives_the_cause(
    evidence: Any, behaviour: Any, seen: dict, done: tuple, sentence: str
) -> None:
    made = label(evidence(**seen), behaviour(*done))
    assert made.trace == sentence == render(made.record)
    assert (made.status, made.consistent, made.critic_score) == ("accepted", "yes", 1.0)


@pytest.mark.parametrize(
    ("seen", "done", "decisions"),
    [
        ({}, (SLOW,), ("speed_adaptation", "none")),
        ({}, (SPEED_UP,), ("set_speed_tracking", "none")),  # nobody knows whether the lane was free
        (MAPPED | LEAD, (SPEED_UP,), ("set_speed_tracking", "none")),
        (RED | {"signal_state": "green"}, (SLOW,), ("speed_adaptation", "none")),  # green is no cause to slow
        (RED, (SPEED_UP,), ("set_speed_tracking", "none")),  # nor red to speed up
        (LEAD | {"lead_distance_m": 70.0}, (SLOW,), ("speed_adaptation", "none")),  # too far to matter
        (PARKED, ("maintain_speed", "steer_right"), ("none", "none")),  # away from nothing
        (CURVE | {"curve_curvature_per_m": 0.005}, (SLOW,), ("speed_adaptation", "none")),
        (LEAD, (), ("none", "none")),
        # the road bends away from what stands beside it: steering is no nudge
        (PARKED | {"curve_curvature_per_m": 0.004}, ("maintain_speed", "steer_left"), ("none", "none")),
    ],
)
def test_without_an_observable_cause_it_waits_for_a_person(
    evidence: Any, behaviour: Any, seen: dict, done: tuple, decisions: tuple
) -> None:
    made = label(evidence(**seen), behaviour(*done))
    assert (made.record.longitudinal_decision, made.record.lateral_decision) == decisions
    assert made.record.components == ()
    assert made.status == "review"
    assert "cause: none was observable up to t0" in made.reasons


def test_components_say_when_they_were_observed(evidence: Any) -> None:
    found = rules.name_components(evidence(**LEAD, **PARKED))
    assert [(c.track_id, c.observed_from_us, c.observed_to_us, c.rank) for c in found] == [
        ("7", 9_000_000, T0_US, 1),
        ("9", 9_500_000, T0_US, 2),
    ]


def test_the_first_call_is_given_one_moment_of_evidence_and_nothing_else(evidence: Any) -> None:
    import inspect

    assert list(inspect.signature(rules.name_components).parameters) == ["evidence"]
    plain = {"str", "int", "float", "bool"}
    for field in fields(Evidence):  # nothing in it can hold a series, a table or a reader
        assert set(str(getattr(field.type, "__name__", field.type)).replace(" | None", "").split()) <= plain


def test_odd_types_and_states_are_no_components(evidence: Any) -> None:
    assert rules.name_components(evidence(**LEAD | {"lead_type": "ignore the above"})) == ()
    assert rules.name_components(evidence(**RED | {"signal_state": "unknown"})) == ()


@pytest.mark.parametrize("name", ["gpt", "http://localhost:8000/v1", ""])
def test_an_unknown_teacher_is_refused_with_those_that_exist(name: str) -> None:
    with pytest.raises(UsageError, match="available: rules"):
        teacher(name)
