"""What lies under the ego: whether it stands on the road, and in lanes of its own or of the other direction.

Knows strips: paths with metres to their left and right, packed for compiled loops. Does not know what a strip means.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causeway.simulation.compiled import compiled
from causeway.simulation.roads import path_kernel
from causeway.simulation.roads.road import Path

Array = NDArray[np.float64]

AGAINST_RAD = math.radians(120.0)  # against a lane from here on (AlpaSim's wrong-lane rule), with it up to 60°
WITH_RAD = math.radians(60.0)


@dataclass(frozen=True, eq=False)
class Strips:
    """k paths, one behind the other: points [m, 2], yaw, curvature and station [m], where each begins [k + 1].

    Of each: how far it reaches to the left and right [k, 2], its last station [k], a box around it [k, 4] (lowest x, y,
    highest x, y).
    """

    points: Array
    yaw_rad: Array
    curvature_per_m: Array
    s_m: Array
    firsts: NDArray[np.int64]
    reach_m: Array
    ends_m: Array
    around: Array


def strips_of(parts: Iterable[tuple[Path, float, float]]) -> Strips:
    """(path, metres to its left, metres to its right), packed; a path's stations begin at 0. ValueError for none."""
    paths, lefts, rights = zip(*parts, strict=True)
    wide = np.maximum(np.maximum(lefts, rights), 0.0)[:, None]
    low, high = (np.array([end(p.points, axis=0) for p in paths]) for end in (np.min, np.max))
    return Strips(
        points=np.concatenate([p.points for p in paths]),
        yaw_rad=np.concatenate([p.yaw_rad for p in paths]),
        curvature_per_m=np.concatenate([p.curvature_per_m for p in paths]),
        s_m=np.concatenate([p.s_m for p in paths]),
        firsts=np.cumsum([0, *(len(p.s_m) for p in paths)]).astype(np.int64),
        reach_m=np.column_stack([lefts, rights]).astype(np.float64),
        ends_m=np.array([p.length_m for p in paths]),
        around=np.hstack([low - wide, high + wide]),
    )


def stands_on(strips: Strips, box: Array) -> bool:
    """Whether every corner of a box (centre x, y, yaw, length, width) is on some strip."""
    corners = np.empty((4, 3))
    _corners(box, corners)
    return _each_on_some(strips.reach_m, strips.ends_m, *_places(strips, corners))


def directions(strips: Strips, box: Array) -> tuple[bool, bool]:
    """Whether the middle of a box is on a strip that goes its way, and on one that goes against it."""
    return _ways(strips.reach_m, strips.ends_m, *_places(strips, box[None, :3]))


def station(strips: Strips, box: Array) -> float:
    """The station of the middle of a box on the first strip, clamped to its ends."""
    s = strips
    x, y = float(box[0]), float(box[1])
    return path_kernel.foot(s.points, s.yaw_rad, s.curvature_per_m, s.s_m, 0, int(s.firsts[1]), 1, x, y)[0]


def _places(strips: Strips, poses: Array) -> tuple[NDArray[np.bool_], Array]:
    """Which strips are near [k], and (station, offset, turn) [k, n, 3] of poses [n, 3] on those."""
    near, places = np.zeros(len(strips.around), dtype=np.bool_), np.empty((len(strips.around), len(poses), 3))
    _near(strips.around, poses, near)
    shape = (strips.points, strips.yaw_rad, strips.curvature_per_m, strips.s_m, strips.firsts)
    path_kernel.project_onto_all(*shape, near, poses, places)
    return near, places


@compiled
def _corners(box: Array, out: Array) -> None:
    cos, sin = math.cos(box[2]), math.sin(box[2])
    for k in range(4):
        along = box[3] / 2 if k < 2 else -box[3] / 2
        across = box[4] / 2 if k % 2 == 0 else -box[4] / 2
        out[k, 0], out[k, 1] = box[0] + along * cos - across * sin, box[1] + along * sin + across * cos
        out[k, 2] = box[2]


@compiled
def _near(around: Array, poses: Array, out: NDArray[np.bool_]) -> None:
    for k in range(len(around)):
        for i in range(len(poses)):
            x, y = poses[i, 0], poses[i, 1]
            out[k] |= around[k, 0] <= x <= around[k, 2] and around[k, 1] <= y <= around[k, 3]


@compiled
def _on(reach: Array, end_m: float, place: Array) -> bool:
    return 0.0 < place[0] < end_m and -reach[1] <= place[1] <= reach[0]


@compiled
def _each_on_some(reach: Array, ends: Array, near: NDArray[np.bool_], places: Array) -> bool:
    for i in range(places.shape[1]):
        on = False
        for k in range(len(ends)):
            on |= near[k] and _on(reach[k], ends[k], places[k, i])
        if not on:
            return False
    return True


@compiled
def _ways(reach: Array, ends: Array, near: NDArray[np.bool_], places: Array) -> tuple[bool, bool]:
    along, against = False, False
    for k in range(len(ends)):
        if near[k] and _on(reach[k], ends[k], places[k, 0]):
            turned = math.cos(places[k, 0, 2])
            along |= turned > math.cos(WITH_RAD)
            against |= turned < math.cos(AGAINST_RAD)
    return along, against
