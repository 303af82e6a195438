"""From points in the rig frame to pixels, through the lenses that rows of `rigs` have: pinhole and f-theta.

The one place where points become pixels. Camera frames are x right, y down, z forward. Does not know pictures.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causeway.clips.geometry import Array

_NEAR_M = 0.4
_FAR_ANGLE = np.deg2rad(110)  # an f-theta lens sees sideways, and its polynomial means nothing far beyond


def project(camera: Mapping[str, Any], points_rig: ArrayLike) -> tuple[Array, NDArray[np.bool_]]:
    """Pixels [n, 2] of points [n, 3] in the rig frame, and which of them [n] the lens can see at all.

    `camera` is a row of `rigs`. Pixels that are not seen mean nothing.
    """
    local = in_camera(points_rig, np.asarray(camera["rig_from_camera"], dtype=np.float64).reshape(4, 4))
    focal, centre = np.array([camera["fx"], camera["fy"]]), np.array([camera["cx"], camera["cy"]])
    if camera["model"] == "ftheta":
        far, seen = _ftheta(np.asarray(camera["distortion"], dtype=np.float64), local)
        return centre + np.array([1.0, focal[1] / focal[0]]) * far, seen
    seen = local[:, 2] > _NEAR_M
    return pinhole(np.where(seen[:, None], local, 1.0), focal, centre), seen


def in_camera(points_rig: ArrayLike, rig_from_camera: Array) -> Array:
    """Points [..., 3] of the rig frame in the camera frame; the pose is [3, 4] or [4, 4]."""
    return (np.asarray(points_rig, dtype=np.float64) - rig_from_camera[:3, 3]) @ rig_from_camera[:3, :3]


def pinhole(points_camera: Array, focal: Array, centre: Array) -> Array:
    """Pixels [..., 2] of camera-frame points [..., 3] before the lens: u = fx x / z + cx."""
    return points_camera[..., :2] * (focal / points_camera[..., 2:3]) + centre


def _ftheta(polynomial: Array, local: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Pixels [n, 2] from the centre, whose distance is a polynomial of the angle to the axis (`fw_poly_0 … 4`)."""
    distance = np.polynomial.Polynomial(polynomial)
    aside = np.hypot(local[:, 0], local[:, 1])
    angle = np.arctan2(aside, local[:, 2])
    seen = (angle < _FAR_ANGLE) & (distance.deriv()(angle) > 0) & (np.linalg.norm(local, axis=1) > _NEAR_M)
    paraxial = distance.deriv()(0.0) / np.maximum(local[:, 2], _NEAR_M)
    scale = np.where(aside > 1e-9, distance(angle) / np.maximum(aside, 1e-9), paraxial)
    return local[:, :2] * scale[:, None], seen
