"""A camera of a mapping file: its pictures or video, when each picture was taken, intrinsics at their size, mounting.

Knows picture files, videos and calibration files. Where the mapping names camera poses, they are checked against ego
path and mounting, and a drive that does not agree is refused rather than used.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causeway.clips.geometry import Array, matrix_from_quaternion
from causeway.clips.readers.columns import NO_TIME, US_OF, names, times_us
from causeway.clips.readers.tables.clock import Clock, moments_of_poses, on_clock
from causeway.clips.readers.tables.files import read_json, read_table
from causeway.clips.readers.tables.mapping_camera import Calibration, CameraEntry, CameraPoses, Mounting
from causeway.clips.readers.video import (
    check_video,
    picture_array,
    picture_size,
    read_picture,
    video_pictures,
    video_size,
)
from causeway.clips.types import Camera, Frame, Quarantined, RawEgo
from causeway.errors import UnusableInput

Place = Callable[[str], Path]
Files = Callable[[str], list[Path]]

_OPENCV_FROM_OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])


@dataclass(frozen=True)
class OpenCamera:
    """A camera with its picture files, or its video, and the time stamp of each picture."""

    camera: Camera
    pictures: tuple[Path, ...]
    video: Path | None
    t_us: NDArray[np.int64]
    left_out: Quarantined = ()


def open_camera(entry: CameraEntry, place: Place, files: Files, ego: RawEgo, clock: Clock) -> OpenCamera:
    """The camera on the ego's clock; UnusableInput when pictures, poses and ego path do not belong together."""
    pictures = files(entry.pictures) if entry.pictures else []
    video = place(entry.video) if entry.video else None
    if video is None and not pictures:
        raise UnusableInput(f"{place(entry.pictures)}: no picture matches; check `pictures` of the mapping file")
    count = len(pictures) if video is None else check_video(video, str(video), None)
    mounting = _mounting(entry.rig_from_camera)
    t_us = _times(entry, place, pictures, count, ego, clock)
    if entry.poses:
        t_us = _by_poses(entry, place(entry.poses.file), count, t_us, mounting, ego)
    size = video_size(video, str(video)) if video else next((s for s in map(picture_size, pictures) if s), None)
    if size is None:
        raise UnusableInput(f"{pictures[0]}: neither this nor any other picture of {entry.name} can be read")
    camera = _camera(entry, _numbers(entry.calibration, place), size, mounting)
    left_out = _untimed(entry.name, t_us)
    if entry.times.names or entry.times.name_column:  # files whose names have numbers need not be in order of time
        order = np.argsort(t_us, kind="stable")
        pictures, t_us = [pictures[index] for index in order], t_us[order]
    return OpenCamera(camera, tuple(pictures), video, t_us, left_out)


def _untimed(name: str, t_us: NDArray[np.int64]) -> Quarantined:
    count = int((t_us == NO_TIME).sum())
    detail = f"{count} of {len(t_us)} pictures have no time of their own; check `times`"
    return ((name, "no_time", detail),) if count else ()


def picture_frames(opened: OpenCamera) -> Iterator[Frame]:
    """The camera's pictures, loaded one by one; those without a time are left out."""
    name = opened.camera.name
    if opened.video is None:
        for path, t_us in zip(opened.pictures, opened.t_us, strict=True):
            if t_us != NO_TIME:
                yield Frame(name, int(t_us), str(path), partial(read_picture, path))
        return
    stream = enumerate(zip(opened.t_us, video_pictures(opened.video, str(opened.video)), strict=False))
    for index, (t_us, picture) in stream:
        if t_us != NO_TIME:
            yield Frame(name, int(t_us), f"{opened.video} picture {index}", partial(picture_array, picture))


def _times(
    entry: CameraEntry, place: Place, pictures: list[Path], count: int, ego: RawEgo, clock: Clock
) -> NDArray[np.int64]:
    """A time for each picture on the drive's clock, NO_TIME where there is none."""
    times = entry.times
    if times.file:
        return on_clock(_from_table(entry, place(times.file), pictures, count), times.offset_s, clock)
    if times.names:
        return on_clock(np.array([_in_name(path, times.unit) for path in pictures]), times.offset_s, clock)
    every_s = times.every_s or 1 / (times.fps or 1.0)
    even_s = times.first_s + times.offset_s + every_s * np.arange(count)
    return np.round(even_s * 1e6).astype(np.int64) + ego.t_us[0]


def _from_table(entry: CameraEntry, path: Path, pictures: list[Path], count: int) -> NDArray[np.int64]:
    times = entry.times
    table = read_table(path)
    stamps = times_us(table, times.column, times.unit, path)
    if not times.name_column:
        return np.concatenate([stamps[:count], np.full(max(count - len(stamps), 0), NO_TIME)])
    named = dict(zip(names(table, times.name_column, path).to_pylist(), stamps.tolist(), strict=True))
    by_name = {Path(name).name: stamp for name, stamp in named.items() if name}
    return np.array([by_name.get(picture.name, NO_TIME) for picture in pictures], dtype=np.int64)


