import numpy as np

from causeway.clips.geometry import quaternion_from_yaw, yaw_from_quaternion
from causeway.clips.readers.rig_poses import rig_poses
from causeway.clips.types import RawEgo


def ego():
    t_us = np.array([0, 200_000, 400_000, 5_000_000, 5_200_000])
    xyz = np.stack([t_us * 1e-5, 0.0 * t_us, 0.0 * t_us], axis=-1)
    return RawEgo(t_us, xyz, quaternion_from_yaw(t_us * 1e-6))


def test_a_pose_is_known_between_two_recorded_ones_from_the_later_one_on():
    poses = rig_poses(np.array([50_000, 200_000, 399_999]), ego())
    assert poses.known.all()
    np.testing.assert_allclose(poses.xyz_m[:, 0], [0.5, 2.0, 3.99999])
    np.testing.assert_allclose(yaw_from_quaternion(poses.wxyz), [0.05, 0.2, 0.399999])
    assert poses.known_us.tolist() == [200_000, 200_000, 400_000]


def test_no_pose_is_known_in_a_gap_or_outside_the_drive():
    times = np.array([-1, 0, 400_000, 400_001, 2_000_000, 5_000_000, 5_200_000, 5_200_001])
    assert rig_poses(times, ego()).known.tolist() == [False, True, True, False, False, True, True, False]
