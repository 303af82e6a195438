"""The registry of scenarios: name → function that lays out one scene from a seeded generator.

The names are the sixteen of `meta_actions.scenarios`; each is a file of that name with `build(rng, seed) -> Scene`.
Does not know what is in a scene.
"""

from collections.abc import Callable

import numpy as np

from causeway.meta_actions.scenarios import SCENARIOS as NAMES

# imports spelled out: a step's cache key follows them to the sources it depends on
from causeway.simulation.scenarios import (
    bypass_construction,
    curve,
    cut_in,
    lane_change,
    lane_change_preparation,
    no_yield_to_vru,
    nudge,
    nudge_preparation,
    pass_intersection,
    resume_at_control,
    risky_driving,
    slow_for_lead,
    speed_bump,
    stop_for_control,
    stop_for_lead,
    yield_to_vru,
)
from causeway.simulation.scene import Scene

Build = Callable[[np.random.Generator, int], Scene]

_FILES = (
    slow_for_lead,
    stop_for_lead,
    stop_for_control,
    resume_at_control,
    lane_change,
    yield_to_vru,
    cut_in,
    speed_bump,
    nudge,
    bypass_construction,
    risky_driving,
    curve,
    lane_change_preparation,
    nudge_preparation,
    pass_intersection,
    no_yield_to_vru,
)
_BUILDS: dict[str, Build] = {file.__name__.rsplit(".", 1)[1]: file.build for file in _FILES}
SCENARIOS: dict[str, Build] = {name: _BUILDS[name] for name in NAMES}
