"""KITTI odometry: the official folders, and the compact form of one MP4 and one CSV a sequence.

Official: `sequences/NN/{image_0,...,times.txt,calib.txt}` and `poses/NN.txt`. Compact: `*/seqNN_ego.csv`,
`*/seqNN_image_0.mp4` and, when there, `*/seqNN_poses.txt` (full poses; the CSV has the plane only).
Poses are those of camera 0, which is where `car` says and taken as level and looking straight ahead; there is
no measured speed, so none is claimed.
"""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from causeway.clips.geometry import quaternion_from_matrix
from causeway.clips.readers.inside import inside_all
from causeway.clips.readers.kitti.car import CAMERA_0_M, LEVEL_CAMERA, PLACE, SOURCE_LICENCE, VEHICLE
from causeway.clips.readers.kitti.files import calibration_rows, numbered_files, read_text
from causeway.clips.readers.video import (
    check_video,
    picture_array,
    picture_size,
    read_picture,
    video_pictures,
)
from causeway.clips.types import Camera, Drive, Frame, RawEgo, Recording, Rig
from causeway.errors import UnusableInput

_SOURCE = "kitti-odometry"
_P_RECT_00 = (721.5377, 609.5593, 172.854)  # focal length, cx, cy of the recordings of 2011-09-26, 1242 wide
_WIDTH, _HEIGHT = 1242, 374
_LATEST_S = 1e9
_NO_TIME_US = 10**18  # out of range, so that ingest puts the row in quarantine
_LARGEST = 1e9  # of a calibration's numbers, pixels
_COLUMNS = ("t", "x", "y", "z", "yaw")
_PICTURES = ("png", "jpg", "jpeg")
_COMPACT = ("", "*/", "*/*/")  # how deep the compact form's files may lie


def fits(root: Path) -> bool:
    """True when the folder looks like either form."""
    return root.is_dir() and bool(_official(root) or _compact(root))


def paths(root: Path) -> list[Path]:
    """What is read of each sequence: of the official form not its laser scans, of the compact one its three files."""
    official = (path for sequence in _official(root) for path in _read(root, sequence))
    compact = (path for table in _compact(root) for path in _beside(root, table))
    return inside_all(root, (*official, *compact))


def recordings(root: Path) -> list[Recording]:
    """One recording a sequence."""
    found = [Recording(f"kitti-{p.name}", partial(_open_official, root, p)) for p in _official(root)]
    return found + [Recording(f"kitti-{_number(p)}", partial(_open_compact, root, p)) for p in _compact(root)]


def _official(root: Path) -> list[Path]:
    return sorted(p for p in root.glob("sequences/*") if p.is_dir() and not p.name.startswith("."))


def _read(root: Path, sequence: Path) -> list[Path]:
    """Poses, times, calibration and pictures; scans lie beside them, eighty gigabytes of all sequences."""
    own = [sequence / name for name in ("times.txt", "calib.txt")]
    return [_poses_of(root, sequence), *own, *sequence.glob("image_[0-3]")]


def _poses_of(root: Path, sequence: Path) -> Path:
    return root / "poses" / f"{sequence.name}.txt"


def _compact(root: Path) -> list[Path]:
    return sorted(path for depth in _COMPACT for path in root.glob(f"{depth}seq*_ego.csv"))


def _beside(root: Path, table: Path) -> list[Path]:
    """The table of a compact sequence, with its video and its full poses where they are there."""
    names = (f"seq{_number(table)}_image_0.mp4", f"seq{_number(table)}_poses.txt")
    found = (sorted(p for depth in _COMPACT for p in root.glob(f"{depth}{name}")) for name in names)
    return [table, *(paths[0] for paths in found if paths)]


def _number(table: Path) -> str:
    return table.name.removeprefix("seq").removesuffix("_ego.csv")


