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
from causeway.clips.surroundings.agents import Against, against_path, is_crossing, is_lead, is_obstacle, nearest_of_tick
from causeway.clips.surroundings.road import guide, lane_columns, signal_columns
from causeway.clips.surroundings.scene import Scene
from causeway.evidence.views import UTC, VIEWS, view_schema

_DIGITS = 6  # rounding that makes the last bits of different machines equal
_IDENTITY = {
    "lead": ("lead_track_id",),
    "obstacle": ("obstacle_track_id",),
    "crossing": ("crossing_track_id",),
    "signals": ("signal_id", "signal_state"),
}
_SINCE = {"signals": "signal_since_us"}
_NEEDS = {"lead": "has_tracks", "obstacle": "has_tracks", "crossing": "has_tracks"}
_NEEDS |= {"signals": "has_signals", "lanes": "has_map"}

Columns = dict[str, list]


def drive_views(drive_id: str, scenes: Sequence[Scene]) -> dict[str, pa.Table]:
    """{view: table in the columns of `view_schema`} of a drive's clips in time order.

    A view that a clip cannot give (no tracks, map or signals) has no rows for it. For logs a row is created when
    it becomes known; corrections are further rows with a later `created`.
    """
    parts = [_clip_columns(scene) for scene in scenes]
    return {view: _view_table(view, drive_id, [p[view] for p in parts if view in p]) for view in VIEWS}


def _clip_columns(scene: Scene) -> dict[str, Columns]:
    """{view: columns with tick_us and event_us} of one clip; `…_since_us` is still missing."""
    known_us = np.maximum(scene.ego.t_us, scene.ego.observed_us)
    with np.errstate(all="ignore"):  # what comes after a moment may be garbage; it only spoils its own rows
        path = guide(scene)
        rows = against_path(scene, path)
        views = {
            "ego_state": _ego_columns(scene),
            "lead": _lead_columns(scene, rows),
            "obstacle": _obstacle_columns(scene, rows),
            "crossing": _crossing_columns(scene, rows),
            "signals": signal_columns(scene, path),
            "lanes": lane_columns(scene, path),
        }
    for columns in views.values():
        columns["tick_us"] = scene.ego.t_us.tolist()
        columns["event_us"] = known_us.tolist()
    return {view: c for view, c in views.items() if view not in _NEEDS or getattr(scene, _NEEDS[view])}


def _ego_columns(scene: Scene) -> Columns:
    ego, count = scene.ego, len(scene.ego.t_us)
    return {
        "ego_speed_mps": ego.speed_mps.tolist(),
        "ego_accel_mps2": ego.accel_mps2.tolist(),
        "ego_yaw_rate_radps": ego.yaw_rate_radps.tolist(),
        "ego_curvature_per_m": ego.curvature_per_m.tolist(),
        "has_tracks": [scene.has_tracks] * count,
        "has_map": [scene.has_map] * count,
        "has_signals": [scene.has_signals] * count,
    }


def _lead_columns(scene: Scene, rows: Against) -> Columns:
    chosen = nearest_of_tick(scene, rows, is_lead(scene, rows))
    return {
        "lead_track_id": _pick(scene.tracks.track_id, chosen),
        "lead_type": _pick(scene.tracks.type, chosen),
        "lead_distance_m": _pick(np.maximum(rows.gap_m, 0.0), chosen),
        "lead_speed_mps": _pick(rows.along_mps, chosen),
        "lead_accel_mps2": _pick(rows.accel_mps2, chosen),
    }


def _obstacle_columns(scene: Scene, rows: Against) -> Columns:
    chosen = nearest_of_tick(scene, rows, is_obstacle(scene, rows))
    return {
        "obstacle_track_id": _pick(scene.tracks.track_id, chosen),
        "obstacle_type": _pick(scene.tracks.type, chosen),
        "obstacle_distance_m": _pick(np.maximum(rows.gap_m, 0.0), chosen),
        "obstacle_lateral_m": _pick(rows.offset_m, chosen),
        "obstacle_clearance_m": _pick(rows.clearance_m, chosen),
    }


def _crossing_columns(scene: Scene, rows: Against) -> Columns:
    chosen = nearest_of_tick(scene, rows, is_crossing(scene, rows))
    return {
        "crossing_track_id": _pick(scene.tracks.track_id, chosen),
        "crossing_type": _pick(scene.tracks.type, chosen),
        "crossing_distance_m": _pick(np.maximum(rows.gap_m, 0.0), chosen),
        "crossing_lateral_m": _pick(rows.offset_m, chosen),
        "crossing_speed_mps": _pick(rows.speed_mps, chosen),
    }


def _pick(values: np.ndarray, rows: np.ndarray) -> list:
    return [None if r < 0 else values[r] for r in rows]


def _view_table(view: str, drive_id: str, parts: list[Columns]) -> pa.Table:
    schema = view_schema(view)
    if not parts:
        return schema.empty_table()
    columns = {name: [value for part in parts for value in part[name]] for name in parts[0]}
    if view in _IDENTITY:
        identity = list(zip(*(columns[name] for name in _IDENTITY[view]), strict=True))
        columns[_SINCE.get(view, f"{view}_since_us")] = since(columns["tick_us"], identity)
    event_us = np.maximum.accumulate(np.array(columns["event_us"], dtype=np.int64))
    last = np.append(event_us[1:] != event_us[:-1], True)  # of ticks known at the same time the latest counts
    times = event_us[last]
    arrays = {"drive_id": pa.array([drive_id] * len(times), pa.string())}
    for name in ("event_timestamp", "created"):
        arrays[name] = pa.array(times, pa.int64()).cast(UTC)
    for name in (f"{view}_event_us", f"{view}_created_us"):
        arrays[name] = pa.array(times, pa.int64())
    for name in VIEWS[view]:
        values = [v for v, keep in zip(columns[name], last, strict=True) if keep]
        arrays[name] = _array(values, schema.field(name).type)
    return pa.table(arrays, schema=schema)


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