def _in_name(path: Path, unit: str) -> int:
    found = re.search(r"\d+(?:\.\d+)?$", path.stem)
    if found is None:
        return NO_TIME
    value = round((float(found[0]) if "." in found[0] else int(found[0])) * US_OF[unit])
    return value if abs(value) < 10**17 else NO_TIME


def _by_poses(
    entry: CameraEntry, path: Path, count: int, t_us: NDArray[np.int64], mounting: Array, ego: RawEgo
) -> NDArray[np.int64]:
    assert entry.poses is not None, "only called for cameras with poses"
    poses = camera_poses(entry.poses, path)
    if len(poses) != count:
        raise UnusableInput(f"{path}: {len(poses)} poses but {count} pictures")
    search_us = round(entry.times.search_s * 1e6)
    near_us = np.where(t_us == NO_TIME, ego.t_us[0], t_us)
    found_us, left_m = moments_of_poses(poses[:, :3, 3], mounting[:3, 3], near_us, search_us, ego)
    if not left_m.max() <= entry.poses.max_offset_m:
        worst = int(np.argmax(left_m))
        raise UnusableInput(
            f"{path}: pose {worst} of {entry.name} lies {left_m[worst]:.2f} m from ego path and mounting "
            f"(at most {entry.poses.max_offset_m} m); check rig_from_camera and the ego's origin"
        )
    return np.where(t_us == NO_TIME, NO_TIME, found_us) if entry.times.from_poses else t_us


def camera_poses(spec: CameraPoses, path: Path) -> np.ndarray:
    """Poses [n, 4, 4] of the camera (x right, y down, z forward) in the world frame."""
    document = read_json(path)
    try:
        poses = np.array([item[spec.matrix] for item in document[spec.items]], dtype=np.float64)
        if poses.shape[1:] != (4, 4) or not np.isfinite(poses).all():
            raise ValueError(f"shape {poses.shape}, or not numbers")
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise UnusableInput(f"{path}: no list {spec.items} of 4 x 4 matrices {spec.matrix} ({error})") from error
    return poses @ _OPENCV_FROM_OPENGL if spec.convention == "opengl" else poses


def _mounting(spec: Mounting) -> Array:
    mounting = np.eye(4)
    mounting[:3, 3] = spec.position_m
    if spec.wxyz is not None:
        mounting[:3, :3] = matrix_from_quaternion(np.array(spec.wxyz) / np.linalg.norm(spec.wxyz))
        return mounting
    facing, down = np.radians([spec.facing_deg, spec.down_deg])
    level = np.array([np.cos(facing), np.sin(facing), 0.0])
    ahead = np.cos(down) * level - np.sin(down) * np.array([0.0, 0.0, 1.0])
    right = np.array([np.sin(facing), -np.cos(facing), 0.0])
    mounting[:3, :3] = np.stack([right, np.cross(ahead, right), ahead], axis=-1)
    return mounting


def _numbers(calibration: Calibration, place: Place) -> dict[str, float]:
    path = place(calibration.file) if calibration.file else None
    document = read_json(path) if path else {}
    values = {}
    for name in ("fx", "fy", "cx", "cy", "width", "height"):
        value = getattr(calibration, name)
        try:
            values[name] = float(_nested(document, value) if isinstance(value, str) else value)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise UnusableInput(f"{path or 'calibration'}: no number {value} for {name}") from error
        if name in ("width", "height", "fx", "fy") and not 0 < values[name] < 1e6:
            raise UnusableInput(f"{path or 'calibration'}: {name} is {values[name]:g}, no number of pixels")
    return values


def _nested(document: Any, name: str) -> Any:
    if isinstance(document, dict) and name in document:
        return document[name]
    for part in name.split("."):
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


def _camera(entry: CameraEntry, values: dict[str, float], size: tuple[int, int], mounting: Array) -> Camera:
    """Intrinsics scaled from the calibrated picture's size to the size the files have."""
    across, down = size[0] / values["width"], size[1] / values["height"]
    if abs(across / down - 1) > 0.01:
        raise UnusableInput(f"{entry.name}: pictures of {size} are no scaled copy of the calibrated size")
    return Camera(
        name=entry.name,
        width=size[0],
        height=size[1],
        fx=values["fx"] * across,
        fy=values["fy"] * down,
        cx=values["cx"] * across,
        cy=values["cy"] * down,
        rig_from_camera=mounting,
        model=entry.calibration.model,
        distortion=tuple(value * across for value in entry.calibration.distortion),
    )
