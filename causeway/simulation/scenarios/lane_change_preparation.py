"""Wait for a gap: there is a reason to change lanes, but somebody is beside us.

Cause: as in `lane_change`, and the vehicles on the lane that we want. Distractors: cars on other lanes.
"""

import numpy as np

from causeway.simulation.scenarios import lanes
from causeway.simulation.scene import Scene


def build(rng: np.random.Generator, seed: int) -> Scene:
    """One scene: a slow lead, a lane that ends, or the route; the lane beside is taken for some seconds."""
    reason = ("slow_lead", "lane_end", "route")[int(rng.integers(3))]
    stage = lanes.STAGES[reason](rng)
    beside = (lanes.alongside if reason == "slow_lead" else lanes.just_ahead)(rng, stage)
    return lanes.scene_of(rng, "lane_change_preparation", seed, stage, beside)
