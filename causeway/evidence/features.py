"""The feature views of a drive: for each tick what could be known by then, and when that was.

A row uses rows of its own tick and earlier ones only. Its event time is the tick, or the `observed_us` of the ego's
pose where that is later; of everybody else it has what was known at the tick. So a join by event time cannot see a
value that was interpolated from the future, nor that somebody was not seen again.
Does not know moments or the feature store.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from causeway.clips.geometry import TICK_US
from causeway.clips.surroundings.scene import Scene
from causeway.evidence.columns import Columns, clip_columns
from causeway.evidence.views import TTL_US, UTC, VIEWS, view_schema

_DIGITS = 6  # rounding that makes the last bits of different machines equal
_SINCE = {  # the column that says since when, and what must stay the same for it
    "lead": ("lead_since_us", ("lead_track_id",)),
    "contenders": ("cut_in_since_us", ("cut_in_track_id",)),
    "oncoming": ("oncoming_since_us", ("oncoming_track_id",)),
    "obstacle": ("obstacle_since_us", ("obstacle_track_id",)),
    "crossing": ("crossing_since_us", ("crossing_track_id",)),
    "signals": ("signal_since_us", ("signal_id", "signal_state")),
}


def drive_views(scenes: Sequence[Scene]) -> dict[str, pa.Table]:
    """{view: table in the columns of `view_schema`} of a drive's clips in time order, by clip and event time.

    A view that a clip cannot give (no tracks, map or signals) has no rows for it. For logs a row is created when
    it becomes known; corrections are further rows with a later `created`. A clip also has the rows of the drive's
    2 s before it, so that all a moment may be joined with stands under the moment's own clip.
    """
    parts = [clip_columns(scene) for scene in scenes]
    starts = [(scene.clip_id, int(scene.ego.t_us[0])) for scene in scenes]
    return {view: _by_clip(_view_table(view, [p[view] for p in parts if view in p]), starts) for view in VIEWS}


def _view_table(view: str, parts: list[Columns]) -> pa.Table:
    """All rows of a drive by event time, without clip_id."""
    schema = view_schema(view).remove(0)
    if not parts:
        return schema.empty_table()
    columns = {name: [value for part in parts for value in part[name]] for name in parts[0]}
    if view in _SINCE:
        since_us, named = _SINCE[view]
        columns[since_us] = since(columns["tick_us"], list(zip(*(columns[name] for name in named), strict=True)))
    event_us = np.maximum.accumulate(np.array(columns["event_us"], dtype=np.int64))
    last = np.append(event_us[1:] != event_us[:-1], True)  # of ticks known at the same time the latest counts
    times = pa.array(event_us[last], pa.int64())
    arrays = {name: times.cast(UTC) for name in ("event_timestamp", "created")}
    arrays |= dict.fromkeys((f"{view}_event_us", f"{view}_created_us"), times)
    for name in VIEWS[view]:
        values = [v for v, keep in zip(columns[name], last, strict=True) if keep]
        arrays[name] = _array(values, schema.field(name).type)
    return pa.table(arrays, schema=schema)


def _by_clip(rows: pa.Table, starts: Sequence[tuple[str, int]]) -> pa.Table:
    """The rows under each clip that may ask for them: from 2 s before its first tick to the next clip's first tick."""
    event_us = rows.column("event_timestamp").cast(pa.int64()).to_numpy()
    ends = [start_us for _, start_us in starts[1:]]
    parts = []
    for (clip_id, start_us), end_us in zip(starts, [*ends, None], strict=True):
        low = int(np.searchsorted(event_us, start_us - TTL_US))
        high = len(event_us) if end_us is None else int(np.searchsorted(event_us, end_us))
        ids = pa.array([clip_id] * (high - low), pa.string())
        parts.append(rows.slice(low, high - low).add_column(0, "clip_id", ids))
    return pa.concat_tables(parts)


def _array(values: list, kind: pa.DataType) -> pa.Array:
    if pa.types.is_floating(kind):
        numbers = np.array([np.nan if v is None else v for v in values], dtype=np.float64)
        return pa.array(np.round(numbers, _DIGITS) + 0.0, kind, mask=~np.isfinite(numbers))
    return pa.array([None if v is None else (str(v) if pa.types.is_string(kind) else v) for v in values], kind)


def since(tick_us: Sequence[int], identity: Sequence[tuple]) -> list[int | None]:
    """For each tick the first tick of the unbroken stretch with the same identity; None where its id is None."""
    result: list[int | None] = []
    for i, (t_us, who) in enumerate(zip(tick_us, identity, strict=True)):
        if who[0] is None:
            result.append(None)
        elif i and who == identity[i - 1] and t_us - tick_us[i - 1] <= TICK_US * 3 // 2:
            result.append(result[-1])
        else:
            result.append(int(t_us))
    return result
