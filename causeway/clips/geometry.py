"""Poses and angles: SE(2) arrays [..., 3] = (x, y, yaw), SE(3) as positions [n, 3] and quaternions [n, 4] (w x y z).

Knows mathematics only: no files, no tables, no time zones. Arrays in, arrays out; metres, radians, microseconds.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

TICK_US = 100_000
HISTORY_US = 2_000_000
FUTURE_US = 6_400_000
WINDOW = (HISTORY_US, FUTURE_US)  # a moment needs 2.0 s before and 6.4 s after t0


def wrap_angle(angle_rad: ArrayLike) -> Array:
    """The same angle in [-pi, pi); shape kept."""
    return (np.asarray(angle_rad, dtype=np.float64) + np.pi) % (2 * np.pi) - np.pi


def to_frame(xy_yaw: ArrayLike, origin_xy_yaw: ArrayLike) -> Array:
    """Poses [..., 3] of a parent frame, seen from a frame whose pose in that parent is `origin_xy_yaw` [..., 3]."""
    poses, origin = np.asarray(xy_yaw, dtype=np.float64), np.asarray(origin_xy_yaw, dtype=np.float64)
    cos, sin = np.cos(origin[..., 2]), np.sin(origin[..., 2])
    dx, dy = poses[..., 0] - origin[..., 0], poses[..., 1] - origin[..., 1]
    yaw = wrap_angle(poses[..., 2] - origin[..., 2])
    return np.stack([cos * dx + sin * dy, cos * dy - sin * dx, yaw], axis=-1)


def from_frame(xy_yaw: ArrayLike, origin_xy_yaw: ArrayLike) -> Array:
    """The inverse of `to_frame`: poses [..., 3] of the frame at `origin_xy_yaw`, in the parent frame."""
    poses, origin = np.asarray(xy_yaw, dtype=np.float64), np.asarray(origin_xy_yaw, dtype=np.float64)
    cos, sin = np.cos(origin[..., 2]), np.sin(origin[..., 2])
    x = origin[..., 0] + cos * poses[..., 0] - sin * poses[..., 1]
    y = origin[..., 1] + sin * poses[..., 0] + cos * poses[..., 1]
    return np.stack([x, y, wrap_angle(poses[..., 2] + origin[..., 2])], axis=-1)


def yaw_from_quaternion(wxyz: ArrayLike) -> Array:
    """Heading [...] of quaternions [..., 4]: the direction of the rotated x axis in the horizontal plane."""
    w, x, y, z = np.moveaxis(np.asarray(wxyz, dtype=np.float64), -1, 0)
    return np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))


def quaternion_from_yaw(yaw_rad: ArrayLike) -> Array:
    """Quaternions [..., 4] of rotations about z."""
    half = np.asarray(yaw_rad, dtype=np.float64) / 2
    zero = np.zeros_like(half)
    return np.stack([np.cos(half), zero, zero, np.sin(half)], axis=-1)


def multiply(left: ArrayLike, right: ArrayLike) -> Array:
    """Quaternion product [..., 4]: first `right`, then `left`."""
    a, b, c, d = np.moveaxis(np.asarray(left, dtype=np.float64), -1, 0)
    e, f, g, h = np.moveaxis(np.asarray(right, dtype=np.float64), -1, 0)
    parts = [
        a * e - b * f - c * g - d * h,
        a * f + b * e + c * h - d * g,
        a * g - b * h + c * e + d * f,
        a * h + b * g - c * f + d * e,
    ]
    return np.stack(parts, axis=-1)


def conjugate(wxyz: ArrayLike) -> Array:
    """The inverse of unit quaternions [..., 4]."""
    return np.asarray(wxyz, dtype=np.float64) * np.array([1.0, -1.0, -1.0, -1.0])


def rotate(wxyz: ArrayLike, vectors: ArrayLike) -> Array:
    """Vectors [..., 3] turned by unit quaternions [..., 4]."""
    q, v = np.asarray(wxyz, dtype=np.float64), np.asarray(vectors, dtype=np.float64)
    across = 2 * np.cross(q[..., 1:], v)
    return v + q[..., :1] * across + np.cross(q[..., 1:], across)


def matrix_from_quaternion(wxyz: ArrayLike) -> Array:
    """Rotation matrices [..., 3, 3]."""
    q = np.asarray(wxyz, dtype=np.float64)
    columns = [rotate(q, np.broadcast_to(axis, (*q.shape[:-1], 3))) for axis in np.eye(3)]
    return np.stack(columns, axis=-1)


def quaternion_from_matrix(rotation: ArrayLike) -> Array:
    """Unit quaternions [..., 4], w >= 0, of rotation matrices [..., 3, 3].

    The four candidate rows of the symmetric form are all multiples of the answer; the longest is the exact one.
    """
    m = np.asarray(rotation, dtype=np.float64)
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    wx, wy, wz = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    xy, xz, yz = m[..., 1, 0] + m[..., 0, 1], m[..., 0, 2] + m[..., 2, 0], m[..., 2, 1] + m[..., 1, 2]
    rows = np.stack(
        [
            np.stack([1 + xx + yy + zz, wx, wy, wz], axis=-1),
            np.stack([wx, 1 + xx - yy - zz, xy, xz], axis=-1),
            np.stack([wy, xy, 1 - xx + yy - zz, yz], axis=-1),
            np.stack([wz, xz, yz, 1 - xx - yy + zz], axis=-1),
        ],
        axis=-2,
    )
    best = np.argmax(np.linalg.norm(rows, axis=-1), axis=-1)
    q = np.take_along_axis(rows, best[..., None, None], axis=-2)[..., 0, :]
    q = q / np.linalg.norm(q, axis=-1, keepdims=True)
    return np.where(q[..., :1] < 0, -q, q)


def slerp(first: ArrayLike, second: ArrayLike, share: ArrayLike) -> Array:
    """Quaternions [n, 4] on the shorter arc from `first` to `second` at `share` [n] in 0 .. 1."""
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    u = np.asarray(share, dtype=np.float64)[..., None]
    dot = np.sum(a * b, axis=-1, keepdims=True)
    b, dot = np.where(dot < 0, -b, b), np.minimum(np.abs(dot), 1.0)
    angle = np.arccos(dot)
    near = angle < 1e-6  # the sine of a tiny angle is no divisor
    scale = np.where(near, 1.0, np.sin(angle))
    left = np.where(near, 1 - u, np.sin((1 - u) * angle) / scale)
    right = np.where(near, u, np.sin(u * angle) / scale)
    q = left * a + right * b
    return q / np.linalg.norm(q, axis=-1, keepdims=True)


def interpolate_se3(t_us: ArrayLike, raw_t_us: ArrayLike, xyz_m: ArrayLike, wxyz: ArrayLike) -> tuple[Array, Array]:
    """Poses at `t_us` [n] between raw poses (`raw_t_us` [m] increasing, [m, 3], [m, 4]).

    Positions are linear in time, rotations move on the shorter arc. Times outside are held at the nearest end.
    Returns (positions [n, 3], quaternions [n, 4]).
    """
    times, raw = np.asarray(t_us, dtype=np.int64), np.asarray(raw_t_us, dtype=np.int64)
    xyz, q = np.asarray(xyz_m, dtype=np.float64), np.asarray(wxyz, dtype=np.float64)
    if len(raw) == 1:
        return np.repeat(xyz, len(times), axis=0), np.repeat(q, len(times), axis=0)
    after = np.clip(np.searchsorted(raw, times, side="left"), 1, len(raw) - 1)
    before = after - 1
    share = np.clip((times - raw[before]) / (raw[after] - raw[before]), 0.0, 1.0)
    positions = xyz[before] + share[:, None] * (xyz[after] - xyz[before])
    return positions, slerp(q[before], q[after], share)


def relative_se3(xyz_m: ArrayLike, wxyz: ArrayLike, origin_xyz_m: Array, origin_wxyz: Array) -> tuple[Array, Array]:
    """Poses ([n, 3], [n, 4]) seen from the frame at (`origin_xyz_m` [3], `origin_wxyz` [4])."""
    inverse = conjugate(origin_wxyz)
    xyz, q = np.asarray(xyz_m, dtype=np.float64), np.asarray(wxyz, dtype=np.float64)
    inverse = np.broadcast_to(inverse, q.shape)
    return rotate(inverse, xyz - origin_xyz_m), multiply(inverse, q)
