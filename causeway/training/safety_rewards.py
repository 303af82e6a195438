"""The rewards that need what stood around a sample: agents and road, for all paths predicted at one moment.

Knows which reward takes what of `Sample.around`, and that an agent which the recorded path touches judges nobody. Does
not know weights or groups. What a drive does not know gives no reward: the name is left out.
"""

from collections.abc import Collection

import numpy as np

from causeway.model.surroundings import Surroundings
from causeway.training.collision_reward import collision, time_to_collision, untouched
from causeway.training.footprints import Floats
from causeway.training.road_reward import off_road

AGAINST_AGENTS = {"collision": collision, "time_to_collision": time_to_collision}
NAMES = (*AGAINST_AGENTS, "off_road")


def safety_rewards(
    around: Surroundings | None, expert: np.ndarray, predicted: np.ndarray, names: Collection[str] = NAMES
) -> dict[str, Floats]:
    """The rewards named, of those that what is known `around` one sample allows: by name […].

    `expert` [64, 3] and `predicted` […, 64, 3] in the rig frame at t0. UnusableInput for NaN or another shape.
    """
    found: dict[str, Floats] = {}
    if around is None:
        return found
    agents = around.agents
    if agents is not None and set(AGAINST_AGENTS) & set(names):
        place = (agents.poses_rig, agents.sizes_m)
        there = untouched(expert, *place, agents.present, around.footprint)
        for name in sorted(set(AGAINST_AGENTS) & set(names)):
            found[name] = np.asarray(AGAINST_AGENTS[name](predicted, *place, there, around.footprint))
    if around.road is not None and "off_road" in names:
        found["off_road"] = np.asarray(off_road(predicted, around.road, around.footprint))
    return found
