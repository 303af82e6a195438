"""KITTI raw data: synchronised and rectified drives with GPS/IMU, cameras and, when there, labelled boxes and scans.

Official: `<date>/<date>_drive_NNNN_sync/{oxts,image_0X,velodyne_points,tracklet_labels.xml}` with `<date>/calib_*.txt`,
read from the folder of dates or from one date. Compact: `oxts`, `image_0X/timestamps.txt` and `calib_*.txt` side by
side, and the pictures as `image_0X.mp4` there or in a sibling `derived/`. Positions are put on the map of a UTM zone,
one frame for all drives of a place; the development kit's Mercator map has another scale for each drive, and takes the
earth for a sphere: lengths on the two differ by up to 0.2 %. The speed is the measured forward speed `vf` of the
GPS/IMU.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from causeway.clips.geometry import matrix_from_quaternion, multiply, quaternion_from_yaw
from causeway.clips.readers.geodesy import utm, zone_of
from causeway.clips.readers.inside import inside_all
from causeway.clips.readers.kitti import files as kitti_files
from causeway.clips.readers.kitti.car import IMU_M, PLACE, SOURCE_LICENCE, VEHICLE
from causeway.clips.readers.kitti.raw_calibration import CALIBRATION_FILES, Calibration, read_calibrations
from causeway.clips.readers.kitti.raw_scans import FOLDER as SCANS
from causeway.clips.readers.kitti.raw_scans import has_scans, read_scans
from causeway.clips.readers.kitti.raw_tracklets import read_tracklets
from causeway.clips.readers.video import check_video, picture_array, picture_size, read_picture, video_pictures
from causeway.clips.timed_rows import TimedRows
from causeway.clips.types import Camera, Drive, Frame, Quarantined, RawEgo, Recording, Rig
from causeway.errors import UnusableInput

_SOURCE = "kitti-raw"
_PATTERNS = ("oxts", "*/oxts", "*/*/oxts")
_CAMERAS = ("image_00", "image_01", "image_02", "image_03")
_NAME = re.compile(r"\d{4}_\d\d_\d\d_drive_\d{4}_(sync|extract)")
_TRACKLETS, _SCANNER_TIMES = "tracklet_labels.xml", f"{SCANS}/timestamps.txt"


@dataclass(frozen=True)
class _Pictures:
    """One camera: when each picture was taken, and the picture files by number or the video that holds them all."""

    name: str
    times_us: np.ndarray
    files: dict[int, Path]
    video: Path | None
    calibration: Calibration


def fits(root: Path) -> bool:
    """True when there is a drive's `oxts` folder in the root or up to two folders below."""
    return bool(_drives(root))


def paths(root: Path) -> list[Path]:
    """The drives, their calibrations and the videos beside them; not what else lies there."""
    return inside_all(root, (path for drive in _drives(root) for path in _parts(root, drive)))


def recordings(root: Path) -> list[Recording]:
    """One recording a drive."""
    return [Recording(_drive_id(drive), partial(_open, root, drive, _drive_id(drive))) for drive in _drives(root)]


def _parts(root: Path, drive: Path) -> list[Path]:
    """What is read of a drive, there or not."""
    own = [drive / name for name in ("oxts", *_CAMERAS, _TRACKLETS, SCANS)]
    calibration = [_calibration_folder(root, drive) / name for name in CALIBRATION_FILES]
    videos = (_video(root, drive, name) for name in _CAMERAS)
    return [*own, *calibration, *(video for video in videos if video is not None)]


