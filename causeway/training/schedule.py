"""Which samples a step trains on and how fast: pure functions of the seed and the step's number.

Because order, noise and learning rate follow from (seed, step) alone, a run that was killed goes on exactly as an
undisturbed one would, and no random state needs to be stored.
"""

import math
from functools import lru_cache

import numpy as np


def batch_of(step: int, batch_size: int, samples: int, seed: int) -> list[int]:
    """Indices of the step's batch: each epoch is one permutation of all samples, and no sample is left out."""
    picked = []
    for place in range(step * batch_size, (step + 1) * batch_size):
        epoch, offset = divmod(place, samples)
        picked.append(int(order(seed, epoch, samples)[offset]))
    return picked


@lru_cache(maxsize=2)
def order(seed: int, epoch: int, samples: int) -> np.ndarray:
    """The order of an epoch, a permutation of 0 … samples - 1; not to be written to."""
    return np.random.default_rng([seed, epoch]).permutation(samples)


def step_seed(seed: int, step: int, number: int = 0) -> int:
    """A seed for the noise of one pass of a step."""
    return int(np.random.SeedSequence([seed, step, number]).generate_state(1)[0])


def learning_rate(step: int, steps: int, peak: float, warmup: float, final: float) -> float:
    """Linear warm-up over `warmup` of the steps, then a cosine from `peak` down to `final` × `peak`."""
    ramp = max(1, round(warmup * steps))
    if step < ramp:
        return peak * (step + 1) / ramp
    through = (step - ramp) / max(1, steps - ramp)
    return peak * (final + (1.0 - final) * 0.5 * (1.0 + math.cos(math.pi * through)))
