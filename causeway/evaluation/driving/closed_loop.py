"""Closed loop: a policy drives scenes, beside constant velocity and whoever drove there before.

Knows how several worlds are stepped together with one batched question, when a rollout ends (at the end of the scene,
at the first collision or when the road is left, as the paper's simulation does, or when an answer fails), and which
scenes of the built-in world are driven. Does not know recorded clips (`replays`) or formulas (`rollout_scores`).
Simulated time waits for the policy unless the conditions give it a latency; its own is measured by another suite.
Scenes are driven in groups of a batch, in their order, and a scene's noise follows from its name: whole groups can be
driven anywhere and give the same rollouts to the last bit.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from causeway.clips.geometry import from_frame
from causeway.clips.types import Camera
from causeway.errors import UsageError
from causeway.evaluation.answers import Answering, AskConfig, ask
from causeway.evaluation.baselines import BaselinePolicy
from causeway.model.observation import Observation, ObservationSpec
from causeway.model.prediction import seed_of
from causeway.simulation.compose import checked_seed, legs_of
from causeway.simulation.conditions import PERFECT, Conditions
from causeway.simulation.events.events import agent_boxes
from causeway.simulation.plans import PolicyFault, carried_on
from causeway.simulation.scenarios import SCENARIOS
from causeway.simulation.vehicle import EGO, VehicleShape
from causeway.simulation.world import World, expert_trajectory

if TYPE_CHECKING:
    from causeway.model.ensemble import Memory

REPLAN_TICKS = 5  # 0.5 s
SIDE_BY_SIDE = 64  # scenes that a baseline, which needs no pictures, drives together
BLIND = ObservationSpec(cameras=())  # who looks at no pictures needs none drawn

Progress = Callable[[int, int], None]


class Drivable(Protocol):
    """A scene that can be driven in, any number of times; its name, seed and text tell it from all others."""

    @property
    def name(self) -> str:
        """What the rollouts table calls it, beside the seed."""

    @property
    def seed(self) -> int:
        """0 where nothing is drawn by lot."""

    @property
    def group(self) -> str:
        """The kind of scene, by which results are also given."""

    def world(self, spec: ObservationSpec | None, conditions: Conditions) -> World:
        """A world at its beginning, with the pictures of `spec`."""


@dataclass(frozen=True)
class SceneId:
    """One scene of the built-in world."""

    scenario: str
    seed: int

    def __str__(self) -> str:
        return f"{self.scenario}-{self.seed}"

    @property
    def name(self) -> str:
        """The scenario."""
        return self.scenario

    @property
    def group(self) -> str:
        """The scenario."""
        return self.scenario

    def world(self, spec: ObservationSpec | None, conditions: Conditions) -> World:
        """The world of this scenario and seed."""
        return World(self.scenario, self.seed, spec, conditions)


@dataclass(frozen=True, eq=False)
class Plan:
    """What was planned at a tick: the rear axle's poses [n, 64, 3] in the frame of the scene; the first was driven."""

    tick: int
    paths: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rollout:
    """One closed-loop drive: `history` as `World.history` gives it; `failure` says why it could not go on, or "".

    `plans` of a policy or baseline, in order; `others`: the boxes of other road users at each tick [k, 5] (middle x, y,
    yaw, length, width); `shape` of the ego. `film`: the picture of a camera at a tick.
    """

    scene: Drivable
    driver: str  # policy, constant_velocity, expert (in a replay: who recorded it)
    history: dict[str, NDArray]
    failure: str = ""
    shape: VehicleShape = EGO
    plans: Sequence[Plan] = ()
    others: Sequence[NDArray[np.float64]] = ()
    film: Callable[[Camera, int], NDArray[np.uint8]] | None = None


