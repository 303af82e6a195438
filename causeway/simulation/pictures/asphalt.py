"""What makes asphalt look like asphalt: cracks, patches and stains, as flat pieces bound to places on the road.

Knows surfaces and colours. Does not know cameras or who drives. Without it a picture of a bare road is the same from
one place to the next, and a car that creeps seems to stand. Drawn from whole seeds and uniform numbers: a road has one
texture on every machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causeway.simulation.pictures.looks import Colour
from causeway.simulation.roads.road import Path

Array = NDArray[np.float64]
Strip = tuple[Path, float, float]  # metres to its left and to its right

MOST_MARKS = 8_000  # of one road: a recorded map may have very many lanes


@dataclass(frozen=True)
class Mark:
    """One kind of mark: how many a square metre, its length and width in metres (from, to), and its shades × 256."""

    each_m2: float
    long_m: tuple[float, float]
    wide_m: tuple[float, float]
    shades: tuple[int, int]


ASPHALT = (
    Mark(0.006, (2.0, 7.0), (0.8, 2.2), (216, 276)),  # mended places
    Mark(0.020, (1.0, 4.0), (0.04, 0.09), (150, 200)),  # cracks along
    Mark(0.020, (0.04, 0.10), (0.8, 3.0), (150, 200)),  # cracks across
    Mark(0.400, (0.15, 0.70), (0.10, 0.45), (160, 232)),  # stains
)


def marks_on(strips: Sequence[Strip], kinds: Sequence[Mark]) -> list[tuple[Array, int]]:
    """Quads [4, 2] on strips, each with its shade × 256; of a strip those of the first kind first.

    All are fewer, in the same shares, where there would be more than 8,000.
    """
    wanted = sum(_area_m2(strip) for strip in strips) * sum(mark.each_m2 for mark in kinds)
    fewer = min(1.0, MOST_MARKS / max(wanted, 1.0))
    return [mark for seed, strip in enumerate(strips) for mark in _marks(strip, kinds, fewer, seed)]


def _area_m2(strip: Strip) -> float:
    path, left_m, right_m = strip
    return path.length_m * max(left_m + right_m, 0.0)


def _marks(strip: Strip, kinds: Sequence[Mark], fewer: float, seed: int) -> list[tuple[Array, int]]:
    path, left_m, right_m = strip
    rng = np.random.default_rng(seed)
    found: list[tuple[Array, int]] = []
    for mark in kinds:
        count = int(_area_m2(strip) * mark.each_m2 * fewer)
        along, across = rng.random(count) * path.length_m, rng.random(count) * (left_m + right_m) - right_m
        half_long, half_wide = (_between(rng, count, sides) / 2 for sides in (mark.long_m, mark.wide_m))
        low, high = np.maximum(across - half_wide, -right_m), np.minimum(across + half_wide, left_m)
        near, far = np.maximum(along - half_long, 0.0), np.minimum(along + half_long, path.length_m)
        corners = path.pose_at(np.stack([near, far, far, near], axis=-1), np.stack([high, high, low, low], axis=-1))
        shades = _between(rng, count, mark.shades).astype(np.int64).tolist()
        found += zip(corners[..., :2], shades, strict=True)
    return found


def _between(rng: np.random.Generator, count: int, ends: Sequence[float]) -> Array:
    return ends[0] + rng.random(count) * (ends[1] - ends[0])


def shaded(road: Colour, shade: int) -> Colour:
    """The colour of a road with a mark's shade × 256."""
    red, green, blue = (min(value * shade >> 8, 255) for value in road)
    return red, green, blue
