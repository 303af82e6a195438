"""Closed loop with cameras on `tiny`: simulated seconds per second, many worlds with batched questions beside one.

    python benchmarks/bench_closed_loop.py [--worlds 16] [--batch 8] [--policy POLICY]

Re-planning every 0.5 s, two cameras of 192 × 128 at two times, drawn at every tick as a rollout does. Every question is
answered by the policy (random weights of scale tiny unless one is named) and paid for; with random weights what is then
driven is the measured speed, so that drives last as long as they would with a policy that has learnt. Counted is the
time that the policy drove, without the 2 s before it. Both sides run in one go, one process, one thread.
"""

import argparse
import time
from collections.abc import Sequence
from typing import Any

import torch

from causeway.evaluation.answers import AskConfig
from causeway.evaluation.driving.closed_loop import REPLAN_TICKS, SceneId, expert_rollouts, roll_out, scene_ids
from causeway.evaluation.driving.rollout_scores import closed_loop
from causeway.model import ObservationSpec, Policy
from causeway.simulation.plans import constant_velocity_trajectory

FLOOR = 3.0


class Paid:
    """A policy whose answer is waited for; driven is the measured speed."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.asked: list[int] = []
        self.seconds = 0.0

    def predict(self, samples: Sequence[Any], n: int = 1, seed: Any = 0, **options: Any) -> Any:
        """The policy's answer with another path."""
        started = time.perf_counter()
        answer = self._policy.predict(samples, n, seed, **options)
        self.seconds += time.perf_counter() - started
        self.asked.append(len(samples))
        for row, seen in enumerate(samples):
            answer.trajectory_rig[row, :] = constant_velocity_trajectory(seen)
        return answer


class Timed(Paid):
    """The same, driven as it answers."""

    def predict(self, samples: Sequence[Any], n: int = 1, seed: Any = 0, **options: Any) -> Any:
        """The policy's answer."""
        started = time.perf_counter()
        answer = self._policy.predict(samples, n, seed, **options)
        self.seconds += time.perf_counter() - started
        self.asked.append(len(samples))
        return answer


def measured(policy: Paid, scenes: Sequence[SceneId], batch: int, spec: ObservationSpec) -> tuple[float, float, float]:
    """(simulated seconds that the policy drove, seconds it took, seconds of the processor)."""
    policy.asked, policy.seconds = [], 0.0
    started, worked = time.perf_counter(), time.process_time()
    rollouts = roll_out(policy, scenes, AskConfig(batch=batch), spec=spec)
    took_s, worked_s = time.perf_counter() - started, time.process_time() - worked
    return sum(float(r.history["by_policy"].sum()) for r in rollouts) / 10, took_s, worked_s


def line(name: str, policy: Paid, scenes: Sequence[SceneId], batch: int, spec: ObservationSpec) -> str:
    """What one side says."""
    simulated_s, took_s, worked_s = measured(policy, scenes, batch, spec)
    return (
        f"{name:>20}: {len(scenes)} worlds, batches of {batch}: {simulated_s:.0f} s driven in {took_s:.1f} s = "
        f"{simulated_s / took_s:.2f} x real time ({simulated_s / worked_s:.2f} x by the processor's clock, which other "
        f"processes do not slow); {policy.seconds:.1f} s of it answering {sum(policy.asked)} questions in "
        f"{len(policy.asked)} calls, one for each world every {REPLAN_TICKS / 10:g} s"
    )


def main() -> None:
    """Drive the scenes together, then some of them one at a time."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--worlds", type=int, default=16)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--policy", default="")
    options = parser.parse_args()
    torch.set_num_threads(1)
    policy = Policy.load(options.policy) if options.policy else Policy.from_scale("tiny", seed=0).eval()
    driver = Timed(policy) if options.policy else Paid(policy)
    spec, scenes = ObservationSpec(), scene_ids(options.worlds, 0)
    measured(driver, scenes[:1], 1, spec)  # compiled parts are loaded, and the model is warm
    print(f"asked for: at least {FLOOR:g} x real time together")
    print(line("together", driver, scenes, options.batch, spec))
    print(line("one world at a time", driver, scenes[:4], 1, spec))
    started = time.process_time()
    experts = expert_rollouts(scenes[:4])
    driven = time.process_time()
    closed_loop(experts, experts)
    each_ms = [(later - before) / 4 * 1e3 for before, later in ((started, driven), (driven, time.process_time()))]
    print(f"beside them: an expert's drive {each_ms[0]:.0f} ms, its scores {each_ms[1]:.0f} ms")


if __name__ == "__main__":
    main()
