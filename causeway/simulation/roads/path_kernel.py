"""Points onto paths and back, as compiled loops: what `road.Path` and all traffic use many times in a tick.

Knows arrays of one path or of several, one behind the other. Does not know what they are paths of.
"""

import math

import numpy as np
from numpy.typing import NDArray

from causeway.simulation.compiled import compiled

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

STRIDE = 12  # points first looked at, when many paths are searched
LEAP_M = 4.0  # shorter stretches are not worth passing over
HAIR_M = 1e-6  # more than rounding makes of a distance


@compiled
def _span(s: Array, first: int, stop: int, station: float) -> int:
    """The index in [first, stop − 2] of the span that holds a station."""
    low, high = first, stop - 1
    while high - low > 1:
        middle = (low + high) // 2
        if s[middle] <= station:
            low = middle
        else:
            high = middle
    return low


@compiled
def _middle(points: Array, yaw: Array, s: Array, first: int, stop: int, station: float) -> tuple:
    """x, y, yaw of a path at a station, and cosine and sine of that yaw; straight on beyond the ends."""
    i = _span(s, first, stop, station)
    share = min(max((station - s[i]) / (s[i + 1] - s[i]), 0.0), 1.0)
    heading = yaw[i] + share * (yaw[i + 1] - yaw[i])
    beyond = max(station - s[stop - 1], 0.0) + min(station - s[first], 0.0)
    cos, sin = math.cos(heading), math.sin(heading)
    x = points[i, 0] + share * (points[i + 1, 0] - points[i, 0]) + beyond * cos
    y = points[i, 1] + share * (points[i + 1, 1] - points[i, 1]) + beyond * sin
    return x, y, heading, cos, sin


@compiled
def pose(points: Array, yaw: Array, s: Array, first: int, stop: int, station: float, lateral: float) -> tuple:
    """x, y, yaw at a station and an offset to the left; straight on beyond the ends."""
    x, y, heading, cos, sin = _middle(points, yaw, s, first, stop, station)
    return x - lateral * sin, y + lateral * cos, heading


@compiled
def _later(s: Array, first: int, stop: int, station: float) -> int:
    """The first index after `first` whose station is beyond a station; `stop` where there is none."""
    i, reach = first, 1
    while reach > 0:
        if i + reach < stop and s[i + reach] <= station:
            i, reach = i + reach, 2 * reach
        else:
            reach //= 2
    return i + 1


@compiled
def _nearest_of_all(points: Array, s: Array, first: int, stop: int, best: int, x: float, y: float) -> int:
    """The point nearest to x, y, the first of several; `best` is one that is near already.

    From a point on one comes nearer by no more than the way along the path: what is too far for that is passed over.
    """
    bound = math.sqrt((points[best, 0] - x) ** 2 + (points[best, 1] - y) ** 2) + HAIR_M
    far, i, best, apart = (bound + LEAP_M) ** 2, first, first, 1e300
    while i < stop:
        d = (points[i, 0] - x) ** 2 + (points[i, 1] - y) ** 2
        if d < apart:
            best, apart = i, d
        i = _later(s, i, stop, s[i] + math.sqrt(d) - bound) if d > far else i + 1
    return best


@compiled
def _nearest(points: Array, s: Array, first: int, stop: int, stride: int, x: float, y: float) -> int:
    """The nearest point: of all (`stride` 1), or of those around the nearest of every `stride`th."""
    best, apart = first, 1e300
    for i in range(first, stop, max(stride, STRIDE)):
        d = (points[i, 0] - x) ** 2 + (points[i, 1] - y) ** 2
        if d < apart:
            best, apart = i, d
    if stride == 1:
        return _nearest_of_all(points, s, first, stop, best, x, y)
    for i in range(max(best - stride, first), min(best + stride + 1, stop)):
        d = (points[i, 0] - x) ** 2 + (points[i, 1] - y) ** 2
        if d < apart:
            best, apart = i, d
    return best


@compiled
def foot(
    points: Array, yaw: Array, curvature: Array, s: Array, first: int, stop: int, stride: int, x: float, y: float
) -> tuple:
    """(station, offset + left, heading there) of a point; the station is clamped to the ends."""
    i = _nearest(points, s, first, stop, stride, x, y)
    cos, sin = math.cos(yaw[i]), math.sin(yaw[i])
    dx, dy = x - points[i, 0], y - points[i, 1]
    along = (dx * cos + dy * sin) / max(1.0 - curvature[i] * (dy * cos - dx * sin), 0.2)
    station = min(max(s[i] + along, s[first]), s[stop - 1])
    fx, fy, heading, cos, sin = _middle(points, yaw, s, first, stop, station)
    return station, (y - fy) * cos - (x - fx) * sin, heading


