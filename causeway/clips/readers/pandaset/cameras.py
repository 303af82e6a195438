"""Cameras of a PandaSet sequence: `camera/<name>/NN.jpg`, or a video of the compact form where those are missing.

Knows intrinsics, the pose of a camera at each of its pictures and each camera's own time stamps: cameras fire 19 to
100 ms before the lidar's stamp. Pictures are undistorted: the devkit projects with the four numbers of
`intrinsics.json` alone (`geometry.py`). How a camera is mounted is not stored; it follows from its poses and the
ego's at its own time stamps.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from causeway.clips.cleaning import clean_ego
from causeway.clips.geometry import (
    HISTORY_US,
    Array,
    conjugate,
    interpolate_se3,
    matrix_from_quaternion,
    multiply,
    rotate,
)
from causeway.clips.readers.pandaset.files import numbers_of, posed, stamps_us
from causeway.clips.readers.recorded import Quarantined
from causeway.clips.readers.video import check_video, picture_array, read_picture, video_pictures
from causeway.clips.types import Camera, Frame, RawEgo
from causeway.errors import UnusableInput

CAMERAS = tuple(
    f"{side}_camera" for side in ("back", "front", "front_left", "front_right", "left", "right")
)  # in alphabetical order
_WIDTH, _HEIGHT = 1920, 1080  # intrinsics are for pictures of this size
_LOOSE_M = 0.2  # a camera this far from its usual place on the vehicle is not the one that was calibrated


@dataclass(frozen=True)
class Pictures:
    """The cameras of a sequence and, by camera, the time (microseconds) and file of its pictures, or its video."""

    cameras: tuple[Camera, ...]
    taken: dict[str, tuple[list[int], list[Path] | Path]]
    quarantined: Quarantined

    def frames(self, camera: str) -> Iterator[Frame]:
        """A camera's pictures in order."""
        times, files = self.taken[camera]
        if isinstance(files, Path):
            for index, (t_us, picture) in enumerate(zip(times, video_pictures(files, str(files)), strict=False)):
                yield Frame(camera, t_us, f"{files} picture {index}", partial(picture_array, picture))
            return
        for t_us, path in zip(times, files, strict=True):
            yield Frame(camera, t_us, str(path), partial(read_picture, path))


def read_cameras(sequence: Path, derived: Path | None, ego: RawEgo) -> Pictures:
    """The cameras that have calibration and pictures or a video; what cannot be used is named."""
    cameras, taken, left_out = [], {}, []
    for name in CAMERAS:
        folder, video = sequence / "camera" / name, derived / f"{name}.mp4" if derived else None
        if not folder.is_dir():
            if video and video.is_file():
                left_out.append((str(video), "no_calibration", f"camera/{name} with intrinsics and poses is missing"))
            continue
        times = stamps_us(folder / "timestamps.json").tolist()
        numbered, unnamed = _numbered(folder, len(times))
        left_out += unnamed
        if not numbered and not (video and video.is_file()):
            left_out.append((str(folder), "no_pictures", f"{len(times)} time stamps but no picture and no video"))
            continue
        cameras.append(_camera(folder, ego))
        taken[name] = _taken(video, times, numbered)
        missing = len(times) - len(taken[name][0])
        if missing:
            left_out.append((str(folder), "picture_missing", f"{missing} of {len(times)} time stamps have no picture"))
    return Pictures(tuple(cameras), taken, tuple(left_out))


def _taken(video: Path | None, times: list[int], numbered: dict[int, Path]) -> tuple[list[int], list[Path] | Path]:
    if video is None or numbered:
        return [times[number] for number in numbered], list(numbered.values())
    check_video(video, str(video), len(times))
    return times, video


def _numbered(folder: Path, stamps: int) -> tuple[dict[int, Path], list[tuple[str, str, str]]]:
    """Pictures by number, in order, and those that have no time stamp; other files are left alone."""
    found: dict[int, Path] = {}
    left_out = []
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in (".jpg", ".jpeg", ".png")):
        digits = path.stem if path.stem.isascii() and path.stem.isdigit() and len(path.stem) < 10 else ""
        number = int(digits) if digits else -1
        if not 0 <= number < stamps or number in found:
            why = "another picture has its number" if number in found else f"not one of the {stamps} time stamps"
            left_out.append((str(path), "picture_without_time", why))
            continue
        found[number] = path
    return dict(sorted(found.items())), left_out


def _camera(folder: Path, ego: RawEgo) -> Camera:
    path = folder / "intrinsics.json"
    fx, fy, cx, cy = lens = numbers_of(path, ("fx", "fy", "cx", "cy"))
    if not (np.isfinite(lens).all() and min(fx, fy) > 0 and max(lens) < 100 * _WIDTH):
        raise UnusableInput(f"{path}: impossible intrinsics {', '.join(f'{value:g}' for value in lens)}")
    pose = _mounting(folder / "timestamps.json", folder / "poses.json", ego)
    return Camera(folder.name, _WIDTH, _HEIGHT, fx=fx, fy=fy, cx=cx, cy=cy, rig_from_camera=pose)


def _mounting(stamps: Path, path: Path, ego: RawEgo) -> Array:
    """rig_from_camera [4, 4]: the middle of what its poses and the ego's say in the first two seconds.

    No moment comes earlier, so none sees anything of its future here. Raises UnusableInput when the camera is not
    fixed to the vehicle in that time.
    """
    camera, _ = clean_ego(posed(stamps, path), str(path))
    known = (camera.t_us >= ego.t_us[0]) & (camera.t_us <= min(ego.t_us[-1], ego.t_us[0] + HISTORY_US))
    if not known.any():
        raise UnusableInput(f"{path}: no picture was taken in the first 2 s of ego poses")
    rig_xyz, rig_wxyz = interpolate_se3(camera.t_us[known], ego.t_us, ego.xyz_m, ego.wxyz)
    place = rotate(conjugate(rig_wxyz), camera.xyz_m[known] - rig_xyz)
    middle = np.median(place, axis=0)
    off_m = float(np.linalg.norm(place - middle, axis=1).max())
    if off_m > _LOOSE_M:
        raise UnusableInput(f"{path}: the camera moves {off_m:.2f} m against the vehicle; its poses or times are wrong")
    mounting = np.eye(4)
    mounting[:3, :3] = matrix_from_quaternion(_mean_rotation(multiply(conjugate(rig_wxyz), camera.wxyz[known])))
    mounting[:3, 3] = middle
    return mounting


def _mean_rotation(wxyz: Array) -> Array:
    """The mean [4] of quaternions [n, 4] that hardly differ but for their signs."""
    same_sign = np.where((wxyz @ wxyz[0] < 0)[:, None], -wxyz, wxyz)
    mean = same_sign.mean(axis=0)
    return mean / np.linalg.norm(mean)
