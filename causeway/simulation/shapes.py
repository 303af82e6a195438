"""Shapes of things as quads: vehicles in shares of their length, width and height, and strips on the ground.

Knows geometry only. Does not know cameras, looks or where a thing stands. A vehicle's x is forward, y left, z up; its
origin is the middle of its footprint. Quads are wound so that their normals point outwards.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from causeway.simulation.road import Paint, Path

Array = NDArray[np.float64]

# Corners of a block: 0 … 3 its bottom (rear right, front right, front left, rear left), 4 … 7 its top.
_FACES = {
    "left": (2, 3, 7, 6),
    "right": (0, 1, 5, 4),
    "rear": (3, 0, 4, 7),
    "front": (1, 2, 6, 5),
    "top": (4, 5, 6, 7),
}


@dataclass(frozen=True, eq=False)
class Shape:
    """Quads [n, 4, 3] in drawing order, what each is made of [n], and outward normals [n, 3]."""

    quads: Array
    materials: tuple[str, ...]
    normals: Array


def _block(x: tuple[float, float], y: float, z: tuple[float, float], top_x: tuple[float, float], top_y: float) -> Array:
    """Corners [8, 3] of a block that may narrow towards its top; y and top_y are half widths."""
    bottom = [(x[0], -y), (x[1], -y), (x[1], y), (x[0], y)]
    top = [(top_x[0], -top_y), (top_x[1], -top_y), (top_x[1], top_y), (top_x[0], top_y)]
    return np.array([(*p, z[0]) for p in bottom] + [(*p, z[1]) for p in top])


def _faces(block: Array, materials: dict[str, str]) -> list[tuple[Array, str]]:
    return [(block[list(corners)], materials[face]) for face, corners in _FACES.items()]


def _rear(y: tuple[float, float], z: tuple[float, float], x: float = -0.501) -> Array:
    return np.array([(x, y[1], z[0]), (x, y[0], z[0]), (x, y[0], z[1]), (x, y[1], z[1])])


def _front(y: tuple[float, float], z: tuple[float, float]) -> Array:
    return np.array([(0.501, y[0], z[0]), (0.501, y[1], z[0]), (0.501, y[1], z[1]), (0.501, y[0], z[1])])


def _wheel(x: float, side: float, z: float) -> Array:
    reach, y = 0.07, side * 0.505
    quad = np.array([(x - reach, y, 0.0), (x + reach, y, 0.0), (x + reach, y, z), (x - reach, y, z)])
    return quad if side < 0 else quad[::-1]


def _car() -> list[tuple[Array, str]]:
    body = _block((-0.5, 0.5), 0.5, (0.14, 0.60), (-0.5, 0.5), 0.48)
    cabin = _block((-0.40, 0.24), 0.47, (0.60, 1.0), (-0.30, 0.10), 0.40)
    parts = _faces(body, dict.fromkeys(_FACES, "body"))
    parts += [(_wheel(x, side, 0.36), "tyre") for x in (-0.3, 0.31) for side in (-1.0, 1.0)]
    parts += [(_rear((0.24, 0.47), (0.40, 0.56)), "brake"), (_rear((-0.47, -0.24), (0.40, 0.56)), "brake")]
    parts += [(_rear((-0.14, 0.14), (0.24, 0.34)), "plate"), (_rear((-0.5, 0.5), (0.10, 0.18)), "tyre")]
    parts += [(_front((0.28, 0.46), (0.36, 0.50)), "head"), (_front((-0.46, -0.28), (0.36, 0.50)), "head")]
    glass = dict.fromkeys(_FACES, "glass") | {"top": "body"}
    parts += _faces(cabin, glass)
    return [*parts, (_rear((-0.16, 0.16), (0.90, 0.96), -0.335), "third")]


def _truck() -> list[tuple[Array, str]]:
    cab = _block((0.29, 0.5), 0.47, (0.10, 0.72), (0.30, 0.46), 0.45)
    cargo = _block((-0.5, 0.27), 0.5, (0.22, 1.0), (-0.5, 0.27), 0.5)
    parts = _faces(cab, dict.fromkeys(_FACES, "body") | {"front": "glass"})
    parts += [(_front((0.3, 0.45), (0.16, 0.22)), "head"), (_front((-0.45, -0.3), (0.16, 0.22)), "head")]
    parts += _faces(cargo, dict.fromkeys(_FACES, "cargo"))
    parts += [(_wheel(x, side, 0.26), "tyre") for x in (-0.35, -0.2, 0.38) for side in (-1.0, 1.0)]
    parts += [(_rear((-0.5, 0.5), (0.10, 0.22)), "tyre")]
    return [*parts, (_rear((0.28, 0.49), (0.14, 0.21)), "brake"), (_rear((-0.49, -0.28), (0.14, 0.21)), "brake")]


def _plain() -> list[tuple[Array, str]]:
    return _faces(_block((-0.5, 0.5), 0.5, (0.0, 1.0), (-0.5, 0.5), 0.5), dict.fromkeys(_FACES, "body"))


@cache
def shape_of(kind: str) -> Shape:
    """The shape of a track type in shares of its size."""
    parts = {"car": _car, "truck": _truck, "bus": _truck}.get(kind, _plain)()
    quads = np.array([quad for quad, _ in parts])
    normals = np.cross(quads[:, 1] - quads[:, 0], quads[:, 2] - quads[:, 1])
    return Shape(quads, tuple(material for _, material in parts), normals)


def strip_pieces(path: Path, left_m: float, right_m: float, piece_m: float = 16.0) -> list[Array]:
    """A strip along a path, cut into polygons [k, 2] of about `piece_m` so that far ones can be left out."""
    pieces = []
    for start in np.arange(0.0, path.length_m, piece_m):
        end = min(start + piece_m, path.length_m)
        bends = abs(np.interp(end, path.s_m, path.yaw_rad) - np.interp(start, path.s_m, path.yaw_rad)) > 0.02
        stations = np.linspace(start, end, 9 if bends else 2)
        left, right = path.pose_at(stations, left_m)[:, :2], path.pose_at(stations[::-1], -right_m)[:, :2]
        pieces.append(np.concatenate([left, right]))
    return pieces


def paint_pieces(paint: Paint) -> list[Array]:
    """A painted line as polygons [k, 2]: one a dash, or pieces of an unbroken line."""
    half = paint.width_m / 2
    if not paint.dash_m:
        return strip_pieces(paint.path, half, half)
    starts = np.arange(0.0, paint.path.length_m - paint.dash_m, paint.dash_m + paint.gap_m)
    ends = np.stack([starts, starts + paint.dash_m, starts + paint.dash_m, starts], axis=-1)
    return list(paint.path.pose_at(ends, [half, half, -half, -half])[..., :2])
