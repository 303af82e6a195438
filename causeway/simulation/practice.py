"""Closed-loop reinforcement: the expert practises in the built-in world, and learns from how whole drives ended.

Knows how a group of the same scene is driven side by side, what a drive earns, and its loss. Does not know the loop of
training, rewards of single paths or how a walk is scored. Every 0.5 s each car that still drives says its reasoning
anew and takes one explored path behind it; afterwards both are replayed, and every choice of a drive has the drive's
advantage. Only the expert learns. Source: flow-GRPO in closed loop as AlpaGym does it (method C.2.4), which
cannot replay reasoning and trains without; blame as in the world's events (a hit from behind is not the ego's).

    python -m causeway.simulation.practice POLICY --out POLICY
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from causeway.artifacts import Artifact, Writer, step
from causeway.errors import CausewayError, UsageError
from causeway.model import rollouts
from causeway.model.design import Design
from causeway.model.exploration import Walk, step_weights
from causeway.model.observation import Observation, ObservationSpec
from causeway.model.policy import Policy
from causeway.model.prediction import Explored
from causeway.simulation.plans import PolicyFault, carried_on
from causeway.simulation.scenarios import SCENARIOS
from causeway.simulation.world import World, expert_trajectory
from causeway.training.config import TrainConfig
from causeway.training.grpo import GrpoForm, Span, has_signal, span_loss
from causeway.training.reinforcement import agree, logprob_gap

REPLAN_TICKS = 5  # 0.5 s
FIRST_SEED = 500_000  # far from those of training drives (from 0) and of evaluation (from 900,000)
BLIND = ObservationSpec(cameras=())


@dataclass(frozen=True)
class PracticeConfig(TrainConfig):
    """How the expert practises; a step drives `batch_size` scenes, `group_size` times each."""

    steps: int = 40
    batch_size: int = 2
    expert_lr: float = 5e-5
    group_size: int = 6
    plans: int = 8  # of one drive: 0.5 s each
    temperature: float = 0.6
    walk_steps: int = 5
    walk_level: float = 0.7
    scenes: int = 64  # the scenarios in turn
    scenarios: tuple[str, ...] = ("all",)
    at_fault: float = 2.0  # what a collision costs, beside the 1 that all progress earns
    off_road: float = 1.0


@dataclass(frozen=True)
class Scene:
    """One scene to practise in; `sample_id` is what the loop calls it when a number is not finite."""

    scenario: str
    seed: int

    @property
    def sample_id(self) -> str:
        """Scenario and seed."""
        return f"{self.scenario}-{self.seed}"


def scenes_of(config: PracticeConfig) -> list[Scene]:
    """The scenes of a config. UsageError for a scenario that is not known."""
    names = sorted(SCENARIOS) if config.scenarios == ("all",) else list(config.scenarios)
    if unknown := [name for name in names if name not in SCENARIOS]:
        raise UsageError(f"scenario {unknown[0]!r}: use some of {', '.join(sorted(SCENARIOS))}")
    return [Scene(names[i % len(names)], FIRST_SEED + i // len(names)) for i in range(config.scenes)]


@dataclass(eq=False)
class _Car:
    world: World
    seen: Observation
    over: bool = False
    fault: str = ""  # why no vehicle can follow its path
    choices: list[tuple[int, int]] = field(default_factory=list)  # (question, row in it) of each plan it made


@dataclass(frozen=True, eq=False)
class _Question:
    """What was asked of all cars that drove at one time, and what was answered."""

    observations: list[Observation]
    ids: list[list[int]]
    explored: Explored


@dataclass(frozen=True, eq=False)
class Practised:
    """Drives of W cars, car = scene · group + member."""

    questions: list[_Question]
    choices: list[list[tuple[int, int]]]  # [W] of each car: (question, row)
    rewards: NDArray[np.float64]  # [W]
    progress: NDArray[np.float64]  # [W] 0 … 1, as a share of what the scene's expert makes
    sound: NDArray[np.bool_]  # [W]: no path broke
    collided: NDArray[np.bool_]
    off_road: NDArray[np.bool_]


def practise(
    policy: Policy, config: PracticeConfig, scenes: Sequence[Scene], spec: ObservationSpec, generator: torch.Generator
) -> Practised:
    """Drive every scene `group_size` times, all side by side, one batched question each 0.5 s."""
    walk = Walk(1, config.walk_steps, config.walk_level)
    cars = [_car(scene, spec) for scene in scenes for _ in range(config.group_size)]
    questions: list[_Question] = []
    for _ in range(config.plans):
        driving = [car for car in cars if not car.over]
        if not driving:
            break
        seen = [car.seen for car in driving]
        ids, explored = rollouts.drive(policy, seen, config.temperature, generator, walk)
        for row, car in enumerate(driving):
            car.choices.append((len(questions), row))
            _follow(car, explored.trajectory_rig[row])
        questions.append(_Question(seen, ids, explored))
    progress = [_progress(config, car, scenes[i // config.group_size]) for i, car in enumerate(cars)]
    rewards = [_earned(config, car, made) for car, made in zip(cars, progress, strict=True)]
    events = [car.world.history for car in cars]
    return Practised(
        questions,
        [car.choices for car in cars],
        np.array(rewards),
        np.array(progress),
        np.array([not car.fault for car in cars]),
        np.array([bool(h["collision_at_fault"].any()) for h in events]),
        np.array([bool(h["off_road"].any()) for h in events]),
    )


def _car(scene: Scene, spec: ObservationSpec) -> _Car:
    world = World(scene.scenario, scene.seed, spec)
    return _Car(world, world.reset())


def _follow(car: _Car, plan: NDArray[np.floating]) -> None:
    made_at = car.world.now.ego.pose
    for tick in range(REPLAN_TICKS):
        try:
            path = carried_on(np.asarray(plan, dtype=np.float64), made_at, car.world.now.ego.pose, tick)
            car.seen = car.world.step(path)
        except PolicyFault as fault:
            car.fault, car.over = str(fault), True
            return
        now = car.world.now.events
        if now.done or now.off_road:
            car.over = True
            return


def _progress(config: PracticeConfig, car: _Car, scene: Scene) -> float:
    """Metres as a share of what the scene's expert makes in the same time, 0 … 1."""
    history = car.world.history
    start, end = history["progress_m"][~history["by_policy"]][-1], history["progress_m"][-1]
    expert_m = _expert_m(scene.scenario, scene.seed, config.plans * REPLAN_TICKS)
    return 1.0 if expert_m < 1.0 else float(np.clip((end - start) / expert_m, 0.0, 1.0))


