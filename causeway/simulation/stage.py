"""A stage: everything a world needs to step one drive, whoever wrote it, and the tick, which is a moment of it.

Knows how the scenes of the built-in world become stages. Does not know stepping (`world`) or recorded clips (`replay`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from causeway.clips.geometry import TICK_US
from causeway.clips.types import Camera
from causeway.simulation.compose import scene_of
from causeway.simulation.events.events import Events
from causeway.simulation.expert import expert
from causeway.simulation.expert.expert import Plan
from causeway.simulation.expert.mind import Expert, Mind
from causeway.simulation.guidance import guided_way
from causeway.simulation.scene import DURATION_US, Scene
from causeway.simulation.traffic.agents import AgentStates, Traffic, advance_agents, traffic_of
from causeway.simulation.vehicle import EGO, EGO_RIG, EgoState, VehicleShape

WARM_UP_TICKS = 20
LAST_TICK = DURATION_US // TICK_US - 1


@dataclass(frozen=True, eq=False)
class Tick:
    """One moment of the world. `plan` is what the expert wanted at this moment, where it was asked."""

    t_us: int
    ego: EgoState
    agents: AgentStates
    events: Events
    plan: Plan | None = None


@dataclass(frozen=True, eq=False)
class Stage:
    """One drive before it begins.

    `others(now, ego, t_us)` are the agents one tick later; `plan(ticks)` is what its expert would do at the last of
    them: who drives the first 2.0 s, and beside whom a policy is measured. `rig`: cameras by name that the world
    does not have itself. `expert` is None where a recording shows how it was driven. `shape` is what the ego takes up,
    `rig_id` the vehicle it is, named as samples of its drives name it.
    """

    name: str
    scene: Scene
    traffic: Traffic
    ego: EgoState
    agents: AgentStates
    others: Callable[[AgentStates, EgoState, int], AgentStates]
    plan: Callable[[Sequence[Tick]], Plan]
    last_tick: int = LAST_TICK
    rig: Mapping[str, Camera] = field(default_factory=dict)
    expert: Expert | None = None
    shape: VehicleShape = EGO
    rig_id: str = EGO_RIG
    route_xy: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 2)))  # known before the drive


def built_in(scenario: str, seed: int) -> Stage:
    """The stage of a scenario and a seed; the same every time. UsageError for an unknown name."""
    return stage_of(scene_of(scenario, seed))


def stage_of(scene: Scene) -> Stage:
    """The stage of a scene, with the built-in traffic and expert."""
    traffic = traffic_of(scene.agents, scene.layout.routes, scene.layout.stops)
    driver = expert.expert_for(scene, traffic)
    x, y, yaw = scene.layout.routes["ego"].pose_at(scene.start_m).tolist()

    def others(now: AgentStates, ego: EgoState, t_us: int) -> AgentStates:
        return advance_agents(traffic, scene.layout.road, now, ego.box, ego.speed_mps, t_us)

    def plan(ticks: Sequence[Tick]) -> Plan:
        return _expert_plan(driver, ticks)

    first = EgoState(x, y, yaw, scene.start_mps)
    start, last = traffic.start(), scene.duration_us // TICK_US - 1
    name = f"{scene.scenario} {scene.seed}"
    way = guided_way(scene)
    return Stage(name, scene, traffic, first, start, others, plan, last_tick=last, expert=driver, route_xy=way)


def _expert_plan(driver: Expert, ticks: Sequence[Tick]) -> Plan:
    """The expert sees others as they were a reaction time ago, and remembers what it had in mind last."""
    now, delay = ticks[-1], round(driver.driver.reaction_s * 1e6 / TICK_US)
    seen = ticks[max(len(ticks) - 1 - delay, 0)]
    before = next((tick.plan for tick in reversed(ticks[:-1]) if tick.plan is not None), None)
    mind = Mind() if before is None else before.mind
    return expert.plan(driver, now.ego, seen.agents, seen.t_us, now.t_us, mind)
