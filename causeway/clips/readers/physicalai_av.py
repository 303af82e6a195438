"""PhysicalAI-Autonomous-Vehicles: chunked zips of one recording of about 20 s each.

Knows how to open the layout that `physicalai_layout` spells out, the public data set's and the built-in world's.
Paths and member names come from `features.csv`, as the data set wants it; nothing is hard-coded here. Obstacles are
moved from the rig frame of their own time stamp into the world frame. Lanes, road elements, signals and route are
read when the drive has them.
"""

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from causeway.clips.geometry import (
    interpolate_se3,
    matrix_from_quaternion,
    multiply,
    rotate,
    yaw_from_quaternion,
)
from causeway.clips.readers import physicalai_layout as layout
from causeway.clips.readers.video import check_video, picture_array, video_pictures
from causeway.clips.types import Camera, Drive, Frame, RawEgo, Recording, Rig, Vehicle
from causeway.errors import UnusableInput

_SOURCE, _LICENCE = "physicalai-av", "NVIDIA Autonomous Vehicle Dataset License"


def fits(root: Path) -> bool:
    """True when the folder has the index and the feature table of the layout."""
    return (root / layout.CLIP_INDEX).is_file() and (root / layout.FEATURES_CSV).is_file()


def paths(root: Path) -> list[Path]:
    """What the input consists of: the indexes and the feature folders, not what lies beside them.

    A manifest or the built-in world's truth may lie there too; neither is read, and a manifest says when it was made.
    """
    folder = _Folder(root)
    tops = {Path(row["chunk_path"]).parts[0] for row in folder.features.values()}
    names = [layout.FEATURES_CSV, layout.CLIP_INDEX, layout.SOURCE_JSON, layout.DATA_COLLECTION, *sorted(tops)]
    return [root / name for name in names if (root / name).exists()]


def recordings(root: Path) -> list[Recording]:
    """One recording for every valid clip of the index whose ego motion is here; order of clip_id."""
    index = _table(root / layout.CLIP_INDEX, ("clip_id", "chunk"))
    folder = _Folder(root)
    rows = sorted(index.to_pylist(), key=lambda row: str(row["clip_id"]))
    valid = [row for row in rows if row.get("clip_is_valid", True)]
    return [Recording(str(row["clip_id"]), partial(_open, folder, row)) for row in valid]


class _Folder:
    """The root with its feature table: where a feature of a clip lies."""

    def __init__(self, root: Path) -> None:
        self.root = root
        path = root / layout.FEATURES_CSV
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        missing = [c for c in layout.FEATURES_COLUMNS if not rows or c not in rows[0]]
        if missing:
            raise UnusableInput(f"{path}: {'no rows' if not rows else 'column ' + missing[0] + ' is missing'}")
        self.features = {row["feature"]: row for row in rows}
        source = root / layout.SOURCE_JSON
        self.source: dict = json.loads(source.read_text()) if source.is_file() else {}

    def cameras(self) -> list[str]:
        return sorted(name for name, row in self.features.items() if row["directory"] == "camera")

    def chunk(self, feature: str, chunk: int) -> Path | None:
        """The chunk file of a feature, or None when the feature or the file is not here."""
        row = self.features.get(feature)
        path = self.root / row["chunk_path"].format(chunk_id=chunk) if row else None
        return path if path is not None and path.is_file() else None

    def member(self, feature: str, alias: str, clip_id: str, chunk: int) -> tuple[str, io.BytesIO] | None:
        """One zip member of a clip as (name for messages, bytes), or None when it is not here."""
        path = self.chunk(feature, chunk)
        if path is None:
            return None
        templates = json.loads(self.features[feature]["clip_files_in_zip"] or "{}")
        if alias not in templates:
            raise UnusableInput(f"{self.root / layout.FEATURES_CSV}: {feature} has no member {alias}")
        name = templates[alias].format(clip_id=clip_id)
        try:
            with zipfile.ZipFile(path) as archive:
                return f"{path}:{name}", io.BytesIO(archive.read(name))
        except KeyError:
            return None
        except (zipfile.BadZipFile, EOFError, OSError) as error:
            raise UnusableInput(f"{path}: not a whole zip file ({error}); copy it again") from error

    def label(self, feature: layout.Feature, columns: tuple[str, ...], clip_id: str, chunk: int) -> pa.Table | None:
        """A label table of a clip, or None when the drive has none."""
        found = self.member(feature.name, feature.name, clip_id, chunk)
        return None if found is None else _table(found[1], columns, found[0])

    def calibration(self, feature: layout.Feature, clip_id: str, chunk: int) -> list[dict]:
        path = self.chunk(feature.name, chunk)
        if path is None:
            return []
        table = _table(path, ("clip_id",))
        return [row for row in table.to_pylist() if str(row["clip_id"]) == clip_id]


