"""The rewards that need what stood around a sample: agents and road, for all paths predicted at one moment.

Knows which reward takes what of `Sample.around`, and that an agent which the recorded path touches judges nobody, and
one to which it came as near no clearance. Does not know weights or groups. What a drive does not know gives no reward:
the name is left out.
"""

from collections.abc import Collection

import numpy as np

from causeway.model.surroundings import Surroundings
from causeway.training.collision_reward import CLOSE_M, clearance, collision, grown, time_to_collision, untouched
from causeway.training.footprints import Floats
from causeway.training.road_reward import off_road

# by the margin within which an agent of the recorded path judges nobody
AGAINST_AGENTS = {
    0.0: {"collision": collision, "time_to_collision": time_to_collision},
    CLOSE_M: {"clearance": clearance},
}
NAMES = (*(name for rewards in AGAINST_AGENTS.values() for name in rewards), "off_road")


def safety_rewards(
    around: Surroundings | None, expert: np.ndarray, predicted: np.ndarray, names: Collection[str] = NAMES
) -> dict[str, Floats]:
    """The rewards named, of those that what is known `around` one sample allows: by name […].

    `expert` [64, 3] and `predicted` […, 64, 3] in the rig frame at t0. UnusableInput for NaN or another shape.
    """
    found: dict[str, Floats] = {}
    if around is None:
        return found
    agents, own = around.agents, around.footprint
    if agents is not None:
        place = (agents.poses_rig, agents.sizes_m)
        for margin_m, rewards in AGAINST_AGENTS.items():
            asked = sorted(set(rewards) & set(names))
            there = untouched(expert, *place, agents.present, grown(own, margin_m)) if asked else agents.present
            found |= {name: np.asarray(rewards[name](predicted, *place, there, own)) for name in asked}
    if around.road is not None and "off_road" in names:
        found["off_road"] = np.asarray(off_road(predicted, around.road, around.footprint))
    return found