def scene_ids(count: int, seed: int, scenarios: Sequence[str] = ()) -> list[SceneId]:
    """`count` scenes, the scenarios in turn (several joined by `+` are one longer drive).

    Seeds lie far from those of training drives, which count up from 0. UsageError for what there is not.
    """
    names = list(scenarios) or sorted(SCENARIOS)
    for name in names:
        legs_of(name)
    if count < 1:
        raise UsageError(f"{count} scenes: ask for at least one")
    checked_seed(seed)
    return [SceneId(names[i % len(names)], 900_000 + 1000 * seed + i // len(names)) for i in range(count)]


def roll_out(
    policy: Answering,
    scenes: Sequence[Drivable],
    config: AskConfig,
    driver: str = "policy",
    spec: ObservationSpec | None = None,
    progress: Progress | None = None,
    conditions: Conditions = PERFECT,
    ensemble: float | None = None,
) -> list[Rollout]:
    """Drive a batch of scenes side by side, then the next; every 0.5 s one question plans for all that still drive.

    `progress` is told of scenes that have ended, and of how many. `ensemble`: alpha of the adaptive ensemble by which
    each vehicle's answer is joined with those before it, None = it drives by the newest alone.
    """
    rollouts: list[Rollout] = []
    for start in range(0, len(scenes), config.batch):
        worlds = [(scene, scene.world(spec, conditions)) for scene in scenes[start : start + config.batch]]
        cars = [_Car(scene, world, _memory(policy, ensemble)) for scene, world in worlds]
        _drive(policy, cars, config)
        rollouts += [_rollout(car.scene, driver, car.world, car.failure, car.plans) for car in cars]
        if progress:
            progress(len(rollouts), len(scenes))
    return rollouts


def _drive(policy: Answering, cars: Sequence["_Car"], config: AskConfig) -> None:
    """Drive cars side by side until all have ended."""
    seen: list[Observation] = [car.world.reset() for car in cars]
    while driving := [i for i, car in enumerate(cars) if not car.over]:
        seeds = [seed_of(config.seed, str(cars[i].scene)) for i in driving]
        answers = ask(policy, [seen[i] for i in driving], config, seeds=seeds)
        assert answers.controls is not None
        for row, i in enumerate(driving):
            cars[i].failure = answers.failure[row]
            if not cars[i].over:
                seen[i] = cars[i].drive(answers.trajectory_rig[row], answers.controls[row], seen[i])


def _memory(policy: Any, alpha: float | None) -> "Memory | None":
    from causeway.model.ensemble import Memory

    return None if alpha is None else Memory(policy.statistics.std, alpha)


def _rollout(scene: Drivable, driver: str, world: World, failure: str = "", plans: Sequence[Plan] = ()) -> Rollout:
    others = [agent_boxes(world.traffic, tick.agents) for tick in world.ticks]
    world.forget_pictures()  # those that a film shows are drawn again
    return Rollout(scene, driver, world.history, failure, world.shape, plans, others, world.picture)


@dataclass(eq=False)
class _Car:
    scene: Drivable
    world: World
    memory: "Memory | None" = None
    failure: str = ""
    plans: list[Plan] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """The rollout has ended: an event, the end of the scene, or a failure."""
        now = self.world.now.events
        return bool(self.failure) or now.done or now.off_road

    def drive(self, plans: NDArray[np.float64], controls: NDArray[np.float64], seen: Observation) -> Observation:
        """Follow the first of plans [n, 64, 3] and their controls until the next are due; returns what is seen then."""
        if self.memory is not None:
            plans = plans.copy()
            plans[0] = self.memory.joined(controls[0], seen.t0_us, seen.speed_mps)[1]
        made_at, plan = self.world.now.ego.pose, plans[0]
        self.plans.append(Plan(len(self.world.ticks) - 1, from_frame(plans, made_at)))
        for tick in range(REPLAN_TICKS):
            try:
                seen = self.world.step(carried_on(plan, made_at, self.world.now.ego.pose, tick))
            except PolicyFault as fault:
                self.failure = f"no vehicle can follow: {fault}"
            if self.over:
                break
        return seen


def baseline_rollouts(
    scenes: Sequence[Drivable], name: str = "constant_velocity", conditions: Conditions = PERFECT
) -> list[Rollout]:
    """The same scenes driven by a baseline, without pictures."""
    config = AskConfig(batch=SIDE_BY_SIDE)
    return roll_out(BaselinePolicy(name), scenes, config, name, BLIND, conditions=conditions)


def expert_rollout(scene: Drivable) -> Rollout:
    """A scene driven by its expert, to its end or a collision: what progress is measured against."""
    world = scene.world(BLIND, PERFECT)
    world.reset()
    while not world.now.events.done:
        world.step(expert_trajectory(world))
    return _rollout(scene, "expert", world)


def expert_rollouts(scenes: Sequence[SceneId]) -> list[Rollout]:
    """Scenes of the built-in world driven by its expert; where it has an incident the drive ends and is counted."""
    return [expert_rollout(scene) for scene in scenes]


def rollout_rows(rollouts: Sequence[Rollout]) -> list[dict]:
    """Rows of `rollouts.parquet`: one a tick, pose and events of the ego."""
    return [
        {"driver": r.driver, "scene": r.scene.name, "seed": r.scene.seed, "tick": tick}
        | {name: column[tick].item() for name, column in r.history.items()}
        | {"failure": r.failure if tick == len(r.history["t_us"]) - 1 else ""}
        for r in rollouts
        for tick in range(len(r.history["t_us"]))
    ]
