"""KITTI odometry: the official folders, and the compact form of one MP4 and one CSV a sequence.

Official: `sequences/NN/{image_0,...,times.txt,calib.txt}` and `poses/NN.txt`. Compact: `*/seqNN_ego.csv`,
`*/seqNN_image_0.mp4` and, when there, `*/seqNN_poses.txt` (full poses; the CSV has the plane only).
Knows the published sensor set-up (Geiger et al., IJRR 2013; cvlibs.net/datasets/kitti/setup.php): cameras 1.65 m
above the road, camera 0 1.03 m in front of the rear axle (2.71 m wheelbase less 1.68 m), looking level and straight
ahead. Poses are those of camera 0; there is no measured speed, so none is claimed.
"""

import csv
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from causeway.clips.geometry import quaternion_from_matrix
from causeway.clips.readers.video import (
    check_video,
    picture_array,
    picture_size,
    read_picture,
    video_pictures,
)
from causeway.clips.types import Camera, Drive, Frame, RawEgo, Recording, Rig, Vehicle
from causeway.errors import UnusableInput

_SOURCE, _LICENCE, _PLACE = "kitti-odometry", "CC BY-NC-SA 3.0", "karlsruhe"
_VEHICLE = Vehicle("kitti-passat", length_m=4.77, width_m=1.82, wheelbase_m=2.71, rear_axle_to_centre_m=1.28)
_P_RECT_00 = (721.5377, 609.5593, 172.854)  # focal length, cx, cy of the recordings of 2011-09-26, 1242 wide
_WIDTH, _HEIGHT = 1242, 374
# rows: the rig's x, y, z axes written in the camera's x (right), y (down), z (forward)
_AXES = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
_CAMERA_0_M = np.array([1.03, 0.0, 1.65])


def fits(root: Path) -> bool:
    """True when the folder looks like either form."""
    return root.is_dir() and bool(_official(root) or _compact(root))


def paths(root: Path) -> list[Path]:
    """What the input consists of: the whole folder."""
    return [root]


def recordings(root: Path) -> list[Recording]:
    """One recording a sequence."""
    found = [Recording(f"kitti-{p.name}", partial(_open_official, root, p)) for p in _official(root)]
    return found + [Recording(f"kitti-{_number(p)}", partial(_open_compact, root, p)) for p in _compact(root)]


def _official(root: Path) -> list[Path]:
    return sorted(p for p in root.glob("sequences/*") if p.is_dir() and not p.name.startswith("."))


def _compact(root: Path) -> list[Path]:
    return sorted(root.rglob("seq*_ego.csv"))


def _number(table: Path) -> str:
    return table.name.removeprefix("seq").removesuffix("_ego.csv")


def _open_official(root: Path, sequence: Path) -> Drive:
    poses = _read_poses(root / "poses" / f"{sequence.name}.txt")
    times_us = _read_times(sequence / "times.txt")
    if len(poses) != len(times_us):
        where = f"{root / 'poses' / sequence.name}.txt"
        raise UnusableInput(f"{where}: {len(poses)} poses but times.txt has {len(times_us)} rows")
    folders = [p for p in sorted(sequence.glob("image_[0-3]")) if any(p.iterdir())]
    calibration = _read_calibration(sequence / "calib.txt")
    cameras = tuple(_camera(folder, calibration) for folder in folders)
    numbered = {folder.name: _numbered(folder) for folder in folders}

    def frames(camera: str) -> Iterator[Frame]:
        for index, path in numbered[camera].items():
            if index < len(times_us):
                yield Frame(camera, int(times_us[index]), str(path), partial(read_picture, path))

    return _drive(f"kitti-{sequence.name}", times_us, poses, cameras, frames)


def _numbered(folder: Path) -> dict[int, Path]:
    """Picture files by frame number, in order; other files in the folder are left alone."""
    named = ((re.fullmatch(r"(\d+)\.(?:png|jpe?g)", p.name), p) for p in sorted(folder.iterdir()))
    return {int(match[1]): path for match, path in named if match}


def _camera(folder: Path, calibration: dict[str, np.ndarray]) -> Camera:
    """Intrinsics of P0 .. P3 (the rectified projection; its fourth column is the offset along the baseline)."""
    index = folder.name[-1]
    size = next((s for s in map(picture_size, _numbered(folder).values()) if s), (_WIDTH, _HEIGHT))
    p = calibration.get(f"P{index}")
    if p is None:
        return _default_camera(folder.name, size)
    offset_m = np.array([-p[0, 3] / p[0, 0], -p[1, 3] / p[1, 1], 0.0])
    mounting = _mounting(_CAMERA_0_M + _AXES @ offset_m)
    return Camera(folder.name, *size, fx=p[0, 0], fy=p[1, 1], cx=p[0, 2], cy=p[1, 2], rig_from_camera=mounting)


