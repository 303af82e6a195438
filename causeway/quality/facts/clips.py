"""Facts of a clips artifact, one clip after the other: a table of facts for each suite.

Knows what belongs to a clip and reads no more than one clip at a time. Does not know how single facts are computed
(the modules beside this one do) nor bounds.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from causeway.artifacts import Artifact, progress
from causeway.clips.row_groups import clip_rows
from causeway.quality.facts.cameras import CAMERA_SCHEMA, PICTURE_SCHEMA, PicturesOfClip, camera_facts
from causeway.quality.facts.duplicates import SeenClips
from causeway.quality.facts.motion import MOTION_SCHEMA, motion_facts
from causeway.quality.facts.rigs import RIG_SCHEMA, rig_facts
from causeway.quality.facts.road import (
    SHAPE_SCHEMA,
    SIGNAL_SCHEMA,
    element_facts,
    lane_facts,
    route_facts,
    signal_facts,
)
from causeway.quality.facts.tracks import TRACK_SCHEMA, track_facts

TABLES = ("ego", "tracks", "frames", "rigs", "lanes", "road_elements", "signals", "route")
Tables = dict[str, pa.Table]

CLIP_SCHEMA = pa.schema(
    [
        *[(n, pa.string()) for n in ("subject", "clip_id", "drive_id", "licence", "span")],
        *[(n, pa.string()) for n in ("same_motion_as", "same_pictures_as")],
        *[(n, pa.bool_()) for n in ("id_once", "span_agrees", "tracks_agree", "map_agrees", "signals_agree")],
        ("length_s", pa.float64()),
    ]
)
EGO_SCHEMA = pa.schema([("subject", pa.string()), ("clip_id", pa.string()), *MOTION_SCHEMA])
SCHEMAS = {
    "clips": CLIP_SCHEMA,
    "ego": EGO_SCHEMA,
    "cameras": CAMERA_SCHEMA,
    "rigs": RIG_SCHEMA,
    "frames": PICTURE_SCHEMA,
    "tracks": TRACK_SCHEMA,
    "lanes": SHAPE_SCHEMA,
    "road_elements": SHAPE_SCHEMA,
    "signals": SIGNAL_SCHEMA,
    "route": SHAPE_SCHEMA,
}


def clip_tables(clips: Artifact) -> Iterator[tuple[dict[str, Any], Tables]]:
    """(row of `clips.parquet`, its rows of every other table) of one clip after the other, by clip_id."""
    rows = sorted(clips.table("clips").to_pylist(), key=lambda row: str(row["clip_id"]))
    readers: dict[str, Callable] = {name: clip_rows(clips.path(f"{name}.parquet")) for name in TABLES}
    for row in progress(rows, len(rows), "clips"):
        yield row, {name: read([str(row["clip_id"])]) for name, read in readers.items()}


def clip_facts(clips: Artifact) -> Iterator[Tables]:
    """{suite: facts} of one clip after the other; memory does not grow with their number."""
    seen = SeenClips()
    for clip, tables in clip_tables(clips):
        yield facts_of_clip(clip, tables, seen)


def facts_of_clip(clip: Mapping[str, Any], tables: Tables, seen: SeenClips) -> Tables:
    """{suite: table of facts} of one clip, given its rows of every table."""
    ego, frames = tables["ego"], tables["frames"]
    path = np.stack([_numbers(ego, name) for name in ("x_m", "y_m")], axis=-1)
    rig_cameras = set(tables["rigs"].column("camera").to_pylist())
    pictures = camera_facts(clip, frames, rig_cameras, *_speed(ego))
    described = {"subject": clip["clip_id"], "clip_id": clip["clip_id"]}
    row = (
        described
        | _clip_row(clip, tables)
        | {
            "id_once": seen.is_new(clip["clip_id"]),
            "same_motion_as": seen.same_motion_as(clip["clip_id"], path, tables["tracks"], pictures.tiny),
            "same_pictures_as": seen.same_pictures_as(clip["clip_id"], frames),
        }
    )
    return {
        "clips": pa.Table.from_pylist([row], schema=CLIP_SCHEMA),
        "ego": pa.Table.from_pylist([described | motion_facts(ego)], schema=EGO_SCHEMA),
        **_picture_tables(pictures),
        "rigs": pa.Table.from_pylist(rig_facts(tables["rigs"], pictures.sizes), schema=RIG_SCHEMA),
        "tracks": _facts(tables["tracks"], lambda rows: track_facts(clip, rows, path), TRACK_SCHEMA),
        "lanes": _facts(tables["lanes"], lane_facts, SHAPE_SCHEMA),
        "road_elements": _facts(tables["road_elements"], element_facts, SHAPE_SCHEMA),
        "signals": _facts(tables["signals"], lambda rows: signal_facts(clip, rows), SIGNAL_SCHEMA),
        "route": _facts(tables["route"], route_facts, SHAPE_SCHEMA),
    }


def _picture_tables(pictures: PicturesOfClip) -> Tables:
    return {
        "frames": pa.Table.from_pylist(pictures.pictures, schema=PICTURE_SCHEMA),
        "cameras": pa.Table.from_pylist(pictures.cameras, schema=CAMERA_SCHEMA),
    }


def _facts(rows: pa.Table, compute: Callable[[pa.Table], Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """What `compute` says of rows, as a table of a schema; a column that it does not give is null."""
    if rows.num_rows == 0:
        return schema.empty_table()
    columns = compute(rows)
    count = len(columns["subject"])
    arrays = [pa.array(columns[f.name], f.type) if f.name in columns else pa.nulls(count, f.type) for f in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def _numbers(table: pa.Table, name: str) -> np.ndarray:
    return table.column(name).to_numpy(zero_copy_only=False).astype(np.float64)


def _speed(ego: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Times and speeds of the ticks that have both, in order of time."""
    t_us, speed = _numbers(ego, "t_us"), _numbers(ego, "speed_mps")
    good = np.isfinite(t_us) & np.isfinite(speed)
    order = np.argsort(t_us[good], kind="stable")
    return t_us[good][order], speed[good][order]


def _clip_row(clip: Mapping[str, Any], tables: Tables) -> dict[str, Any]:
    ego = tables["ego"]
    start, end, ticks = clip["start_us"], clip["end_us"], clip["ticks"]
    t_us = ego.column("t_us").to_numpy(zero_copy_only=False)
    agrees = len(t_us) == ticks and (not ticks or (int(t_us.min()) == start and int(t_us.max()) == end))
    return {
        "drive_id": clip["drive_id"],
        "licence": clip["licence"] or None,
        "span": f"{ticks} ticks from {start} to {end} us, {len(t_us)} there",
        "span_agrees": bool(agrees),
        "length_s": (end - start) * 1e-6,
        "tracks_agree": bool(clip["has_tracks"]) or tables["tracks"].num_rows == 0,
        "map_agrees": bool(clip["has_map"]) or tables["lanes"].num_rows == 0,
        "signals_agree": bool(clip["has_signals"]) or tables["signals"].num_rows == 0,
    }
