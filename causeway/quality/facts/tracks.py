"""Facts of tracked objects, one row an object of a clip: class, size, speed, and how steadily it moves.

Knows the track rows of one clip. Does not know bounds other than those of `track_classes`. All objects of a clip are
computed at once; the order of rows is that of `track_names`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from causeway.clips.geometry import TICK_US, Array
from causeway.quality.track_classes import TRACK_CLASSES

_NEIGHBOURS_US = TICK_US * 3 // 2  # rows farther apart are no neighbours: the object was not seen between
_SIZES = ("length_m", "width_m", "height_m")
_NUMBERS = ("x_m", "y_m", "z_m", "yaw_rad", "vx_mps", "vy_mps")

TRACK_SCHEMA = pa.schema(
    [
        *[(name, pa.string()) for name in ("subject", "clip_id", "type", "types", "size", "speed")],
        ("item", pa.int64()),
        *[(name, pa.bool_()) for name in ("type_stays", "finite", "rows_once", "in_clip", "size_fits")],
        *[
            (name, pa.float64())
            for name in ("speed_excess_mps", "jump_m", "jitter_m", "velocity_error_mps", "known_after_s", "farthest_m")
        ],
    ]
)


def track_names(tracks: pa.Table) -> tuple[list[str], NDArray[np.int64]]:
    """Names of the objects in a clip's rows, and for each row the number of its object."""
    names = tracks.column("track_id").to_numpy(zero_copy_only=False).astype(str)
    found, numbers = np.unique(names, return_inverse=True)
    return found.tolist(), numbers.astype(np.int64)


def track_facts(clip: Mapping[str, Any], tracks: pa.Table, ego_xy_m: Array) -> dict[str, Any]:
    """Columns of `TRACK_SCHEMA` for the objects of a clip; `ego_xy_m` [n, 2] is the ego's path in the clip frame."""
    names, of_row = track_names(tracks)
    if not names:
        return {name: [] for name in TRACK_SCHEMA.names}
    column = {n: tracks.column(n).to_numpy(zero_copy_only=False) for n in tracks.column_names}
    order = np.lexsort([column["t_us"], of_row])
    column = {n: values[order] for n, values in column.items()}
    number = of_row[order]
    count = len(names)
    finite = _all(np.isfinite([column[n].astype(float) for n in _NUMBERS]).all(axis=0), number, count)
    facts = {
        "subject": [f"{clip['clip_id']} {name}" for name in names],
        "clip_id": [clip["clip_id"]] * count,
        "item": list(range(count)),
        "finite": finite.tolist(),
        "in_clip": _all(_in_clip(column["t_us"], clip), number, count).tolist(),
    }
    with np.errstate(all="ignore"):  # what is not finite is told by `finite` and null in the rest
        motion = _motion(column, number, count)
        facts |= _classes(column, number, count, motion.pop("fast_mps")) | _known(column, number, count)
        facts |= {"farthest_m": _farthest(column, number, count, ego_xy_m)}
    return facts | {name: _plain(values, finite) for name, values in motion.items()}


def _all(flags: Any, number: NDArray, count: int) -> np.ndarray:
    return np.bincount(number[~flags], minlength=count) == 0


def _in_clip(t_us: NDArray, clip: Mapping) -> np.ndarray:
    on_tick = (t_us - clip["start_us"]) % TICK_US == 0
    return on_tick & (t_us >= clip["start_us"]) & (t_us <= clip["end_us"])


def _plain(values: Array, finite: np.ndarray | None = None) -> list[float | None]:
    """Numbers with None for what is not finite."""
    good = np.isfinite(values) if finite is None else np.isfinite(values) & finite
    return [float(v) if ok else None for v, ok in zip(values, good, strict=True)]


def _known(column: dict, number: NDArray, count: int) -> dict[str, list]:
    """How long after its tick the slowest row was known; whether each tick has one row."""
    late = np.zeros(count)
    np.maximum.at(late, number, (column["observed_us"].astype(float) - column["t_us"]) * 1e-6)
    twice = np.append(False, (np.diff(number) == 0) & (np.diff(column["t_us"]) == 0))
    return {"known_after_s": _plain(late), "rows_once": _all(~twice, number, count).tolist()}


def _farthest(column: dict, number: NDArray, count: int, ego_xy_m: Array) -> list[float | None]:
    """Distance of the farthest row from the middle of the ego's path."""
    middle = np.nanmean(ego_xy_m, axis=0) if len(ego_xy_m) else np.zeros(2)
    far = np.zeros(count)
    np.maximum.at(far, number, np.hypot(column["x_m"] - middle[0], column["y_m"] - middle[1]))
    return _plain(far)