def _open_official(root: Path, sequence: Path) -> Drive:
    inside_all(root, _read(root, sequence))
    table = _poses_of(root, sequence)
    poses, times_us = _read_poses(table), _read_times(sequence / "times.txt")
    if len(poses) != len(times_us):
        raise UnusableInput(f"{table}: {len(poses)} poses but times.txt has {len(times_us)} rows")
    folders = [p for p in sorted(sequence.glob("image_[0-3]")) if numbered_files(p, *_PICTURES)]
    calibration = _read_calibration(sequence / "calib.txt")
    cameras = tuple(_camera(folder, calibration) for folder in folders)
    numbered = {folder.name: numbered_files(folder, *_PICTURES) for folder in folders}
    untimed = [
        path
        for files in numbered.values()
        for index, path in files.items()
        if index >= len(times_us) or times_us[index] == _NO_TIME_US
    ]
    why = f"times.txt has {len(times_us)} rows; this one has none, or one that is no time"
    problems = tuple((str(path), "no_time_stamp", why) for path in untimed)

    def frames(camera: str) -> Iterator[Frame]:
        for index, path in numbered[camera].items():
            if index < len(times_us) and times_us[index] != _NO_TIME_US:
                yield Frame(camera, int(times_us[index]), str(path), partial(read_picture, path))

    return replace(_drive(f"kitti-{sequence.name}", times_us, poses, cameras, frames), quarantined=problems)


def _camera(folder: Path, calibration: dict[str, np.ndarray]) -> Camera:
    """Intrinsics of P0 .. P3 (the rectified projection; its fourth column is the offset along the baseline)."""
    index = folder.name[-1]
    size = next((s for s in map(picture_size, numbered_files(folder, *_PICTURES).values()) if s), (_WIDTH, _HEIGHT))
    p = calibration.get(f"P{index}")
    if p is None or p[0, 0] == 0 or p[1, 1] == 0:
        return _default_camera(folder.name, size)
    offset_m = np.array([-p[0, 3] / p[0, 0], -p[1, 3] / p[1, 1], 0.0])
    mounting = _mounting(CAMERA_0_M + LEVEL_CAMERA @ offset_m)
    return Camera(folder.name, *size, fx=p[0, 0], fy=p[1, 1], cx=p[0, 2], cy=p[1, 2], rig_from_camera=mounting)


def _default_camera(name: str, size: tuple[int, int]) -> Camera:
    focal, cx, cy = _P_RECT_00
    return Camera(name, *size, fx=focal, fy=focal, cx=cx, cy=cy, rig_from_camera=_mounting(CAMERA_0_M))


def _mounting(position_m: np.ndarray) -> np.ndarray:
    mounting = np.eye(4)
    mounting[:3, :3], mounting[:3, 3] = LEVEL_CAMERA, position_m
    return mounting


def _open_compact(root: Path, table: Path) -> Drive:
    beside = {path.suffix: path for path in inside_all(root, _beside(root, table))}
    video, matrices = beside.get(".mp4"), beside.get(".txt")
    rows = _read_csv(table)
    times_us = _microseconds(rows["t"])
    poses = _read_poses(matrices) if matrices else _poses_from_plane(rows)
    if len(poses) != len(times_us):
        raise UnusableInput(f"{matrices}: {len(poses)} poses but {table.name} has {len(times_us)} rows")
    cameras: tuple[Camera, ...] = ()
    if video:
        if (count := check_video(video, str(video), len(times_us))) != len(times_us):
            raise UnusableInput(f"{video}: {count} pictures but {table.name} has {len(times_us)} rows")
        cameras = (_default_camera("image_0", (_WIDTH, _HEIGHT)),)

    def frames(camera: str) -> Iterator[Frame]:
        assert video is not None, f"{camera}: only named when there is a video"
        for index, (t_us, picture) in enumerate(zip(times_us, video_pictures(video, str(video)), strict=False)):
            if t_us != _NO_TIME_US:
                yield Frame(camera, int(t_us), f"{video} picture {index}", partial(picture_array, picture))

    untimed = np.flatnonzero(times_us == _NO_TIME_US).tolist() if video else []
    problems = tuple((f"{video} picture {index}", "no_time_stamp", f"row {index} of {table.name}") for index in untimed)
    return replace(_drive(f"kitti-{_number(table)}", times_us, poses, cameras, frames), quarantined=problems)


