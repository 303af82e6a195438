"""Models: things as convex faces in their own frame, and many models packed for the rasteriser.

Knows geometry, colours of faces and which lamp a face belongs to. Does not know cameras, looks or what a thing is.
A model's x is forward, y left, z up; its origin is the middle of its footprint. Faces are wound so that their normals
point outwards. Metres here, whole numbers once packed.
"""

from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causeway.simulation.pictures.looks import Colour
from causeway.simulation.pictures.projection import TURN, cos_sin, fixed

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

SOLID, THIN, LAMP, UNSHADED, SMALL = 1, 2, 4, 8, 16  # as in `fill`
OWN, BRAKE, THIRD, LEFT, RIGHT, HEAD, RED, YELLOW, GREEN, STREET, WINDOW, REVERSE = range(12)  # slots of colour
SLOTS = 12

# Corners of a block: 0 … 3 its bottom (rear right, front right, front left, rear left), 4 … 7 its top.
_FACES = ((2, 3, 7, 6), (0, 1, 5, 4), (3, 0, 4, 7), (1, 2, 6, 5), (4, 5, 6, 7))
SIDES = ("left", "right", "rear", "front", "top")


@dataclass(frozen=True)
class Face:
    """One convex face: corners [k, 3], its colour or the slot that gives it, and what it is as bits."""

    corners: Array
    colour: Colour
    slot: int = OWN
    flags: int = SOLID


@dataclass(frozen=True)
class Model:
    """A thing as faces; `reach_m` from its middle, which is `middle_m` above the ground."""

    faces: tuple[Face, ...]
    middle_m: float = field(init=False)
    reach_m: float = field(init=False)

    def __post_init__(self) -> None:
        corners = np.concatenate([face.corners for face in self.faces])
        middle = float(corners[:, 2].min() + corners[:, 2].max()) / 2
        reach = np.sqrt(((corners - [0.0, 0.0, middle]) ** 2).sum(axis=1).max())
        object.__setattr__(self, "middle_m", middle)
        object.__setattr__(self, "reach_m", float(reach))


def face(corners: ArrayLike, colour: Colour, slot: int = OWN, flags: int = SOLID) -> Face:
    """A face of any convex outline."""
    return Face(np.asarray(corners, dtype=np.float64), colour, slot, flags)


def block(
    x: tuple[float, float],
    y: tuple[float, float],
    z: tuple[float, float],
    colour: Colour,
    roof: tuple[float, float, float, float] | None = None,
    **sides: Colour,
) -> list[Face]:
    """A block without a floor; `roof`: its x and y bounds where they differ; `sides`: other colours by name."""
    x0, x1, y0, y1 = roof or (*x, *y)
    low = [(x[0], y[0]), (x[1], y[0]), (x[1], y[1]), (x[0], y[1])]
    high = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    corners = np.array([(*p, z[0]) for p in low] + [(*p, z[1]) for p in high])
    return [face(corners[list(f)], sides.get(name, colour)) for name, f in zip(SIDES, _FACES, strict=True)]


def rear(x: float, y: tuple[float, float], z: tuple[float, float], colour: Colour, slot: int = OWN) -> Face:
    """A rectangle that looks backwards; a lamp when it has a slot."""
    corners = [(x, y[1], z[0]), (x, y[0], z[0]), (x, y[0], z[1]), (x, y[1], z[1])]
    return face(corners, colour, slot, SOLID | (LAMP if slot else 0))


def front(x: float, y: tuple[float, float], z: tuple[float, float], colour: Colour, slot: int = OWN) -> Face:
    """A rectangle that looks forwards; a lamp when it has a slot."""
    corners = [(x, y[0], z[0]), (x, y[1], z[0]), (x, y[1], z[1]), (x, y[0], z[1])]
    return face(corners, colour, slot, SOLID | (LAMP if slot else 0))


@cache
def ring(count: int, offset: float = 0.0) -> Array:
    """Corners [count, 2] of a regular polygon of radius 1, anticlockwise."""
    return cos_sin((np.arange(count) + offset) * (2.0 * np.pi / count)) / TURN


