"""PhysicalAI-Autonomous-Vehicles: chunked zips of one recording of about 20 s each.

Knows how to open the layout that `layout` spells out, the public data set's and the built-in world's.
Lanes, road elements, signals and route are read when the drive has them. What the data set announces for a clip but
does not have in a chunk that is here is put on record.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from causeway.artifacts.schemas import tables_of
from causeway.clips.cleaning import clean_ego
from causeway.clips.geometry import TICK_US, matrix_from_quaternion, rotate
from causeway.clips.left_out import LeftOut
from causeway.clips.readers.columns import NO_TIME, reals, times_us
from causeway.clips.readers.parquet import read_parquet
from causeway.clips.readers.physicalai import layout
from causeway.clips.readers.physicalai.folder import Folder, whole_number
from causeway.clips.readers.physicalai.tracks import read_tracks, with_indicators
from causeway.clips.readers.video import check_video, picture_array, video_pictures
from causeway.clips.types import Camera, Drive, Frame, Quarantined, RawEgo, Recording, Rig, Vehicle
from causeway.errors import UnusableInput

_SOURCE, _LICENCE = "physicalai-av", "NVIDIA Autonomous Vehicle Dataset License"


def fits(root: Path) -> bool:
    """True when the folder has the index and the feature table of the layout."""
    return (root / layout.CLIP_INDEX).is_file() and (root / layout.FEATURES_CSV).is_file()


def paths(root: Path) -> list[Path]:
    """What the input consists of: the indexes and the feature folders, not what lies beside them.

    A manifest or the built-in world's truth may lie there too; neither is read, and a manifest says when it was made.
    """
    folder = Folder(root)
    tops = {Path(row["chunk_path"]).parts[0] for row in folder.features.values() if row["chunk_path"].strip("/")}
    indexes = [layout.FEATURES_CSV, layout.CLIP_INDEX, layout.SOURCE_JSON, layout.DATA_COLLECTION, layout.SPLITS]
    names = [*indexes, layout.FEATURE_PRESENCE, layout.SENSOR_PRESENCE, *sorted(tops - {"..", "/"})]
    return [root / name for name in names if (root / name).exists()]


def recordings(root: Path) -> list[Recording]:
    """One recording for every valid clip of the index; order of clip_id."""
    folder = Folder(root)
    return [Recording(str(row["clip_id"]), partial(_open, folder, row)) for row in folder.index()]


def _open(folder: Folder, row: dict) -> Drive:
    clip_id = str(row["clip_id"])
    chunk = whole_number(row["chunk"], f"{layout.CLIP_INDEX}: {clip_id}: chunk")
    ego, bad = clean_ego(_ego(folder, clip_id, chunk), clip_id)
    cameras, broken = _cameras(folder, clip_id, chunk)
    tracks, unplaced = read_tracks(_obstacles(folder, clip_id, chunk), ego)
    shown = folder.label(layout.INDICATORS, layout.INDICATORS_COLUMNS, clip_id, chunk)
    tracks, unread = with_indicators(tracks, shown)
    lanes = folder.label(layout.LANES, layout.LANES_COLUMNS, clip_id, chunk)
    elements = folder.label(layout.ROAD_ELEMENTS, layout.ROAD_ELEMENTS_COLUMNS, clip_id, chunk)
    lights = folder.label(layout.SIGNALS, layout.SIGNALS_COLUMNS, clip_id, chunk)
    signals, unused = _timed(lights, ("t_us", "signal_id", "state", "lane_ids"), "signals", "light state", ego, clip_id)
    scans = folder.label(layout.POINTS, layout.POINTS_COLUMNS, clip_id, chunk)
    points, unplaced_scans = _timed(scans, ("t_us", "xyz_m"), "points", "scan of points", ego, clip_id)
    route = folder.label(layout.ROUTE, layout.ROUTE_COLUMNS, clip_id, chunk)
    return Drive(
        drive_id=clip_id,
        source=folder.source.get("name", _SOURCE),
        licence=folder.source.get("licence", _LICENCE),
        rig=Rig(_vehicle(folder, clip_id, chunk), tuple(camera for camera, _ in cameras.values())),
        ego=ego,
        frames=partial(_frames, folder, cameras, clip_id, chunk),
        place=folder.place(clip_id),
        source_split=str(row["split"]),
        tracks=tracks,
        lanes=_map(lanes, "lanes", clip_id),
        road_elements=_map(elements, "road_elements", clip_id),
        signals=signals,
        route=_route(route, clip_id),
        points=points,
        quarantined=(*bad, *unplaced, *unread, *broken, *unused, *unplaced_scans, *_missing(folder, clip_id, chunk)),
    )


_EGO_COLUMNS = ("timestamp", "qx", "qy", "qz", "qw", "x", "y", "z")


def _ego(folder: Folder, clip_id: str, chunk: int) -> RawEgo:
    """Poses as the vehicle knew them, or those worked out afterwards where there are no others."""
    table = folder.label(layout.EGOMOTION, _EGO_COLUMNS, clip_id, chunk)
    if table is None:
        table = folder.label(layout.EGOMOTION_OFFLINE, _EGO_COLUMNS, clip_id, chunk)
    if table is None:
        raise UnusableInput(f"{clip_id}: no egomotion in chunk {chunk}; download labels/egomotion for it")
    wxyz = reals(table, ("qw", "qx", "qy", "qz"), clip_id)
    speed = None
    if {"vx", "vy", "vz"} <= set(table.column_names):
        velocity = reals(table, ("vx", "vy", "vz"), clip_id)
        with np.errstate(all="ignore"):  # rows that are no numbers are put aside by their row
            unit = wxyz / np.linalg.norm(wxyz, axis=1, keepdims=True)
            speed = np.sum(velocity * rotate(unit, np.broadcast_to([1.0, 0.0, 0.0], velocity.shape)), axis=1)
    return RawEgo(times_us(table, "timestamp", "us", clip_id), reals(table, ("x", "y", "z"), clip_id), wxyz, speed)


def _obstacles(folder: Folder, clip_id: str, chunk: int) -> pa.Table | None:
    """Boxes as the vehicle knew them, or those worked out afterwards where there are no others."""
    online = folder.label(layout.OBSTACLES_ONLINE, layout.OBSTACLE_COLUMNS, clip_id, chunk)
    return folder.label(layout.OBSTACLES, layout.OBSTACLE_COLUMNS, clip_id, chunk) if online is None else online


def _missing(folder: Folder, clip_id: str, chunk: int) -> Quarantined:
    """Features of ours that are announced for the clip and are not in their chunk, though the chunk is here."""
    found = []
    read = [f.name for f in (layout.EGOMOTION, layout.OBSTACLES_ONLINE, layout.OBSTACLES)]
    for name in sorted(folder.announced(clip_id) & {*read, *folder.cameras()}):
        alias = "video" if name in folder.cameras() else name
        if folder.chunk(name, chunk) is not None and folder.member(name, alias, clip_id, chunk) is None:
            found.append((name, "announced_but_missing", f"not in chunk {chunk}, though the data set says so"))
    return tuple(found)


Cameras = dict[str, tuple[Camera, NDArray[np.int64]]]


def _cameras(folder: Folder, clip_id: str, chunk: int) -> tuple[Cameras, Quarantined]:
    """Cameras that have a video, calibration and time stamps, with those, by feature; and pictures without a time."""
    intrinsics = {r.get("camera_name"): r for r in folder.calibration(layout.CAMERA_INTRINSICS, clip_id, chunk)}
    extrinsics = {r.get("sensor_name"): r for r in folder.calibration(layout.SENSOR_EXTRINSICS, clip_id, chunk)}
    cameras, untimed = {}, []
    for name in folder.cameras():
        stamps = folder.member(name, "frame_timestamps", clip_id, chunk)
        video = folder.member(name, "video", clip_id, chunk)
        if stamps is None and video is None:
            continue
        if stamps is None or video is None:
            raise UnusableInput(f"{clip_id}: {name} has {'a video' if video else 'time stamps'} alone")
        if name not in intrinsics or name not in extrinsics:
            raise UnusableInput(f"{clip_id}: {name} has no calibration in chunk {chunk}; download calibration/")
        table = read_parquet(stamps[1], stamps[0], layout.FRAME_TIMESTAMPS_COLUMNS)
        times = times_us(table, "timestamp", "us", stamps[0])
        found = check_video(video[1], video[0], len(times))
        if found > len(times):
            untimed.append((video[0], "no_time", f"{found - len(times)} of {found} pictures have no time stamp"))
        try:
            cameras[name] = (_camera(name, intrinsics[name], extrinsics[name]), times)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise UnusableInput(f"{clip_id}: calibration of {name}: no usable number {error}") from error
    return cameras, tuple(untimed)


def _camera(feature: str, intrinsics: dict, extrinsics: dict) -> Camera:
    pose = np.eye(4)
    with np.errstate(all="ignore"):  # ingest leaves out cameras whose calibration is no numbers
        pose[:3, :3] = matrix_from_quaternion([extrinsics[k] for k in ("qw", "qx", "qy", "qz")])
    pose[:3, 3] = [extrinsics[k] for k in ("x", "y", "z")]
    pinhole = intrinsics.get("model") == "pinhole"
    focal = intrinsics["fw_poly_1"]
    return Camera(
        name=layout.camera_name(feature),
        width=int(intrinsics["width"]),
        height=int(intrinsics["height"]),
        fx=float(intrinsics["fx"] if pinhole else focal),
        fy=float(intrinsics["fy"] if pinhole else focal),
        cx=float(intrinsics["cx"]),
        cy=float(intrinsics["cy"]),
        rig_from_camera=pose,
        model="pinhole" if pinhole else "ftheta",
        distortion=() if pinhole else tuple(float(intrinsics[f"fw_poly_{i}"]) for i in range(5)),
    )


def _frames(folder: Folder, cameras: Cameras, clip_id: str, chunk: int, camera: str) -> Iterator[Frame]:
    feature, times = next((name, times) for name, (found, times) in cameras.items() if found.name == camera)
    video = folder.member(feature, "video", clip_id, chunk)
    if video is None:
        raise UnusableInput(f"{clip_id}: the video of {feature} went away while it was read")
    for index, (t_us, picture) in enumerate(zip(times, video_pictures(video[1], video[0]), strict=False)):
        yield Frame(camera, int(t_us), f"{video[0]} picture {index}", partial(picture_array, picture))


def _vehicle(folder: Folder, clip_id: str, chunk: int) -> Vehicle:
    rows = folder.calibration(layout.VEHICLE_DIMENSIONS, clip_id, chunk)
    if not rows:
        raise UnusableInput(f"{clip_id}: no vehicle dimensions in chunk {chunk}; download calibration/")
    try:
        size = [float(rows[0][name]) for name in ("length", "width", "wheelbase", "rear_axle_to_bbox_center")]
    except (KeyError, TypeError, ValueError) as error:
        raise UnusableInput(f"{clip_id}: vehicle dimensions: no usable number {error}") from error
    return Vehicle(folder.source.get("vehicle_id", _SOURCE), *size)


def _timed(
    table: pa.Table | None, names: tuple[str, ...], kind: str, called: str, ego: RawEgo, clip_id: str
) -> tuple[pa.Table | None, Quarantined]:
    """Rows by time under our names, and those left out as no tick is near."""
    if table is None:
        return None, ()
    ours = _as_ours(table.select(["timestamp", *names[1:]]).rename_columns(list(names)), kind, clip_id)
    t_us = times_us(ours, "t_us", "us", clip_id)
    elsewhen = (t_us != NO_TIME) & ((t_us < ego.t_us[0]) | (t_us > ego.t_us[-1] + TICK_US))
    left_out = LeftOut(called)
    return left_out.without(ours, {"no_ego_pose": elsewhen}), left_out.entries()


def _map(table: pa.Table | None, name: str, clip_id: str) -> list[dict] | None:
    if table is None:
        return None
    columns = [column for column in tables_of("clips")[name].schema.names if column != "clip_id"]
    return _as_ours(table.select(columns), name, clip_id).to_pylist()


def _route(table: pa.Table | None, clip_id: str) -> list[list[float]] | None:
    if table is None or table.num_rows == 0:
        return None
    return _as_ours(table.select(["points"]), "route", clip_id).column("points")[0].as_py()


def _as_ours(table: pa.Table, name: str, clip_id: str) -> pa.Table:
    """The table with the column types of the clips artifact."""
    schema = tables_of("clips")[name].schema
    try:
        return table.cast(pa.schema([schema.field(column) for column in table.column_names]))
    except (pa.ArrowException, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise UnusableInput(f"{clip_id}: {name}: columns are not of the types they should be ({reason})") from error
