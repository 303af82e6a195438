"""Cameras of the ego: pinhole models by name, and the projection of world points into a picture.

Knows lenses and where they are mounted. Does not know what is in the world. Camera frame: x right, y down, z forward.
The front cameras are those of arXiv 2511.00088, section 5 (wide 120°, tele 30°).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causeway.clips.types import Camera
from causeway.errors import UsageError

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


def camera_from_world(camera: Camera, rig_pose: Array) -> tuple[Array, Array]:
    """Rotation [3, 3] and translation [3] that take world points into the camera frame; `rig_pose` x, y, yaw."""
    cos, sin = math.cos(rig_pose[2]), math.sin(rig_pose[2])
    world_from_rig = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    rotation = world_from_rig @ camera.rig_from_camera[:3, :3]
    origin = world_from_rig @ camera.rig_from_camera[:3, 3] + np.array([rig_pose[0], rig_pose[1], 0.0])
    return rotation.T, -rotation.T @ origin


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
    return Camera(name, width, height, focal, focal, width / 2, height * mount.horizon, pose)


def cameras_of(names: tuple[str, ...], height: int, width: int) -> tuple[Camera, ...]:
    """Cameras by name, at one picture size."""
    return tuple(camera_of(name, height, width) for name in names)
