"""What samples need of a clips artifact, one drive at a time: ego motion, rigs, pictures, route, surroundings.

Knows clips tables. Does not know labels, shards or how a sample is made of all this. Memory holds one drive's motion,
whatever the number of drives, and a few row groups of pictures and one of scans.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from causeway.artifacts import Artifact
from causeway.artifacts.schemas import tables_of
from causeway.clips import Clip, EgoMotion
from causeway.clips.access import drive_motion
from causeway.clips.geometry import rotate
from causeway.clips.row_groups import clip_rows
from causeway.errors import UnusableInput
from causeway.training.sample_around import LANE_COLUMNS, TRACK_COLUMNS, DriveAround, around_drive
from causeway.training.sample_parts import carried_to
from causeway.training.sample_pictures import Pictures, PicturesOfDrive

Floats = NDArray[np.float64]

_TABLES = {"ego": None, "rigs": None, "route": None, "tracks": TRACK_COLUMNS, "lanes": LANE_COLUMNS}

_NO_SCANS = tables_of("clips")["points"].schema.empty_table().select(["clip_id", "t_us"])


@dataclass(frozen=True, eq=False)
class OneDrive:
    """A drive, opened."""

    ego: EgoMotion  # in the drive frame
    rigs: dict[str, list[dict]]  # rows of `rigs.parquet` by clip
    routes: dict[str, tuple[Clip, list]]  # points in the clip frame by clip; a clip without a route is not in it
    pictures: PicturesOfDrive
    around: DriveAround
    scans: pa.Table  # of points, by time: clip_id, t_us
    scan: Callable[[str, int], list[float]]  # the numbers of one of them


def drive_reader(clips: Artifact, drives: Mapping[str, list[Clip]], pictures: Pictures) -> Callable[[str], OneDrive]:
    """A function (drive_id) -> that drive; the one asked for last is kept. UnusableInput for a damaged table.

    `drives` are the clips of every drive by time. Only row groups that hold the drive are read.
    """
    there = {name: columns for name, columns in _TABLES.items() if f"{name}.parquet" in clips.manifest.files}
    tables = {name: clip_rows(clips.path(f"{name}.parquet"), columns) for name, columns in there.items()}
    flags = clips.table("clips", ["clip_id", "has_tracks", "has_map"]).to_pylist()
    when, scan = _scans(clips)
    has = {row["clip_id"]: (bool(row["has_tracks"]), bool(row["has_map"])) for row in flags}

    @lru_cache(maxsize=1)
    def read(drive_id: str) -> OneDrive:
        parts = drives[drive_id]
        ids = [clip.clip_id for clip in parts]
        rows = {name: rows_of(ids) for name, rows_of in tables.items()}
        rigs: dict[str, list[dict]] = {}
        for row in rows["rigs"].to_pylist():
            rigs.setdefault(row["clip_id"], []).append(row)
        of_id = {clip.clip_id: clip for clip in parts}
        routes = {row["clip_id"]: (of_id[row["clip_id"]], row["points"] or []) for row in rows["route"].to_pylist()}
        around = around_drive(parts, has, rows)
        motion, scans = drive_motion(parts, rows["ego"]), when(ids).sort_by("t_us")
        return OneDrive(motion, rigs, routes, pictures.of_clips(set(ids)), around, scans, scan)

    return read


def _scans(clips: Artifact) -> tuple[Callable[[list[str]], pa.Table], Callable[[str, int], list[float]]]:
    """(clip ids) -> when there are scans, and (clip, time) -> the numbers of one; older clips have no such table."""
    if "points.parquet" not in clips.manifest.files:
        return lambda ids: _NO_SCANS, lambda clip_id, t_us: []
    path = clips.path("points.parquet")
    when, whole = clip_rows(path, ["t_us"]), clip_rows(path)

    def scan(clip_id: str, t_us: int) -> list[float]:
        rows = whole([clip_id])
        return rows.column("xyz_m")[pc.index(rows.column("t_us"), t_us).as_py()].as_py() or []

    return when, scan


def points_of(drive: OneDrive, t0_us: int, max_age_us: int, most: int) -> NDArray[np.float32] | None:
    """The last scan up to t0, in the rig frame known at t0: at most so many points, spread evenly.

    None where none was asked for or is young enough. UnusableInput when it is no list of points.
    """
    times = drive.scans.column("t_us").to_numpy()
    place = int(np.searchsorted(times, t0_us, "right")) - 1
    if most < 1 or place < 0 or t0_us - times[place] > max_age_us:
        return None
    flat = np.array(drive.scan(drive.scans.column("clip_id")[place].as_py(), int(times[place])), dtype=np.float64)
    if len(flat) % 3 or not np.isfinite(flat).all():
        raise UnusableInput(f"the scan of points at {times[place]} us is no list of x, y, z in metres")
    xyz = flat.reshape(-1, 3)
    return carried_to(drive.ego, t0_us, int(times[place]), xyz[:: max(1, -(-len(xyz) // most))])


def route_of(drive: OneDrive, clip_id: str) -> Floats:
    """A clip's route [n, 2] in the drive frame, n = 0 where there is none. UnusableInput when it is no line."""
    if clip_id not in drive.routes:
        return np.zeros((0, 2))
    clip, points = drive.routes[clip_id]
    try:
        xy = np.array([point[:2] for point in points], dtype=np.float64).reshape(len(points), 2)
    except (TypeError, ValueError) as error:
        raise UnusableInput(f"the route of clip {clip_id} is no list of points (x, y): {error}") from error
    turned = rotate(clip.origin_wxyz, np.column_stack([xy, np.zeros(len(xy))]))
    return (turned + np.array(clip.origin_xyz_m))[:, :2]
