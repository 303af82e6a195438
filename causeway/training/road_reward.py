"""The off-road reward: for how long does a corner of the own footprint leave the road?

Knows rings on the ground (`Surroundings.road`) and which points they hold. Does not know maps or lanes; without a road
the caller leaves this reward out.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from causeway.errors import UnusableInput
from causeway.model.surroundings import Footprint
from causeway.training.footprints import Floats, corners, own_boxes
from causeway.training.reward_inputs import finite, path, same_kind

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Road = Sequence[np.ndarray]

_SOME = 4096  # points of a road asked about at once: memory stays small for any number of paths


@same_kind
def off_road(predicted: np.ndarray, road: Road, footprint: Footprint | None = None) -> np.ndarray:
    """Minus the share of ticks at which a corner of the own footprint is on no part of the road.

    Inputs: `predicted` […, n, 3] rear-axle poses; `road`, rings [p, 2] in the same frame, p ≥ 3 (the area of each is
    road). Range: [−1, 0], 0 = on the road throughout. Unit: none. Source: the off-road term of AlpaGym's
    progress_safety reward and AlpaSim's off-road event (method 3.1, 5.2), as a share of ticks.
    """
    return np.asarray(0.0 - leaves_road(predicted, road, footprint).mean(axis=-1))


def leaves_road(predicted: np.ndarray, road: Road, footprint: Footprint | None = None) -> Bools:
    """At which ticks […, n] a corner of the own footprint is on no part of the road. Inputs: as `off_road`."""
    return np.asarray(leaves_roads(path("predicted", predicted, 1)[None], [road], footprint)[0])


def leaves_roads(predicted: np.ndarray, roads: Sequence[Road], footprint: Footprint | None = None) -> Bools:
    """`leaves_road` of paths [r, …, n, 3], each row against a road of its own, in one go."""
    points = corners(own_boxes(path("predicted", predicted, 1), footprint or Footprint()))
    held = _inside_each(points.reshape(len(roads), -1, 2), roads).reshape(points.shape[:-1])
    return np.asarray(~held.all(axis=-1))


def inside(points: Floats, rings: Road) -> Bools:
    """Which points [k, 2] one of the rings [p, 2] holds (winding number: whichever way round, even crossing itself)."""
    return np.asarray(_inside_each(points[None], [rings])[0])


def _inside_each(points: Floats, roads: Sequence[Road]) -> Bools:
    """Which points [r, k, 2] a ring of their road [r] holds."""
    edges, sizes = _edges(roads)
    if not len(sizes) or not points.size:
        return np.zeros(points.shape[:-1], dtype=bool)
    of_road = np.repeat(np.arange(len(roads)), [len(road) for road in roads])
    some = [points[:, first : first + _SOME] for first in range(0, points.shape[1], _SOME)]
    return np.concatenate([_held(part, edges, sizes, of_road) for part in some], axis=1)


def _held(points: Floats, edges: Floats, sizes: Ints, of_road: Ints) -> Bools:
    """Which points [r, k, 2] a ring of their road holds; `sizes` and `of_road` [rings] say whose the corners are."""
    held, starts = np.zeros(points.shape[:-1], dtype=bool), np.cumsum(sizes) - sizes
    least, most = np.minimum.reduceat(edges, starts), np.maximum.reduceat(edges, starts)
    reached = ((least <= points.max(axis=1)[of_road]) & (most >= points.min(axis=1)[of_road])).all(axis=1)
    among = np.flatnonzero(reached)
    boxed = np.ones((len(among), points.shape[1]), dtype=bool)
    for axis in (0, 1):
        there = points[..., axis][of_road[among]]
        boxed &= (there >= least[among, axis, None]) & (there <= most[among, axis, None])
    which, number = np.nonzero(boxed)
    wound = _wound(points[of_road[among[which]], number], edges, starts[among[which]], sizes[among[which]])
    held[of_road[among[which[wound]]], number[wound]] = True
    return held


def _edges(roads: Sequence[Road]) -> tuple[Floats, Ints]:
    """(corners [e, 2] of all rings one after another, how many each has)."""
    rings = [np.asarray(ring, dtype=np.float64) for road in roads for ring in road]
    if not rings:
        return np.zeros((0, 2)), np.zeros(0, dtype=np.int64)
    shaped = all(ring.ndim == 2 and ring.shape[1] == 2 and len(ring) > 2 for ring in rings)
    edges = np.concatenate(rings) if shaped else np.full((1, 2), np.nan)
    if not np.isfinite(edges).all():
        for road in roads:
            _refuse(road)
    return edges, np.array([len(ring) for ring in rings])


def _refuse(road: Road) -> None:
    """Say which ring of a road is none."""
    for number, ring in enumerate(road):
        finite(f"road ring {number}", ring, (0, 2))
        if len(ring) < 3:
            raise UnusableInput(f"road ring {number} has {len(ring)} points; an area needs 3")


def _wound(points: Floats, corner: Floats, starts: Ints, sizes: Ints) -> Bools:
    """Which points [k, 2] their ring winds around: `sizes` [k] of the corners [e, 2] from `starts` [k] on.

    The edges that cross a point's height are few, only they are asked on which side of them it is.
    """
    before, height = np.cumsum(sizes) - sizes, corner[:, 1]
    following = np.arange(1, len(corner) + 1) % len(corner)
    following[starts + sizes - 1] = starts
    edge = np.repeat(starts - before, sizes) + np.arange(sizes.sum())
    level = np.repeat(points[:, 1], sizes)
    upward = level >= height[edge]
    crossing = np.flatnonzero(upward != (level >= height[following][edge]))
    point = np.repeat(np.arange(len(points)), sizes)[crossing]
    start, end, upward = edge[crossing], following[edge[crossing]], upward[crossing]
    leg, apart = corner[end] - corner[start], points[point] - corner[start]
    left = leg[:, 0] * apart[:, 1] - leg[:, 1] * apart[:, 0]
    turns = np.where(upward & (left > 0), 1, np.where(~upward & (left < 0), -1, 0))
    return np.asarray(np.bincount(point, weights=turns, minlength=len(points)) != 0)