def _earned(config: PracticeConfig, car: _Car, progress: float) -> float:
    """Progress, less what went wrong."""
    history = car.world.history
    hit, left = bool(history["collision_at_fault"].any()), bool(history["off_road"].any())
    return progress - config.at_fault * hit - config.off_road * left


@lru_cache(maxsize=4096)
def _expert_m(scenario: str, seed: int, ticks: int) -> float:
    """Metres along the route that the scene's expert makes in so many ticks."""
    world = World(scenario, seed, BLIND)
    world.reset()
    start = world.now.events.progress_m
    for _ in range(ticks):
        if world.now.events.done:
            break
        world.step(expert_trajectory(world))
    return float(world.now.events.progress_m - start)


def practice_loss(policy: Policy, config: PracticeConfig, spec: ObservationSpec) -> Any:
    """The loss of one step of practice, as the training loop takes it; a batch is scenes."""

    def loss(scenes: Sequence[Scene], generator: torch.Generator) -> dict[str, Any]:
        return practised_loss(policy, config, practise(policy, config, scenes, spec, generator), len(scenes))

    return loss


def practised_loss(policy: Policy, config: PracticeConfig, done: Practised, scenes: int) -> dict[str, Any]:
    """The clipped loss of drives that were made: each choice of a drive has the drive's advantage in its group."""
    now, sampled, mask = _choices(policy, config, done)
    rewards = torch.as_tensor(done.rewards, dtype=torch.float32, device=now.device).view(scenes, -1)
    sound = torch.as_tensor(done.sound, device=now.device).view(scenes, -1)
    mask = mask & sound.view(-1, 1)
    gap = logprob_gap(now, sampled, mask)
    agree("walk", gap)
    weight = mask * step_weights(Walk(1, config.walk_steps, config.walk_level), now).repeat(len(done.questions))
    span = Span(rewards, sound, now, sampled, torch.zeros_like(now), weight)
    term = span_loss(GrpoForm(), span)
    return {
        "loss": term - rewards.mean(),
        "reward": float(rewards.mean()),
        "progress": float(done.progress.mean()),
        "collided": float(done.collided.mean()),
        "off_road": float(done.off_road.mean()),
        "broken": float((~done.sound).mean()),
        "silent_groups": float((~has_signal(rewards, sound)).sum()),
        "logprob_gap": gap,
    }


