"""Pictures for a page: enlarge a small camera picture, draw a path on the road, pack it as JPEG.

Knows the numbers of a rig row (`Observation.rig`) and the ground plane z = 0; the lens is `clips.lenses`. Does not
know whose path it is.
"""

import io
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causeway.clips.lenses import in_camera, pinhole

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

PREDICTED: Colour = (255, 138, 0)
RECORDED: Colour = (64, 156, 255)
WIDTH_M = 0.9  # a ribbon narrower than the vehicle lets the road be seen
NEAR_M = 0.5  # nothing nearer to the image plane is drawn
STEP_M = 0.25
WIDTH_PX = 640


def enlarged(image: Picture, width_px: int = WIDTH_PX) -> Picture:
    """The picture [h, w, 3] at about `width_px`, by a whole factor, so that lines drawn in are fine; never smaller."""
    from PIL import Image

    factor = max(1, round(width_px / image.shape[1]))
    size = (image.shape[1] * factor, image.shape[0] * factor)
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


def project(points_rig: ArrayLike, rig: ArrayLike, width_px: int, height_px: int) -> tuple[NDArray, NDArray]:
    """Pixels [n, 2] and depths [n] (m) of points [n, 3] in the rig frame.

    `rig` [16]: fx/width, fy/height, cx/width, cy/height, then rows 0..2 of rig_from_camera (x right, y down, z
    forward). Pixels of points at or behind the camera are NaN.
    """
    numbers, size = np.asarray(rig, dtype=np.float64), np.array([width_px, height_px], dtype=np.float64)
    local = in_camera(points_rig, numbers[4:].reshape(3, 4))
    depth = local[:, 2]
    before = np.where(depth[:, None] > 1e-6, local, np.nan)
    return pinhole(before, numbers[:2] * size, numbers[2:4] * size), depth


def draw_path(
    image: Picture, trajectory_rig: ArrayLike, rig: ArrayLike, colour: Colour = PREDICTED, width_m: float = WIDTH_M
) -> Picture:
    """A copy of the picture [h, w, 3] with a path [n, 3] drawn on the ground as a ribbon that fades with distance.

    `rig` [16] as in `project`; numbers in it are shares of width and height, so it fits a picture of any size.
    """
    from PIL import Image

    height, width = image.shape[:2]
    left, right = _edges(np.asarray(trajectory_rig, dtype=np.float64), width_m / 2)
    (near, near_m), (far, far_m) = project(left, rig, width, height), project(right, rig, width, height)
    shown = np.minimum(near_m, far_m) > NEAR_M
    edges = np.clip(near, -2 * width, 3 * width), np.clip(far, -2 * width, 3 * width)
    return np.asarray(ribbon(Image.fromarray(image), *edges, shown, colour, (210, 100)))


def ribbon(
    picture: Any, left: NDArray, right: NDArray, shown: NDArray[np.bool_], colour: Colour, opacity: tuple[int, int]
) -> Any:
    """A copy of a Pillow picture with a ribbon between two edges [n, 2] in pixels, where `shown` [n] at both ends.

    Its opacity (of 255) goes from the first to the second along the ribbon.
    """
    from PIL import Image, ImageDraw

    layer = Image.new("RGBA", picture.size, (*colour, 0))
    pen = ImageDraw.Draw(layer)
    for i in np.flatnonzero(shown[:-1] & shown[1:]).tolist():
        corners = [tuple(p) for p in (left[i], left[i + 1], right[i + 1], right[i])]
        pen.polygon(corners, fill=(*colour, int(opacity[0] - (opacity[0] - opacity[1]) * i / len(shown))))
    return Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")


def _edges(path: NDArray[np.float64], half_width_m: float) -> tuple[NDArray, NDArray]:
    """Left and right edge [m, 3] of the ribbon along a path, points about 0.25 m apart, on the ground."""
    path = path[np.isfinite(path).all(axis=-1)]
    path = np.concatenate([np.zeros((1, 3)), path])
    step = np.hypot(*np.diff(path[:, :2], axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(step)])
    fine = np.arange(0.0, along[-1] + STEP_M / 2, STEP_M)
    x, y, yaw = (np.interp(fine, along, column) for column in (path[:, 0], path[:, 1], np.unwrap(path[:, 2])))
    aside = half_width_m * np.stack([-np.sin(yaw), np.cos(yaw)], axis=-1)
    centre, ground = np.stack([x, y], axis=-1), np.zeros((len(fine), 1))
    return np.hstack([centre + aside, ground]), np.hstack([centre - aside, ground])


def jpeg(image: Picture, quality: int = 82) -> bytes:
    """The picture as JPEG bytes."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
