"""Cameras of the ego: pinhole models by name, and the projection of world points into a picture.

Knows lenses and where they are mounted. Does not know what is in the world. Camera frame: x right, y down, z forward.
The default rig is that of arXiv 2511.00088: front wide 120°, front tele 30° (section 5), and the two cross cameras of
120° that its released models see besides.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causeway.clips.types import Camera
from causeway.errors import UsageError

LARGEST_PX = 4096
LONGEST_FOCAL_PX = 4096.0
LOWEST_M, FARTHEST_M = 0.2, 50.0  # above the ground; from the rear axle

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Mount:
    """Where a camera sits in the rig frame (metres), where it looks (rad, + left), and how wide it sees."""

    x_m: float
    y_m: float
    z_m: float
    yaw_rad: float
    field_deg: float
    horizon: float = 0.5  # where the horizon is, as a share of the height from the top


MOUNTS = {
    "front_wide": Mount(1.9, 0.0, 1.45, 0.0, 120.0, 0.45),
    "front_tele": Mount(1.9, 0.1, 1.45, 0.0, 30.0, 0.58),
    "cross_left": Mount(2.1, 0.85, 1.05, math.radians(60.0), 120.0),
    "cross_right": Mount(2.1, -0.85, 1.05, math.radians(-60.0), 120.0),
}


def numbers_of(camera: Camera) -> Array:
    """The 16 numbers that a policy gets: relative intrinsics, then rows 0 … 2 of `rig_from_camera`."""
    width, height = camera.width, camera.height
    lens = [camera.fx / width, camera.fy / height, camera.cx / width, camera.cy / height]
    return np.concatenate([lens, camera.rig_from_camera[:3].ravel()])


def camera_of(name: str, height: int, width: int) -> Camera:
    """The camera of a name. UsageError for one that the world cannot render."""
    if name not in MOUNTS:
        raise UsageError(f"camera {name!r} cannot be rendered; the built-in world has {', '.join(MOUNTS)}")
    mount = MOUNTS[name]
    focal = width / 2 / math.tan(math.radians(mount.field_deg) / 2)
    cos, sin = math.cos(mount.yaw_rad), math.sin(mount.yaw_rad)
    pose = np.array(
        [[sin, 0.0, cos, mount.x_m], [-cos, 0.0, sin, mount.y_m], [0.0, -1.0, 0.0, mount.z_m], [0.0, 0.0, 0.0, 1.0]]
    )
    return check_camera(Camera(name, width, height, focal, focal, width / 2, height * mount.horizon, pose))


def check_camera(camera: Camera) -> Camera:
    """The camera, unchanged. UsageError, naming it and the reason, for one that cannot be rendered."""
    reason = _unfit(camera)
    if reason:
        raise UsageError(f"camera {camera.name!r} cannot be rendered: {reason}")
    return camera


def _unfit(camera: Camera) -> str:
    """Why a camera cannot be rendered; empty when it can."""
    lens = (camera.fx, camera.fy, camera.cx, camera.cy)
    pose = np.asarray(camera.rig_from_camera, dtype=np.float64)
    if camera.model != "pinhole" or any(camera.distortion):
        return f"its lens is {camera.model} with distortion {list(camera.distortion)}; only a pinhole without can be"
    if not (0 < camera.width <= LARGEST_PX and 0 < camera.height <= LARGEST_PX):
        return f"its picture is {camera.width} x {camera.height}; each side must be 1 to {LARGEST_PX} pixels"
    if pose.shape != (4, 4) or not np.isfinite(pose).all() or not np.isfinite(lens).all():
        return "its lens or rig_from_camera [4, 4] holds NaN or infinity, or has another shape"
    if not (0 < camera.fx <= LONGEST_FOCAL_PX and 0 < camera.fy <= LONGEST_FOCAL_PX):
        return f"its focal length is {camera.fx} x {camera.fy}; each must be above 0, at most {LONGEST_FOCAL_PX:.0f}"
    if max(abs(camera.cx), abs(camera.cy)) > 2 * LARGEST_PX:
        return f"its middle is at {camera.cx}, {camera.cy}, far outside the picture"
    return _unfit_mount(pose)


def _unfit_mount(pose: Array) -> str:
    """Why a camera cannot sit at rig_from_camera [4, 4]; empty when it can."""
    turn, where = pose[:3, :3], pose[:3, 3]
    skew = max(np.abs(turn @ turn.T - np.eye(3)).max(), np.abs(pose[3] - [0, 0, 0, 1]).max())
    if skew > 1e-3 or np.linalg.det(turn) < 0:
        return "rig_from_camera is no rotation and shift"
    if where[2] < LOWEST_M or np.abs(where).max() > FARTHEST_M:
        return f"it sits at {where.tolist()} m; it must be {LOWEST_M} m above ground and within {FARTHEST_M:.0f} m"
    return ""


def cameras_of(names: tuple[str, ...], height: int, width: int) -> tuple[Camera, ...]:
    """Cameras by name, at one picture size."""
    return tuple(camera_of(name, height, width) for name in names)
