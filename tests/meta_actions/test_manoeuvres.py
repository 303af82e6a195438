"""Manoeuvres whose names a person would give: exact sequences, and changes where the motion changes."""

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.meta_actions import detect

TICK_US = 100_000


def drive(speed_mps, curvature_per_m=0.0, dt_s=0.1):
    """(t_us, x_m, y_m, yaw_rad, speed_mps) along a path of this curvature at this speed."""
    speed = np.asarray(speed_mps, dtype=float)
    yaw = np.concatenate([[0.0], np.cumsum((speed * curvature_per_m)[:-1])]) * dt_s
    x, y = np.cumsum(speed * np.cos(yaw)) * dt_s, np.cumsum(speed * np.sin(yaw)) * dt_s
    return np.arange(len(speed)) * TICK_US, x, y, yaw, speed


def names_of(channel):
    return " ".join(str(name) for name, _ in groupby(channel))


def changes(channel):
    return (np.flatnonzero(channel[1:] != channel[:-1]) + 1).tolist()


def held(value, ticks):
    return np.full(ticks, float(value))


def speed_of(accel_mps2, start_mps):
    return start_mps + np.concatenate([[0.0], np.cumsum(accel_mps2)[:-1]]) * 0.1


def ramped(level, ticks, ramp):
    """A level that is reached and left over `ramp` ticks."""
    edge = np.arange(1, ramp + 1) / (ramp + 1)
    return level * np.concatenate([edge, np.ones(ticks), edge[::-1]])


def test_brake_to_a_stop_and_launch():
    accel = np.r_[held(0, 40), ramped(-2.5, 35, 5), held(0, 40), ramped(1.8, 45, 5), held(0, 60)]
    speed = speed_of(accel, 10.0)
    longitudinal, lateral = detect(*drive(speed))
    assert speed[85:125] == pytest.approx(0.0)
    assert names_of(longitudinal) == "maintain_speed strong_decelerate stop strong_accelerate maintain_speed"
    assert np.abs(np.array(changes(longitudinal)) - [40, 85, 125, 180]).max() <= 3
    assert names_of(lateral) == "go_straight"


@given(st.floats(1.8, 4.0), st.integers(3, 12), st.sampled_from([-1, 1]))
@settings(max_examples=40, deadline=None)
def test_an_effort_begins_and_ends_where_the_acceleration_does(peak, ramp, sign):
    """However slowly the pedal is pressed; within the three ticks over which the acceleration is smoothed."""
    accel = np.r_[held(0, 40), sign * ramped(peak, 20, ramp), held(0, 40)]
    longitudinal, _ = detect(*drive(speed_of(accel, 15.0)))
    begins, ends = changes(longitudinal)[0], changes(longitudinal)[-1]
    action = "accelerate" if sign > 0 else "decelerate"
    assert str(longitudinal[begins]).endswith(action)
    assert 40 - 3 <= begins <= 40 + 2
    assert 40 + 20 + 2 * ramp - 2 <= ends <= 40 + 20 + 2 * ramp + 4


@given(st.floats(1.0, 4.0), st.integers(0, 12), st.integers(10, 40))
@settings(max_examples=40, deadline=None)
def test_beginning_and_end_are_found_alike(peak, ramp, ticks):
    """A drive told backwards has the same outer borders, with acceleration and braking in each other's place."""
    accel = np.r_[held(0, 40), ramped(peak, ticks, ramp), held(0, 41)]
    speed = 5.0 + np.concatenate([[0.0], np.cumsum(accel)[:-1] + np.cumsum(accel)[1:]]) * 0.05
    forth, back = detect(*drive(speed))[0], detect(*drive(speed[::-1]))[0]
    assert abs(changes(forth)[0] - (len(speed) - changes(back)[-1])) <= 1
    assert abs(changes(forth)[-1] - (len(speed) - changes(back)[0])) <= 1


def test_left_turn_at_a_junction():
    speed = np.r_[held(10, 20), 10 - np.arange(40) * 0.125, held(5, 30), 5 + np.arange(40) * 0.125, held(10, 30)]
    curvature = np.r_[held(0, 60), ramped(0.12, 20, 6), held(0, 68)]
    longitudinal, lateral = detect(*drive(speed, curvature))
    assert names_of(longitudinal) == "maintain_speed gentle_decelerate maintain_speed gentle_accelerate maintain_speed"
    assert names_of(lateral) == "go_straight sharp_steer_left go_straight"


