"""Movements sideways: out of the lane's middle and back, or over to another lane, as offsets along the route.

Knows stations and offsets. Does not know why anybody moves (`sideways`).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causeway.simulation.compiled import compiled

Array = NDArray[np.float64]

NUDGE, LANE_CHANGE, RETURN = "nudge", "lane_change", "return"


@dataclass(frozen=True)
class Shift:
    """Leave at `from_m`, full offset (+ left) between `full_m` and `back_m`, in the middle again at `to_m`.

    `kind`: `nudge`, `lane_change` or `return` (the end of a nudge past something that moves). `back_m` = `to_m` = inf:
    a movement without a way back: every change of lane and return, and nudges past what moves. `track_ids`: what is
    passed, nearest first; of a change of lane what it is for.
    """

    from_m: float
    full_m: float
    back_m: float
    to_m: float
    offset_m: float
    track_ids: tuple[str, ...] = ()
    kind: str = NUDGE


def rows_of(shifts: tuple[Shift, ...]) -> Array:
    """Shifts as an array [n, 5] for the compiled loops: stations from, full, back, to, and the offset."""
    rows = [(shift.from_m, shift.full_m, shift.back_m, shift.to_m, shift.offset_m) for shift in shifts]
    return np.array(rows, dtype=np.float64).reshape(-1, 5)


def offset_at(shifts: tuple[Shift, ...], s_m: ArrayLike) -> Array:
    """The wanted offset [...] from the route at stations [...], smooth to its second derivative."""
    s = np.asarray(s_m, dtype=np.float64)
    if not shifts:
        return np.zeros_like(s)
    return _offsets(rows_of(shifts), s.flatten()).reshape(s.shape)


def offset_here(shifts: tuple[Shift, ...], s_m: float) -> float:
    """`offset_at` one station."""
    return _offset(rows_of(shifts), s_m) if shifts else 0.0


def homing(rows: Array, stations_m: Array, station_m: float, lateral_m: float, over_m: float) -> Array:
    """The wanted offsets [n] at stations [n] of who is at `station_m` and `lateral_m` (+ left) beside the route.

    What it is off the wanted offset there fades along the way: by a factor e every `over_m`. `rows`: see `rows_of`.
    """
    out = np.empty(len(stations_m))
    _homing(rows, stations_m, station_m, lateral_m, over_m, out)
    return out


def lane_offset(shifts: tuple[Shift, ...]) -> float:
    """The middle of the lane that one is in, or has decided for, beside the route (+ left)."""
    return sum(shift.offset_m for shift in shifts if shift.kind == LANE_CHANGE)


def changes_lane(shifts: tuple[Shift, ...], s_m: float) -> bool:
    """Whether a change of lane is under way at a station, or decided."""
    return any(shift.kind == LANE_CHANGE and shift.full_m > s_m for shift in shifts)


@compiled
def smooth(share: float) -> float:
    """From 0 to 1 with neither speed nor acceleration at the ends; products only, which are the same everywhere."""
    x = min(max(share, 0.0), 1.0)
    return x * x * x * (10.0 - 15.0 * x + 6.0 * (x * x))


@compiled
def _offset(rows: Array, s: float) -> float:
    offset = 0.0
    for i in range(len(rows)):
        offset += rows[i, 4] * smooth((s - rows[i, 0]) / (rows[i, 1] - rows[i, 0]))
        if math.isfinite(rows[i, 2]):
            offset -= rows[i, 4] * smooth((s - rows[i, 2]) / (rows[i, 3] - rows[i, 2]))
    return offset


@compiled
def _offsets(rows: Array, s: Array) -> Array:
    out = np.empty(len(s))
    for k in range(len(s)):
        out[k] = _offset(rows, s[k])
    return out


@compiled
def _homing(rows: Array, s: Array, station: float, lateral: float, over: float, out: Array) -> None:
    off = lateral - _offset(rows, station)
    for k in range(len(s)):
        out[k] = _offset(rows, s[k]) + off * math.exp(-max(s[k] - station, 0.0) / over)
