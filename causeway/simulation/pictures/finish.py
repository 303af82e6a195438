"""From the canvas to the picture: haze by distance, four canvas pixels to one, rain and noise.

Knows packed colours and inverse depth (see `fill`). Does not know what was drawn.
"""

from typing import Any

import numpy as np

from causeway.simulation.compiled import compiled
from causeway.simulation.pictures.fill import SHINES, SKY


@compiled
def scrambled(value: int) -> int:
    """32 bits that look random, from an integer (Wang's integer hash)."""
    value = (value ^ 61 ^ (value >> 16)) * 9 & 0xFFFFFFFF
    value = (value ^ (value >> 4)) * 0x27D4EB2D & 0xFFFFFFFF
    return value ^ (value >> 15)


@compiled
def _sample(colour: int, inverse: int, haze: Any, haze_colour: Any) -> tuple[int, int, int]:
    red, green, blue = colour >> 16 & 255, colour >> 8 & 255, colour & 255
    if colour & SKY:
        return red, green, blue
    share = haze[min(inverse >> 12, len(haze) - 1)]
    if colour & SHINES:  # a lamp carries farther through the haze
        share = share * 3 >> 3
    clear = 256 - share
    return (
        (red * clear + haze_colour[0] * share) >> 8,
        (green * clear + haze_colour[1] * share) >> 8,
        (blue * clear + haze_colour[2] * share) >> 8,
    )


@compiled
def reduced(canvas: Any, depth: Any, haze: Any, haze_colour: Any, noise: int, seed: int) -> Any:
    """The picture uint8 [height, width, 3]: the mean of four hazy samples each, and noise of ± `noise`."""
    height, width = canvas.shape[0] // 2, canvas.shape[1] // 2
    picture = np.empty((height, width, 3), np.uint8)
    for y in range(height):
        for x in range(width):
            a, b = canvas[2 * y, 2 * x], canvas[2 * y, 2 * x + 1]
            c, d = canvas[2 * y + 1, 2 * x], canvas[2 * y + 1, 2 * x + 1]
            red, green, blue = _sample(a, depth[2 * y, 2 * x], haze, haze_colour)
            if a == b and a == c and a == d:
                red, green, blue = 4 * red, 4 * green, 4 * blue
            else:
                for j, i, other in ((0, 1, b), (1, 0, c), (1, 1, d)):
                    r, g, bl = _sample(other, depth[2 * y + j, 2 * x + i], haze, haze_colour)
                    red, green, blue = red + r, green + g, blue + bl
            grain = 0
            if noise > 0:
                grain = scrambled(seed + y * width + x) % (2 * noise + 1) - noise
            picture[y, x, 0] = min(max((red + 2 >> 2) + grain, 0), 255)
            picture[y, x, 1] = min(max((green + 2 >> 2) + grain, 0), 255)
            picture[y, x, 2] = min(max((blue + 2 >> 2) + grain, 0), 255)
    return picture


@compiled
def rain(picture: Any, drops: int, seed: int) -> None:
    """Streaks of falling rain, half see-through, at places that the seed gives."""
    height, width, _ = picture.shape
    for i in range(drops):
        one, two = scrambled(seed + 2 * i), scrambled(seed + 2 * i + 1)
        x, y = one % width, two % height
        long = height // 24 + (one >> 20) % (height // 12 + 1)
        for j in range(long):
            down, across = y + j, x - j // 5
            if down < height and across >= 0:
                for k in range(3):
                    picture[down, across, k] = (picture[down, across, k] * 3 + 205) >> 2
