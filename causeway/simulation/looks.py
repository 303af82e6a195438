"""How light falls: one palette for each look, and how a colour changes with it.

Knows colours (RGB 0 … 255). Does not know shapes.
"""

from dataclasses import dataclass

from causeway.errors import UsageError

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Look:
    """`light` scales what reflects; what shines by itself (`LAMPS`) does not change. `haze_m`: half hidden there."""

    sky_top: Colour
    sky_low: Colour
    ground: Colour
    road: Colour
    light: float
    haze_m: float
    tail_lamps_on: bool = False


LOOKS = {
    "day": Look((98, 150, 214), (206, 222, 236), (112, 134, 86), (98, 98, 102), 1.0, 420.0),
    "overcast": Look((150, 156, 164), (198, 200, 202), (98, 112, 82), (84, 85, 88), 0.8, 260.0),
    "dusk": Look((38, 44, 82), (214, 142, 104), (48, 54, 46), (50, 50, 56), 0.45, 300.0, tail_lamps_on=True),
}

LAMPS: dict[str, Colour] = {
    "red": (255, 42, 30),
    "yellow": (255, 196, 30),
    "green": (40, 240, 120),
    "brake": (255, 34, 24),
    "tail": (150, 16, 18),
    "head": (255, 250, 225),
}
PAINT: dict[str, Colour] = {"white": (236, 236, 230), "yellow": (232, 190, 60)}


def look_named(name: str) -> Look:
    """The look of a name. UsageError for an unknown one."""
    if name not in LOOKS:
        raise UsageError(f"look {name!r} is not one of {', '.join(LOOKS)}")
    return LOOKS[name]


def lit(colour: Colour, look: Look, shade: float = 1.0, distance_m: float = 0.0) -> Colour:
    """A surface's colour under a look, at a distance."""
    clear = 0.5 ** (distance_m / look.haze_m)
    scale = look.light * shade * clear
    return (
        min(int(colour[0] * scale + look.sky_low[0] * (1.0 - clear)), 255),
        min(int(colour[1] * scale + look.sky_low[1] * (1.0 - clear)), 255),
        min(int(colour[2] * scale + look.sky_low[2] * (1.0 - clear)), 255),
    )
