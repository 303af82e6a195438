"""comma2k19: one-minute segments of a commute, poses of a phone behind the windscreen, speed from the car's bus.

Layout: a segment folder (`global_pose`, `processed_log`, `video.hevc` when there), its parent, or a tree of routes
(`dongle|date`, or with `_` for `|`) and segments, up to three levels below the root. Times are of the device's boot
clock, one clock for poses, pictures and bus. Radar points are no tracks, so there are none. Sources: README,
`utils/camera.py` of github.com/commaai/comma2k19 (MIT), arXiv 1812.05752.
"""

import re
from collections.abc import Iterator
from dataclasses import astuple, replace
from functools import partial
from pathlib import Path

import numpy as np

from causeway.clips.cleaning import clean_ego
from causeway.clips.readers.comma2k19.arrays import LATEST_S, Poses, left_out, read_array, read_poses, read_speed
from causeway.clips.readers.comma2k19.mount import (
    CAMERA_M,
    VEHICLE_OF_DONGLE,
    VEHICLE_UNKNOWN,
    mounting,
    rig_poses,
    usable,
)
from causeway.clips.readers.inside import inside_all
from causeway.clips.readers.video import check_video, picture_array, video_pictures
from causeway.clips.types import Camera, Drive, Frame, Quarantined, RawEgo, Recording, Rig, Vehicle
from causeway.errors import UnusableInput

_SOURCE, _LICENCE, _PLACE = "comma2k19", "MIT", "california"
_PATTERNS = ("global_pose", "*/global_pose", "*/*/global_pose", "*/*/*/global_pose")
_READ = ("global_pose", "processed_log/CAN/speed", "video.hevc")
_CAMERA, _WIDTH, _HEIGHT, _FOCAL = "road", 1164, 874, 910.0  # EON, `utils/camera.py` and `camera_intrinsics.txt`
_STALE_S = 0.5  # a speed that old is none: messages come 80 times a second


def fits(root: Path) -> bool:
    """True when there is a segment's `global_pose` in the root or up to three folders below."""
    return bool(_segments(root))


def paths(root: Path) -> list[Path]:
    """Of each segment what is read: poses, speed and video."""
    return inside_all(root, (path for segment in _segments(root) for path in _parts(segment)))


def recordings(root: Path) -> list[Recording]:
    """One recording a segment."""
    return [Recording(_drive_id(segment), partial(_open, root, segment)) for segment in _segments(root)]


def _parts(segment: Path) -> list[Path]:
    return [segment / name for name in _READ]


