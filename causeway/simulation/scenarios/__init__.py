"""The registry of scenarios: name → function that lays out one scene from a seeded generator.

A new scenario is one file with `build(rng, seed) -> Scene` and one line here.
"""

from collections.abc import Callable

import numpy as np

from causeway.errors import UsageError
from causeway.simulation.scenarios import curve, lead_braking, parked_nudge, traffic_light
from causeway.simulation.scene import Scene

SCENARIOS: dict[str, Callable[[np.random.Generator, int], Scene]] = {
    "lead_braking": lead_braking.build,
    "traffic_light": traffic_light.build,
    "curve": curve.build,
    "parked_nudge": parked_nudge.build,
}


def build_scene(scenario: str, seed: int) -> Scene:
    """The scene of a scenario and a seed; the same every time. UsageError for an unknown name."""
    if scenario not in SCENARIOS:
        raise UsageError(f"scenario {scenario!r} is not one of {', '.join(SCENARIOS)}")
    rng = np.random.default_rng([seed, *scenario.encode()])
    return SCENARIOS[scenario](rng, seed)
