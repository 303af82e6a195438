"""What `detect` says about small drives whose behaviour is known exactly."""

from itertools import groupby

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from causeway.errors import UnusableInput
from causeway.meta_actions import LATERAL, LONGITUDINAL, detect, detect_codes
from causeway.meta_actions.names import CHANNELS, mirrored, strength


def drive(speed_mps, yaw_rate_radps=0.0, start_us=0):
    """(t_us, x_m, y_m, yaw_rad, speed_mps) of a car that drives like this."""
    speed = np.asarray(speed_mps, dtype=float)
    yaw = np.cumsum(np.broadcast_to(yaw_rate_radps, speed.shape)) * 0.1
    x, y = np.cumsum(speed * np.cos(yaw)) * 0.1, np.cumsum(speed * np.sin(yaw)) * 0.1
    return start_us + np.arange(len(speed)) * 100_000, x, y, yaw, speed


def stretches(names):
    return [(str(name), len(list(group))) for name, group in groupby(names)]


def held(value, ticks):
    return np.full(ticks, float(value))


def ramp(first, last, ticks):
    """From one value to another in equal steps; the first value is left at the first tick."""
    return first + (last - first) * np.arange(1, ticks + 1) / ticks


@pytest.mark.parametrize(
    ("speed_mps", "expected"),
    [
        (held(10, 50), ["maintain_speed"]),
        (held(0, 50), ["stop"]),
        (held(-1, 50), ["reverse"]),
        (np.r_[held(10, 50), ramp(10, 5, 50), held(5, 50)], ["maintain_speed", "gentle_decelerate", "maintain_speed"]),
        (np.r_[held(10, 50), ramp(10, 0, 33), held(0, 50)], ["maintain_speed", "strong_decelerate", "stop"]),
        (np.r_[held(0, 40), ramp(0, 6, 60), held(6, 40)], ["stop", "gentle_accelerate", "maintain_speed"]),
        (np.r_[held(0, 40), ramp(0, 12, 60), held(12, 40)], ["stop", "strong_accelerate", "maintain_speed"]),
        (np.r_[held(2, 30), ramp(2, -2, 40), held(-2, 30)], ["maintain_speed", "gentle_decelerate", "reverse"]),
        (np.r_[held(10, 50), ramp(10, 9.5, 10), held(9.5, 50)], ["maintain_speed"]),  # too little to count
        (np.r_[held(8, 40), held(8.2, 2), held(8, 40)], ["maintain_speed"]),  # a blip
    ],
)
def test_longitudinal_sequence(speed_mps, expected):
    longitudinal, lateral = detect(*drive(speed_mps))
    assert [name for name, _ in stretches(longitudinal)] == expected
    assert stretches(lateral) == [("go_straight", len(speed_mps))]


def test_changes_are_found_within_four_ticks():
    longitudinal, _ = detect(*drive(np.r_[held(10, 50), ramp(10, 5, 50), held(5, 50)]))
    changes = np.flatnonzero(longitudinal[1:] != longitudinal[:-1]) + 1
    assert np.abs(changes - [50, 100]).max() <= 4


@pytest.mark.parametrize(
    ("speed_mps", "yaw_rate_radps", "expected"),
    [
        (10, np.r_[held(0, 50), held(0.05, 20), held(-0.05, 20), held(0, 60)], "go_straight steer_left steer_right go_straight"),
        (5, np.r_[held(0, 30), held(0.5, 30), held(0, 40)], "go_straight sharp_steer_left go_straight"),
        (5, np.r_[held(0, 30), held(-0.5, 30), held(0, 40)], "go_straight sharp_steer_right go_straight"),
        (-2, np.r_[held(0, 30), held(0.3, 30), held(0, 40)], "go_straight reverse_left go_straight"),
        (20, held(0.1, 100), "steer_left"),
        (0, held(0.05, 100), "go_straight"),  # a standing car does not steer
    ],
)  # fmt: skip
def test_lateral_sequence(speed_mps, yaw_rate_radps, expected):
    _, lateral = detect(*drive(held(speed_mps, len(yaw_rate_radps)), yaw_rate_radps))
    assert [name for name, _ in stretches(lateral)] == expected.split()


def test_a_yaw_that_wraps_is_no_turn():
    t_us, x, y, yaw, speed = drive(held(10, 60), 0.1)
    names = detect(t_us, x, y, (yaw + 3.0 + np.pi) % (2 * np.pi) - np.pi, speed)
    assert stretches(names[1]) == [("steer_left", 60)]


@pytest.mark.parametrize("ticks", [1, 2, 3, 7, 16, 64])
def test_short_sequences_have_a_name_for_each_tick(ticks):
    longitudinal, lateral = detect(*drive(ramp(10, 10 - 0.3 * ticks, ticks), 0.1))
    assert longitudinal.shape == lateral.shape == (ticks,)
    assert set(longitudinal) <= set(LONGITUDINAL)
    assert set(lateral) <= set(LATERAL)


