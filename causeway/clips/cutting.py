"""A drive cut into clips, and the rows each clip gets, in the clip frame.

Knows frames and ticks. Does not know files or pictures. The drive frame is the rig at the drive's first tick, the
clip frame the rig at the clip's first tick; both keep the roll and pitch of that moment. Maps are flat (x, y) and
move with the heading only.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from causeway.clips.geometry import TICK_US, Array, relative_se3, to_frame, yaw_from_quaternion
from causeway.clips.motion import MAX_GAP_US, TickMotion
from causeway.clips.timed_rows import TimedRows, rows_between
from causeway.clips.track_ticks import ticked_tracks
from causeway.clips.types import Camera, Clip, Drive
from causeway.errors import UsageError

# All of a map that lies within this of the ego at any tick is in the tick's clip, wherever the drive goes on to.
# Evidence relies on it and looks no farther.
MAP_REACH_M = 120.0
_JOINT_M = 25.0  # room for lanes that do not quite touch the one before
_PATH_STEP_M = 5.0


@dataclass(frozen=True)
class Cut:
    """A clip and the ticks of its drive that it holds: `first` up to, not including, `stop`."""

    clip: Clip
    first: int
    stop: int


def cut_drive(drive: Drive, motion: TickMotion, clip_s: float) -> list[Cut]:
    """Clips of `clip_s` seconds one after another, never across a gap in the poses; the last is what is left.

    A last piece of one tick has no motion of its own and joins the clip before it (20.0 s from first to last tick).
    """
    size = max(2, round(clip_s * 10))
    if len(motion.t_us) == 0:
        return []
    xyz, wxyz = relative_se3(motion.xyz_m, motion.wxyz, motion.xyz_m[0], motion.wxyz[0])
    cuts = []
    for number, (first, stop) in enumerate(_spans(motion.t_us, size)):
        clip = Clip(
            clip_id=f"{drive.drive_id}-{number:03d}",
            drive_id=drive.drive_id,
            place=drive.place,
            start_us=int(motion.t_us[first]),
            end_us=int(motion.t_us[stop - 1]),
            ticks=stop - first,
            origin_xyz_m=tuple(map(float, xyz[first])),  # type: ignore[arg-type]
            origin_wxyz=tuple(map(float, wxyz[first])),  # type: ignore[arg-type]
        )
        cuts.append(Cut(clip, first, stop))
    return cuts


def _spans(t_us: NDArray[np.int64], size: int) -> Iterator[tuple[int, int]]:
    """(first, stop) ticks of each clip."""
    gaps = (np.flatnonzero(np.diff(t_us) > TICK_US) + 1).tolist()
    for low, high in zip([0, *gaps], [*gaps, len(t_us)], strict=True):
        for first in range(low, high - 1, size):
            yield first, high if high - (first + size) <= 1 else first + size


def clip_tables(drive: Drive, motion: TickMotion, cut: Cut, map_within_m: float) -> dict[str, pa.Table | list[dict]]:
    """Every table of the clip but its pictures and rig; a table the source cannot feed is empty."""
    clip_id = cut.clip.clip_id
    origin = _origin(motion, cut)
    path = _sparse(motion.xyz_m[cut.first : cut.stop, :2])
    return {
        "clips": [_clip_row(drive, cut) | _in_world(drive, origin)],
        "ego": _ego_rows(motion, cut),
        "tracks": ticked_tracks(_near(drive.tracks, cut), motion, cut.first, cut.stop, clip_id),
        "lanes": _map_rows(drive.lanes, ("centre", "left", "right"), origin, path, map_within_m, clip_id),
        "road_elements": _map_rows(drive.road_elements, ("shape",), origin, path, map_within_m, clip_id),
        "signals": _timed_rows(drive.signals, cut),
        "route": [{"clip_id": clip_id, "points": _moved([drive.route], origin)[0]}] if drive.route else [],
        "points": _timed_rows(drive.points, cut),
    }


def _origin(motion: TickMotion, cut: Cut) -> Array:
    """x, y, yaw of the clip frame in the world frame."""
    return np.array([*motion.xyz_m[cut.first, :2], yaw_from_quaternion(motion.wxyz[cut.first])])


def _in_world(drive: Drive, origin: Array) -> dict:
    """Where the clip frame is in the frame that drives share; null where the drive has a frame of its own."""
    x_m, y_m, yaw_rad = origin.tolist() if drive.world else (None, None, None)
    return {"world": drive.world, "world_x_m": x_m, "world_y_m": y_m, "world_yaw_rad": yaw_rad}


def _clip_row(drive: Drive, cut: Cut) -> dict:
    clip = cut.clip
    x, y, z = clip.origin_xyz_m
    qw, qx, qy, qz = clip.origin_wxyz
    return {
        "clip_id": clip.clip_id,
        "drive_id": clip.drive_id,
        "vehicle_id": drive.rig.vehicle.vehicle_id,
        "source": drive.source,
        "licence": drive.licence,
        "start_us": clip.start_us,
        "end_us": clip.end_us,
        "ticks": clip.ticks,
        "cameras": [camera.name for camera in drive.rig.cameras],
        "has_tracks": drive.tracks is not None,
        "has_map": drive.lanes is not None,
        "has_signals": drive.signals is not None,
        "source_split": drive.source_split,
        "place": clip.place,
        **{"origin_x_m": x, "origin_y_m": y, "origin_z_m": z},
        "origin_yaw_rad": float(yaw_from_quaternion(clip.origin_wxyz)),
        **{"origin_qw": qw, "origin_qx": qx, "origin_qy": qy, "origin_qz": qz},
    }


def _ego_rows(motion: TickMotion, cut: Cut) -> pa.Table:
    rows = slice(cut.first, cut.stop)
    xyz, wxyz = relative_se3(motion.xyz_m[rows], motion.wxyz[rows], motion.xyz_m[cut.first], motion.wxyz[cut.first])
    n = cut.clip.ticks
    return pa.table(
        {
            "clip_id": [cut.clip.clip_id] * n,
            "t_us": motion.t_us[rows],
            **{name: xyz[:, axis] for axis, name in enumerate(("x_m", "y_m", "z_m"))},
            **{name: wxyz[:, axis] for axis, name in enumerate(("qw", "qx", "qy", "qz"))},
            "speed_mps": motion.speed_mps[rows],
            "speed_source": [motion.speed_source] * n,
            "accel_mps2": motion.accel_mps2[rows],
            "yaw_rate_radps": motion.yaw_rate_radps[rows],
            "curvature_per_m": motion.curvature_per_m[rows],
            "observed_us": motion.observed_us[rows],
            "derived_speed_mps": motion.derived_speed_mps[rows],
        }
    )


def _moved(shapes: list[list], origin: Array) -> list[list[list[float]]]:
    """Shapes of the world, lists of points (x, y, ...), as (x, y) in the frame whose x, y, yaw is `origin`."""
    shapes = [[] if shape is None else shape for shape in shapes]
    points = [np.asarray(shape, dtype=np.float64)[:, :2] for shape in shapes if len(shape)]
    xy = np.concatenate([np.zeros((0, 2)), *points])
    moved = to_frame(np.column_stack([xy, np.zeros(len(xy))]), origin)[:, :2].tolist()
    ends = np.cumsum([0, *map(len, shapes)]).tolist()
    return [moved[low:high] for low, high in pairwise(ends)]


def _map_rows(
    rows: list[dict] | None, shapes: tuple[str, ...], origin: Array, path: Array, within_m: float, clip_id: str
) -> list[dict]:
    """Map rows near the path with their shapes moved into the clip frame."""
    low, high = path.min(axis=0) - within_m, path.max(axis=0) + within_m
    near = []
    for row in rows or []:
        xy = np.asarray(row[shapes[0]], dtype=np.float64)[:, :2]
        beside = (xy.max(axis=0) < low).any() or (xy.min(axis=0) > high).any()  # a box is quick to look at
        if not beside and _distance(xy, path) <= within_m:
            near.append(row)
    moved = zip(*(_moved([row[name] for row in near], origin) for name in shapes), strict=True)
    return [
        {**row, "clip_id": clip_id, **dict(zip(shapes, own, strict=True))} for row, own in zip(near, moved, strict=True)
    ]


def check_map_reach(map_within_m: float) -> None:
    """UsageError when a map cut so near would leave out what lies within `MAP_REACH_M` of some tick."""
    least_m = MAP_REACH_M + _JOINT_M + _PATH_STEP_M
    if map_within_m < least_m:
        raise UsageError(f"map_within_m {map_within_m:g}: evidence needs at least {least_m:g}; set it higher")


def _sparse(path: Array) -> Array:
    """Points of a path so that each other point has one less than `_PATH_STEP_M` before it."""
    steps = np.hypot(*np.diff(path, axis=0).T)
    bucket = np.floor(np.concatenate([[0.0], np.cumsum(steps)]) / _PATH_STEP_M)
    return path[np.concatenate([[True], np.diff(bucket) > 0])]


def _distance(points: Array, path: Array) -> float:
    """Smallest distance between the line through `points` [n, 2] and the points of the path [m, 2]."""
    start = points if len(points) == 1 else points[:-1]
    step = np.zeros_like(points) if len(points) == 1 else np.diff(points, axis=0)
    to_path = path[None] - start[:, None]
    length2 = np.maximum((step**2).sum(axis=-1), 1e-12)[:, None]
    share = np.clip((to_path * step[:, None]).sum(axis=-1) / length2, 0.0, 1.0)
    return float(np.sqrt(((to_path - share[..., None] * step[:, None]) ** 2).sum(axis=-1)).min())


def _near(tracks: pa.Table | TimedRows | None, cut: Cut) -> pa.Table | None:
    """The sightings from which ticks of the clip can be made."""
    if isinstance(tracks, TimedRows):
        return tracks.between(cut.clip.start_us - MAX_GAP_US, cut.clip.end_us + MAX_GAP_US)
    return tracks


def _timed_rows(rows: pa.Table | TimedRows | None, cut: Cut) -> pa.Table | list[dict]:
    if rows is None:
        return []
    start_us, end_us = cut.clip.start_us, cut.clip.end_us + TICK_US - 1  # up to the next clip's first tick
    chosen = rows.between(start_us, end_us) if isinstance(rows, TimedRows) else rows_between(rows, start_us, end_us)
    return chosen.append_column("clip_id", pa.array([cut.clip.clip_id] * chosen.num_rows, pa.string()))


def rig_rows(drive: Drive, cut: Cut, sizes: dict[str, tuple[int, int]]) -> list[dict]:
    """One row a camera, intrinsics in pixels of the stored pictures. A drive without cameras has one row with camera
    "" for its dimensions.
    """
    vehicle = drive.rig.vehicle
    body = {
        "clip_id": cut.clip.clip_id,
        "vehicle_id": vehicle.vehicle_id,
        "length_m": vehicle.length_m,
        "width_m": vehicle.width_m,
        "wheelbase_m": vehicle.wheelbase_m,
        "rear_axle_to_centre_m": vehicle.rear_axle_to_centre_m,
    }
    if not drive.rig.cameras:
        return [{**body, "camera": "", "model": "none", "distortion": [], "rig_from_camera": []}]
    sizes = {camera.name: (camera.width, camera.height) for camera in drive.rig.cameras} | sizes
    return [{**body, **_intrinsics(camera, *sizes[camera.name])} for camera in drive.rig.cameras]


def _intrinsics(camera: Camera, width: int, height: int) -> dict:
    """Calibration in pixels of pictures of this size."""
    across, down = width / camera.width, height / camera.height
    return {
        "camera": camera.name,
        "model": camera.model,
        "fx": camera.fx * across,
        "fy": camera.fy * down,
        "cx": camera.cx * across,
        "cy": camera.cy * down,
        "distortion": [value * across for value in camera.distortion],
        "rig_from_camera": np.asarray(camera.rig_from_camera, dtype=np.float64).ravel().tolist(),
    }
