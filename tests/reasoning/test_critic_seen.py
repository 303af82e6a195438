"""What the evidence shows of a component, column by column."""

from dataclasses import replace
from typing import Any

import pytest

from causeway.reasoning import CocRecord, Component, render
from causeway.reasoning.critic import criticise
from causeway.reasoning.critic_seen import Tolerance, is_shown
from tests.reasoning.seen import CROSSING, LEAD, MAPPED, PARKED, RED, T0_US

SEEN = LEAD | RED | PARKED | CROSSING | MAPPED | {"lead_accel_mps2": 0.0, "lane_offset_m": 0.8, "cone_id": "c1"}
SEEN |= {"cut_in_track_id": "5", "cut_in_type": "car", "cut_in_lateral_m": 2.5, "bump_id": "b1", "sign_id": "s9"}
SEEN |= {"right_track_id": "6", "right_type": "bus", "right_towards_mps": 0.0, "right_relative_speed_mps": -1.0}

SEEN |= {"oncoming_track_id": "8", "oncoming_type": "truck", "oncoming_speed_mps": 9.0, "on_ramp": True}
SEEN |= {"lane_end_distance_m": 80.0, "has_left_lane": True, "has_right_lane": False}
SEEN |= {"route_action": "lane_left", "right_indicator": "off"}


def thing(category: str, kind: str, track_id: str | None, pose: str = "in_path", motion: str = "none") -> Component:
    return Component(category, kind, track_id, pose, motion, T0_US, T0_US)


def car(track_id: str, pose: str, motion: str, kind: str = "car") -> Component:
    return thing("critical_object", kind, track_id, pose, motion)


TRUE = [
    car("7", "in_path", "moving"),
    car("9", "right", "stopped"),
    car("5", "left", "cutting_in"),
    car("4", "left", "crossing", "pedestrian"),
    car("4", "crosswalk", "crossing", "pedestrian"),
    car("4", "left", "accelerating", "pedestrian"),
    car("6", "right", "moving", "bus"),
    thing("traffic_light", "red_light", "s1"),
    thing("yield_stop_control", "stop_sign", "s9"),
    thing("road_event", "speed_bump", "b1"),
    thing("odd_constraint", "cone", "c1"),
    thing("lane", "free_lane", None),
    thing("lane", "free_lane", None, "right"),
    car("8", "oncoming", "moving", "truck"),
    thing("lane", "lane_end", None),
    thing("routing_intent", "target_lane", None, "left"),
    thing("routing_intent", "route_merge", None, "left"),
]


@pytest.mark.parametrize("component", TRUE)
def test_what_was_seen_is_shown_and_nothing_near_it(evidence: Any, component: Component) -> None:
    seen = evidence(**SEEN)
    assert is_shown(component, seen, Tolerance())
    assert not is_shown(replace(component, track_id="ghost"), seen, Tolerance())
    other = {"left": "right", "right": "left"}.get(component.relative_pose, "oncoming")
    if component.kind != "free_lane" and component.relative_pose != "oncoming":
        assert not is_shown(replace(component, relative_pose=other), seen, Tolerance())
    wrong = "stopped" if component.motion != "stopped" else "crossing"
    assert not is_shown(replace(component, motion=wrong), seen, Tolerance())


@pytest.mark.parametrize(
    "component",
    [
        car("6", "right", "cutting_in", "bus"),  # it keeps its lane
        car("7", "in_path", "moving", "truck"),
        thing("traffic_light", "green_light", "s1"),
        thing("lane", "free_lane", None, "left"),
        thing("lane", "shoulder", None),  # no column tells of it
        thing("routing_intent", "route_left", None),  # the route asks for a lane
        car("8", "oncoming", "stopped", "truck"),
        car("7", "left", "cutting_in"),  # a lead in the middle of our lane
        thing("road_event", "left_curve", None),
    ],
)
def test_what_was_not_seen_is_not_shown(evidence: Any, component: Component) -> None:
    assert not is_shown(component, evidence(**SEEN), Tolerance())


def test_who_signals_towards_us_or_is_half_in_our_lane_cuts_in(evidence: Any) -> None:
    signals = evidence(**SEEN | {"right_indicator": "left"})
    assert is_shown(car("6", "right", "cutting_in", "bus"), signals, Tolerance())
    half = evidence(**SEEN | {"lead_lateral_m": 1.5, "lead_towards_mps": 0.8})
    assert is_shown(car("7", "left", "cutting_in"), half, Tolerance())
    assert not is_shown(car("7", "right", "cutting_in"), half, Tolerance())


def test_a_route_that_keeps_to_our_lane_asks_for_nothing(evidence: Any) -> None:
    for action in ("keep", "lane_right", "turn_left", None):
        seen = evidence(**SEEN | {"route_action": action, "on_ramp": False})
        for kind in ("target_lane", "route_merge"):
            assert not is_shown(thing("routing_intent", kind, None, "left"), seen, Tolerance()), (action, kind)


def test_a_lane_with_a_car_right_ahead_is_not_free(evidence: Any) -> None:
    lane = thing("lane", "free_lane", None)
    assert not is_shown(lane, evidence(**SEEN | {"lead_distance_m": 5.0}), Tolerance())
    assert not is_shown(lane, evidence(**SEEN | {"has_tracks": False}), Tolerance())


@pytest.mark.parametrize(
    ("decisions", "component", "reason"),
    [
        (
            ("set_speed_tracking", "none"),
            thing("lane", "free_lane", None),
            "proximity",
        ),  # the green light is passed over
        (("set_speed_tracking", "lane_keeping"), thing("lane", "free_lane", None), "minimality"),
    ],
)
def test_plausible_words_that_break_a_rule(
    evidence: Any, decisions: tuple[str, str], component: Component, reason: str
) -> None:
    record = CocRecord(*decisions, (component,))
    seen = evidence(**MAPPED | RED | {"signal_state": "green", "signal_distance_m": 12.0})
    reasons = criticise(record, render(record), seen).reasons
    assert [r.partition(":")[0] for r in reasons] == [reason]


def test_what_stands_in_our_lane_explains_why_one_yields_to_who_comes(evidence: Any) -> None:
    seen = evidence(**SEEN | {"lead_speed_mps": 0.0})
    comes, stands = car("8", "oncoming", "moving", "truck"), car("7", "in_path", "stopped")

    def reasons(*components: Component) -> list[str]:
        ranked = tuple(replace(c, rank=rank) for rank, c in enumerate(components, start=1))
        record = CocRecord("yield", "none", ranked)
        return [r.partition(":")[0] for r in criticise(record, render(record), seen).reasons]

    assert reasons(comes, stands) == []
    assert reasons(stands) == ["coverage", "correctness"]  # by itself it is followed, not yielded to
    assert reasons(comes, replace(stands, motion="moving")) == ["correctness", "observation"]
