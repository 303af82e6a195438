"""Closed loop: a policy drives scenes, beside constant velocity and whoever drove there before.

Knows how several worlds are stepped together with one batched question, when a rollout ends (at the end of the scene,
at the first collision or when the road is left, as the paper's simulation does, or when an answer fails), and which
scenes of the built-in world are driven. Does not know recorded clips (`replays`) or formulas (`rollout_scores`).
Simulated time waits for the policy unless the conditions give it a latency; its own is measured by another suite.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from causeway.clips.types import Camera
from causeway.errors import CausewayError, UsageError
from causeway.evaluation.answers import Answering, AskConfig, ask
from causeway.evaluation.baselines import BaselinePolicy
from causeway.model.observation import Observation, ObservationSpec
from causeway.simulation.compose import checked_seed, legs_of
from causeway.simulation.conditions import PERFECT, Conditions
from causeway.simulation.plans import PolicyFault, carried_on
from causeway.simulation.scenarios import SCENARIOS
from causeway.simulation.vehicle import EGO
from causeway.simulation.world import World, expert_trajectory

REPLAN_TICKS = 5  # 0.5 s
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
class Rollout:
    """One closed-loop drive: `history` as `World.history` gives it; `failure` says why it could not go on, or "".

    `centre_m`: from the rear axle, whose poses the history has, to the middle of the vehicle. `film`: the picture of a
    camera at a tick, as long as the world is there.
    """

    scene: Drivable
    driver: str  # policy, constant_velocity, expert (in a replay: who recorded it)
    history: dict[str, NDArray]
    failure: str = ""
    centre_m: float = EGO.rear_axle_to_centre_m
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
) -> list[Rollout]:
    """Drive all scenes side by side; every 0.5 s one batched question plans for all that still drive."""
    cars = [_Car(scene, scene.world(spec, conditions)) for scene in scenes]
    seen: list[Observation] = [car.world.reset() for car in cars]
    done_ticks = 0
    while driving := [i for i, car in enumerate(cars) if not car.over]:
        answers = ask(policy, [seen[i] for i in driving], config)
        for row, i in enumerate(driving):
            cars[i].failure = answers.failure[row]
            if not cars[i].over:
                seen[i] = cars[i].drive(answers.trajectory_rig[row, 0], seen[i])
        done_ticks += REPLAN_TICKS
        if progress:
            progress(done_ticks, len(driving))
    return [_rollout(car.scene, driver, car.world, car.failure) for car in cars]


def _rollout(scene: Drivable, driver: str, world: World, failure: str = "") -> Rollout:
    return Rollout(scene, driver, world.history, failure, world.shape.rear_axle_to_centre_m, world.picture)


@dataclass(eq=False)
class _Car:
    scene: Drivable
    world: World
    failure: str = ""

    @property
    def over(self) -> bool:
        """The rollout has ended: an event, the end of the scene, or a failure."""
        now = self.world.now.events
        return bool(self.failure) or now.done or now.off_road

    def drive(self, plan: NDArray[np.float64], seen: Observation) -> Observation:
        """Follow one plan until the next is due; returns what is seen then."""
        made_at = self.world.now.ego.pose
        for tick in range(REPLAN_TICKS):
            try:
                seen = self.world.step(carried_on(plan, made_at, self.world.now.ego.pose, tick))
            except PolicyFault as fault:
                self.failure = f"no vehicle can follow: {fault}"
            if self.over:
                break
        return seen


def baseline_rollouts(scenes: Sequence[Drivable], name: str = "constant_velocity") -> list[Rollout]:
    """The same scenes driven by a baseline, without pictures."""
    return roll_out(BaselinePolicy(name), scenes, AskConfig(batch=len(scenes)), name, BLIND)


def expert_rollout(scene: Drivable) -> Rollout:
    """A scene driven by its expert, to its end or a collision: what progress is measured against."""
    world = scene.world(BLIND, PERFECT)
    world.reset()
    while not world.now.events.done:
        world.step(expert_trajectory(world))
    return _rollout(scene, "expert", world)


def expert_rollouts(scenes: Sequence[SceneId]) -> list[Rollout]:
    """Scenes of the built-in world driven by its expert, which never collides."""
    rollouts = [expert_rollout(scene) for scene in scenes]
    for rollout in rollouts:
        if touched := rollout.history["collision"][-1]:
            raise CausewayError(f"{rollout.scene}: the expert collides with {touched}; this scene is broken")
    return rollouts


def rollout_rows(rollouts: Sequence[Rollout]) -> list[dict]:
    """Rows of `rollouts.parquet`: one a tick, pose and events of the ego."""
    return [
        {"driver": r.driver, "scene": r.scene.name, "seed": r.scene.seed, "tick": tick}
        | {name: column[tick].item() for name, column in r.history.items()}
        | {"failure": r.failure if tick == len(r.history["t_us"]) - 1 else ""}
        for r in rollouts
        for tick in range(len(r.history["t_us"]))
    ]
