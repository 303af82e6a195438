"""AlpaSim's messages as arrays and back: cameras, poses, routes, plans.

Knows its frames. `local` is an inertial frame of the scene; `rig` is ours (x forward, y left, z up, rear axle on the
ground); a pose is the pose of the inner frame in the outer one, so `rig_to_camera` holds where the camera sits in the
rig, and an ego pose where the rig is in `local`. Does not know sessions or policies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causeway.clips.geometry import (
    TICK_US,
    from_frame,
    matrix_from_quaternion,
    multiply,
    quaternion_from_yaw,
    wrap_angle,
    yaw_from_quaternion,
)
from causeway.clips.readers.physicalai.layout import camera_name
from causeway.errors import UnusableInput
from causeway.serving import alpasim_pb2 as pb

Array = NDArray[np.float64]

LATEST_US = 2**62  # what a signed 64-bit integer holds with room for a horizon
_UNIT = 0.05  # a quaternion may be so far from length 1: single precision, and rounding on the way


@dataclass(frozen=True, eq=False)
class EgoPose:
    """Where the rig is said to be in `local` at a time, and how it moves, in its own frame."""

    t_us: int
    xyz_m: Array  # [3]
    wxyz: Array  # [4]
    speed_mps: float | None = None  # along the rig's x axis; None = not said
    yaw_rate_radps: float | None = None

    @property
    def yaw_rad(self) -> float:
        """Heading in `local`."""
        return float(yaw_from_quaternion(self.wxyz))


def time_us(value: int, what: str) -> int:
    """A time stamp of a message; UnusableInput for one beyond every clock."""
    if value > LATEST_US:
        raise UnusableInput(f"{what} is {value} us, beyond every clock; give microseconds")
    return int(value)


def camera_row(camera: pb.AvailableCamera) -> dict:
    """A camera of a vehicle as a row of our rigs: its name with us, width, height, fx, fy, cx, cy, rig_from_camera.

    UnusableInput for one without a name, size, lens or pose. Of a f-theta lens the focal length is the slope of its
    polynomial in the middle, as in samples.
    """
    if not camera.logical_id:
        raise UnusableInput("available_cameras: a camera has no logical_id")
    lens, what = camera.intrinsics, f"camera {camera.logical_id}"
    fx, fy, cx, cy = _lens(lens, what)
    width, height = lens.resolution_w, lens.resolution_h
    if not (width and height and fx > 0 and fy > 0) or not all(map(math.isfinite, (fx, fy, cx, cy))):
        raise UnusableInput(f"{what}: {width} x {height} pixels, focal lengths {fx:g}, {fy:g}: none of them may be 0")
    pose = np.eye(4)
    xyz, wxyz = _pose(camera.rig_to_camera, what)
    pose[:3, :3], pose[:3, 3] = matrix_from_quaternion(wxyz), xyz
    row = {"camera": camera_name(camera.logical_id), "width": width, "height": height}
    return row | {"fx": fx, "fy": fy, "cx": cx, "cy": cy, "rig_from_camera": pose.ravel().tolist()}


def _lens(lens: pb.CameraSpec, what: str) -> tuple[float, float, float, float]:
    kind = lens.WhichOneof("camera_param")
    if kind is None:
        raise UnusableInput(f"{what}: intrinsics without a lens; give ftheta, opencv_pinhole or opencv_fisheye")
    found = getattr(lens, kind)
    centre = (found.principal_point_x, found.principal_point_y)
    if kind != "ftheta_param":
        return found.focal_length_x, found.focal_length_y, *centre
    focal = _slope(found.angle_to_pixeldist_poly) or 1.0 / (_slope(found.pixeldist_to_angle_poly) or math.inf)
    return focal * (found.linear_cde.linear_c or 1.0), focal, *centre


def _slope(polynomial: object) -> float:
    """The slope of a polynomial at 0; 0.0 where it is not given."""
    coefficients = list(polynomial)  # type: ignore[call-overload]
    return float(coefficients[1]) if len(coefficients) > 1 else 0.0


def _pose(pose: pb.Pose, what: str) -> tuple[Array, Array]:
    xyz = np.array([pose.vec.x, pose.vec.y, pose.vec.z], dtype=np.float64)
    wxyz = np.array([pose.quat.w, pose.quat.x, pose.quat.y, pose.quat.z], dtype=np.float64)
    if not np.isfinite(xyz).all() or not np.isfinite(wxyz).all():
        raise UnusableInput(f"{what}: a pose holds NaN or infinity")
    length = float(np.linalg.norm(wxyz))
    if abs(length - 1.0) > _UNIT:
        raise UnusableInput(f"{what}: a quaternion of length {length:.3g}; rotations have length 1")
    return xyz, wxyz / length


def ego_poses(message: pb.RolloutEgoTrajectory) -> list[EgoPose]:
    """The poses of an egomotion message, in its order. UnusableInput names what cannot be used."""
    poses, states = message.trajectory.poses, message.dynamic_states
    if states and len(states) != len(poses):
        raise UnusableInput(f"egomotion: {len(states)} dynamic_states for {len(poses)} poses; one for each")
    found = []
    for i, pose in enumerate(poses):
        t_us = time_us(pose.timestamp_us, "egomotion")
        xyz, wxyz = _pose(pose.pose, f"egomotion at {t_us} us")
        found.append(EgoPose(t_us, xyz, wxyz, *(_motion(states[i], t_us) if states else (None, None))))
    return found


def _motion(state: pb.DynamicState, t_us: int) -> tuple[float, float]:
    """(speed, yaw rate) of a dynamic state."""
    speed, turn = float(state.linear_velocity.x), float(state.angular_velocity.z)
    if not (math.isfinite(speed) and math.isfinite(turn)):
        raise UnusableInput(f"egomotion at {t_us} us: a dynamic state holds NaN or infinity")
    return speed, turn


def waypoints_rig(route: pb.Route) -> Array:
    """The waypoints of a route [n, 2] in the rig frame at its time, without the NaN that pads it.

    UnusableInput for infinity, and for NaN before the end.
    """
    points = np.array([[p.x, p.y] for p in route.waypoints], dtype=np.float64).reshape(-1, 2)
    padding = np.asarray(np.isnan(points).any(axis=1))
    count = int(np.argmax(padding)) if padding.any() else len(points)
    if not padding[count:].all() or not np.isfinite(points[:count]).all():
        raise UnusableInput("route: a waypoint holds NaN or infinity before the end of the route")
    return points[:count]


def plan_message(path_rig: Array, now: EgoPose) -> pb.Trajectory:
    """A plan [n, 3] (x, y, yaw in the rig frame now, 0.1 s apart) in `local`: the pose now, then each waypoint.

    The plan lies flat: z stays, and so do pitch and roll.
    """
    origin = np.array([*now.xyz_m[:2], now.yaw_rad])
    local = from_frame(np.concatenate([np.zeros((1, 3)), np.asarray(path_rig, dtype=np.float64)]), origin)
    turned = multiply(quaternion_from_yaw(wrap_angle(local[:, 2] - origin[2])), now.wxyz)
    poses = [
        pb.Pose(vec=pb.Vec3(x=x, y=y, z=now.xyz_m[2]), quat=pb.Quat(**dict(zip("wxyz", wxyz, strict=True))))
        for (x, y, _), wxyz in zip(local.tolist(), turned.tolist(), strict=True)
    ]
    times = (now.t_us + k * TICK_US for k in range(len(poses)))
    return pb.Trajectory(poses=[pb.PoseAtTime(pose=p, timestamp_us=t) for p, t in zip(poses, times, strict=True)])
