"""How light falls: one palette for each look, how a colour changes with it, and how haze, rain and noise come in.

Knows colours (RGB 0 … 255). Does not know shapes.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from causeway.errors import UsageError

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Look:
    """`light` scales what reflects, not what shines (`LAMPS`). `haze_m`: half hidden there. `drops`: per picture."""

    sky_top: Colour
    sky_low: Colour
    ground: Colour
    road: Colour
    light: float
    haze_m: float
    lamps_on: bool = False
    noise: int = 0
    drops: int = 0


LOOKS = {
    "day": Look((98, 150, 214), (206, 222, 236), (112, 134, 86), (98, 98, 102), 1.0, 420.0),
    "overcast": Look((150, 156, 164), (198, 200, 202), (98, 112, 82), (84, 85, 88), 0.8, 260.0),
    "dusk": Look((38, 44, 82), (214, 142, 104), (48, 54, 46), (50, 50, 56), 0.45, 300.0, lamps_on=True, noise=3),
    "rain": Look((104, 110, 118), (150, 156, 162), (72, 84, 66), (62, 65, 70), 0.62, 110.0, True, 2, 60),
    "fog": Look((186, 190, 194), (190, 194, 197), (104, 114, 96), (92, 94, 97), 0.8, 32.0, lamps_on=True, noise=1),
}

LAMPS: dict[str, Colour] = {
    "red": (255, 42, 30),
    "yellow": (255, 196, 30),
    "green": (40, 240, 120),
    "brake": (255, 34, 24),
    "tail": (150, 16, 18),
    "indicator": (255, 150, 0),
    "head": (255, 250, 225),
    "street": (255, 226, 170),
    "window": (250, 204, 124),
}
PAINT: dict[str, Colour] = {"white": (236, 236, 230), "yellow": (232, 190, 60)}

_HAZE_STEPS = 32_768  # of inverse depth, 2¹² each (see `fill`)


def look_named(name: str) -> Look:
    """The look of a name. UsageError for an unknown one."""
    if name not in LOOKS:
        raise UsageError(f"look {name!r} is not one of {', '.join(LOOKS)}")
    return LOOKS[name]


def lit(colour: Colour, look: Look) -> int:
    """A surface's colour under a look, packed."""
    red, green, blue = (min(round(value * look.light), 255) for value in colour)
    return red << 16 | green << 8 | blue


def packed(colour: Colour) -> int:
    """A colour as it is, packed."""
    return colour[0] << 16 | colour[1] << 8 | colour[2]


@cache
def haze_of(look: Look) -> NDArray[np.int64]:
    """The share of haze × 256 for each step of inverse depth, the farthest first."""
    depth_m = 2.0**28 / (np.maximum(np.arange(_HAZE_STEPS), 0.5) * 4096.0)
    return np.array([round(256.0 * (1.0 - 0.5 ** (depth / look.haze_m))) for depth in depth_m.tolist()])


@cache
def sky_of(look: Look) -> NDArray[np.int32]:
    """Packed colours [256] of the sky from the horizon (0) up; 256 is 45° and more."""
    rows = []
    for i in range(256):
        share = 1.0 - (1.0 - min(i / 150.0, 1.0)) ** 1.5
        mix = (round(low + (top - low) * share) for low, top in zip(look.sky_low, look.sky_top, strict=True))
        red, green, blue = mix
        rows.append(red << 16 | green << 8 | blue)
    return np.array(rows, dtype=np.int32)
