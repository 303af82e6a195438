"""Camera frames after t0: what a policy may learn to foresee, beside the path that was driven.

Knows shapes and what makes them unusable. It is a training target alone: nothing here is a field of an `Observation`,
becomes a column of a sequence, or is asked for when a policy answers. Numpy only.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causeway.errors import UnusableInput

RIG_NUMBERS = 16


@dataclass(frozen=True, eq=False)
class Ahead:
    """Frames of the cameras of one sample after its t0."""

    images: NDArray[np.uint8]  # [cameras, frames, height, width, 3] RGB, the nearest first
    t_us: NDArray[np.int64]  # [cameras, frames], each after t0
    cameras: tuple[str, ...]
    rig: NDArray[np.float32]  # [cameras, 16], as an observation's


def check_ahead(ahead: Ahead, t0_us: int, what: str = "frames ahead") -> Ahead:
    """Return them unchanged, or raise UnusableInput naming what cannot be used."""
    cameras = len(ahead.cameras)
    if cameras == 0 or ahead.images.ndim != 5 or len(ahead.images) != cameras or ahead.images.shape[-1] != 3:
        raise UnusableInput(f"{what}: frames ahead have shape {list(ahead.images.shape)} for {cameras} camera(s)")
    if ahead.images.dtype != np.uint8 or 0 in ahead.images.shape:
        raise UnusableInput(f"{what}: frames ahead are empty or {ahead.images.dtype}, expected uint8")
    if ahead.t_us.shape != ahead.images.shape[:2] or ahead.rig.shape != (cameras, RIG_NUMBERS):
        raise UnusableInput(f"{what}: times or rig of the frames ahead do not belong to them; build the samples again")
    if int(ahead.t_us.min()) <= t0_us:
        raise UnusableInput(f"{what}: a frame ahead is not after t0 {t0_us} us")
    return ahead