def _classes(column: dict, number: NDArray, count: int, fast_mps: Array) -> dict[str, list]:
    """Type, and whether size and speed are those of the type; the words say what was found and what can be."""
    first = np.searchsorted(number, np.arange(count))
    stays = _all(column["type"] == column["type"][first[number]], number, count)
    foreign = np.array([t not in TRACK_CLASSES for t in column["type"]])
    types = [None if t is None else str(t) for t in column["type"][_first_bad(foreign, number, first)]]
    sizes = _sizes(column, number, first, types)
    limits = [TRACK_CLASSES[t].fastest_mps if t in TRACK_CLASSES else np.inf for t in types]
    excess = np.maximum(np.nan_to_num(fast_mps) - limits, 0.0)
    return {
        "type": types,
        "type_stays": stays.tolist(),
        "types": [t if ok else f"{t} and others" for t, ok in zip(types, stays, strict=True)],
        "size_fits": [fits for fits, _ in sizes],
        "size": [said for _, said in sizes],
        "speed_excess_mps": excess.tolist(),
        "speed": [f"{t} at {v:.1f} m/s" for t, v in zip(types, np.nan_to_num(fast_mps).tolist(), strict=True)],
    }


def _first_bad(bad: np.ndarray, number: NDArray, first: NDArray) -> NDArray[np.int64]:
    """For each object its first row that is bad, or its first row when none is."""
    found = first.copy()
    rows = np.flatnonzero(bad)[::-1]
    found[number[rows]] = rows  # the last written is the first row
    return found


def _sizes(column: dict, number: NDArray, first: NDArray, types: list[str | None]) -> list[tuple[bool, str]]:
    """`_size_of` the row of each object that does not fit its class; where all do, of its first."""
    bad = np.zeros(len(number), dtype=bool)
    bounds = [TRACK_CLASSES.get(t or "") for t in types]
    for name in _SIZES:
        limits = [getattr(b, name) if b else (-np.inf, np.inf) for b in bounds]
        low, high = np.array(limits)[number].T
        size_m = column[name].astype(float)
        bad |= (size_m < low) | (size_m > high)
    return [_size_of(types[i], [column[n][row] for n in _SIZES])
            for i, row in enumerate(_first_bad(bad, number, first))]  # fmt: skip


def _size_of(kind: str | None, size_m: list[float]) -> tuple[bool, str]:
    """Whether length, width and height (None or NaN = not known) are possible, and what they are in words."""
    said = f"{kind} {' × '.join('?' if v is None or np.isnan(v) else f'{v:.2f}' for v in size_m)} m"
    bounds = TRACK_CLASSES.get(kind or "")
    if bounds is None:
        return True, said
    limits = (bounds.length_m, bounds.width_m, bounds.height_m)
    said += f", can be {' × '.join(f'{low:g}…{high:g}' for low, high in limits)} m"
    pairs = [(v, limit) for v, limit in zip(size_m, limits, strict=True) if v is not None and not np.isnan(v)]
    return all(low <= v <= high for v, (low, high) in pairs), said


def _motion(column: dict, number: NDArray, count: int) -> dict[str, Array]:
    """Per object: fast_mps (95th percentile), largest and median second difference of place, error of velocity."""
    t_us, xy = column["t_us"], np.stack([column["x_m"], column["y_m"]], axis=-1)
    velocity = np.stack([column["vx_mps"], column["vy_mps"]], axis=-1)
    dt_us = np.diff(t_us)
    near = (np.diff(number) == 0) & (dt_us > 0) & (dt_us <= _NEIGHBOURS_US)
    dt_s = np.where(near, dt_us, TICK_US)[:, None] * 1e-6
    step = np.where(near[:, None], np.diff(xy, axis=0), np.nan)
    bend = np.where((near[1:] & near[:-1])[:, None], np.diff(step, axis=0), np.nan)
    bend_m = np.append(np.append(np.nan, np.hypot(*bend.T)), np.nan)[: len(number)]
    step_mps = np.append(np.hypot(*(step / dt_s).T), np.nan)
    told = (velocity[1:] + velocity[:-1]) / 2
    error = np.append(np.hypot(*(step / dt_s - told).T), np.nan)
    return {
        "fast_mps": np.fmax(_of_each(step_mps, number, count, 95), _of_each(np.hypot(*velocity.T), number, count, 95)),
        "jump_m": _of_each(bend_m, number, count, 100),
        "jitter_m": _of_each(bend_m, number, count, 50),
        "velocity_error_mps": _of_each(error, number, count, 50),
    }


def _of_each(values: Array, number: NDArray, count: int, percent: float) -> Array:
    """The percentile (nearest, rounded up) of each object's finite values; NaN where it has none."""
    known = np.flatnonzero(np.isfinite(values))
    ordered = known[np.lexsort([values[known], number[known]])]
    start = np.searchsorted(number[ordered], np.arange(count))
    size = np.bincount(number[ordered], minlength=count)
    place = start + np.maximum(np.ceil(size * percent / 100).astype(np.int64) - 1, 0)
    out = np.full(count, np.nan)
    some = size > 0
    out[some] = values[ordered][place[some]]
    return out
