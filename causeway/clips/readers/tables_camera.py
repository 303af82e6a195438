"""A camera of a mapping file: its intrinsics at the size of its pictures, its mounting, and when each was taken.

Knows picture files and calibration files. Does not know tables. Where the mapping names camera poses, they are
checked against ego path and mounting, and a drive that does not agree is refused rather than used.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from causeway.clips.geometry import matrix_from_quaternion
from causeway.clips.readers.tables_clock import moments_of_poses
from causeway.clips.readers.tables_files import read_json
from causeway.clips.readers.tables_mapping import Calibration, CameraEntry, CameraPoses
from causeway.clips.readers.video import picture_size, read_picture
from causeway.clips.types import Camera, Frame, RawEgo
from causeway.errors import UnusableInput

_OPENCV_FROM_OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])


@dataclass(frozen=True)
class OpenCamera:
    """A camera with its picture files in order of time and their time stamps."""

    camera: Camera
    pictures: tuple[Path, ...]
    t_us: NDArray[np.int64]


def open_camera(
    entry: CameraEntry, pictures: list[Path], place: Callable[[str], Path], ego: RawEgo, clock: Callable
) -> OpenCamera:
    """The camera on the ego's clock; UnusableInput when pictures, poses and ego path do not belong together."""
    if not pictures:
        raise UnusableInput(f"{place(entry.pictures)}: no picture matches; check `pictures` of the mapping file")
    mounting = np.eye(4)
    mounting[:3, :3] = matrix_from_quaternion(np.array(entry.rig_from_camera.wxyz))
    mounting[:3, 3] = entry.rig_from_camera.position_m
    even_s = entry.times.first_s + entry.times.every_s * np.arange(len(pictures))
    t_us = np.round(even_s * 1e6).astype(np.int64) + ego.t_us[0]
    if entry.poses:
        poses = camera_poses(entry.poses, place(entry.poses.file))
        _same_length(poses, pictures, place(entry.poses.file))
        search_us = round(entry.times.search_s * 1e6)
        found_us, left_m = moments_of_poses(poses[:, :3, 3], mounting[:3, 3], t_us, search_us, ego)
        _agree(left_m, entry, place(entry.poses.file))
        t_us = found_us if entry.times.from_poses else t_us
    size = next((s for s in map(picture_size, pictures) if s), None)
    if size is None:
        raise UnusableInput(f"{pictures[0]}: neither this nor any other picture of {entry.name} can be read")
    camera = _camera(entry, _numbers(entry.calibration, place), size, mounting)
    keep = np.append(True, np.diff(t_us) > 0)
    if not keep.all():
        where = pictures[int(np.argmin(keep))]
        raise UnusableInput(f"{where}: taken at the same time as the picture before it; check `times`")
    return OpenCamera(camera, tuple(pictures), t_us)


def picture_frames(opened: OpenCamera) -> Iterator[Frame]:
    """The camera's pictures in order of time, loaded one by one."""
    for path, t_us in zip(opened.pictures, opened.t_us, strict=True):
        yield Frame(opened.camera.name, int(t_us), str(path), partial(read_picture, path))


def camera_poses(spec: CameraPoses, path: Path) -> np.ndarray:
    """Poses [n, 4, 4] of the camera (x right, y down, z forward) in the world frame."""
    document = read_json(path)
    try:
        poses = np.array([item[spec.matrix] for item in document[spec.items]], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise UnusableInput(f"{path}: no list {spec.items} of 4 x 4 matrices {spec.matrix} ({error})") from error
    return poses @ _OPENCV_FROM_OPENGL if spec.convention == "opengl" else poses


def _same_length(poses: np.ndarray, pictures: list[Path], path: Path) -> None:
    if len(poses) != len(pictures):
        raise UnusableInput(f"{path}: {len(poses)} poses but {len(pictures)} pictures")


def _agree(left_m: np.ndarray, entry: CameraEntry, path: Path) -> None:
    assert entry.poses is not None, "only called for cameras with poses"
    if left_m.max() > entry.poses.max_offset_m:
        worst = int(np.argmax(left_m))
        raise UnusableInput(
            f"{path}: pose {worst} of {entry.name} lies {left_m[worst]:.2f} m from ego path and mounting "
            f"(at most {entry.poses.max_offset_m} m); check rig_from_camera and the ego's origin"
        )


def _numbers(calibration: Calibration, place: Callable[[str], Path]) -> dict[str, float]:
    document = read_json(place(calibration.file)) if calibration.file else {}
    values = {}
    for name in ("fx", "fy", "cx", "cy", "width", "height"):
        value = getattr(calibration, name)
        if isinstance(value, str):
            if value not in document:
                raise UnusableInput(f"{calibration.file or 'calibration'}: no {value} for {name}")
            value = document[value]
        values[name] = float(value)
    return values


def _camera(entry: CameraEntry, values: dict[str, float], size: tuple[int, int], mounting: np.ndarray) -> Camera:
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
        distortion=entry.calibration.distortion,
    )
