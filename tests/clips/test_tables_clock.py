import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.clips.geometry import quaternion_from_yaw
from causeway.clips.readers.tables.clock import moments_of_poses, retimed
from causeway.clips.types import RawEgo


def driven(seconds, speed_mps=8.0):
    """(true times, times as stamped, positions) of steps of these lengths at constant speed."""
    true_us = np.round(np.append(0, np.cumsum(seconds)) * 1e6).astype(np.int64)
    along = true_us * 1e-6 * speed_mps
    return true_us, np.arange(len(true_us)) * 100_000, np.stack([along, 0 * along, 0 * along], axis=-1)


def test_a_step_that_is_too_long_took_longer():
    true_us, stamped, xyz = driven([0.1] * 10 + [0.12] + [0.1] * 5 + [0.12] * 2 + [0.1] * 5)
    clock = retimed(stamped, xyz)
    assert clock(stamped) == pytest.approx(true_us, rel=1e-7, abs=3)
    # a time between two rows keeps its distance from the earlier one; after the last row time goes on evenly
    assert clock(stamped[10:11] + 40_000) == pytest.approx(true_us[10] + 40_000, rel=1e-7, abs=3)
    assert clock(stamped[-1:] + 250_000) == pytest.approx(true_us[-1] + 250_000, rel=1e-7, abs=3)


def test_speeding_up_and_slowing_down_are_no_uneven_clock():
    stamped = np.arange(80) * 100_000
    t = stamped * 1e-6
    for along in (0.5 * 3.0 * t**2, 12.0 * t - 0.5 * 2.5 * np.minimum(t, 4.0) ** 2, 3.0 * t + 0.4 * np.sin(t)):
        xyz = np.stack([along, 0 * t, 0 * t], axis=-1)
        assert np.array_equal(retimed(stamped, xyz)(stamped), stamped)


def test_even_steps_and_standing_stay_as_they_are():
    stamped = np.arange(30) * 100_000
    noise = np.random.default_rng(0).normal(0, 0.01, (30, 3))
    assert np.array_equal(retimed(stamped, noise)(stamped), stamped)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([0.1, 0.1, 0.1, 0.12]), min_size=12, max_size=40), st.integers(1, 11), st.floats(0, 3))
def test_no_time_depends_on_later_rows(seconds, cut, poison):
    _, stamped, xyz = driven(seconds)
    spoiled = xyz.copy()
    spoiled[cut + 1 :] += poison
    asked = np.append(stamped[: cut + 1], stamped[cut] + 99_999)
    assert np.array_equal(retimed(stamped, xyz)(asked), retimed(stamped, spoiled)(asked))


def straight(poison_from=None):
    t = np.arange(0, 2_000_001, 100_000)
    xyz = np.stack([t * 5e-6, t * 0.0, t * 0.0], axis=-1)
    if poison_from is not None:
        xyz[poison_from:, 0] = 1.0 + 5 * 0.83  # later the vehicle stands exactly where the camera once stood
    return RawEgo(t, xyz, quaternion_from_yaw(np.zeros(len(t))))


def found(ego, at_s=0.83, near_us=600_000):
    camera = np.array([[1.0 + 5 * at_s, 0.02, 1.5]])
    times, left = moments_of_poses(camera, np.array([1.0, 0.0, 1.5]), np.array([near_us]), 500_000, ego)
    return times[0], left[0]


def test_a_camera_pose_tells_its_moment():
    time, left = found(straight())
    assert abs(time - 830_000) <= 5_000
    assert abs(left - 0.02) < 0.005


def test_where_the_drive_goes_after_the_place_was_passed_does_not_matter():
    assert found(straight()) == found(straight(poison_from=10))


def test_a_picture_near_the_end_and_a_standing_vehicle():
    assert found(straight(), at_s=2.05, near_us=2_300_000)[0] == 2_000_000
    still = RawEgo(np.arange(0, 2_000_001, 100_000), np.zeros((21, 3)), quaternion_from_yaw(np.zeros(21)))
    assert found(still, at_s=0.0, near_us=700_000)[0] == 700_000
