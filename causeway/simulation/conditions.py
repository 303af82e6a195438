"""What makes driving harder than in a perfect car: a policy that thinks, sensors with noise, pictures that get lost.

Knows how each is drawn from a seed: the same picture has the same noise whenever it is looked at, on every machine
(integers and uniform numbers only). Does not know worlds.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causeway.errors import UsageError

_LOST, _PICTURE, _MOTION = 1, 2, 3


@dataclass(frozen=True)
class Conditions:
    """The default is a perfect car.

    `latency_s`: a plan holds this long after the observation that it answers (to a tick, at most 5 s); until then the
    world moves on under the plan before. `picture_noise`: up to so many of 255 levels on each colour of each pixel.
    `lost_pictures`: the share of pictures that never come; the one before is seen in its place, with its own time.
    `speed_noise_mps`, `position_noise_m`: up to so much on the measured speed, and on x and y of each past pose.
    UsageError for what cannot be.
    """

    latency_s: float = 0.0
    picture_noise: int = 0
    lost_pictures: float = 0.0
    speed_noise_mps: float = 0.0
    position_noise_m: float = 0.0

    def __post_init__(self) -> None:
        limits = {"latency_s": 5.0, "picture_noise": 255, "lost_pictures": 0.99, "speed_noise_mps": 10.0}
        for name, most in (limits | {"position_noise_m": 10.0}).items():
            value = getattr(self, name)
            if not isinstance(value, int | float) or not (math.isfinite(value) and 0 <= value <= most):
                raise UsageError(f"{name} is {value!r}; it must be 0 to {most}")
        if self.picture_noise != int(self.picture_noise):
            raise UsageError(f"picture_noise is {self.picture_noise}; it must be a whole number of levels")


PERFECT = Conditions()


def lost(conditions: Conditions, seed: int, camera: int, tick: int) -> bool:
    """Whether the picture that a camera took at a tick never came; the first one always comes."""
    if conditions.lost_pictures == 0.0 or tick == 0:
        return False
    return bool(_rng(seed, _LOST, tick, camera).random() < conditions.lost_pictures)


def noisy_picture(
    picture: NDArray[np.uint8], conditions: Conditions, seed: int, camera: int, tick: int
) -> NDArray[np.uint8]:
    """The picture of a tick as the sensor gives it."""
    most = conditions.picture_noise
    if most == 0:
        return picture
    noise = _rng(seed, _PICTURE, tick, camera).integers(-most, most + 1, picture.shape, dtype=np.int16)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def motion_noise(conditions: Conditions, seed: int, tick: int) -> tuple[float, float, float]:
    """What is added to x, y and speed that are measured at a tick."""
    if conditions.speed_noise_mps == 0.0 and conditions.position_noise_m == 0.0:
        return 0.0, 0.0, 0.0
    x, y, speed = (2.0 * _rng(seed, _MOTION, tick, 0).random(3) - 1.0).tolist()
    far = conditions.position_noise_m
    return far * x, far * y, conditions.speed_noise_mps * speed


def _rng(seed: int, what: int, tick: int, camera: int) -> np.random.Generator:
    return np.random.default_rng([seed, what, tick, camera])
