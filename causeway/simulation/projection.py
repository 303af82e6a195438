"""From polygons in the world to polygons in a picture: culling and clipping at the near plane.

Knows one camera pose (the lens is `clips.lenses`). Does not know colours or what a polygon is part of.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causeway.clips.lenses import pinhole
from causeway.clips.types import Camera
from causeway.simulation.cameras import camera_from_world

Array = NDArray[np.float64]

NEAR_M = 0.3
FAR_M = 220.0
PIXEL_LIMIT = 30_000.0  # the drawing library counts in small integers


@dataclass(frozen=True, eq=False)
class View:
    """A camera somewhere: world to camera, and the lens in pixels of the canvas that is drawn on."""

    rotation: Array
    translation: Array
    fx: float
    fy: float
    cx: float
    cy: float
    slope: float  # how far to the side the picture reaches, per metre of depth

    def to_camera(self, points: Array) -> Array:
        """Points [..., 3] in the camera frame."""
        return points @ self.rotation.T + self.translation

    @property
    def position(self) -> Array:
        """The camera in the world [3]."""
        return -self.rotation.T @ self.translation

    def pixels(self, points: Array) -> Array:
        """Camera-frame points [..., 3] with depth > 0 as canvas pixels [..., 2]."""
        pixels = pinhole(points, np.array([self.fx, self.fy]), np.array([self.cx, self.cy]))
        return np.clip(pixels, -PIXEL_LIMIT, PIXEL_LIMIT)

    def polygon(self, points: Array) -> list[int] | None:
        """A camera-frame polygon [k, 3] as flat canvas coordinates, clipped; None when behind."""
        if points[:, 2].min() < NEAR_M:
            points = clipped(points)
            if len(points) < 3:
                return None
        return np.rint(self.pixels(points)).astype(np.int64).ravel().tolist()

    def sees(self, centres: Array, radius: Array | float) -> NDArray[np.bool_]:
        """Which camera-frame balls [n, 3] may be in the picture."""
        depth = centres[:, 2]
        margin = radius * (1.0 + self.slope)
        return (depth > NEAR_M - radius) & (depth < FAR_M) & (np.abs(centres[:, 0]) < depth * self.slope + margin)


def view_of(camera: Camera, rig_pose: Array, zoom: int) -> View:
    """The view of a camera from a rig pose, on a canvas `zoom` times the picture's size."""
    rotation, translation = camera_from_world(camera, rig_pose)
    lens = (camera.fx * zoom, camera.fy * zoom, camera.cx * zoom, camera.cy * zoom)
    return View(rotation, translation, *lens, slope=camera.width / 2 / camera.fx)


def clipped(points: Array) -> Array:
    """The part [m, 3] of a polygon [k, 3] beyond the near plane (Sutherland and Hodgman, one plane)."""
    following = np.roll(points, -1, axis=0)
    kept: list[Array] = []
    for a, b in zip(points, following, strict=True):
        if a[2] >= NEAR_M:
            kept.append(a)
        if (a[2] >= NEAR_M) != (b[2] >= NEAR_M):
            kept.append(a + (b - a) * ((NEAR_M - a[2]) / (b[2] - a[2])))
    return np.array(kept).reshape(-1, 3)


@dataclass(frozen=True, eq=False)
class GroundPolygons:
    """Polygons on the ground in drawing order: corners [n, 3], where each begins [m + 1], a ball around each."""

    corners: Array
    starts: NDArray[np.int64]
    centres: Array
    radius: Array

    def seen(self, view: View) -> list[tuple[int, list[int], float]]:
        """(index, flat canvas coordinates, depth of the middle) of the polygons in the picture, in order."""
        centres = view.to_camera(self.centres)
        shown = np.flatnonzero(view.sees(centres, self.radius))
        camera_points = view.to_camera(self.corners)
        depth = camera_points[:, 2]
        flat = np.rint(view.pixels(np.where(depth[:, None] < NEAR_M, 1.0, camera_points))).astype(np.int64)
        found: list[tuple[int, list[int], float]] = []
        for i in shown.tolist():
            part = slice(self.starts[i], self.starts[i + 1])
            behind = depth[part].min() < NEAR_M
            polygon = view.polygon(camera_points[part]) if behind else flat[part].ravel().tolist()
            if polygon:
                found.append((i, polygon, float(centres[i, 2])))
        return found


def ground_polygons(polygons: list[Array]) -> GroundPolygons:
    """Polygons [k, 2] on the ground, packed."""
    starts = np.concatenate([[0], np.cumsum([len(p) for p in polygons])]).astype(np.int64)
    flat = np.concatenate(polygons) if polygons else np.empty((0, 2))
    centres = np.array([p.mean(axis=0) for p in polygons]).reshape(-1, 2)
    radius = np.array([np.hypot(*(p - c).T).max() for p, c in zip(polygons, centres, strict=True)])
    return GroundPolygons(_on_ground(flat), starts, _on_ground(centres), radius)


def _on_ground(points: Array) -> Array:
    return np.concatenate([points, np.zeros((len(points), 1))], axis=1)