def test_lane_change_to_the_left():
    curvature = np.r_[held(0, 50), ramped(0.006, 8, 4), ramped(-0.006, 8, 4), held(0, 60)]
    _, _, _, yaw, _ = path = drive(held(14, 142), curvature)
    assert yaw[-1] == pytest.approx(0.0, abs=1e-9)
    assert names_of(detect(*path)[1]) == "go_straight steer_left steer_right go_straight"


def test_s_curve():
    curvature = np.r_[held(0, 40), ramped(0.02, 40, 5), ramped(-0.02, 40, 5), held(0, 40)]
    assert names_of(detect(*drive(held(12, 180), curvature))[1]) == "go_straight steer_left steer_right go_straight"


def test_roundabout():
    curvature = np.r_[held(0, 40), ramped(-0.08, 14, 3), ramped(0.07, 50, 3), ramped(-0.08, 14, 3), held(0, 40)]
    names = names_of(detect(*drive(held(6, len(curvature)), curvature))[1])
    assert names == "go_straight sharp_steer_right sharp_steer_left sharp_steer_right go_straight"


def test_reverse_and_reverse_parking():
    accel = np.r_[held(0, 30), held(-0.6, 30), held(0, 50), held(0.6, 30), held(0, 40)]
    speed = speed_of(accel, 0.0)
    curvature = np.r_[held(0, 50), held(-0.2, 40), held(0.2, 40), held(0, 50)]
    longitudinal, lateral = detect(*drive(speed, curvature))
    assert names_of(longitudinal) == "stop reverse stop"
    assert names_of(lateral) == "go_straight reverse_left reverse_right go_straight"
    straight, still = detect(*drive(speed))
    assert names_of(straight) == "stop reverse stop"
    assert names_of(still) == "go_straight"


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_standing_with_pose_jitter_is_standing(seed):
    rng = np.random.default_rng(seed)
    t_us, x, y, yaw, speed = drive(held(0, 200))
    jitter = [rng.normal(0, size, 200) for size in (0.02, 0.02, 0.004, 0.05)]
    longitudinal, lateral = detect(t_us, x + jitter[0], y + jitter[1], yaw + jitter[2], speed + jitter[3])
    assert names_of(longitudinal) == "stop"
    assert names_of(lateral) == "go_straight"


def town():
    """A drive with stops, turns and curves, calm between them."""
    accel = np.r_[held(0, 40), ramped(-2, 35, 5), held(0, 60), ramped(1.2, 60, 8), held(0, 170)]
    curvature = np.r_[held(0, 200), ramped(0.03, 40, 8), held(0, 40), ramped(-0.01, 60, 8), held(0, 100)]
    speed = speed_of(accel, 8.0)
    return drive(speed, curvature[: len(speed)])


# what docs/behaviour.md promises: (noise of speed in m/s, of yaw in rad) -> least share of ticks with the same names
NOISE = {(0.02, 0.0005): 0.97, (0.05, 0.001): 0.95, (0.10, 0.002): 0.85}


@pytest.mark.parametrize("noise", NOISE)
def test_noise_within_bounds_changes_few_ticks(noise):
    t_us, x, y, yaw, speed = town()
    calm, shares = detect(t_us, x, y, yaw, speed), []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        noisy = yaw + rng.normal(0, noise[1], yaw.shape), speed + rng.normal(0, noise[0], speed.shape)
        shares.append([np.mean(a == b) for a, b in zip(calm, detect(t_us, x, y, *noisy), strict=True)])
    assert (np.mean(shares, axis=0) >= NOISE[noise]).all()


@given(st.floats(-3.1, 3.1), st.floats(-1e4, 1e4), st.floats(-1e4, 1e4))
@settings(max_examples=30, deadline=None)
def test_the_frame_does_not_matter(turn_rad, dx_m, dy_m):
    t_us, x, y, yaw, speed = town()
    moved = np.cos(turn_rad) * x - np.sin(turn_rad) * y + dx_m, np.sin(turn_rad) * x + np.cos(turn_rad) * y + dy_m
    there = detect(t_us, *moved, (yaw + turn_rad + np.pi) % (2 * np.pi) - np.pi, speed)
    for a, b in zip(detect(t_us, x, y, yaw, speed), there, strict=True):
        assert (a == b).all()


def test_a_run_cut_where_the_car_stands_is_two_runs():
    t_us, x, y, yaw, speed = town()
    assert speed[95:135] == pytest.approx(0)
    assert len(speed) > 300
    whole = detect(t_us, x, y, yaw, speed)
    first, second = slice(0, 115), slice(115, None)
    for channel, names in enumerate(whole):
        parts = [detect(t_us[p], x[p], y[p], yaw[p], speed[p])[channel] for p in (first, second)]
        assert names.tolist() == np.concatenate(parts).tolist()
