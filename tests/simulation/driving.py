"""What the simulation's tests share: worlds without pictures, driven to their end."""

from collections.abc import Callable
from functools import cache

import numpy as np

from causeway.model.observation import ObservationSpec
from causeway.simulation.world import World, WorldObservation, expert_trajectory

BLIND = ObservationSpec(cameras=(), frame_offsets_s=())
SCENARIOS = ("slow_for_lead", "stop_for_control", "curve", "nudge")
SEEDS = (0, 1, 2)


def driven(scenario: str, seed: int, plan: Callable[[WorldObservation], np.ndarray]) -> World:
    """A world that was driven by a function of the observation until it was done."""
    world = World(scenario, seed, BLIND)
    seen = world.reset()
    while not seen.events.done:
        seen = world.step(plan(seen))
    return world


@cache
def expert_drive(scenario: str, seed: int) -> World:
    """A world that the expert drove."""
    world = World(scenario, seed, BLIND)
    seen = world.reset()
    while not seen.events.done:
        seen = world.step(expert_trajectory(world))
    return world