def _table(source: Path | io.BytesIO, columns: tuple[str, ...], name: str = "") -> pa.Table:
    where = name or str(source)
    try:
        table = pq.read_table(source)
    except (pa.ArrowInvalid, OSError) as error:
        raise UnusableInput(f"{where}: not a readable Parquet file ({error})") from error
    for column in columns:
        if column not in table.column_names:
            raise UnusableInput(f"{where}: column {column} is missing")
    return table


def _open(folder: _Folder, row: dict) -> Drive:
    clip_id, chunk = str(row["clip_id"]), int(row["chunk"])
    ego = _ego(folder, clip_id, chunk)
    cameras = _cameras(folder, clip_id, chunk)
    tracks, left_out = _tracks(folder.label(layout.OBSTACLES, layout.OBSTACLE_COLUMNS, clip_id, chunk), ego)
    lanes = folder.label(layout.LANES, layout.LANES_COLUMNS, clip_id, chunk)
    elements = folder.label(layout.ROAD_ELEMENTS, layout.ROAD_ELEMENTS_COLUMNS, clip_id, chunk)
    signals = folder.label(layout.SIGNALS, layout.SIGNALS_COLUMNS, clip_id, chunk)
    route = folder.label(layout.ROUTE, layout.ROUTE_COLUMNS, clip_id, chunk)
    return Drive(
        drive_id=clip_id,
        source=folder.source.get("name", _SOURCE),
        licence=folder.source.get("licence", _LICENCE),
        rig=Rig(_vehicle(folder, clip_id, chunk), tuple(camera for camera, _ in cameras.values())),
        ego=ego,
        frames=partial(_frames, folder, {name: times for name, (_, times) in cameras.items()}, clip_id, chunk),
        place=_place(folder.root, clip_id),
        source_split=str(row.get("split") or ""),
        tracks=tracks,
        lanes=None if lanes is None else lanes.select(list(layout.LANES_COLUMNS)).to_pylist(),
        road_elements=None if elements is None else elements.select(list(layout.ROAD_ELEMENTS_COLUMNS)).to_pylist(),
        signals=None if signals is None else _signals(signals),
        route=route.column("points")[0].as_py() if route is not None and route.num_rows else None,
        quarantined=left_out,
    )


def _ego(folder: _Folder, clip_id: str, chunk: int) -> RawEgo:
    columns = ("timestamp", "qx", "qy", "qz", "qw", "x", "y", "z")
    table = folder.label(layout.EGOMOTION, columns, clip_id, chunk)
    if table is None:
        raise UnusableInput(f"{clip_id}: no egomotion in chunk {chunk}; download labels/egomotion for it")
    values = {name: table.column(name).to_numpy().astype(np.float64) for name in columns[1:]}
    wxyz = np.stack([values["qw"], values["qx"], values["qy"], values["qz"]], axis=-1)
    wxyz /= np.linalg.norm(wxyz, axis=1, keepdims=True)
    speed = None
    if {"vx", "vy", "vz"} <= set(table.column_names):
        velocity = np.stack([table.column(n).to_numpy().astype(np.float64) for n in ("vx", "vy", "vz")], axis=-1)
        ahead = rotate(wxyz, np.broadcast_to([1.0, 0.0, 0.0], velocity.shape))
        speed = np.sum(velocity * ahead, axis=1)
    xyz = np.stack([values["x"], values["y"], values["z"]], axis=-1)
    return RawEgo(table.column("timestamp").to_numpy().astype(np.int64), xyz, wxyz, speed)


def _cameras(folder: _Folder, clip_id: str, chunk: int) -> dict[str, tuple[Camera, np.ndarray]]:
    """Cameras that have a video, calibration and time stamps; with the time stamps in microseconds."""
    intrinsics = {r["camera_name"]: r for r in folder.calibration(layout.CAMERA_INTRINSICS, clip_id, chunk)}
    extrinsics = {r["sensor_name"]: r for r in folder.calibration(layout.SENSOR_EXTRINSICS, clip_id, chunk)}
    cameras = {}
    for name in folder.cameras():
        stamps = folder.member(name, "frame_timestamps", clip_id, chunk)
        video = folder.member(name, "video", clip_id, chunk)
        if stamps is None and video is None:
            continue
        if stamps is None or video is None:
            raise UnusableInput(f"{clip_id}: {name} has {'a video' if video else 'time stamps'} alone")
        if name not in intrinsics or name not in extrinsics:
            raise UnusableInput(f"{clip_id}: {name} has no calibration in chunk {chunk}; download calibration/")
        times = _table(stamps[1], layout.FRAME_TIMESTAMPS_COLUMNS, stamps[0]).column("timestamp").to_numpy()
        check_video(video[1], video[0], len(times))
        cameras[name] = (_camera(name, intrinsics[name], extrinsics[name]), times.astype(np.int64))
    return cameras


