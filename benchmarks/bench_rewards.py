"""How many trajectories a second each reward judges on one core, batched and one by one, with identical results.

Made inputs: paths of 64 ticks at 3 to 14 m/s that weave and brake; 20 agents that drive, stand and cross around them; a
road of six lanes, 60 points. Batched is how stage four calls them: a group of eight paths of one moment at a time for
what needs surroundings, all at once for the rest. One by one is the same function in a plain loop over trajectories.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/bench_rewards.py

Asked for: displacement and comfort 20,000 trajectories/s per core, the footprint terms 2,000/s with 20 agents. Each
figure is the best of three rounds; a machine that is busy makes them smaller, the ratios hardly.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causeway.training.collision_reward import close_encounter
from causeway.training.rewards import REWARDS
from causeway.training.road_rings import lane_ring

Floats = NDArray[np.float64]

GROUP, GROUPS, AGENTS, TICKS = 8, 32, 20, 64
SECONDS, ROUNDS = 0.3, 3


@dataclass(frozen=True)
class Moments:
    """GROUPS moments with GROUP paths each, and what stands around every one of them."""

    paths: Floats  # [groups, group, 64, 3]
    expert: Floats  # [groups, 64, 3]
    speed_mps: Floats  # [groups, group]
    agents: Floats  # [groups, agents, 64, 3]
    sizes_m: Floats  # [agents, 2]
    present: NDArray[np.bool_]  # [agents, 64]
    road: list[Floats]


def made(seed: int = 0) -> Moments:
    """Moments by seed."""
    rng = np.random.default_rng(seed)
    speed = rng.uniform(3, 14, (GROUPS, 1)) + rng.normal(0, 1, (GROUPS, GROUP))
    elapsed = np.arange(1, TICKS + 1) * 0.1
    yaw = rng.normal(0, 0.08, (GROUPS, GROUP, 1)) * np.sin(elapsed * rng.uniform(0.3, 2.0, (GROUPS, GROUP, 1)))
    moving = np.maximum(speed[..., None] + rng.normal(0, 0.5, (GROUPS, GROUP, 1)) * elapsed, 0.0)
    step = np.stack([moving * np.cos(yaw), moving * np.sin(yaw)], axis=-1) * 0.1
    paths = np.concatenate([np.cumsum(step, axis=-2), yaw[..., None]], axis=-1)
    lanes = [(y + 1.75, y - 1.75) for y in (-5.25, -1.75, 1.75, 5.25)]
    x = np.linspace(-30, 150, 181)
    bend = 0.0008 * x**2
    road = [lane_ring(np.stack([x, bend + a], axis=-1), np.stack([x, bend + b], axis=-1)) for a, b in lanes]
    sizes = np.tile([4.6, 1.9], (AGENTS, 1))
    return Moments(
        paths, paths.mean(axis=1), speed, _agents(rng, elapsed), sizes, np.ones((AGENTS, TICKS), bool),
        [ring for ring in road if ring is not None],
    )  # fmt: skip


def _agents(rng: np.random.Generator, elapsed: Floats) -> Floats:
    """A third stands beside the road, a third drives along it, a third against it or across."""
    start = np.stack([rng.uniform(-20, 90, (GROUPS, AGENTS)), rng.uniform(-9, 9, (GROUPS, AGENTS))], axis=-1)
    yaw = rng.choice([0.0, np.pi, np.pi / 2], (GROUPS, AGENTS))
    speed = rng.choice([0.0, 6.0, 11.0], (GROUPS, AGENTS))
    ahead = np.stack([np.cos(yaw), np.sin(yaw)], axis=-1) * speed[..., None]
    xy = start[:, :, None] + ahead[:, :, None] * elapsed[:, None]
    return np.concatenate([xy, np.broadcast_to(yaw[..., None, None], (*xy.shape[:-1], 1))], axis=-1)


Judge = Callable[[Moments, int, slice], Floats]
"""One moment's number and which of its paths -> their reward."""

AROUND: dict[str, Judge] = {
    name: lambda m, g, some, name=name: REWARDS[name](m.paths[g, some], m.agents[g], m.sizes_m, m.present)
    for name in ("collision", "time_to_collision", "clearance")
}
AROUND["off_road"] = lambda m, g, some: REWARDS["off_road"](m.paths[g, some], m.road)
AROUND["close_encounter"] = lambda m, g, some: close_encounter(
    m.paths[g, some], m.expert[g], m.agents[g], m.sizes_m, m.present
).astype(np.float64)

ALONE: dict[str, Callable[[Floats, Floats, Floats], Floats]] = {
    "displacement": lambda paths, expert, speed: REWARDS["displacement"](paths, expert),
    "comfort": lambda paths, expert, speed: REWARDS["comfort"](paths, speed),
    "jerk": lambda paths, expert, speed: REWARDS["jerk"](paths),
    "progress": lambda paths, expert, speed: REWARDS["progress"](paths, expert),
}


def pairs(moments: Moments) -> Iterator[tuple[str, Callable[[], Floats], Callable[[], Floats]]]:
    """Each reward by name, batched and one by one, over all paths [groups · group]."""
    paths = moments.paths.reshape(-1, TICKS, 3)
    expert, speed = np.repeat(moments.expert, GROUP, axis=0), moments.speed_mps.reshape(-1)
    for name, reward in ALONE.items():
        yield (
            name,
            lambda reward=reward: reward(paths, expert, speed),
            lambda reward=reward: np.array([reward(*one) for one in zip(paths, expert, speed, strict=True)]),
        )
    for name, judge in AROUND.items():
        yield (
            name,
            lambda judge=judge: np.concatenate([judge(moments, g, slice(None)) for g in range(GROUPS)]),
            lambda judge=judge: np.concatenate(
                [judge(moments, g, slice(k, k + 1)) for g in range(GROUPS) for k in range(GROUP)]
            ),
        )


def rate(judged: Callable[[], Floats]) -> float:
    """Trajectories a second, the best of the rounds, in time of this process alone."""
    best = 0.0
    for _ in range(ROUNDS):
        begun, times = time.process_time(), 0
        while time.process_time() - begun < SECONDS:
            judged()
            times += 1
        best = max(best, times * GROUPS * GROUP / (time.process_time() - begun))
    return best


def main() -> None:
    """Print the table."""
    moments = made()
    print(f"{GROUPS * GROUP} trajectories, {AGENTS} agents, {sum(map(len, moments.road))} points of road")
    print(f"{'reward':18} {'batched /s':>12} {'one by one /s':>14} {'ratio':>7}   mean reward")
    for name, batched, single in pairs(moments):
        np.testing.assert_array_equal(batched(), single())
        fast, slow = rate(batched), rate(single)
        print(f"{name:18} {fast:12,.0f} {slow:14,.0f} {fast / slow:7.1f}   {batched().mean():+.3f}")


if __name__ == "__main__":
    main()
