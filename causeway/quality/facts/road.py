"""Facts of what lies still: lanes, road elements, lights and the route of one clip, one row for each row of a table.

Knows points in nested lists, read without a loop. Does not know bounds. Rows stand in the order of the table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from causeway.clips.geometry import Array

_TEXTS, _FLAGS = ("subject", "clip_id"), ("once", "finite")
SHAPE_SCHEMA = pa.schema(
    [
        *[(name, pa.string()) for name in (*_TEXTS, "kind")],
        ("item", pa.int64()),
        *[(name, pa.bool_()) for name in _FLAGS],
        *[(name, pa.float64()) for name in ("points", "length_m", "longest_step_m", "width_m")],
    ]
)
SIGNAL_SCHEMA = pa.schema(
    [
        *[(name, pa.string()) for name in (*_TEXTS, "state")],
        ("item", pa.int64()),
        *[(name, pa.bool_()) for name in ("once", "in_clip")],
    ]
)


@dataclass(frozen=True, eq=False)
class _Lines:
    """Points of many lines in a row: line i is xy_m[start[i] : start[i + 1]]."""

    xy_m: Array
    start: NDArray[np.int64]

    @property
    def points(self) -> NDArray[np.int64]:
        return np.diff(self.start)


def lane_facts(lanes: pa.Table) -> dict[str, Any]:
    """Columns of `SHAPE_SCHEMA` for rows of `lanes.parquet`."""
    left, right = _lines(lanes.column("left")), _lines(lanes.column("right"))
    facts = _shape_facts(lanes, "lane_id", _lines(lanes.column("centre")))
    facts["finite"] = (facts["finite"] & _finite(left) & _finite(right)).tolist()
    return facts | {"kind": lanes.column("kind").to_pylist(), "width_m": _widths(left, right)}


def element_facts(elements: pa.Table) -> dict[str, Any]:
    """Columns of `SHAPE_SCHEMA` for rows of `road_elements.parquet`."""
    facts = _shape_facts(elements, "element_id", _lines(elements.column("shape")))
    return facts | {"kind": elements.column("kind").to_pylist()}


def route_facts(route: pa.Table) -> dict[str, Any]:
    """Columns of `SHAPE_SCHEMA` for rows of `route.parquet`."""
    return _shape_facts(route, "clip_id", _lines(route.column("points")))


def signal_facts(clip: Mapping[str, Any], signals: pa.Table) -> dict[str, Any]:
    """Columns of `SIGNAL_SCHEMA` for rows of `signals.parquet` of one clip."""
    t_us = signals.column("t_us").to_numpy()
    names = signals.column("signal_id").to_pylist()
    keys = list(zip(names, t_us.tolist(), strict=True))
    return {
        "subject": [f"{clip['clip_id']} {name} at {_seconds(t, clip['start_us'])}" for name, t in keys],
        "clip_id": [clip["clip_id"]] * len(keys),
        "item": list(range(len(keys))),
        "once": first_ones(keys),
        "state": signals.column("state").to_pylist(),
        "in_clip": ((t_us >= clip["start_us"]) & (t_us <= clip["end_us"])).tolist(),
    }


def first_ones(keys: Sequence) -> list[bool]:
    """True for the first of equal keys."""
    seen: set = set()
    return [not (key in seen or seen.add(key)) for key in keys]  # type: ignore[func-returns-value]


def _seconds(t_us: int, start_us: int) -> str:
    return f"{(t_us - start_us) / 1e6:.1f} s"


def _shape_facts(rows: pa.Table, key: str, lines: _Lines) -> dict[str, Any]:
    names = [str(name) for name in rows.column(key).to_pylist()]
    clip_ids = rows.column("clip_id").to_pylist()
    step = np.hypot(*np.diff(lines.xy_m, axis=0).T)
    inside = _inside(lines)
    return {
        "subject": [c if c == n else f"{c} {n}" for c, n in zip(clip_ids, names, strict=True)],
        "clip_id": clip_ids,
        "item": list(range(len(names))),
        "once": first_ones(names),
        "points": lines.points.astype(float).tolist(),
        "finite": _finite(lines),
        "length_m": _nulls(_each(np.where(inside, step, 0.0), lines.start, np.add, 0.0)),
        "longest_step_m": _nulls(_each(np.where(inside, step, 0.0), lines.start, np.maximum, 0.0)),
    }


def _finite(lines: _Lines) -> np.ndarray:
    """For each line: are all its points?"""
    return _each(np.isfinite(lines.xy_m).all(axis=1), lines.start, np.logical_and, True)


def _inside(lines: _Lines) -> np.ndarray:
    """For each step between points in a row: do both belong to one line?"""
    line = np.repeat(np.arange(len(lines.points)), lines.points)
    return line[1:] == line[:-1]


def _each(values: Any, start: NDArray[np.int64], ufunc: np.ufunc, empty: Any) -> np.ndarray:
    """`ufunc` over the values of each line; `empty` for a line without points. Step i leads away from point i."""
    out = np.full(len(start) - 1, empty)
    some = np.flatnonzero((np.diff(start) > 0) & (start[:-1] < len(values)))
    if len(some):
        ends = np.append(start[some][1:], len(values))
        out[some] = [ufunc.reduce(values[a:b]) for a, b in zip(start[some], ends, strict=True)]
    return out


def _nulls(values: Array) -> list[float | None]:
    return [float(v) if np.isfinite(v) else None for v in values]


def _lines(column: pa.ChunkedArray) -> _Lines:
    """Nested lists [[x, y, …], …] as flat points; a point with fewer than two numbers is NaN."""
    rows = column.combine_chunks()
    rows = rows if isinstance(rows, pa.ListArray) else pa.concat_arrays(rows.chunks)
    counts = _lengths(rows)
    points = rows.flatten()
    sizes = _lengths(points)
    numbers = points.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
    first = np.concatenate([[0], np.cumsum(sizes)])[:-1]
    xy = np.full((len(sizes), 2), np.nan)
    whole = sizes >= 2
    for axis in (0, 1):
        xy[whole, axis] = numbers[first[whole] + axis]
    return _Lines(xy, np.concatenate([[0], np.cumsum(counts)]))


def _lengths(lists: pa.ListArray) -> NDArray[np.int64]:
    lengths = lists.value_lengths().fill_null(0)
    return lengths.to_numpy(zero_copy_only=False).astype(np.int64)


def _widths(left: _Lines, right: _Lines) -> list[float | None]:
    """Mean distance of the edges at both ends; None where an edge is missing."""
    known = np.flatnonzero((left.points > 0) & (right.points > 0))
    widths: list[float | None] = [None] * len(left.points)
    if len(known):
        ends = []
        for place in (lambda lines: lines.start[known], lambda lines: lines.start[known + 1] - 1):
            ends.append(np.hypot(*(left.xy_m[place(left)] - right.xy_m[place(right)]).T))
        for row, width in zip(known, np.mean(ends, axis=0), strict=True):
            widths[row] = float(width) if np.isfinite(width) else None
    return widths
