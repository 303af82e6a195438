"""The car ahead brakes to a stand and later goes on: stop behind it. See `braking_lead`."""

import numpy as np

from causeway.simulation.scenarios.braking_lead import lead_scene
from causeway.simulation.scene import Scene


def build(rng: np.random.Generator, seed: int) -> Scene:
    """One scene: when and how hard the lead brakes, how long it stands."""
    return lead_scene(rng, "stop_for_lead", seed, 0.0)
