"""How near other boxes are to the ego's: which touch it and where, the least distance, and the time to a collision.

Knows rectangles on the ground and their velocities at one moment. Does not know who they are or whose fault a hit is.
Boxes are centre x, y, yaw, length, width.
"""

import math

import numpy as np
from numpy.typing import NDArray

from causeway.simulation.compiled import compiled

Array = NDArray[np.float64]

NEVER_S = 10.0  # no collision within this time counts as none
BUMPER_M = 0.1  # how deep a bumper is
NOWHERE, FRONT, SIDE, REAR = 0, 1, 2, 3


def meetings(box: Array, velocity_mps: Array, others: Array, velocities_mps: Array, near_m: float) -> tuple:
    """How others [n, 5] stand to a box [5]: (where each touches it [n], least distance, seconds to a collision).

    Where: `NOWHERE`, or the box's `FRONT` if its front bumper is touched, else `REAR` if its rear bumper is, else
    `SIDE` (the order of AlpaSim's scoring). Distance and time count others whose centre is within `near_m`, and are
    at most `near_m` and `NEVER_S`; the time is that until boxes touch if each keeps its velocity [2] and heading.
    """
    touched = np.zeros(len(others), dtype=np.int64)
    return touched, *_meetings(box, velocity_mps, others, velocities_mps, near_m, touched)


@compiled
def _corner(box: Array, k: int) -> tuple[float, float]:
    along = box[3] / 2 if k in (0, 1) else -box[3] / 2
    across = box[4] / 2 if k in (0, 3) else -box[4] / 2
    cos, sin = math.cos(box[2]), math.sin(box[2])
    return box[0] + along * cos - across * sin, box[1] + along * sin + across * cos


@compiled
def _to_box(x: float, y: float, box: Array) -> float:
    """Distance from a point to a box."""
    cos, sin = math.cos(box[2]), math.sin(box[2])
    along = abs((x - box[0]) * cos + (y - box[1]) * sin) - box[3] / 2
    across = abs((y - box[1]) * cos - (x - box[0]) * sin) - box[4] / 2
    return math.hypot(max(along, 0.0), max(across, 0.0))


@compiled
def _distance(a: Array, b: Array) -> float:
    """Between separate rectangles the shortest way starts at a corner of one, so corners decide."""
    if _until(a, b, 0.0, 0.0) == 0.0:
        return 0.0
    least = math.inf
    for k in range(4):
        ax, ay = _corner(a, k)
        bx, by = _corner(b, k)
        least = min(least, _to_box(ax, ay, b), _to_box(bx, by, a))
    return least


@compiled
def _until(a: Array, b: Array, vx: float, vy: float) -> float:
    """Seconds until `b` touches `a`, moving at (vx, vy) relative to it; 0 when it does now, infinity when never.

    Rectangles touch while their shadows on each of the four side directions overlap (separating axes).
    """
    enter, leave = 0.0, math.inf
    dx, dy = b[0] - a[0], b[1] - a[1]
    cos, sin = abs(math.cos(b[2] - a[2])), abs(math.sin(b[2] - a[2]))
    for k in range(4):
        own, other = (a, b) if k < 2 else (b, a)
        half_along = own[3] / 2 + other[3] / 2 * cos + other[4] / 2 * sin
        half_across = own[4] / 2 + other[3] / 2 * sin + other[4] / 2 * cos
        reach = half_along if k % 2 == 0 else half_across
        ux, uy = math.cos(own[2]), math.sin(own[2])
        if k % 2 == 1:
            ux, uy = -uy, ux
        apart, speed = dx * ux + dy * uy, vx * ux + vy * uy
        if speed == 0.0:
            if abs(apart) > reach:
                return math.inf
            continue
        first, last = (-reach - apart) / speed, (reach - apart) / speed
        enter, leave = max(enter, min(first, last)), min(leave, max(first, last))
    return enter if enter <= leave else math.inf


@compiled
def _bumper(box: Array, side: float) -> Array:
    """The bumper at the front (`side` 1) or the rear (−1) of a box."""
    shift = side * box[3] / 2
    x, y = box[0] + shift * math.cos(box[2]), box[1] + shift * math.sin(box[2])
    return np.array([x, y, box[2], BUMPER_M, box[4]])


@compiled
def _where(box: Array, other: Array) -> int:
    if _until(_bumper(box, 1.0), other, 0.0, 0.0) == 0.0:
        return FRONT
    return REAR if _until(_bumper(box, -1.0), other, 0.0, 0.0) == 0.0 else SIDE


@compiled
def _meetings(
    box: Array, velocity: Array, others: Array, velocities: Array, near_m: float, touched: NDArray[np.int64]
) -> tuple[float, float]:
    least, soonest = near_m, NEVER_S
    own_m = math.hypot(box[3], box[4]) / 2
    for i in range(len(others)):
        other = others[i]
        dx, dy = other[0] - box[0], other[1] - box[1]
        centres_m = math.hypot(dx, dy)
        if not centres_m < near_m:
            continue
        circles_m = centres_m - own_m - math.hypot(other[3], other[4]) / 2  # never more than the distance
        if circles_m < least:
            apart = _distance(box, other)
            least = min(least, apart)
            if apart <= 0.0:
                touched[i] = _where(box, other)
                soonest = 0.0
        vx, vy = velocities[i, 0] - velocity[0], velocities[i, 1] - velocity[1]
        if circles_m < soonest * math.hypot(vx, vy):  # long boxes can meet although their centres part
            soonest = min(soonest, _until(box, other, vx, vy))
    return least, soonest
