import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.clips.geometry import quaternion_from_yaw
from causeway.clips.motion import MAX_GAP_US, resample, too_short, track_velocity
from causeway.clips.types import RawEgo


def circle(n=41, dt_us=37_000, speed=5.0, radius=10.0, measured=False):
    t = np.arange(n) * dt_us
    angle = t * 1e-6 * speed / radius
    xyz = np.stack([radius * np.sin(angle), radius * (1 - np.cos(angle)), np.zeros(n)], axis=-1)
    return RawEgo(t, xyz, quaternion_from_yaw(angle), np.full(n, speed) if measured else None)


def test_ticks_and_what_was_observed_for_them():
    motion = resample(circle(n=4, dt_us=150_000))  # raw at 0, 0.15, 0.30, 0.45 s
    assert np.array_equal(motion.t_us, [0, 100_000, 200_000, 300_000, 400_000])
    # the first tick takes the second one's derived values, so it is known when the second is
    assert np.array_equal(motion.observed_us, [150_000, 150_000, 300_000, 300_000, 450_000])


def test_a_circle_has_its_speed_yaw_rate_and_curvature():
    motion = resample(circle())
    assert motion.speed_source == "derived"
    np.testing.assert_allclose(motion.speed_mps, 5.0, rtol=2e-3)
    np.testing.assert_allclose(motion.yaw_rate_radps, 0.5, rtol=2e-3)
    np.testing.assert_allclose(motion.curvature_per_m, 0.1, rtol=4e-3)
    np.testing.assert_allclose(motion.accel_mps2, 0.0, atol=0.05)


def test_measured_speed_is_kept():
    motion = resample(circle(measured=True))
    assert motion.speed_source == "measured"
    np.testing.assert_allclose(motion.speed_mps, 5.0)


def test_reversing_is_negative_and_standing_has_no_curvature():
    t = np.arange(5) * 100_000
    back = np.stack([-0.2 * np.arange(5), np.zeros(5), np.zeros(5)], axis=-1)
    motion = resample(RawEgo(t, back, quaternion_from_yaw(np.zeros(5))))
    assert motion.speed_mps == pytest.approx(-2.0, rel=1e-7, abs=0)
    turning = resample(RawEgo(t, back * 0, quaternion_from_yaw(0.01 * np.arange(5))))
    assert (turning.curvature_per_m == 0.0).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 35), st.floats(-50, 50))
def test_nothing_later_than_observed_changes_a_row(cut, poison):
    raw = circle()
    spoiled = raw.xyz_m.copy()
    spoiled[cut:] += poison
    before, after = resample(raw), resample(RawEgo(raw.t_us, spoiled, raw.wxyz))
    known = before.observed_us < raw.t_us[cut]
    for name in ("xyz_m", "speed_mps", "accel_mps2", "yaw_rate_radps", "curvature_per_m"):
        assert np.array_equal(getattr(before, name)[known], getattr(after, name)[known])


def test_track_velocity_looks_back_within_one_object():
    t = np.array([0, 100_000, 200_000, 0, 0, 100_000])
    x = np.array([0.0, 1.0, 3.0, 50.0, 10.0, 9.0])
    vx, vy = track_velocity(t, x, x * 0, np.array([0, 0, 0, 1, 2, 2]))
    assert vx == pytest.approx([10, 10, 20, 0, -10, -10], rel=1e-7, abs=0)
    assert (vy == 0).all()


def test_a_gap_is_a_gap_and_nothing_is_derived_across_it():
    raw = circle(n=201, dt_us=50_000)
    left = np.flatnonzero((raw.t_us <= 2_000_000) | (raw.t_us >= 7_030_000))
    whole = resample(raw)
    motion = resample(RawEgo(raw.t_us[left], raw.xyz_m[left], raw.wxyz[left]))
    steps = np.diff(motion.t_us)
    assert motion.t_us[20:23].tolist() == [2_000_000, 7_100_000, 7_200_000]  # one grid before and behind
    assert (np.delete(steps, 20) == 100_000).all()
    behind = motion.t_us >= 7_100_000
    at = np.searchsorted(whole.t_us, motion.t_us[behind])
    np.testing.assert_allclose(motion.speed_mps[behind], whole.speed_mps[at], atol=1e-9)
    np.testing.assert_allclose(motion.accel_mps2, 0.0, atol=0.05)
    assert motion.observed_us[21] == motion.observed_us[22]  # the first tick behind takes the second one's values


def test_poses_just_within_the_longest_gap_are_joined():
    t = np.array([0, MAX_GAP_US, 2 * MAX_GAP_US, 3 * MAX_GAP_US + 1, 4 * MAX_GAP_US + 1])
    motion = resample(RawEgo(t, np.zeros((5, 3)), quaternion_from_yaw(np.zeros(5))))
    assert motion.t_us.tolist() == [*range(0, 1_200_001, 100_000), *range(1_900_000, 2_400_001, 100_000)]


def test_a_pose_alone_between_gaps_gives_no_tick():
    t = np.array([0, 100_000, 200_000, 5_000_000, 9_000_000, 9_100_000])
    raw = RawEgo(t, np.zeros((6, 3)), quaternion_from_yaw(np.zeros(6)))
    assert resample(raw).t_us.tolist() == [0, 100_000, 200_000, 9_000_000, 9_100_000]
    assert too_short(raw) == [(3, 4)]


def test_a_hundred_years_of_gaps_cost_nothing():
    t = np.arange(1000) * 10**12
    motion = resample(RawEgo(t, np.zeros((1000, 3)), quaternion_from_yaw(np.zeros(1000))))
    assert len(motion.t_us) == 0


def test_the_derived_speed_stands_beside_the_measured_one():
    raw = circle()
    wrong = RawEgo(raw.t_us, raw.xyz_m, raw.wxyz, np.full(len(raw.t_us), 18.0))  # km an hour in a column of m/s
    motion = resample(wrong)
    assert motion.speed_mps == pytest.approx(18.0, rel=1e-7, abs=0)
    assert motion.derived_speed_mps == pytest.approx(5.0, rel=2e-3, abs=0)
    assert np.array_equal(resample(raw).derived_speed_mps, resample(raw).speed_mps)
