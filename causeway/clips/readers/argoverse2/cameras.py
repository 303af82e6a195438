"""Cameras of an Argoverse 2 log: calibration, and pictures named by the nanosecond they were taken.

Knows `calibration/intrinsics.feather`, `calibration/egovehicle_SE3_sensor.feather` and `sensors/cameras/`. The
released pictures are undistorted already (the authors in av2-api issue 219): k1 .. k3 describe the lens they were
taken with and are left alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from causeway.clips.geometry import matrix_from_quaternion
from causeway.clips.readers.argoverse2.feather_files import read_feather
from causeway.clips.readers.columns import reals, texts
from causeway.clips.readers.recorded import Quarantined
from causeway.clips.readers.video import read_picture
from causeway.clips.types import Camera, Frame

_INTRINSICS = ("fx_px", "fy_px", "cx_px", "cy_px", "width_px", "height_px")
_MOUNTING = ("qw", "qx", "qy", "qz", "tx_m", "ty_m", "tz_m")
_ENDINGS = (".jpg", ".jpeg", ".png")
_LARGEST_PX = 100_000


@dataclass(frozen=True)
class Pictures:
    """The cameras of a log and, by camera, when each picture was taken (microseconds, in order) and its file."""

    cameras: tuple[Camera, ...]
    taken: dict[str, list[tuple[int, Path]]]
    quarantined: Quarantined

    def frames(self, camera: str) -> Iterator[Frame]:
        """A camera's pictures in order."""
        for t_us, path in self.taken[camera]:
            yield Frame(camera, t_us, str(path), partial(read_picture, path))


def read_cameras(log: Path, axle_height_m: float) -> Pictures:
    """The cameras that have pictures and calibration; those without calibration are left out and named.

    Mountings are stored in the vehicle's frame, whose origin lies `axle_height_m` above that of the rig.
    """
    folders = sorted(p for p in (log / "sensors" / "cameras").glob("*") if p.is_dir() and not p.name.startswith("."))
    if not folders:
        return Pictures((), {}, ())
    intrinsics = _calibration(log, "intrinsics.feather", _INTRINSICS)
    mountings = _calibration(log, "egovehicle_SE3_sensor.feather", _MOUNTING)
    cameras, taken, left_out = [], {}, []
    for folder in folders:
        pictures, unnamed = _pictures(folder)
        left_out += unnamed
        camera = _camera(folder.name, intrinsics.get(folder.name), mountings.get(folder.name), axle_height_m)
        if isinstance(camera, str):
            left_out.append((str(folder), "no_calibration", f"{camera}; {len(pictures)} pictures are left out"))
        elif pictures:
            cameras.append(camera)
            taken[folder.name] = pictures
    return Pictures(tuple(cameras), taken, tuple(left_out))


def _calibration(log: Path, name: str, columns: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The numbers of each sensor; nothing when the log has no such file."""
    path = log / "calibration" / name
    if not path.exists():
        return {}
    table = read_feather(path, ("sensor_name", *columns))
    return dict(zip(texts(table, "sensor_name", path).to_pylist(), reals(table, columns, path), strict=True))


def _camera(name: str, lens: np.ndarray | None, mounting: np.ndarray | None, axle_height_m: float) -> Camera | str:
    """The camera, or why there is none."""
    if lens is None or mounting is None:
        return f"{'intrinsics' if lens is None else 'egovehicle_SE3_sensor'}.feather has no {name}"
    if not (np.isfinite(lens).all() and (lens[[0, 1, 4, 5]] > 0).all() and lens.max() < _LARGEST_PX):
        return "its intrinsics are impossible"
    if not (np.isfinite(mounting).all() and abs(np.linalg.norm(mounting[:4]) - 1) < 0.01):
        return "its mounting is no pose"
    pose = np.eye(4)
    pose[:3, :3] = matrix_from_quaternion(mounting[:4] / np.linalg.norm(mounting[:4]))
    pose[:3, 3] = mounting[4:]
    pose[2, 3] += axle_height_m
    fx, fy, cx, cy, width, height = map(float, lens)
    return Camera(name, round(width), round(height), fx=fx, fy=fy, cx=cx, cy=cy, rig_from_camera=pose)


def _pictures(folder: Path) -> tuple[list[tuple[int, Path]], list[tuple[str, str, str]]]:
    """Pictures by time, and those whose name is no time or that of another; other files are left alone."""
    named: dict[int, Path] = {}
    left_out = []
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in _ENDINGS and not p.name.startswith(".")):
        digits = path.stem if path.stem.isascii() and path.stem.isdigit() and len(path.stem) < 20 else ""
        t_us = int(digits) // 1000 if digits else -1
        if t_us < 0 or t_us in named:
            detail = "another picture has the same time" if digits else "its name is no time in nanoseconds"
            left_out.append((str(path), "picture_without_time", detail))
            continue
        named[t_us] = path
    return sorted(named.items()), left_out