def _default_camera(name: str, size: tuple[int, int]) -> Camera:
    focal, cx, cy = _P_RECT_00
    return Camera(name, *size, fx=focal, fy=focal, cx=cx, cy=cy, rig_from_camera=_mounting(_CAMERA_0_M))


def _mounting(position_m: np.ndarray) -> np.ndarray:
    mounting = np.eye(4)
    mounting[:3, :3], mounting[:3, 3] = _AXES, position_m
    return mounting


def _open_compact(root: Path, table: Path) -> Drive:
    number = _number(table)
    rows = _read_csv(table)
    times_us = np.round(rows["t"] * 1e6).astype(np.int64)
    video = next(iter(sorted(root.rglob(f"seq{number}_image_0.mp4"))), None)
    matrices = next(iter(sorted(root.rglob(f"seq{number}_poses.txt"))), None)
    poses = _read_poses(matrices) if matrices else _poses_from_plane(rows)
    if len(poses) != len(times_us):
        raise UnusableInput(f"{matrices}: {len(poses)} poses but {table.name} has {len(times_us)} rows")
    cameras: tuple[Camera, ...] = ()
    if video:
        check_video(video, str(video), len(times_us))
        cameras = (_default_camera("image_0", (_WIDTH, _HEIGHT)),)

    def frames(camera: str) -> Iterator[Frame]:
        assert video is not None, f"{camera}: only named when there is a video"
        for index, (t_us, picture) in enumerate(zip(times_us, video_pictures(video, str(video)), strict=False)):
            yield Frame(camera, int(t_us), f"{video} picture {index}", partial(picture_array, picture))

    return _drive(f"kitti-{number}", times_us, poses, cameras, frames)


def _poses_from_plane(rows: dict[str, np.ndarray]) -> np.ndarray:
    """Camera poses [n, 3, 4] from plane coordinates (x forward, y left of the first camera)."""
    poses = np.zeros((len(rows["t"]), 3, 4))
    cos, sin = np.cos(rows["yaw"]), np.sin(rows["yaw"])
    turn = np.zeros((len(cos), 3, 3))
    turn[:, 0, 0], turn[:, 0, 1], turn[:, 1, 0], turn[:, 1, 1], turn[:, 2, 2] = cos, -sin, sin, cos, 1.0
    poses[:, :, :3] = _AXES.T @ turn @ _AXES
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
    return Drive(drive_id, _SOURCE, _LICENCE, Rig(_VEHICLE, cameras), ego, frames, place=_PLACE)


def _rig_poses(poses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Camera 0 poses [n, 3, 4] in the first camera's frame -> rig poses in the first rig's frame."""
    whole = np.tile(np.eye(4), (len(poses), 1, 1))
    whole[:, :3] = poses
    mounting = _mounting(_CAMERA_0_M)
    rig = mounting @ whole @ np.linalg.inv(mounting)
    return rig[:, :3, 3], quaternion_from_matrix(rig[:, :3, :3])


def _read_poses(path: Path) -> np.ndarray:
    values = _read_numbers(path)
    if values.shape[1] != 12:
        raise UnusableInput(f"{path}: {values.shape[1]} numbers a row, a 3 x 4 pose has 12")
    return values.reshape(-1, 3, 4)


def _read_times(path: Path) -> np.ndarray:
    times_us = np.round(_read_numbers(path)[:, 0] * 1e6).astype(np.int64)
    if np.any(np.diff(times_us) <= 0):
        row = int(np.argmax(np.diff(times_us) <= 0)) + 2
        raise UnusableInput(f"{path}: row {row}: time does not increase")
    return times_us


def _read_numbers(path: Path) -> np.ndarray:
    if not path.is_file():
        raise UnusableInput(f"{path}: missing; the sequence cannot be used without it")
    rows = [line.split() for line in path.read_text(errors="replace").splitlines() if line.strip()]
    try:
        return np.array(rows, dtype=np.float64).reshape(len(rows), -1)
    except ValueError as error:
        raise UnusableInput(f"{path}: not a table of numbers ({error})") from error


def _read_calibration(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        return {}
    found = {}
    for row, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
        name, _, numbers = line.partition(":")
        if re.fullmatch(r"P[0-3]", name.strip()):
            values = numbers.split()
            if len(values) != 12:
                raise UnusableInput(f"{path}: row {row}: {len(values)} numbers, a 3 x 4 projection has 12")
            found[name.strip()] = np.array(values, dtype=np.float64).reshape(3, 4)
    return found


def _read_csv(path: Path) -> dict[str, np.ndarray]:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    missing = [c for c in ("t", "x", "y", "z", "yaw") if not rows or c not in rows[0]]
    if missing:
        raise UnusableInput(f"{path}: {'no rows' if not rows else 'column ' + missing[0] + ' is missing'}")
    try:
        return {c: np.array([row[c] for row in rows], dtype=np.float64) for c in ("t", "x", "y", "z", "yaw")}
    except (TypeError, ValueError) as error:
        raise UnusableInput(f"{path}: not a table of numbers ({error})") from error
