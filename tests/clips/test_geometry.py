import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.clips import geometry as g

numbers = st.floats(-100, 100, allow_nan=False)
poses = st.tuples(numbers, numbers, st.floats(-3.1, 3.1))
units = st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: np.linalg.norm(q) > 0.1)


def test_to_frame_sees_a_point_ahead_of_a_turned_origin():
    # the origin looks along +y; a pose 3 m further along y lies 3 m ahead of it
    seen = g.to_frame([1.0, 5.0, np.pi / 2], [1.0, 2.0, np.pi / 2])
    assert seen == pytest.approx([3.0, 0.0, 0.0], rel=1e-7, abs=1e-12)


@given(poses, poses)
def test_frames_round_trip(pose, origin):
    back = g.from_frame(g.to_frame(pose, origin), origin)
    np.testing.assert_allclose(back[:2], pose[:2], atol=1e-9)
    assert abs(g.wrap_angle(back[2] - pose[2])) < 1e-9


@pytest.mark.parametrize(("angle", "wrapped"), [(np.pi, -np.pi), (3 * np.pi / 2, -np.pi / 2), (-7.0, -7 + 2 * np.pi)])
def test_wrap_angle(angle, wrapped):
    assert g.wrap_angle(angle) == pytest.approx(wrapped)


@given(st.floats(-3.1, 3.1))
def test_yaw_survives_the_quaternion(yaw):
    assert g.yaw_from_quaternion(g.quaternion_from_yaw(yaw)) == pytest.approx(yaw, abs=1e-12)


@given(units)
def test_matrices_and_quaternions_are_inverse(q):
    q = np.array(q) / np.linalg.norm(q)
    back = g.quaternion_from_matrix(g.matrix_from_quaternion(q))
    assert abs(np.dot(back, q)) == pytest.approx(1.0, abs=1e-9)  # q and -q are one rotation


def test_multiply_applies_the_right_one_first():
    quarter = g.quaternion_from_yaw(np.pi / 2)
    tilt = np.array([np.cos(np.pi / 4), np.sin(np.pi / 4), 0, 0])  # y to z
    assert g.rotate(g.multiply(tilt, quarter), [1.0, 0, 0]) == pytest.approx([0, 0, 1], rel=1e-7, abs=1e-12)


def test_interpolation_is_linear_in_place_and_takes_the_short_arc():
    q = np.stack([g.quaternion_from_yaw(3.0), -g.quaternion_from_yaw(-3.0)])  # 0.283 rad apart, across pi
    xyz, wxyz = g.interpolate_se3([25, 50, 200], [0, 100], [[0, 0, 0], [4, 8, 0]], q)
    np.testing.assert_allclose(xyz, [[1, 2, 0], [2, 4, 0], [4, 8, 0]])
    assert abs(g.wrap_angle(g.yaw_from_quaternion(wxyz[1]) - np.pi)) < 1e-9


@settings(max_examples=30)
@given(units, st.tuples(numbers, numbers, numbers))
def test_relative_pose_of_the_origin_is_identity(q, xyz):
    q, xyz = np.array(q) / np.linalg.norm(q), np.array(xyz)
    place, turn = g.relative_se3(xyz[None], q[None], xyz, q)
    assert place == pytest.approx(np.array([[0, 0, 0]]), rel=1e-7, abs=1e-9)
    assert np.abs(turn) == pytest.approx(np.array([[1, 0, 0, 0]]), rel=1e-7, abs=1e-9)