def _drives(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    found = (oxts.parent for pattern in _PATTERNS for oxts in root.glob(pattern))
    return sorted({d for d in found if (d / "oxts" / "timestamps.txt").exists() or (d / "oxts" / "data").is_dir()})


def _drive_id(drive: Path) -> str:
    """The official name; the compact form has none, so it is named by its first time stamp."""
    match = _NAME.fullmatch(drive.name)
    if match:
        return f"kitti-{drive.name.removesuffix('_sync')}"
    try:
        first = kitti_files.read_stamps(drive / "oxts" / "timestamps.txt")[0]
    except UnusableInput:
        return "kitti-raw-unnamed"
    text = str(np.datetime64(int(first) // 1_000_000, "s"))
    return f"kitti-{text.replace('-', '_').replace(':', '').replace('T', '_')}"


def _calibration_folder(root: Path, drive: Path) -> Path:
    """The drive's own folder, or the date's above it as long as that is part of the input."""
    own = (drive / CALIBRATION_FILES[0]).exists() or drive == root
    return drive if own else drive.parent


def _video(root: Path, drive: Path, camera: str) -> Path | None:
    folders = [drive / camera, drive, *([] if drive == root else [drive.parent / "derived"])]
    return next((f / f"{camera}.mp4" for f in folders if (f / f"{camera}.mp4").exists()), None)


def _open(root: Path, drive: Path, drive_id: str) -> Drive:
    if drive.name.endswith("_extract"):
        raise UnusableInput(f"{drive}: not rectified and not synchronised; download the _sync form of the drive")
    inside_all(root, _parts(root, drive))
    ego, zone, problems = _ego(drive / "oxts")
    pictures, missing = _pictures(root, drive)
    problems += missing
    cameras = {name: _camera(p) for name, p in pictures.items()}
    tracks = None
    if (drive / _TRACKLETS).exists():
        calibration = read_calibrations(_calibration_folder(root, drive))
        scanner = drive / _SCANNER_TIMES
        times_us = kitti_files.read_stamps(scanner if scanner.exists() else drive / "oxts" / "timestamps.txt")
        tracks, unplaced = read_tracklets(drive / _TRACKLETS, times_us, ego, calibration.rig_from_velo)
        problems += unplaced
    points, scans_left_out = _points(root, drive, ego) if has_scans(drive) else (None, ())
    return Drive(
        drive_id=drive_id,
        source=_SOURCE,
        licence=SOURCE_LICENCE,
        rig=Rig(VEHICLE, tuple(cameras.values())),
        ego=ego,
        frames=lambda name: _frames(pictures[name]),
        place=PLACE,
        world=zone,
        tracks=tracks,
        points=points,
        quarantined=problems + scans_left_out,
    )


def _points(root: Path, drive: Path, ego: RawEgo) -> tuple[TimedRows | None, Quarantined]:
    """The laser scans; without calibration or times none can be placed, and the drive goes on without them."""
    try:
        return read_scans(drive, ego, read_calibrations(_calibration_folder(root, drive)).rig_from_velo)
    except UnusableInput as error:
        return None, ((SCANS, "scans_unusable", str(error)),)


def _ego(folder: Path) -> tuple[RawEgo, str, Quarantined]:
    """Rig poses on the map of their UTM zone, that zone, and the rows left out."""
    stamps = kitti_files.read_stamps(folder / "timestamps.txt")
    rows, problems = kitti_files.read_oxts(folder / "data", len(stamps))
    good = np.flatnonzero(np.isfinite(rows[:, 0]))
    if len(good) < 2:
        raise UnusableInput(
            f"{folder}: {len(good)} of {len(stamps)} rows can be used; {problems[0][0]}: {problems[0][2]}"
        )
    rows = rows[good]
    lat, lon = np.radians(rows[:, 0]), np.radians(rows[:, 1])
    zone = zone_of(float(lat[0]), float(lon[0]))
    east, north, turn = utm(lat, lon, zone)
    wxyz = _quaternions(rows[:, 3], rows[:, 4], rows[:, 5] + turn)
    imu = np.stack([east, north, rows[:, 2]], axis=-1)
    xyz = imu - matrix_from_quaternion(wxyz) @ IMU_M
    return RawEgo(stamps[good], xyz, wxyz, rows[:, 8], good), zone, problems


def _quaternions(roll: np.ndarray, pitch: np.ndarray, yaw: np.ndarray) -> np.ndarray:
    """Turned by roll about x, then pitch about y, then yaw about z (development kit, `convertOxtsToPose.m`)."""
    zero = np.zeros_like(roll)
    about_x = np.stack([np.cos(roll / 2), np.sin(roll / 2), zero, zero], axis=-1)
    about_y = np.stack([np.cos(pitch / 2), zero, np.sin(pitch / 2), zero], axis=-1)
    return multiply(quaternion_from_yaw(yaw), multiply(about_y, about_x))


def _pictures(root: Path, drive: Path) -> tuple[dict[str, _Pictures], Quarantined]:
    """The cameras that have pictures, and what is missing: pictures without time stamps, time stamps without them."""
    found: dict[str, _Pictures] = {}
    problems: list[tuple[str, str, str]] = []
    for name in _CAMERAS:
        files, video = kitti_files.numbered_files(drive / name / "data", "png", "jpg"), _video(root, drive, name)
        if not files and video is None:
            continue
        times_us = kitti_files.read_stamps(drive / name / "timestamps.txt")
        if files:
            video = None
            late = [files.pop(index) for index in sorted(files) if index >= len(times_us)]
            problems += [(str(path), "no_time_stamp", f"timestamps.txt has {len(times_us)} rows") for path in late]
            absent = [index for index in range(len(times_us)) if index not in files]
            problems += [(f"{name}/data/{index:010d}", "picture_missing", "it has a time stamp") for index in absent]
        elif video is not None and (count := check_video(video, str(video), len(times_us))) != len(times_us):
            raise UnusableInput(f"{video}: {count} pictures but {len(times_us)} time stamps")
        calibration = read_calibrations(_calibration_folder(root, drive))
        found[name] = _Pictures(name, times_us, files, video, calibration)
    return found, tuple(problems)


def _camera(pictures: _Pictures) -> Camera:
    k, mounting, size = pictures.calibration.camera(pictures.name)
    if pictures.video is not None:
        first = next(video_pictures(pictures.video, str(pictures.video)), None)
        size = (first.width, first.height) if first is not None else size
    else:
        size = next((s for s in map(picture_size, pictures.files.values()) if s), size)
    return Camera(pictures.name, *size, fx=k[0, 0], fy=k[1, 1], cx=k[0, 2], cy=k[1, 2], rig_from_camera=mounting)


def _frames(pictures: _Pictures) -> Iterator[Frame]:
    name = pictures.name
    if pictures.video is None:
        for index, path in sorted(pictures.files.items()):
            yield Frame(name, int(pictures.times_us[index]), str(path), partial(read_picture, path))
        return
    video = pictures.video
    for index, (t_us, picture) in enumerate(zip(pictures.times_us, video_pictures(video, str(video)), strict=False)):
        yield Frame(name, int(t_us), f"{video} picture {index}", partial(picture_array, picture))