def test_predicted_trajectory_of_64_ticks():
    longitudinal, lateral = detect(*drive(np.maximum(ramp(9, -10, 64), 0), np.r_[held(0, 20), held(0.4, 44)]))
    assert [n for n, _ in stretches(longitudinal)] == ["strong_decelerate", "stop"]
    assert [n for n, _ in stretches(lateral)] == ["go_straight", "sharp_steer_left", "go_straight"]


speeds = st.lists(st.floats(-3, 20), min_size=2, max_size=12)
rates = st.lists(st.floats(-0.6, 0.6), min_size=2, max_size=12)


def smooth_drive(knots_speed, knots_rate, ticks=90):
    at = np.linspace(0, 1, ticks)
    speed = np.interp(at, np.linspace(0, 1, len(knots_speed)), knots_speed)
    return drive(speed, np.interp(at, np.linspace(0, 1, len(knots_rate)), knots_rate))


@given(speeds, rates, st.integers(-(10**15), 10**15))
@settings(max_examples=60, deadline=None)
def test_time_shift_changes_nothing(knots_speed, knots_rate, shift_us):
    t_us, *rest = smooth_drive(knots_speed, knots_rate)
    for a, b in zip(detect(t_us, *rest), detect(t_us + shift_us, *rest), strict=True):
        assert (a == b).all()


@given(speeds, rates)
@settings(max_examples=60, deadline=None)
def test_a_mirror_swaps_left_and_right(knots_speed, knots_rate):
    t_us, x, y, yaw, speed = smooth_drive(knots_speed, knots_rate)
    longitudinal, lateral = detect(t_us, x, y, yaw, speed)
    longitudinal_m, lateral_m = detect(t_us, x, -y, -yaw, speed)
    assert (longitudinal == longitudinal_m).all()
    assert [mirrored(name) for name in lateral] == list(lateral_m)


@given(st.floats(-20, 20), st.integers(1, 120))
@settings(max_examples=60, deadline=None)
def test_constant_speed_is_one_action(speed, ticks):
    assume(abs(abs(speed) - 0.12) > 1e-9)  # on the threshold itself rounding decides
    expected = "maintain_speed" if speed > 0.12 else "stop" if speed > -0.12 else "reverse"
    assert stretches(detect(*drive(held(speed, ticks)))[0]) == [(expected, ticks)]


@given(speeds, rates)
@settings(max_examples=40, deadline=None)
def test_every_action_but_a_lone_one_lasts(knots_speed, knots_rate):
    longitudinal, lateral = detect(*smooth_drive(knots_speed, knots_rate))
    for names, least in ((longitudinal, 8), (lateral, 10)):
        found = stretches(names)
        assert len(found) == 1 or min(length for _, length in found) >= least


def test_a_batch_gives_what_its_rows_give():
    rng = np.random.default_rng(3)
    speed, yaw = np.abs(rng.normal(size=(20, 64)).cumsum(axis=1)), rng.normal(size=(20, 64)).cumsum(axis=1) * 0.02
    t_us = np.arange(64) * 100_000
    together = detect_codes(t_us, speed, speed, yaw, speed)
    for row in range(20):
        alone = detect_codes(t_us, speed[row], speed[row], yaw[row], speed[row])
        assert (together[0][row] == alone[0]).all()
        assert (together[1][row] == alone[1]).all()


def test_noise_within_bounds_changes_no_sequence():
    rng = np.random.default_rng(1)
    t_us, x, y, yaw, speed = drive(np.r_[held(10, 60), ramp(10, 4, 60), held(4, 60)])
    names, _ = detect(t_us, x, y, yaw, speed + rng.normal(0, 0.03, speed.shape))
    assert [n for n, _ in stretches(names)] == ["maintain_speed", "gentle_decelerate", "maintain_speed"]


@pytest.mark.parametrize("place", range(1, 5))
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_finite_is_refused_with_its_tick(place, value):
    arrays = [a.astype(float) for a in drive(held(10, 20))]
    arrays[place][7] = value
    with pytest.raises(UnusableInput, match="tick 7"):
        detect(*arrays)


def test_bad_shapes_and_times_are_refused():
    t_us, x, y, yaw, speed = drive(held(10, 20))
    with pytest.raises(UnusableInput, match="yaw_rad has shape"):
        detect(t_us, x, y, yaw[:-1], speed)
    with pytest.raises(UnusableInput, match="t_us has shape"):
        detect(t_us[:-1], x, y, yaw, speed)
    with pytest.raises(UnusableInput, match="does not increase at tick 5"):
        detect(np.where(np.arange(20) == 5, 0, t_us), x, y, yaw, speed)
    with pytest.raises(UnusableInput, match="no ticks"):
        detect([], [], [], [], [])


def test_every_action_has_a_mirror_image_and_a_strength():
    for names in CHANNELS.values():
        for name in names:
            assert mirrored(name) in names
            assert mirrored(mirrored(name)) == name
            assert strength(name) == strength(mirrored(name))
    assert [strength(n) for n in ("maintain_speed", "steer_left", "stop")] == [0, 1, 2]
