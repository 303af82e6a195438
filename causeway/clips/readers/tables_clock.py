"""Clocks that lie: rows taken at uneven times but stamped evenly, and pictures stamped by their poses.

Knows kinematics only. Measured on nuScenes scenes resampled to 10 Hz: about one step in ten is 1.2 times as long as
its neighbours, so its time is too; repaired, the camera poses of the same drive agree with an even 2 Hz.
"""

from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from causeway.clips.geometry import Array, interpolate_se3, rotate
from causeway.clips.types import RawEgo

_SIDE = 3  # neighbours on each side that say how long a step should be
_UNEVEN = (1.12, 1.5)  # a longer step within this range of its neighbours' is a longer time; beyond it, a jump
_MOVING_M = 0.05  # steps shorter than this say nothing about time

Times = NDArray[np.int64]


def retimed(t_us: Times, xyz_m: Array) -> Callable[[Times], Times]:
    """A function from the table's times to repaired ones, equal at the first row; t_us [n] increasing, xyz_m [n, 3]."""
    steps = np.linalg.norm(np.diff(xyz_m[:, :2], axis=0), axis=1)
    if len(steps) < 2 * _SIDE + 1:
        return lambda times: np.asarray(times, dtype=np.int64)
    typical = np.median(sliding_window_view(np.pad(steps, _SIDE, mode="edge"), 2 * _SIDE + 1), axis=1)
    ratio = np.where(typical > _MOVING_M, steps / np.maximum(typical, _MOVING_M), 1.0)
    uneven = (ratio > _UNEVEN[0]) & (ratio < _UNEVEN[1])
    lengths = np.diff(t_us) * np.where(uneven, ratio, 1.0)
    repaired = t_us[0] + np.concatenate([[0.0], np.cumsum(lengths)])

    def on_repaired_clock(times: Times) -> Times:
        known = np.interp(times, t_us, repaired)
        beyond = np.maximum(np.asarray(times) - t_us[-1], 0) + np.minimum(np.asarray(times) - t_us[0], 0)
        return np.round(known + beyond).astype(np.int64)

    return on_repaired_clock


def moments_of_poses(
    positions_m: Array, mounting_m: Array, near_us: Times, search_us: int, ego: RawEgo
) -> tuple[Times, Array]:
    """When a camera stood where it says: the time of the ego path, within `search_us` of `near_us` [n], at which
    ego pose and mounting [3] come nearest (in the plane) to the camera positions [n, 3].

    Returns (times [n], distances left over in metres [n]). A vehicle that stands leaves the time as it is.
    """
    times, left = [], []
    for position, near in zip(positions_m, near_us, strict=True):
        low, high = max(near - search_us, ego.t_us[0]), min(near + search_us, ego.t_us[-1])
        tried = np.unique(np.append(np.arange(low, high + 1, 5_000), np.clip(near, low, high)))
        xyz, wxyz = interpolate_se3(tried, ego.t_us, ego.xyz_m, ego.wxyz)
        camera = xyz + rotate(wxyz, np.broadcast_to(mounting_m, xyz.shape))
        distance = np.linalg.norm((camera - position)[:, :2], axis=1)
        # 2 mm for each second away from the even time: decides between moments of a standing vehicle
        best = int(np.argmin(distance + 0.002 * np.abs(tried - near) * 1e-6))
        times.append(tried[best])
        left.append(distance[best])
    return np.array(times, dtype=np.int64), np.array(left)