def _camera(name: str, intrinsics: dict, extrinsics: dict) -> Camera:
    pose = np.eye(4)
    pose[:3, :3] = matrix_from_quaternion([extrinsics[k] for k in ("qw", "qx", "qy", "qz")])
    pose[:3, 3] = [extrinsics[k] for k in ("x", "y", "z")]
    pinhole = intrinsics.get("model") == "pinhole"
    focal = intrinsics["fw_poly_1"]
    return Camera(
        name=name,
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


def _frames(folder: _Folder, times: dict[str, np.ndarray], clip_id: str, chunk: int, camera: str) -> Iterator[Frame]:
    video = folder.member(camera, "video", clip_id, chunk)
    if video is None:
        raise UnusableInput(f"{clip_id}: the video of {camera} went away while it was read")
    for index, (t_us, picture) in enumerate(zip(times[camera], video_pictures(video[1], video[0]), strict=False)):
        yield Frame(camera, int(t_us), f"{video[0]} picture {index}", partial(picture_array, picture))


def _vehicle(folder: _Folder, clip_id: str, chunk: int) -> Vehicle:
    rows = folder.calibration(layout.VEHICLE_DIMENSIONS, clip_id, chunk)
    if not rows:
        raise UnusableInput(f"{clip_id}: no vehicle dimensions in chunk {chunk}; download calibration/")
    row = rows[0]
    vehicle_id = str(folder.source.get("vehicle_id", _SOURCE))
    size = (row["length"], row["width"], row["wheelbase"], row["rear_axle_to_bbox_center"])
    return Vehicle(vehicle_id, *map(float, size))


def _place(root: Path, clip_id: str) -> str:
    path = root / layout.DATA_COLLECTION
    if not path.is_file():
        return ""
    table = _table(path, ("clip_id",))
    for row in table.to_pylist():
        if str(row["clip_id"]) == clip_id:
            return str(row.get("place") or "")
    return ""


def _tracks(obstacles: pa.Table | None, ego: RawEgo) -> tuple[pa.Table | None, tuple[tuple[str, str, str], ...]]:
    """Obstacle boxes in the world frame, and what was left out: boxes of moments of which no ego pose is known."""
    if obstacles is None:
        return None, ()
    times = obstacles.column("reference_frame_timestamp_us").to_numpy()
    inside = (times >= ego.t_us[0]) & (times <= ego.t_us[-1])
    count = int(np.sum(~inside))
    detail = f"{count} of {len(times)} boxes are from before the first or after the last ego pose"
    left_out = ((layout.OBSTACLES.name, "no_ego_pose", detail),) if count else ()
    return _placed(obstacles.filter(pa.array(inside)), ego), left_out


def _placed(obstacles: pa.Table, ego: RawEgo) -> pa.Table:
    """Boxes from the rig frame of their time stamps into the world frame. Velocity is not in the data.

    A place is known once the later of the two ego poses around it is (`observed_us`).
    """
    column = {n: obstacles.column(n).to_numpy(zero_copy_only=False) for n in layout.OBSTACLE_COLUMNS}
    frames = set(column["reference_frame"].tolist()) - {layout.OBSTACLE_FRAME}
    if frames:
        raise UnusableInput(f"obstacle.offline: reference_frame {sorted(frames)[0]!r}, only 'rig' is known")
    placed_us = column["reference_frame_timestamp_us"].astype(np.int64)
    xyz, wxyz = interpolate_se3(placed_us, ego.t_us, ego.xyz_m, ego.wxyz)
    pose_us = ego.t_us[np.searchsorted(ego.t_us, placed_us, side="left")]
    centre = np.stack([column[f"center_{axis}"] for axis in "xyz"], axis=-1).astype(np.float64)
    turn = np.stack([column[f"orientation_{axis}"] for axis in "wxyz"], axis=-1).astype(np.float64)
    place = xyz + rotate(wxyz, centre)
    types = [layout.TRACK_TYPE_OF_CLASS.get(str(c), "unknown") for c in column["label_class"]]
    unknown = np.full(len(types), np.nan)
    return pa.table(
        {
            "t_us": column["timestamp_us"].astype(np.int64),
            "track_id": [str(t) for t in column["track_id"]],
            "type": pa.array(types, pa.string()),
            **{f"{axis}_m": place[:, i] for i, axis in enumerate("xyz")},
            "yaw_rad": yaw_from_quaternion(multiply(wxyz, turn)),
            **{f"{size}_m": column[f"size_{axis}"] for size, axis in zip(_SIZES, "xyz", strict=True)},
            "vx_mps": unknown,
            "vy_mps": unknown,
            "observed_us": np.maximum(column["timestamp_us"].astype(np.int64), pose_us),
        }
    )


_SIZES = ("length", "width", "height")


def _signals(table: pa.Table) -> pa.Table:
    renamed = table.select(list(layout.SIGNALS_COLUMNS))
    return renamed.rename_columns(["t_us", "signal_id", "state", "lane_ids"])
