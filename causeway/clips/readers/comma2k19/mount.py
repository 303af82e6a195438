"""From the pose of comma2k19's phone to the pose of the car that carries it.

Knows the data set's frames and cars. `frame_orientations` turn the device's axes (x forward, y right, z down) into
ECEF axes; the README calls them the rotation from ECEF to the device, but only the other way does the device look
along its velocity (to 4°, which is its tilt in the mount, against 31°). Not in the data set and assumed here: the
camera is 1.22 m above the road (openpilot's default calibration height), 1.52 m behind the radar in the front bumper
(openpilot's RADAR_TO_CAMERA) and in the middle of the car; that is 2.07 m ahead of the rear axle of both cars. How
the phone is turned in its mount is measured from the first 2 s of driving, so no moment (t0 >= 2 s) sees anything
later in it.
"""

import numpy as np
from numpy.typing import NDArray

from causeway.clips.geometry import Array, conjugate, matrix_from_quaternion, multiply, quaternion_from_matrix, rotate
from causeway.clips.readers.comma2k19.arrays import Poses
from causeway.clips.readers.geodesy import map_from_ecef
from causeway.clips.types import Vehicle

CAMERA_M = np.array([2.07, 0.0, 1.22])  # in the rig frame
# README: chunks 1 and 2 are of the RAV4, the others of the Civic; sizes by their makers (4th and 10th generation)
VEHICLE_OF_DONGLE = {
    "b0c9d2329ad1606b": Vehicle("comma2k19-rav4", 4.60, 1.845, wheelbase_m=2.66, rear_axle_to_centre_m=1.29),
    "99c94dc769b5d96e": Vehicle("comma2k19-civic", 4.63, 1.80, wheelbase_m=2.70, rear_axle_to_centre_m=1.28),
}
VEHICLE_UNKNOWN = Vehicle("comma2k19-unknown", 4.62, 1.82, wheelbase_m=2.68, rear_axle_to_centre_m=1.28)
_MOUNT_S = 2.0  # geometry.HISTORY_US: no moment is earlier
_MOVING_MPS, _FASTEST_MPS = 5.0, 150.0
_FEWEST = 10
_MOST_RAD = np.radians(15.0)
_LEVEL = np.diag([1.0, -1.0, -1.0])  # device axes (forward, right, down) of a rig's axes (forward, left, up)
_EARTH_M = (6.3e6, 6.5e6)


def mounting(poses: Poses) -> Array:
    """device_from_rig [3, 3]: the car's axes in the device's frame, x along the median direction of early travel.

    A device whose car stands in these 2 s, or that seems to look elsewhere than ahead, is taken as looking ahead.
    """
    early = poses.times_s <= poses.times_s[0] + _MOUNT_S
    moving = np.flatnonzero(early & (np.linalg.norm(poses.velocity_mps, axis=1) > _MOVING_MPS))
    if len(moving) < _FEWEST:
        return _LEVEL
    travel = rotate(conjugate(_unit(poses.wxyz[moving])), poses.velocity_mps[moving])
    across, down = (float(np.median(np.arctan2(travel[:, axis], travel[:, 0]))) for axis in (1, 2))
    if max(abs(across), abs(down)) > _MOST_RAD:
        return _LEVEL
    ahead = np.array([1.0, np.tan(across), np.tan(down)])
    ahead /= np.linalg.norm(ahead)
    left = np.cross(np.array([0.0, 0.0, -1.0]), ahead)
    left /= np.linalg.norm(left)
    return np.stack([ahead, left, np.cross(ahead, left)], axis=-1)


def rig_poses(poses: Poses, device_from_rig: Array) -> tuple[str, Array, Array]:
    """UTM zone, rig positions [n, 3] and quaternions [n, 4] on its map of usable poses."""
    zone, camera, to_map = map_from_ecef(poses.position_m)
    device = multiply(_unit(poses.wxyz), quaternion_from_matrix(device_from_rig))
    wxyz = multiply(to_map, device)
    return zone, camera - matrix_from_quaternion(wxyz) @ CAMERA_M, wxyz


def usable(poses: Poses) -> NDArray[np.bool_]:
    """Poses on the earth, with a rotation and the speed of a car."""
    with np.errstate(all="ignore"):
        radius, turn = np.linalg.norm(poses.position_m, axis=1), np.linalg.norm(poses.wxyz, axis=1)
        speed = np.abs(poses.velocity_mps).max(axis=1)
        return (speed < _FASTEST_MPS) & (radius > _EARTH_M[0]) & (radius < _EARTH_M[1]) & (np.abs(turn - 1) < 0.01)


def _unit(wxyz: Array) -> Array:
    return wxyz / np.linalg.norm(wxyz, axis=1, keepdims=True)