def upright_disc(middle: ArrayLike, radius: float, colour: Colour, count: int = 8, flags: int = UNSHADED) -> Face:
    """A disc in the x-z plane that can be seen from both sides: a wheel."""
    corners = np.insert(ring(count, 0.5) * radius, 1, 0.0, axis=1) + np.asarray(middle)
    return face(corners, colour, OWN, flags)


def facing_disc(middle: ArrayLike, radius: float, colour: Colour, slot: int, count: int = 8) -> Face:
    """A disc that looks backwards (towards who comes from behind): a lens."""
    across = ring(count, 0.5) * radius
    corners = np.stack([np.zeros(count), -across[:, 0], across[:, 1]], axis=1) + np.asarray(middle)
    return face(corners, colour, slot, SOLID | LAMP | UNSHADED)


def column(
    radius: float, z: tuple[float, float], colour: Colour, top_radius: float | None = None, count: int = 6
) -> list[Face]:
    """An upright prism or cone around the origin, without lids."""
    low = ring(count) * radius
    high = ring(count) * (radius if top_radius is None else top_radius)
    faces = []
    for i in range(count):
        j = (i + 1) % count
        corners = [(*low[i], z[0]), (*low[j], z[0]), (*high[j], z[1]), (*high[i], z[1])]
        faces.append(face(corners[:3] if top_radius == 0.0 else corners, colour))
    return faces


def blob(middle: ArrayLike, radius: tuple[float, float, float], colour: Colour, count: int = 6) -> list[Face]:
    """A round thing: two rings between two poles, with half axes `radius`."""
    low, high = ring(count), ring(count, 0.5)
    a = np.column_stack([low * 0.82, np.full(count, -0.45)])
    b = np.column_stack([high * 0.82, np.full(count, 0.55)])
    top, bottom = np.array([0.0, 0.0, 1.0]), np.array([0.0, 0.0, -1.0])
    outlines = []
    for i in range(count):
        j = (i + 1) % count
        outlines += [[a[i], a[j], b[i]], [b[i], a[j], b[j]], [b[i], b[j], top], [a[j], a[i], bottom]]
    scale, at = np.asarray(radius), np.asarray(middle)
    return [face(np.array(outline) * scale + at, colour) for outline in outlines]


def moved(faces: list[Face], by: ArrayLike, yaw_rad: float = 0.0) -> list[Face]:
    """The same faces elsewhere, turned about the vertical first."""
    cos, sin = (float(value) for value in cos_sin(yaw_rad) / TURN)
    turn, shift = np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]]), np.asarray(by, dtype=np.float64)
    return [Face(_turned(f.corners, turn) + shift, f.colour, f.slot, f.flags) for f in faces]


def swung(faces: list[Face], hinge: ArrayLike, angle_rad: float) -> list[Face]:
    """The same faces swung forwards about an axis across, at `hinge`."""
    cos, sin = (float(value) for value in cos_sin(angle_rad) / TURN)
    turn, at = np.array([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]]), np.asarray(hinge, dtype=np.float64)
    return [Face(_turned(f.corners - at, turn) + at, f.colour, f.slot, f.flags) for f in faces]


def _turned(corners: Array, turn: Array) -> Array:
    """Row vectors times a matrix, without a matrix library whose last bits depend on the processor."""
    return (corners[:, :, None] * turn[None, :, :]).sum(axis=1)


def packed_models(models: list[Model], colour_of: dict[Colour, int]) -> tuple[NDArray, ...]:
    """The arrays that `fill.draw_things` wants; `colour_of` gives the packed colour of each face's colour."""
    from causeway.simulation.pictures.fill import normals_of

    faces = [f for model in models for f in model.faces]
    corners = fixed(np.concatenate([f.corners for f in faces])) if faces else np.empty((0, 3), np.int64)
    starts = np.cumsum([0, *(len(f.corners) for f in faces)], dtype=np.int64)
    counts = [len(model.faces) for model in models]
    return (
        corners,
        starts,
        normals_of(corners, starts),
        np.array([colour_of[f.colour] for f in faces], dtype=np.int64),
        np.array([f.slot for f in faces], dtype=np.int64),
        np.array([f.flags for f in faces], dtype=np.int64),
        np.cumsum([0, *counts], dtype=np.int64),
        fixed([(model.middle_m, model.reach_m) for model in models]).reshape(-1, 2),
    )