def _segments(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    found = {pose.parent for pattern in _PATTERNS for pose in root.glob(pattern) if pose.is_dir()}
    return sorted(found, key=lambda p: (str(p.parent), int(p.name) if _numbered(p) else -1, p.name))


def _numbered(segment: Path) -> bool:
    return re.fullmatch(r"\d{1,6}", segment.name) is not None


def _drive_id(segment: Path) -> str:
    """Route and segment; a segment that lies elsewhere is named by its first GPS week and second."""
    route = re.sub(r"[^A-Za-z0-9-]+", "_", segment.resolve().parent.name)
    if _numbered(segment) and re.match(r"[0-9a-f]{16}_", route):
        return f"comma2k19-{route}-{segment.name}"
    try:
        week, second = read_array(segment / "global_pose" / "frame_gps_times", (2,))[0]
        return f"comma2k19-{int(week)}-{int(second)}"
    except (UnusableInput, ValueError, OverflowError):
        return "comma2k19-unnamed"


def _vehicle(segment: Path) -> Vehicle:
    dongle = re.split(r"[|_]", segment.resolve().parent.name)[0]
    return VEHICLE_OF_DONGLE.get(dongle, VEHICLE_UNKNOWN)


def _open(root: Path, segment: Path) -> Drive:
    inside_all(root, _parts(segment))
    poses = read_poses(segment / "global_pose")
    ego, device_from_rig, zone, quarantined = _ego(segment, poses)
    video = segment / "video.hevc"
    cameras = (_camera(video, len(poses.times_s), device_from_rig),) if video.exists() else ()
    return Drive(
        drive_id=_drive_id(segment),
        source=_SOURCE,
        licence=_LICENCE,
        rig=Rig(_vehicle(segment), cameras),
        ego=ego,
        frames=lambda name: _frames(video, poses.times_s),
        place=_PLACE,
        world=zone,
        quarantined=quarantined,
    )


def _ego(segment: Path, poses: Poses) -> tuple[RawEgo, np.ndarray, str, Quarantined]:
    """The rig's poses on the map, how the device is mounted, the UTM zone, and the rows left out.

    The mount is measured on rows that are good: a late row with an early time must have no say in it.
    """
    timed, placed = np.abs(poses.times_s) < LATEST_S, usable(poses)
    speed, messages = _speed(segment / "processed_log" / "CAN" / "speed", poses)
    known = np.ones(len(timed), dtype=bool) if speed is None else np.isfinite(speed)
    kept = np.flatnonzero(timed & placed & known)
    if len(kept) < 2:
        raise UnusableInput(
            f"{segment}: {len(kept)} of {len(timed)} poses can be used; the others have no time, pose or speed"
        )
    t_us = np.round(poses.times_s[kept] * 1e6).astype(np.int64)
    device = RawEgo(t_us, poses.position_m[kept], poses.wxyz[kept], None if speed is None else speed[kept], kept)
    device, bad = clean_ego(device, str(segment / "global_pose"))
    good = Poses(*(values[device.row] for values in astuple(poses)))
    device_from_rig = mounting(good)
    zone, xyz, wxyz = rig_poses(good, device_from_rig)
    rows = (
        *left_out("frame_times", "no_time", ~timed, "not a time in seconds; its picture has none either"),
        *left_out("frame_positions", "pose_unusable", timed & ~placed, "position, rotation or velocity is none"),
        *left_out("frame_times", "no_speed", timed & placed & ~known, "no speed message in the 0.5 s before"),
    )
    return replace(device, xyz_m=xyz, wxyz=wxyz), device_from_rig, zone, (*rows, *messages, *bad)


def _speed(folder: Path, poses: Poses) -> tuple[np.ndarray | None, Quarantined]:
    """The latest measured speed at each pose (nothing later than it), NaN where none is known; messages left out.

    Without a bus log the speed is None and derived later.
    """
    found = read_speed(folder)
    if found is None:
        return None, ()
    times_s, value, unusable = found
    if len(times_s) == 0:
        raise UnusableInput(f"{folder / 'value'}: no row is a number")
    row = np.searchsorted(times_s, poses.times_s, side="right") - 1
    with np.errstate(invalid="ignore"):  # of an infinite time
        known = (row >= 0) & (poses.times_s - times_s[np.maximum(row, 0)] <= _STALE_S)
    return np.where(known, value[np.maximum(row, 0)], np.nan), unusable


def _camera(video: Path, pictures: int, device_from_rig: np.ndarray) -> Camera:
    count = check_video(video, str(video), pictures)
    if count != pictures:
        raise UnusableInput(f"{video}: {count} pictures but {pictures} frame_times")
    device_from_view = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    rig_from_camera = np.eye(4)
    rig_from_camera[:3, :3], rig_from_camera[:3, 3] = device_from_rig.T @ device_from_view, CAMERA_M
    return Camera(_CAMERA, _WIDTH, _HEIGHT, _FOCAL, _FOCAL, _WIDTH / 2, _HEIGHT / 2, rig_from_camera)


def _frames(video: Path, times_s: np.ndarray) -> Iterator[Frame]:
    for index, (at_s, picture) in enumerate(zip(times_s, video_pictures(video, str(video)), strict=False)):
        if abs(at_s) < LATEST_S:
            yield Frame(_CAMERA, round(at_s * 1e6), f"{video} picture {index}", partial(picture_array, picture))