def _poses_from_plane(rows: dict[str, np.ndarray]) -> np.ndarray:
    """Camera poses [n, 3, 4] from plane coordinates (x forward, y left of the first camera)."""
    poses = np.zeros((len(rows["t"]), 3, 4))
    with np.errstate(invalid="ignore"):  # of an infinite angle; ingest puts the row in quarantine
        cos, sin = np.cos(rows["yaw"]), np.sin(rows["yaw"])
    turn = np.zeros((len(cos), 3, 3))
    turn[:, 0, 0], turn[:, 0, 1], turn[:, 1, 0], turn[:, 1, 1], turn[:, 2, 2] = cos, -sin, sin, cos, 1.0
    poses[:, :, :3] = LEVEL_CAMERA.T @ turn @ LEVEL_CAMERA
    poses[:, :, 3] = np.stack([-rows["y"], -rows["z"], rows["x"]], axis=-1)
    return poses


def _drive(
    drive_id: str,
    times_us: np.ndarray,
    poses: np.ndarray,
    cameras: tuple[Camera, ...],
    frames: Callable[[str], Iterator[Frame]],
) -> Drive:
    xyz, wxyz = _rig_poses(poses)
    ego = RawEgo(times_us, xyz, wxyz)
    return Drive(drive_id, _SOURCE, SOURCE_LICENCE, Rig(VEHICLE, cameras), ego, frames, place=PLACE)


def _rig_poses(poses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Camera 0 poses [n, 3, 4] in the first camera's frame -> rig poses in the first rig's frame."""
    whole = np.tile(np.eye(4), (len(poses), 1, 1))
    whole[:, :3] = poses
    mounting = _mounting(CAMERA_0_M)
    with np.errstate(all="ignore"):  # of infinite values; ingest puts the rows in quarantine
        rig = mounting @ whole @ np.linalg.inv(mounting)
    return rig[:, :3, 3], quaternion_from_matrix(rig[:, :3, :3])


def _read_poses(path: Path) -> np.ndarray:
    values = _read_numbers(path)
    if values.shape[1] != 12:
        raise UnusableInput(f"{path}: {values.shape[1]} numbers a row, a 3 x 4 pose has 12")
    poses = values.reshape(-1, 3, 4)
    turn = poses[:, :, :3]
    with np.errstate(all="ignore"):
        wrong = ~(np.abs(turn @ turn.transpose(0, 2, 1) - np.eye(3)).max(axis=(1, 2)) < 1e-2)
    poses[wrong] = np.nan  # no rotation, so no pose; ingest puts the row in quarantine
    return poses


def _read_times(path: Path) -> np.ndarray:
    return _microseconds(_read_numbers(path)[:, 0])


def _microseconds(times_s: np.ndarray) -> np.ndarray:
    """Times of pictures and poses alike, `_NO_TIME_US` for what is none; ingest sees that they increase."""
    timed = np.abs(times_s) < _LATEST_S
    return np.where(timed, np.round(np.where(timed, times_s, 0.0) * 1e6), _NO_TIME_US).astype(np.int64)


def _read_numbers(path: Path) -> np.ndarray:
    rows = [line.split() for line in read_text(path).splitlines() if line.strip()]
    if not rows:
        raise UnusableInput(f"{path}: no rows")
    try:
        return np.array(rows, dtype=np.float64).reshape(len(rows), -1)
    except ValueError as error:
        raise UnusableInput(f"{path}: not a table of numbers ({error})") from error


def _read_calibration(path: Path) -> dict[str, np.ndarray]:
    """The projections P0 .. P3 [3, 4] that there are."""
    rows = calibration_rows(path, {f"P{camera}": 12 for camera in range(4)}) if path.is_file() else {}
    return {name: values.reshape(3, 4) for name, values in rows.items()}


def _read_csv(path: Path) -> dict[str, np.ndarray]:
    try:
        rows = list(csv.DictReader(io.StringIO(read_text(path), newline="")))
    except csv.Error as error:
        raise UnusableInput(f"{path}: not a readable CSV file ({error})") from error
    missing = [c for c in _COLUMNS if not rows or c not in rows[0]]
    if missing:
        raise UnusableInput(f"{path}: {'no rows' if not rows else 'column ' + missing[0] + ' is missing'}")
    try:
        return {c: np.array([row[c] for row in rows], dtype=np.float64) for c in _COLUMNS}
    except (TypeError, ValueError) as error:
        raise UnusableInput(f"{path}: not a table of numbers ({error})") from error
