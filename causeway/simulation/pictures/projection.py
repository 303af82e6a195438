"""Where a camera is and how it sees, in whole numbers: the units in which pictures are drawn.

Knows one camera pose. Does not know colours or what is drawn. Lengths become integers of 2⁻¹⁶ m, turns integers of
2⁻³⁰, and all that follows is exact: machines whose libraries differ in the last bit of a sine draw the same picture.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causeway.clips.types import Camera
from causeway.simulation.compiled import compiled
from causeway.simulation.pictures.cameras import check_camera

Ints = NDArray[np.int64]

ZOOM = 2  # the canvas is so many times as wide and high as the picture
UNIT = 1 << 16  # per metre
TURN = 1 << 30


@dataclass(frozen=True, eq=False)
class Lens:
    """What of a camera does not move: rig_from_camera in whole numbers, and the lens as `fill` wants it.

    `numbers` [6]: fx and fy in 1/16 canvas pixels × 256, cx and cy in 1/16 canvas pixels, and how far the picture
    reaches to the side and up or down per metre of depth × 2¹⁶.
    """

    height: int
    width: int
    turn: Ints
    place: Ints
    numbers: Ints


@dataclass(frozen=True, eq=False)
class View:
    """A camera somewhere: the turn [3, 3] from world to camera, and the eye [3] in the world."""

    turn: Ints
    eye: Ints
    lens: Lens


def fixed(metres: ArrayLike) -> Ints:
    """Lengths in 2⁻¹⁶ m."""
    return np.rint(np.asarray(metres, dtype=np.float64) * UNIT).astype(np.int64)


def cos_sin(yaw_rad: ArrayLike) -> Ints:
    """Cosine and sine [..., 2] of angles in 2⁻³⁰, from single IEEE operations: the same with any library."""
    yaw = np.asarray(yaw_rad, dtype=np.float64)
    return _cos_sin(yaw.flatten()).reshape(*yaw.shape, 2)


@compiled
def _cos_sin(yaw: NDArray[np.float64]) -> Ints:
    out = np.empty((len(yaw), 2), np.int64)
    for i in range(len(yaw)):
        quarter = np.rint(yaw[i] * (2.0 / math.pi))
        x = yaw[i] - quarter * (math.pi / 2.0)
        square = x * x
        sin, cos, term_sin, term_cos = x, 1.0, x, 1.0
        for n in range(1, 9):
            term_cos = term_cos * square * (-1.0 / ((2 * n - 1) * (2 * n)))
            term_sin = term_sin * square * (-1.0 / ((2 * n) * (2 * n + 1)))
            sin, cos = sin + term_sin, cos + term_cos
        for _ in range(int(quarter) & 3):  # a quarter turn to the left
            sin, cos = cos, -sin
        out[i, 0], out[i, 1] = int(np.rint(cos * 1073741824.0)), int(np.rint(sin * 1073741824.0))  # TURN
    return out


def lens_of(camera: Camera) -> Lens:
    """The unmoving part of a camera. UsageError for one that cannot be rendered."""
    check_camera(camera)
    pose = np.asarray(camera.rig_from_camera, dtype=np.float64)
    across = max(camera.cx, camera.width - camera.cx, 0.0) / camera.fx
    down = max(camera.cy, camera.height - camera.cy, 0.0) / camera.fy
    focal, centre = 16.0 * 256.0 * ZOOM, 16.0 * ZOOM
    numbers = [camera.fx * focal, camera.fy * focal, camera.cx * centre, camera.cy * centre, across * UNIT, down * UNIT]
    turn = np.rint(pose[:3, :3] * TURN).astype(np.int64)
    return Lens(camera.height, camera.width, turn, fixed(pose[:3, 3]), np.rint(numbers).astype(np.int64))


def view_of(lens: Lens, rig_pose: ArrayLike) -> View:
    """The view of a camera from a rig at `rig_pose` (x, y, yaw)."""
    x, y, yaw = (float(value) for value in np.asarray(rig_pose, dtype=np.float64))
    cos, sin = (int(value) for value in cos_sin(yaw))
    across, along, up = lens.turn
    turn = np.stack([(cos * across - sin * along) >> 30, (sin * across + cos * along) >> 30, up])
    px, py, pz = (int(value) for value in lens.place)
    eye = [int(fixed(x)) + (cos * px - sin * py >> 30), int(fixed(y)) + (sin * px + cos * py >> 30), pz]
    return View(np.ascontiguousarray(turn.T), np.array(eye, dtype=np.int64), lens)


def ground_depth(view: View) -> tuple[NDArray[np.int32], Ints]:
    """For each canvas pixel: the ground's inverse depth (0 above the horizon), and how high above it it looks × 256."""
    fx, fy, cx, cy = (float(value) for value in view.lens.numbers[:4])
    row, eye_m = [float(value) for value in view.turn[:, 2]], float(view.eye[2]) / UNIT
    across = (np.arange(view.lens.width * ZOOM) * 16.0 + 8.0 - cx) * (256.0 / fx)
    down = (np.arange(view.lens.height * ZOOM) * 16.0 + 8.0 - cy) * (256.0 / fy)
    upward = (across * row[0])[None, :] + (down * row[1])[:, None] + row[2]
    upward = upward / TURN
    inverse = np.minimum(np.maximum(-upward, 0.0) * (2.0**28 / eye_m), 2.0**30)
    return np.floor(inverse).astype(np.int32), np.floor(np.maximum(upward, 0.0) * 256.0).astype(np.int64)
