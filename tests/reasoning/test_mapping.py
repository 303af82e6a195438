import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeway.errors import UnusableInput
from causeway.meta_actions import LATERAL, LONGITUDINAL
from causeway.reasoning import CocRecord, Component
from causeway.reasoning.mapping import (
    _LATERAL,
    _LONGITUDINAL,
    LAST_TICK,
    actions_of_trajectory,
    begins,
    consistency,
    consistent,
    deciding_action,
)
from causeway.reasoning.names import LATERAL_DECISIONS, LONGITUDINAL_DECISIONS

STRAIGHT = ["go_straight"] * 64
CRUISE = ["maintain_speed"] * 64


def brakes(at_mps2: float, speed_mps: float = 10.0) -> np.ndarray:
    t = np.arange(1, 65) * 0.1
    speed = np.maximum(speed_mps + at_mps2 * t, 0.0)
    x = np.cumsum((speed + np.concatenate([[speed_mps], speed[:-1]])) / 2 * 0.1)
    return np.stack([x, np.zeros(64), np.zeros(64)], axis=-1)


def swerves(offset_m: float, speed_mps: float = 10.0) -> np.ndarray:
    t = np.arange(1, 65) * 0.1
    share = np.clip((t - 0.5) / 3.0, 0, 1)
    y = offset_m * (3 * share**2 - 2 * share**3)
    x = speed_mps * t
    yaw = np.arctan2(np.gradient(y, 0.1), speed_mps)
    return np.stack([x, y, yaw], axis=-1)


def test_every_decision_has_a_row_of_known_actions_and_one_that_keeps_it() -> None:
    assert {name for name, _ in _LONGITUDINAL} == set(LONGITUDINAL_DECISIONS)
    assert set(_LATERAL) == set(LATERAL_DECISIONS)
    for table, names in ((_LONGITUDINAL, LONGITUDINAL), (_LATERAL, LATERAL)):
        for kept, undecided in table.values():
            assert kept
            assert set(kept) | set(undecided) <= set(names)
            assert not set(kept) & set(undecided)


@pytest.mark.parametrize(
    ("actions", "decides"),
    [
        (["maintain_speed"] * 64, "maintain_speed"),
        (["gentle_decelerate"] * 5 + ["maintain_speed"] * 59, "maintain_speed"),  # was under way at t0
        (["maintain_speed"] * 15 + ["strong_decelerate"] * 49, "strong_decelerate"),
        (["maintain_speed"] * 30 + ["strong_decelerate"] * 34, "maintain_speed"),  # has a later cause
        (["stop"] * 12 + ["gentle_accelerate"] * 52, "gentle_accelerate"),
        (["stop"] * 64, "stop"),
        (["gentle_decelerate"] * 12 + ["stop"] * 52, "gentle_decelerate"),
        (["maintain_speed"] * 7, None),
        ([], None),
    ],
)
def test_deciding_action(actions: list[str], decides: str | None) -> None:
    assert deciding_action(actions) == decides


@pytest.mark.parametrize(
    ("decision", "action", "verdict"),
    [
        ("stop_for_static_constraint", "strong_decelerate", "yes"),
        ("stop_for_static_constraint", "gentle_accelerate", "no"),
        ("stop_for_static_constraint", "maintain_speed", "no"),
        ("set_speed_tracking", "gentle_accelerate", "yes"),
        ("set_speed_tracking", "gentle_decelerate", "undecidable"),
        ("set_speed_tracking", "stop", "no"),
        ("none", "maintain_speed", "yes"),
        ("none", "strong_decelerate", "no"),
    ],
)
def test_longitudinal_table(decision: str, action: str, verdict: str) -> None:
    assert consistent(CocRecord(decision, "none"), [action] * 64, STRAIGHT) == verdict


@pytest.mark.parametrize(
    ("decision", "action", "verdict"),
    [
        ("nudge_in_lane_left", "steer_left", "yes"),
        ("nudge_in_lane_left", "steer_right", "no"),
        ("nudge_in_lane_left", "go_straight", "no"),
        ("turn_right", "sharp_steer_right", "yes"),
        ("lane_keeping", "steer_left", "yes"),
        ("merge", "go_straight", "undecidable"),
    ],
)
def test_lateral_table(decision: str, action: str, verdict: str) -> None:
    assert consistent(CocRecord("none", decision), CRUISE, [action] * 64) == verdict


def test_the_followed_object_counts() -> None:
    slowing = CocRecord("lead_following", "none", (Component("critical_object", "car", None, "in_path", "slowing"),))
    assert consistent(slowing, CRUISE, STRAIGHT) == "no"
    assert consistent(CocRecord("lead_following", "none"), CRUISE, STRAIGHT) == "yes"


def test_both_channels_count() -> None:
    both = CocRecord("yield", "nudge_in_lane_left")
    slow, left = ["gentle_decelerate"] * 64, ["steer_left"] * 64
    assert consistent(both, slow, left) == "yes"
    assert consistent(both, slow, STRAIGHT) == "no"
    assert consistent(both, CRUISE, left) == "no"
    assert consistent(both, [], left) == "undecidable"


