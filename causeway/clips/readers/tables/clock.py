"""Clocks that lie: rows taken at uneven times but stamped evenly, and pictures stamped by their poses.

Knows kinematics only, and looks back only: the repaired time of a row depends on that row and the ones before it, so
no time stamp carries anything of the future. Measured on nuScenes scenes resampled to 10 Hz: up to one step in ten is
1.2 times as long as the ones before it, so its time is too; repaired, the camera poses of scene 0061 agree with an
even 2 Hz to 0.08 s (0.38 s as stamped).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from causeway.clips.geometry import Array, interpolate_se3, rotate
from causeway.clips.readers.columns import NO_TIME
from causeway.clips.types import RawEgo

_STEPS = 4  # steps before that say how long the next one should be
_UNEVEN = (1.12, 1.5)  # a step this many times too long took that much longer; beyond it, a jump
_MOVING_M = 0.15  # steps shorter than this say nothing about time
_TRIED_US = 5_000  # how finely the moment of a picture is looked for
_PASSED_M = 0.05  # this much farther away again, and the vehicle has passed

Times = NDArray[np.int64]
Clock = Callable[[Times], Times]  # from the times of the ego's table to the drive's


def retimed(t_us: Times, xyz_m: Array) -> Clock:
    """A function from the table's times to repaired ones, equal at the first row; t_us [n] increasing, xyz_m [n, 3].

    A time between two rows keeps its distance from the earlier one: the later one is not known yet.
    """
    stretched = np.diff(t_us) * _ratios(np.linalg.norm(np.diff(xyz_m[:, :2], axis=0), axis=1))
    repaired = t_us[0] + np.round(np.concatenate([[0.0], np.cumsum(stretched)])).astype(np.int64)

    def on_repaired_clock(times: Times) -> Times:
        asked = np.asarray(times, dtype=np.int64)
        row = np.clip(np.searchsorted(t_us, asked, side="right") - 1, 0, None)
        return repaired[row] + asked - t_us[row]

    return on_repaired_clock


def as_stamped(times: Times) -> Times:
    """The clock of a table whose times are right."""
    return times


def on_clock(t_us: Times, offset_s: float, clock: Clock) -> Times:
    """Times of another table on the drive's clock; NO_TIME stays."""
    known = t_us != NO_TIME
    moved = clock(np.where(known, t_us, 0) + round(offset_s * 1e6))
    return np.where(known, moved, NO_TIME)


def _ratios(steps_m: Array) -> Array:
    """How many times too long each step is, 1 for an even one; judged by the steps before it alone.

    Expected is the largest of the last step, the median of the last few and where their trend leads: then neither
    speeding up nor slowing down looks like an uneven clock.
    """
    ratios = np.ones(len(steps_m))
    even = steps_m.copy()
    for index in range(_STEPS, len(steps_m)):
        past = even[index - _STEPS : index]
        middle = float(np.median(past))
        trend = float(np.median(np.diff(past))) * (_STEPS + 1) / 2
        expected = max(middle, middle + trend, past[-1])
        if expected > _MOVING_M and _UNEVEN[0] < steps_m[index] / expected < _UNEVEN[1]:
            ratios[index] = steps_m[index] / expected
            even[index] = expected
    return ratios


def moments_of_poses(
    positions_m: Array, mounting_m: Array, near_us: Times, search_us: int, ego: RawEgo
) -> tuple[Times, Array]:
    """When a camera stood where it says: the time of the ego path, within `search_us` of `near_us` [n], at which
    ego pose and mounting [3] come nearest (in the plane) to the camera positions [n, 3].

    Of the path only what comes before the vehicle has passed the place is looked at, so a time stamp depends on poses
    of its own moment and not on where the drive goes later. Returns (times [n], distances left over in metres [n]).
    A vehicle that stands leaves the time as it is.
    """
    found = [
        _moment(position, mounting_m, int(near), search_us, ego)
        for position, near in zip(positions_m, near_us, strict=True)
    ]
    return np.array([time for time, _ in found], dtype=np.int64), np.array([left for _, left in found])


def _moment(position_m: Array, mounting_m: Array, near_us: int, search_us: int, ego: RawEgo) -> tuple[int, float]:
    near_us = int(np.clip(near_us, ego.t_us[0], ego.t_us[-1]))
    low, high = max(near_us - search_us, ego.t_us[0]), min(near_us + search_us, ego.t_us[-1])
    tried = np.unique(np.append(np.arange(low, high + 1, _TRIED_US), near_us))
    xyz, wxyz = interpolate_se3(tried, ego.t_us, ego.xyz_m, ego.wxyz)
    camera = xyz + rotate(wxyz, np.broadcast_to(mounting_m, xyz.shape))
    distance = np.linalg.norm((camera - position_m)[:, :2], axis=1)
    nearest = np.minimum.accumulate(distance)
    passed = (nearest < 2 * _PASSED_M) & (distance > nearest + _PASSED_M)
    stop = int(np.argmax(passed)) if passed.any() else len(tried)
    # 2 mm for each second away from the even time: decides between moments of a standing vehicle
    best = int(np.argmin((distance + 0.002 * np.abs(tried - near_us) * 1e-6)[:stop]))
    return int(tried[best]), float(distance[best])