@compiled
def project(points: Array, yaw: Array, curvature: Array, s: Array, xy: Array, out: Array) -> None:
    """(station, offset) [n, 2] of points [n, 2] on one path."""
    for k in range(len(xy)):
        station, lateral, _ = foot(points, yaw, curvature, s, 0, len(s), 1, xy[k, 0], xy[k, 1])
        out[k, 0], out[k, 1] = station, lateral


@compiled
def _interpolated(x: float, at: Array, values: Array) -> float:
    """As `np.interp`, to the last bit."""
    if x >= at[-1]:
        return values[-1]
    if x < at[0]:
        return values[0]
    i = _span(at, 0, len(at), x)
    return (values[i + 1] - values[i]) / (at[i + 1] - at[i]) * (x - at[i]) + values[i]


@compiled
def along(points: Array, yaw: Array, curvature: Array, s: Array, poses: Array, out: Array) -> None:
    """(station, offset + left, heading against the path) [n, 3] of poses [n, 3] along one path."""
    for k in range(len(poses)):
        station, lateral, _ = foot(points, yaw, curvature, s, 0, len(s), 1, poses[k, 0], poses[k, 1])
        turn = poses[k, 2] - _interpolated(station, s, yaw)
        out[k, 0], out[k, 1], out[k, 2] = station, lateral, (turn + math.pi) % (2 * math.pi) - math.pi


@compiled
def poses_at(points: Array, yaw: Array, s: Array, stations: Array, lateral: Array, out: Array) -> None:
    """Poses [n, 3] at stations [n] and offsets [n] of one path."""
    for k in range(len(stations)):
        x, y, heading = pose(points, yaw, s, 0, len(s), stations[k], lateral[k])
        out[k, 0], out[k, 1], out[k, 2] = x, y, heading


@compiled
def project_onto_all(
    points: Array, yaw: Array, curvature: Array, s: Array, firsts: Ints, used: Bools, poses: Array, out: Array
) -> None:
    """(station, offset, turn) [r, n, 3] of poses [n, 3] on each path `used` [r]; path r begins at firsts[r]."""
    for r in range(len(firsts) - 1):
        if not used[r]:
            continue
        for k in range(len(poses)):
            x, y = poses[k, 0], poses[k, 1]
            at = foot(points, yaw, curvature, s, firsts[r], firsts[r + 1], STRIDE, x, y)
            out[r, k, 0], out[r, k, 1], out[r, k, 2] = at[0], at[1], poses[k, 2] - at[2]


@compiled
def place(
    points: Array,
    yaw: Array,
    s: Array,
    firsts: Ints,
    route: Ints,
    station: Array,
    lateral: Array,
    turn: Array,
    out: Array,
) -> None:
    """Poses [n, 3] at stations and offsets [n] of the paths with numbers `route` [n], turned by `turn` [n]."""
    for k in range(len(route)):
        r = route[k]
        x, y, heading = pose(points, yaw, s, firsts[r], firsts[r + 1], station[k], lateral[k])
        out[k, 0], out[k, 1], out[k, 2] = x, y, heading + turn[k]


@compiled
def project_onto_own(
    points: Array,
    yaw: Array,
    curvature: Array,
    s: Array,
    firsts: Ints,
    used: Bools,
    poses: Array,
    within_m: float,
    out: Array,
) -> None:
    """As `project_onto_all`, where path r is that of pose r: others within a distance of it, −inf for the rest."""
    for r in range(len(firsts) - 1):
        for k in range(len(poses)):
            out[r, k, 0], out[r, k, 1], out[r, k, 2] = -math.inf, math.inf, 0.0
            x, y = poses[k, 0], poses[k, 1]
            if used[r] and k != r and math.hypot(x - poses[r, 0], y - poses[r, 1]) <= within_m:
                at = foot(points, yaw, curvature, s, firsts[r], firsts[r + 1], STRIDE, x, y)
                out[r, k, 0], out[r, k, 1], out[r, k, 2] = at[0], at[1], poses[k, 2] - at[2]


@compiled
def stations_driven(s: Array, curvature: Array, start: float, lateral: float, driven: Array, offsets: Array) -> Array:
    """Stations [n] that one gets to by driving as far as to `driven` [n] (counted from station `start`) at `offsets`.

    Going sideways one gets on by less than the way driven; on the inside of a bend by more, outside by less.
    """
    out = np.empty(len(driven))
    here, before, side = start, start, lateral
    for k in range(len(driven)):
        step, across = driven[k] - before, offsets[k] - side
        along = math.sqrt(max(step * step - across * across, step * step / 4.0))
        bend = curvature[_span(s, 0, len(s), here)]
        here += along / max(1.0 - bend * offsets[k], 0.5)
        out[k], before, side = here, driven[k], offsets[k]
    return out