@given(
    st.sampled_from(LONGITUDINAL_DECISIONS),
    st.sampled_from(LATERAL_DECISIONS),
    st.lists(st.sampled_from(LONGITUDINAL), max_size=64),
    st.lists(st.sampled_from(LATERAL), max_size=64),
)
def test_always_a_verdict_and_only_the_window_counts(lon: str, lat: str, a: list[str], b: list[str]) -> None:
    verdict = consistent(CocRecord(lon, lat), a, b)
    assert verdict in ("yes", "no", "undecidable")
    assert consistent(CocRecord(lon, lat), a[:LAST_TICK], b[:LAST_TICK]) == verdict


def test_unknown_decision_is_refused() -> None:
    with pytest.raises(UnusableInput, match="closed sets"):
        consistent(CocRecord("brake", "none"), CRUISE, STRAIGHT)


@pytest.mark.parametrize(
    ("trace", "trajectory", "verdict"),
    [
        ("Stop for the red light ahead.", brakes(-2.0), "yes"),
        ("Stop for the red light ahead.", brakes(0.0), "no"),
        ("Stop for the red light ahead.", brakes(1.0), "no"),
        ("Track the set speed for the green light ahead.", brakes(1.0), "yes"),
        ("Keep distance to the slowing car ahead.", brakes(-1.0), "yes"),
        ("Nudge left in lane for the stopped car on the right.", swerves(0.9), "yes"),
        ("Nudge left in lane for the stopped car on the right.", swerves(-0.9), "no"),
        ("Nudge left in lane for the stopped car on the right.", swerves(0.0), "no"),
        ("I will stop, promise.", brakes(-2.0), "no"),
    ],
)
def test_words_against_wheels(trace: str, trajectory: np.ndarray, verdict: str) -> None:
    assert consistency(trace, trajectory, 10.0) == verdict


def test_trajectories_in_batches_and_standing_still() -> None:
    batch = np.stack([brakes(-2.0), brakes(0.0), np.zeros((64, 3))])
    longitudinal, lateral = actions_of_trajectory(batch, np.array([10.0, 10.0, 0.0]))
    assert longitudinal.shape == lateral.shape == (3, 64)
    assert [deciding_action(row.tolist()) for row in longitudinal] == [
        "strong_decelerate",
        "maintain_speed",
        "stop",
    ]
    assert set(lateral.ravel()) == {"go_straight"}


@pytest.mark.parametrize("bad", [np.zeros((64, 2)), np.zeros(3), np.full((64, 3), np.nan)])
def test_bad_trajectories_are_named(bad: np.ndarray) -> None:
    with pytest.raises(UnusableInput):
        actions_of_trajectory(bad, 1.0)


@pytest.mark.parametrize(
    ("actions", "begun"),
    [
        (["maintain_speed"] * 4 + ["gentle_decelerate"] * 21, "gentle_decelerate"),
        (["gentle_decelerate"] * 4 + ["strong_decelerate"] * 21, None),  # the same braking
        (["gentle_decelerate"] * 4 + ["stop"] * 21, None),  # its end
        (["gentle_decelerate"] * 4 + ["maintain_speed"] * 21, None),
        (["maintain_speed"] * 8 + ["gentle_decelerate"] * 17, None),  # another moment's
        (["lane_keep"] * 7 + ["lane_change_left"] * 18, "lane_change_left"),
        (["lane_change_left"] * 25, None),
        ([], None),
    ],
)
def test_what_begins_where_a_key_frame_says(actions: list[str], begun: str | None) -> None:
    assert begins(actions) == begun


@pytest.mark.parametrize(
    ("decision", "lane", "verdict"),
    [
        ("lane_change_left", ["lane_keep"] * 4 + ["lane_change_left"] * 21, "yes"),
        ("lane_change_left", ["lane_keep"] * 25, "no"),
        ("lane_change_right", ["lane_keep"] * 4 + ["lane_change_left"] * 21, "no"),
        ("nudge_in_lane_left", ["lane_keep"] * 25, "yes"),  # too little for the lane channel: steering tells
        ("nudge_in_lane_left", ["lane_keep"] * 4 + ["slight_shift_right"] * 21, "no"),
        ("merge", ["lane_keep"] * 4 + ["lane_change_left"] * 21, "yes"),
        ("none", ["lane_keep"] * 4 + ["lane_change_left"] * 21, "no"),
        ("none", ["lane_change_left"] * 25, "yes"),  # decided before
    ],
)
def test_the_lane_channel_tells_where_it_is_known(decision: str, lane: list[str], verdict: str) -> None:
    record = CocRecord("none", decision)
    assert consistent(record, CRUISE, ["steer_left"] * 64, lane) == verdict


def test_a_decision_beside_another_has_to_change_something() -> None:
    left = ["steer_left"] * 64
    assert consistent(CocRecord("set_speed_tracking", "nudge_in_lane_left"), CRUISE, left) == "no"
    assert consistent(CocRecord("none", "nudge_in_lane_left"), ["strong_decelerate"] * 64, left) == "undecidable"
    assert (
        consistent(CocRecord("none", "nudge_in_lane_left"), ["maintain_speed"] * 6 + ["strong_decelerate"] * 58, left)
        == "no"
    )
