"""Rewards of a path: exact values, better in their own sense never lower, bounded, finite, invariant to rigid motion."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from causeway.training.motion_rewards import comfort, displacement, jerk, kinematics, progress
from tests.training.examples import TICKS_S, circle, moved, straight

FEW = settings(max_examples=40, deadline=None)
PATHS = arrays(np.float64, (64, 3), elements=st.floats(-50, 50))
ANY = arrays(np.float64, (64, 3), elements=st.floats(allow_nan=False, allow_infinity=False))
SHARES = st.floats(0, 1)
MOTIONS = st.tuples(st.floats(-3, 3), st.tuples(st.floats(-100, 100), st.floats(-100, 100)))


# --- displacement -------------------------------------------------------------------------------------------------


def test_displacement_of_known_distances():
    expert = straight(10.0)
    beside = expert + np.array([0.0, 3.0, 0.0])
    assert displacement(expert, expert) == 0.0
    assert displacement(beside, expert) == pytest.approx(-0.5)
    assert displacement(np.stack([expert, beside]), expert) == pytest.approx([0.0, -0.5])


@FEW
@given(PATHS, PATHS, SHARES)
def test_displacement_never_falls_when_the_path_comes_nearer(predicted, expert, share):
    nearer = expert + share * (predicted - expert)
    assert displacement(nearer, expert) >= displacement(predicted, expert) - 1e-12


@FEW
@given(ANY, ANY)
def test_displacement_is_bounded_and_finite(predicted, expert):
    assert -1.0 <= displacement(predicted, expert) <= 0.0


@FEW
@given(PATHS, PATHS, MOTIONS)
def test_displacement_depends_on_relative_geometry_only(predicted, expert, motion):
    there = displacement(moved(predicted, *motion), moved(expert, *motion))
    assert there == pytest.approx(displacement(predicted, expert), abs=1e-6)


# --- jerk ---------------------------------------------------------------------------------------------------------


def test_jerk_of_a_constant_third_difference():
    even = np.stack([4.13 / 6 * TICKS_S**3, np.zeros(64), np.zeros(64)], axis=-1)
    assert jerk(even) == pytest.approx(-0.5, abs=1e-6)
    assert jerk(straight(10.0, 1.0)) == pytest.approx(0.0, abs=1e-6)


@FEW
@given(PATHS, SHARES)
def test_jerk_never_falls_when_the_path_is_smoothed(predicted, share):
    ends = np.linspace(predicted[0], predicted[-1], 64)  # a path without any jerk
    smoother = ends + share * (predicted - ends)
    assert jerk(smoother) >= jerk(predicted) - 1e-9


@FEW
@given(ANY)
def test_jerk_is_bounded_and_finite(predicted):
    assert -1.0 <= jerk(predicted) <= 0.0


@FEW
@given(PATHS, MOTIONS)
def test_jerk_depends_on_relative_geometry_only(predicted, motion):
    assert jerk(moved(predicted, *motion)) == pytest.approx(jerk(predicted), abs=1e-6)


# --- comfort ------------------------------------------------------------------------------------------------------


def test_comfort_counts_each_bound_by_its_ticks():
    assert comfort(straight(10.0), np.array(10.0)) == 1.0
    assert comfort(straight(40.0, -6.0)) == pytest.approx(5 / 6)  # too hard a stop, and nothing else
    assert comfort(straight(0.0, 2.0)) == 1.0
    assert comfort(straight(0.0, 3.0)) == pytest.approx(5 / 6)  # 3 m/s² is over the 2.40 forward bound


def test_comfort_judges_lateral_acceleration_by_speed_times_yaw_rate():
    assert comfort(circle(10.0, 25.0)) == 1.0  # v²/r = 4.0 m/s², 0.4 rad/s
    assert comfort(circle(15.0, 25.0)) == pytest.approx(5 / 6)  # 9.0 m/s², 0.6 rad/s
    assert comfort(circle(4.0, 4.0)) == pytest.approx(5 / 6)  # 4.0 m/s², but 1.0 rad/s


def test_comfort_sees_a_jump_from_the_measured_speed():
    smooth, jump = comfort(straight(10.0), np.array(10.0)), comfort(straight(10.0), np.array(15.0))
    assert jump < smooth == 1.0


@FEW
@given(st.floats(0, 30), st.floats(-9, 9), SHARES)
def test_comfort_never_falls_when_everything_happens_more_gently(speed, accel, share):
    path = straight(speed, accel)
    gentler = path * [share, share, 1.0]
    assert comfort(gentler) >= comfort(path) - 1e-9


@FEW
@given(st.floats(1, 30), st.floats(2, 30), st.floats(1, 10))
def test_comfort_never_falls_when_the_curve_is_wider(speed, radius, wider):
    assert comfort(circle(speed, radius * wider)) >= comfort(circle(speed, radius)) - 1e-9


@FEW
@given(ANY)
def test_comfort_is_bounded_and_finite(predicted):
    assert 0.0 <= comfort(predicted) <= 1.0


@FEW
@given(st.floats(0, 30), st.floats(3, 50), MOTIONS)
def test_comfort_depends_on_relative_geometry_only(speed, radius, motion):
    assert comfort(moved(straight(speed), *motion)) == comfort(straight(speed))
    path = circle(speed, radius)
    here, there = kinematics(path), kinematics(moved(path, *motion))
    for name, values in here.items():
        np.testing.assert_allclose(there[name], values, atol=1e-6, err_msg=name)


# --- progress -----------------------------------------------------------------------------------------------------


def test_progress_is_the_share_of_the_expert_way():
    expert = np.stack([np.linspace(0, 40, 64), np.zeros(64), np.zeros(64)], axis=-1)
    assert progress(expert, expert) == pytest.approx(1.0)
    assert progress(expert / 2, expert) == pytest.approx(0.5)
    assert progress(expert * 2, expert) == 1.0
    assert progress(-expert, expert) == 0.0
    assert progress(expert * 0, expert * 0.1) == 1.0  # an expert that stands asks for nothing


@FEW
@given(st.floats(2, 30), st.floats(10, 60), st.integers(0, 63), st.integers(0, 63))
def test_progress_never_falls_further_along_the_way(speed, radius, one, two):
    expert = circle(min(speed, radius / 4), radius)
    near, far = sorted((one, two))
    ends = np.stack([np.tile(expert[i], (64, 1)) for i in (near, far)])
    made = progress(ends, expert)
    assert made[0] <= made[1] + 1e-9


@FEW
@given(ANY, ANY)
def test_progress_is_bounded_and_finite(predicted, expert):
    assert 0.0 <= progress(predicted, expert) <= 1.0


@FEW
@given(st.floats(2, 9), st.floats(0, 2), MOTIONS)
def test_progress_depends_on_relative_geometry_only(speed, share, motion):
    expert = circle(speed, 60.0)
    predicted = expert * [share, 1.0, 1.0]
    there = progress(moved(predicted, *motion), moved(expert, *motion))
    assert there == pytest.approx(progress(predicted, expert), abs=1e-6)
