"""Where KITTI's sensors are in our rig frame, from the three calibration files of a recording day.

Knows the chain GPS/IMU -> laser scanner -> camera 0 -> rectified camera k of the development kit's readme. Does not
know pictures or time. The rig has the axes of the GPS/IMU and its origin on the road below the rear axle (`car`).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from causeway.clips.geometry import Array
from causeway.clips.readers.kitti.car import IMU_M
from causeway.clips.readers.kitti.files import read_calibration
from causeway.errors import UnusableInput

CALIBRATION_FILES = ("calib_imu_to_velo.txt", "calib_velo_to_cam.txt", "calib_cam_to_cam.txt")
_MOVE = {"R": 9, "T": 3}


@dataclass(frozen=True)
class Calibration:
    """rig_from_velo and rig_from_rectified (camera 0) [4, 4]; cam_to_cam: where P_rect of each camera is read from."""

    rig_from_velo: Array
    rig_from_rectified: Array
    cam_to_cam: Path

    def camera(self, name: str) -> tuple[Array, Array, tuple[int, int]]:
        """Intrinsics [3, 3], rig_from_camera [4, 4] and size of a rectified camera such as `image_02`."""
        number = name[-2:]
        rows = read_calibration(self.cam_to_cam, {f"P_rect_{number}": 12, f"S_rect_{number}": 2})
        projection = rows[f"P_rect_{number}"].reshape(3, 4)
        if not (projection[0, 0] > 0 and projection[1, 1] > 0 and projection[2, 2] != 0):
            raise UnusableInput(f"{self.cam_to_cam}: P_rect_{number} has no focal length")
        # P = K [I | t] and camera k sees a point of camera 0 at X + t, so its centre is at -t
        centre = np.eye(4)
        centre[:3, 3] = -np.linalg.solve(projection[:, :3], projection[:, 3])
        width, height = (max(1, int(v)) for v in np.clip(rows[f"S_rect_{number}"], 1, 1e5))
        return projection[:, :3], self.rig_from_rectified @ centre, (width, height)


def read_calibrations(folder: Path) -> Calibration:
    """The calibration of a day; UnusableInput when a file is missing, cut short or not a rotation."""
    imu, velo, camera = (folder / name for name in CALIBRATION_FILES)
    rig_from_imu = np.eye(4)
    rig_from_imu[:3, 3] = IMU_M
    velo_from_imu, camera_from_velo = _move(imu), _move(velo)
    rectify = np.eye(4)
    rectify[:3, :3] = _rotation(read_calibration(camera, {"R_rect_00": 9})["R_rect_00"], camera)
    rig_from_velo = rig_from_imu @ np.linalg.inv(velo_from_imu)
    return Calibration(rig_from_velo, rig_from_velo @ np.linalg.inv(rectify @ camera_from_velo), camera)


def _move(path: Path) -> Array:
    rows = read_calibration(path, _MOVE)
    move = np.eye(4)
    move[:3, :3], move[:3, 3] = _rotation(rows["R"], path), rows["T"]
    if np.abs(rows["T"]).max() > 10:
        raise UnusableInput(f"{path}: T is {np.abs(rows['T']).max():g} m; the sensors are on one car")
    return move


def _rotation(values: Array, path: Path) -> Array:
    rotation = values.reshape(3, 3)
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > 1e-3 or np.linalg.det(rotation) < 0:
        raise UnusableInput(f"{path}: R is not a rotation")
    return rotation
