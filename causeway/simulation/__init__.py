"""The built-in world: scenes whose causes are known, driven in closed loop and seen through cameras."""

from causeway.simulation.conditions import Conditions
from causeway.simulation.plans import PolicyFault, carried_on, constant_velocity_trajectory
from causeway.simulation.scenarios import SCENARIOS
from causeway.simulation.world import World, WorldObservation, expert_trajectory

__all__ = [
    "SCENARIOS",
    "Conditions",
    "PolicyFault",
    "World",
    "WorldObservation",
    "carried_on",
    "constant_velocity_trajectory",
    "expert_trajectory",
]
