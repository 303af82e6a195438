"""Ego motion on 0.1 s ticks from raw poses: resampled, with derived values that look back only.

Knows numerics. Does not know clips or files. Source of the 10 Hz tick: arXiv 2511.00088, section 3 (waypoints and
history at 10 Hz). Every value at a tick uses raw samples up to `observed_us` of that tick and none later.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causeway.clips.geometry import TICK_US, Array, interpolate_se3, rotate, yaw_from_quaternion
from causeway.clips.types import RawEgo

# Between two poses, or two sightings of an object, farther apart nothing is known: no ticks there. What comes twice a
# second is still joined.
MAX_GAP_US = 600_000
_ACCEL_TICKS = 3
_MOVING_MPS = 0.5  # below, curvature = yaw rate / speed explodes; held at 0


@dataclass(frozen=True)
class TickMotion:
    """Poses in the world frame of the raw poses and derived values, one row a tick (n rows).

    Ticks are 0.1 s apart but where the raw poses have a gap: there the next tick is the first one behind it.
    """

    t_us: NDArray[np.int64]
    xyz_m: Array
    wxyz: Array
    speed_mps: Array
    speed_source: str
    accel_mps2: Array
    yaw_rate_radps: Array
    curvature_per_m: Array
    observed_us: NDArray[np.int64]
    derived_speed_mps: Array  # from the poses, also where speed_mps is measured, so that the two can be compared


def resample(ego: RawEgo) -> TickMotion:
    """Ticks at whole tenths of a second from the first raw pose on, none inside a gap of the poses.

    speed: measured and interpolated, else the displacement along the heading since the tick before. Yaw rate:
    backward difference; acceleration: over the last 0.3 s, because pose noise of 1 cm is 1 m/s² over 0.1 s. The
    first tick of a piece has no tick before it: it takes the second one's values and its `observed_us`. A piece of
    fewer than two ticks has no motion and gives none (`too_short`).
    """
    found = [_piece(_rows(ego, low, high), ticks) for low, high, ticks in _pieces(ego.t_us) if len(ticks) > 1]
    if not found:
        found = [_piece(ego, ego.t_us[:0])]
    names = [name for name in TickMotion.__dataclass_fields__ if name != "speed_source"]
    joined = {name: np.concatenate([getattr(piece, name) for piece in found]) for name in names}
    return TickMotion(**joined, speed_source=found[0].speed_source)


def too_short(ego: RawEgo) -> list[tuple[int, int]]:
    """(first, stop) raw rows of pieces between gaps that hold fewer than two ticks."""
    return [(low, high) for low, high, ticks in _pieces(ego.t_us) if len(ticks) < 2]


def _pieces(t_us: NDArray[np.int64]) -> list[tuple[int, int, NDArray[np.int64]]]:
    """(first row, stop row, ticks) between gaps. One grid for the whole drive, so that ticks stay comparable."""
    edges = np.flatnonzero(np.diff(t_us) > MAX_GAP_US) + 1
    found = []
    for low, high in zip([0, *edges.tolist()], [*edges.tolist(), len(t_us)], strict=True):
        first = int(t_us[0]) - (int(t_us[0]) - int(t_us[low])) // TICK_US * TICK_US
        found.append((low, high, np.arange(first, t_us[high - 1] + 1, TICK_US, dtype=np.int64)))
    return found


def _rows(ego: RawEgo, low: int, high: int) -> RawEgo:
    speed = None if ego.speed_mps is None else ego.speed_mps[low:high]
    return RawEgo(ego.t_us[low:high], ego.xyz_m[low:high], ego.wxyz[low:high], speed)


def _piece(ego: RawEgo, t_us: NDArray[np.int64]) -> TickMotion:
    """Ticks of poses without a gap."""
    xyz, wxyz = interpolate_se3(t_us, ego.t_us, ego.xyz_m, ego.wxyz)
    observed = ego.t_us[np.clip(np.searchsorted(ego.t_us, t_us, side="left"), 0, len(ego.t_us) - 1)]
    derived = _speed_from_poses(xyz, wxyz)
    measured = None if ego.speed_mps is None else np.interp(t_us, ego.t_us, ego.speed_mps)
    speed = derived if measured is None else measured
    yaw_rate = _backward(np.unwrap(yaw_from_quaternion(wxyz)))
    moving = np.abs(speed) >= _MOVING_MPS
    curvature = np.where(moving, yaw_rate / np.where(moving, speed, 1.0), 0.0)
    if len(observed) > 1:
        observed = observed.copy()
        observed[0] = observed[1]
    source = "derived" if measured is None else "measured"
    accel = _backward(speed, _ACCEL_TICKS)
    return TickMotion(t_us, xyz, wxyz, speed, source, accel, yaw_rate, curvature, observed, derived)


def _backward(values: Array, ticks: int = 1) -> Array:
    """Rate of change per second over the last `ticks` ticks, fewer at the start; the first takes the second's."""
    n = len(values)
    if n < 2:
        return np.zeros(n)
    now = np.arange(1, n)
    before = np.maximum(now - ticks, 0)
    rates = (values[now] - values[before]) / ((now - before) * TICK_US * 1e-6)
    return np.concatenate([rates[:1], rates])


def _speed_from_poses(xyz: Array, wxyz: Array) -> Array:
    """Signed speed: displacement since the tick before, along the heading halfway (so a turn is not shortened)."""
    if len(xyz) < 2:
        return np.zeros(len(xyz))
    steps = np.diff(xyz, axis=0)
    ahead = rotate(wxyz, np.broadcast_to([1.0, 0.0, 0.0], xyz.shape))
    halfway = ahead[1:] + ahead[:-1]
    signed = np.where(np.sum(steps * halfway, axis=1) < 0, -1.0, 1.0)
    speed = signed * np.linalg.norm(steps, axis=1) / (TICK_US * 1e-6)
    return np.concatenate([speed[:1], speed])


def track_velocity(t_us: NDArray[np.int64], x_m: Array, y_m: Array, group: NDArray) -> tuple[Array, Array]:
    """Backward-difference velocities of tracks in m/s; rows sorted by (group, t_us); a first row takes the second's.

    A track seen once gets zero. Returns (vx [n], vy [n]).
    """
    n = len(t_us)
    same = np.zeros(n, dtype=bool)
    same[1:] = group[1:] == group[:-1]
    dt_s = np.where(same, np.diff(t_us, prepend=t_us[:1]), 1) * 1e-6
    out = []
    for values in (x_m, y_m):
        rate = np.where(same, np.diff(values, prepend=values[:1]) / np.where(dt_s > 0, dt_s, 1.0), np.nan)
        following = np.append(rate[1:], np.nan)
        has_next = np.append(same[1:], False)
        rate = np.where(same, rate, np.where(has_next, following, 0.0))
        out.append(rate)
    return out[0], out[1]