def _choices(policy: Policy, config: PracticeConfig, done: Practised) -> tuple[Tensor, Tensor, Tensor]:
    """Log-probabilities now and as sampled, and where a car chose: [W, plans · steps]."""
    walk = Walk(1, config.walk_steps, config.walk_level)
    asked = [rollouts.driven_again(policy, q.observations, q.ids, q.explored, walk) for q in done.questions]
    said = [torch.from_numpy(q.explored.logprobs).to(policy.device) for q in done.questions]
    empty, plans = asked[0].new_zeros(walk.steps), len(done.questions)
    now, sampled, mask = [], [], []
    for choices in done.choices:
        rows = [*choices, *[None] * (plans - len(choices))]
        now.append(torch.cat([empty if at is None else asked[at[0]][at[1]] for at in rows]))
        sampled.append(torch.cat([empty if at is None else said[at[0]][at[1]] for at in rows]))
        mask.append(torch.tensor([at is not None for at in rows]).repeat_interleave(walk.steps))
    return torch.stack(now), torch.stack(sampled), torch.stack(mask).to(policy.device)


@step(kind="policy")
def practise_policy(policy: Artifact, *, out: Writer, config: PracticeConfig) -> None:
    """A policy whose expert has practised in the built-in world; words and tokens stay as they were."""
    from causeway.training.loop import Course, train
    from causeway.training.losses import FILE_NAME, read_lines, write_lines
    from causeway.training.stage_gate import FILE_NAME as GATES

    learner = Policy.load(policy.folder()).train()
    if learner.config.design != Design():
        raise UsageError(f"{policy.location}: practice is for recipe alpamayo, not {learner.config.design.recipe}")
    spec = ObservationSpec(cameras=tuple(n for n in ObservationSpec().cameras if n in learner.config.cameras))
    folder = out.path(f"checkpoint/{FILE_NAME}").parent
    scenes: Any = scenes_of(config)
    lines = train(
        Course("practice", learner, ("expert",), scenes, practice_loss(learner, config, spec), config, folder)
    )
    write_lines(out.path(FILE_NAME), [*read_lines(policy.path(FILE_NAME)), *lines])
    if GATES in policy.manifest.files:  # practice has no gate of its own; what earlier stages were held against stays
        out.path(GATES).write_text(policy.path(GATES).read_text())
    learner.eval().save(out.path(FILE_NAME).parent, card="The expert practised in closed loop in the built-in world.")
    out.count(steps=len(lines), scenes=len(scenes))
    _forget(folder)


def _forget(folder: Path) -> None:
    from causeway.training.loop import forget

    forget(folder)


def main() -> None:
    """Practise from the command line."""
    from causeway.artifacts import run

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("policy")
    parser.add_argument("--out", required=True)
    parser.add_argument("--steps", type=int, default=PracticeConfig.steps)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    try:
        config = PracticeConfig(steps=asked.steps, seed=asked.seed)
        print(run(practise_policy, {"policy": asked.policy}, out=asked.out, config=config).to_json())
    except CausewayError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
