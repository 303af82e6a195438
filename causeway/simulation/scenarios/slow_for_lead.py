"""The car ahead brakes to a lower speed, but does not stop: slow behind it. See `braking_lead`."""

import numpy as np

from causeway.simulation.scenarios.braking_lead import lead_scene
from causeway.simulation.scene import Scene


def build(rng: np.random.Generator, seed: int) -> Scene:
    """One scene: when, how hard and how far down the lead brakes, and when it goes on."""
    return lead_scene(rng, "slow_for_lead", seed, float(rng.uniform(0.2, 0.6)))
