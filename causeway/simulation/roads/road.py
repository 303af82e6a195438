"""Roads as data: paths, lanes, what is painted on or stands beside them, and signals with phases.

Knows geometry in the world frame (metres, radians) and where along a path something is. Does not know how a road is
laid out (`layout`), who drives on it or how it looks. A path's station `s` is metres along its points.
"""

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causeway.clips.geometry import wrap_angle
from causeway.simulation.roads import path_kernel

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Path:
    """A directed curve: points [n, 2], heading [n] (unwrapped), curvature [n] (+ left), station [n] (increasing)."""

    points: Array
    yaw_rad: Array
    curvature_per_m: Array
    s_m: Array

    @property
    def length_m(self) -> float:
        """Station of the last point."""
        return float(self.s_m[-1])

    def pose_at(self, s_m: ArrayLike, lateral_m: ArrayLike = 0.0) -> Array:
        """Poses [..., 3] at stations [...] and lateral offsets (+ left); straight on beyond the ends."""
        s, lateral = np.broadcast_arrays(np.asarray(s_m, dtype=np.float64), np.asarray(lateral_m, dtype=np.float64))
        poses = np.empty((s.size, 3))
        path_kernel.poses_at(self.points, self.yaw_rad, self.s_m, s.flatten(), lateral.flatten(), poses)
        return poses.reshape(*s.shape, 3)

    def project(self, xy: ArrayLike) -> Array:
        """(station, lateral offset + left) [..., 2] of points [..., 2]; clamped to the ends."""
        at = np.asarray(xy, dtype=np.float64)
        flat = np.array(at[..., :2].reshape(-1, 2), order="C")  # a copy: what is read-only would be compiled anew
        found = np.empty((len(flat), 2))
        path_kernel.project(self.points, self.yaw_rad, self.curvature_per_m, self.s_m, flat, found)
        return found.reshape(*at.shape[:-1], 2)

    def foot(self, x_m: float, y_m: float) -> tuple[float, float]:
        """(station, lateral offset + left) of one point, as `project`."""
        path = (self.points, self.yaw_rad, self.curvature_per_m, self.s_m)
        return path_kernel.foot(*path, 0, len(self.s_m), 1, x_m, y_m)[:2]

    def offset(self, lateral_m: float) -> "Path":
        """The parallel path `lateral_m` to the left (negative: right)."""
        normal = np.stack([-np.sin(self.yaw_rad), np.cos(self.yaw_rad)], axis=-1)
        return path_through(self.points + lateral_m * normal, self.yaw_rad)

    def piece(self, from_m: float, to_m: float) -> "Path":
        """The part between two stations, both ends exact; its own stations begin at 0."""
        inside = self.s_m[(self.s_m > from_m + 0.05) & (self.s_m < to_m - 0.05)]
        poses = self.pose_at(np.concatenate([[from_m], inside, [to_m]]))
        return path_through(poses[:, :2], poses[:, 2])

    def reversed(self) -> "Path":
        """The same curve in the other direction."""
        return path_through(self.points[::-1], self.yaw_rad[::-1] + np.pi)


def path_through(points: Array, yaw_rad: Array) -> Path:
    """A path through points [n, 2] with known headings [n]; stations are chord lengths."""
    steps = np.hypot(*np.diff(points, axis=0).T)
    s = np.concatenate([[0.0], np.cumsum(steps)])
    turn = wrap_angle(np.diff(yaw_rad))
    yaw = np.concatenate([[float(wrap_angle(yaw_rad[0]))], float(wrap_angle(yaw_rad[0])) + np.cumsum(turn)])
    curvature = np.gradient(yaw, s) if len(s) > 2 else np.zeros(len(s))
    return Path(np.ascontiguousarray(points), yaw, curvature, s)


