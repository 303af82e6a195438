"""Change lanes: past a slow lead, off a lane or a ramp that ends, or to the lane that the route asks for.

Cause: the slow lead, the lane's end, the larger road at the ramp's end, or the route. Distractors: cars on the lane
that we go to, far enough away, leads that are no slower than we are, and lanes that go on.
"""

import numpy as np

from causeway.simulation.scenarios import lanes
from causeway.simulation.scene import Scene


def build(rng: np.random.Generator, seed: int) -> Scene:
    """One scene of one of four reasons; the lane that we go to has room for us."""
    reason = ("slow_lead", "lane_end", "ramp", "route")[int(rng.integers(4))]
    stage = lanes.STAGES[reason](rng)
    return lanes.scene_of(rng, "lane_change", seed, stage, lanes.apart(rng, stage))
