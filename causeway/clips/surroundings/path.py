"""Where things are along and across the path the ego is on: the lane's centre line, or the arc it is driving.

Knows plane geometry only; metres, radians, + = left. Does not know time, tracks or lanes as such.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from causeway.clips.geometry import wrap_angle

ROUNDING_M = 1e-6  # more than sums of distances are off
_AT_ONCE = 16_384  # points × segments looked at together: they stay in the processor's cache


@dataclass(frozen=True, eq=False)
class Polyline:
    """A line of m ≥ 2 different points: xy_m [m, 2], length before each point along_m [m], segment headings."""

    xy_m: np.ndarray
    along_m: np.ndarray
    yaw_rad: np.ndarray  # [m - 1]

    @cached_property
    def length_m(self) -> np.ndarray:
        """Of each segment [m - 1]."""
        return np.diff(self.along_m)

    @cached_property
    def unit(self) -> tuple[np.ndarray, np.ndarray]:
        """x and y of each segment's direction [m - 1]."""
        unit_x, unit_y = (np.diff(self.xy_m, axis=0) / self.length_m[:, None]).T
        return unit_x, unit_y

    @cached_property
    def box(self) -> tuple[np.ndarray, np.ndarray]:
        """The least and the largest x and y [2]."""
        return self.xy_m.min(axis=0), self.xy_m.max(axis=0)

    def box_distance_m(self, xy_m: np.ndarray) -> np.ndarray:
        """How far points [n, 2] are from the box around the line: never farther than from the line itself."""
        low, high = self.box
        return np.hypot(*np.maximum(np.maximum(low - xy_m, xy_m - high), 0.0).T)


@dataclass(frozen=True, eq=False)
class OnPath:
    """Points on a path, arrays [n]: distance along it, offset from it (+ = left), its heading there.

    `misses` is how far a point is from its foot on the path beyond the offset: > 0 before its start or after its end.
    """

    along_m: np.ndarray
    offset_m: np.ndarray
    yaw_rad: np.ndarray
    misses_m: np.ndarray


def polyline(points: np.ndarray) -> Polyline | None:
    """The line through points [m, ≥2], doubles dropped; None when fewer than two are left."""
    xy = np.asarray(points, dtype=np.float64)[:, :2]
    if len(xy) > 1:
        xy = xy[np.concatenate([[True], np.hypot(*np.diff(xy, axis=0).T) > 1e-3])]
    if len(xy) < 2:
        return None
    step = np.diff(xy, axis=0)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*step.T))])
    return Polyline(xy, along, np.arctan2(step[:, 1], step[:, 0]))


def project(line: Polyline, xy_m: np.ndarray, until_m: np.ndarray | None = None) -> OnPath:
    """The nearest place on a line for each point [n, 2]; with `until_m` [n] ≥ 0, on the line up to there."""
    rows = max(_AT_ONCE // len(line.yaw_rad), 1)
    if len(xy_m) <= rows:
        return OnPath(*_project_some(line, xy_m, until_m))
    starts = range(0, max(len(xy_m), 1), rows)
    until = [None if until_m is None else until_m[i : i + rows] for i in starts]
    parts = [_project_some(line, xy_m[i : i + rows], end) for i, end in zip(starts, until, strict=True)]
    return OnPath(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _project_some(line: Polyline, xy_m: np.ndarray, until_m: np.ndarray | None) -> tuple[np.ndarray, ...]:
    length, (unit_x, unit_y) = line.length_m, line.unit
    dx, dy = (xy_m[:, i, None] - line.xy_m[:-1, i] for i in (0, 1))
    forward = dx * unit_x + dy * unit_y
    across = unit_x * dy - unit_y * dx
    left_m = None if until_m is None else until_m[:, None] - line.along_m[:-1]
    foot = np.clip(forward, 0.0, length if left_m is None else np.clip(left_m, 0.0, length))
    beyond = forward - foot
    distance2 = beyond * beyond + across * across
    if left_m is not None:
        distance2[~(left_m >= 0)] = np.inf
    nearest = np.argmin(distance2, axis=1)
    rows = np.arange(len(xy_m))
    misses = np.abs(beyond[rows, nearest])
    return line.along_m[nearest] + foot[rows, nearest], across[rows, nearest], line.yaw_rad[nearest], misses


def on_arc(xy_m: np.ndarray, curvature_per_m: np.ndarray) -> OnPath:
    """Points [n, 2] in the rig frame, on the circle of curvature [n] that leaves the origin along x.

    Straight where the curvature is tiny. More than a quarter turn away an arc says nothing: `misses` is infinite.
    """
    bent = np.abs(curvature_per_m) > 1e-4
    side = np.where(curvature_per_m < 0, -1.0, 1.0)
    radius = 1.0 / np.where(bent, np.abs(curvature_per_m), 1.0)
    x, y = xy_m[:, 0], xy_m[:, 1] * side
    angle = np.arctan2(x, radius - y)
    along = np.where(bent, radius * angle, x)
    offset = np.where(bent, radius - np.hypot(x, radius - y), y) * side
    yaw = np.where(bent, angle * side, 0.0)
    far = bent & (np.abs(angle) > np.pi / 2)
    return OnPath(along, offset, yaw, np.where(far, np.inf, 0.0))


def curvature_along(line: Polyline, spacing_m: float = 2.0, smooth_m: float = 8.0) -> tuple[np.ndarray, np.ndarray]:
    """(distance along, signed curvature 1/m) at even spacing: heading change over `smooth_m` of the line."""
    along = np.arange(0.0, line.along_m[-1], spacing_m)
    xy = np.stack([np.interp(along, line.along_m, line.xy_m[:, i]) for i in (0, 1)], axis=-1)
    half = max(round(smooth_m / spacing_m / 2), 1)
    curvature = np.zeros(len(along))
    if len(along) > 2 * half:
        chord = xy[half:] - xy[:-half]
        heading = np.arctan2(chord[:, 1], chord[:, 0])
        curvature[half:-half] = wrap_angle(heading[half:] - heading[:-half]) / (half * spacing_m)
    return along, curvature