def path_from_curvature(pieces: list[tuple[float, float]], ramp_m: float = 16.0, step_m: float = 1.0) -> Path:
    """A path from (length m, curvature 1/m) pieces, beginning at the origin along x.

    Curvature changes linearly over about `ramp_m`, so that a vehicle on it never has to jerk its wheel.
    """
    fine = 0.25
    raw = np.concatenate([np.full(round(length / fine), curvature) for length, curvature in pieces])
    width = max(round(ramp_m / fine), 1)
    padded = np.pad(raw, (width // 2, width - 1 - width // 2), mode="edge")
    curvature = np.convolve(padded, np.full(width, 1 / width), mode="valid")
    yaw = np.concatenate([[0.0], np.cumsum(curvature * fine)])
    middle = (yaw[1:] + yaw[:-1]) / 2
    x = np.concatenate([[0.0], np.cumsum(np.cos(middle) * fine)])
    y = np.concatenate([[0.0], np.cumsum(np.sin(middle) * fine)])
    keep = slice(None, None, round(step_m / fine))
    station = np.arange(len(x), dtype=np.float64) * fine
    points, curvature = np.stack([x, y], axis=-1), np.append(curvature, curvature[-1])
    return Path(*(column[keep].copy() for column in (points, yaw, curvature, station)))


@dataclass(frozen=True, eq=False)
class Lane:
    """One lane: its centre line in driving direction; `width_m` across."""

    lane_id: str
    centre: Path
    width_m: float
    successors: tuple[str, ...] = ()
    kind: str = "drive"

    @property
    def left(self) -> Array:
        """Left boundary [n, 2]."""
        return self.centre.offset(self.width_m / 2).points

    @property
    def right(self) -> Array:
        """Right boundary [n, 2]."""
        return self.centre.offset(-self.width_m / 2).points


@dataclass(frozen=True, eq=False)
class Element:
    """A road element of the map: `stop_line`, `crosswalk`, `bump`, `sign` or `cone`, as points [n, 2]."""

    element_id: str
    kind: str
    shape: Array
    lane_ids: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Signal:
    """A traffic light. `lane_ids`: the lanes that END at its stop line. Phases: (from when in µs, state), in order."""

    signal_id: str
    lane_ids: tuple[str, ...]
    position: tuple[float, float, float]  # of its middle, world frame
    facing_rad: float  # heading of the traffic that reads it
    stop_line: Array  # [2, 2] world frame
    phases: tuple[tuple[int, str], ...]

    def state_at(self, t_us: int) -> str:
        """The state shown at a time."""
        return self.phases[self._phase_at(t_us)][1]

    def since_us(self, t_us: int) -> int:
        """When the state shown at a time began."""
        return self.phases[self._phase_at(t_us)][0]

    def _phase_at(self, t_us: int) -> int:
        return max(bisect_right(self._starts_us, t_us) - 1, 0)

    @cached_property
    def _starts_us(self) -> list[int]:
        return [start_us for start_us, _ in self.phases]


@dataclass(frozen=True, eq=False)
class Paint:
    """A painted line or area: a path, a width and a dash pattern (`dash_m` 0 = unbroken)."""

    path: Path
    width_m: float
    colour: str = "white"  # white, yellow
    dash_m: float = 0.0
    gap_m: float = 0.0


@dataclass(frozen=True, eq=False)
class Road:
    """Everything that does not move. `surfaces`: drivable strips (path, metres to its left, metres to its right)."""

    lanes: tuple[Lane, ...]
    surfaces: tuple[tuple[Path, float, float], ...]
    elements: tuple[Element, ...] = ()
    signals: tuple[Signal, ...] = ()
    paint: tuple[Paint, ...] = ()

    def lane(self, lane_id: str) -> Lane:
        """The lane of that id. KeyError when there is none."""
        return {lane.lane_id: lane for lane in self.lanes}[lane_id]

    def on_surface(self, xy: Array) -> NDArray[np.bool_]:
        """Which points [n, 2] lie on a drivable strip."""
        inside = np.zeros(len(xy), dtype=bool)
        for path, left_m, right_m in self.surfaces:
            station, lateral = path.project(xy).T
            inside |= (lateral <= left_m) & (lateral >= -right_m) & (station > 0.0) & (station < path.length_m)
        return inside
