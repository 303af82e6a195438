"""Reinforcement on `tiny`: a group of eight through one prefill beside eight calls, memory beside stage three, steps/s.

Both sides run in one process on one core, on synthetic observations of the usual size with four agents and a road
around; a step is what training makes of it: rollouts, moments that stand in for silent groups, the reference, gradients
and AdamW. Seconds are the processor's, so that other work on the machine changes them little.

    .venv/bin/python benchmarks/bench_rl.py
"""

import argparse
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from results_rl import CONFIG as TABLES
from results_rl import ROWS

from causeway.model import Policy
from causeway.model.action_space import trajectory_from_controls
from causeway.model.observation import Sample, example_observation
from causeway.model.surroundings import Agents, Surroundings
from causeway.training.config import CocConfig, RlConfig
from causeway.training.engine import Optimisation, make_engine
from causeway.training.mixes import mix_named
from causeway.training.rolling import walk_of
from causeway.training.scoring import Pay
from causeway.training.stages import STAGES

GROUP, MOMENTS, SPARE = 8, 3, 12
RL_CONFIG = RlConfig(batch_size=MOMENTS, group_size=GROUP)
CONFIGS = {
    "coc": CocConfig(),
    "coc, rows of rl": CocConfig(batch_size=MOMENTS * GROUP),
    "rl": RL_CONFIG,
    "rl, Flow-GRPO": replace(RL_CONFIG, mix="safety", walk_draws=4),  # the dearest
    "rl, Flow-GRPO in passes": replace(RL_CONFIG, mix="safety", walk_draws=4, passes=MOMENTS),  # a moment at a time
    "rl, the table's safety": replace(TABLES, **ROWS["safety"]),
}
AROUND = Surroundings(
    Agents(
        np.tile(np.float32([[12, 4, 0], [25, -4, 0], [40, 0.5, 0], [60, 3, 1]])[:, None], (1, 64, 1)),
        np.tile(np.float32([4.5, 2.0]), (4, 1)), np.ones((4, 64), bool), ("automobile",) * 4,
    ),
    (np.float32([[-20, 4], [90, 4], [90, -4], [-20, -4]]),),
)  # fmt: skip
WORDS = "Stop for the red light ahead."


def moments(count: int) -> list[Sample]:
    """Samples of noise with a label."""
    controls = np.full((64, 2), 0.0, np.float32)
    path = np.float32(trajectory_from_controls(controls[None], np.array([8.0]))[0])
    return [
        Sample(f"s{i}", f"c{i}", 0, "train", "x", example_observation(i), WORDS, ("stop_for_static_constraint", "none"),
               controls, path, around=AROUND)
        for i in range(count)
    ]  # fmt: skip


def seconds(work: Callable[[], object], times: int) -> float:
    """The best of so many runs behind one that warms up."""
    work()
    took = []
    for _ in range(times):
        began = time.process_time()
        work()
        took.append(time.process_time() - began)
    return min(took)


def generation(policy: Policy, samples: list[Sample], times: int) -> tuple[float, float]:
    """Seconds of groups of eight: through the shared prefill, and by eight calls for one each."""

    def shared() -> None:
        policy.sample_sequences(samples, GROUP, 1.0, torch.Generator().manual_seed(0))

    def apart() -> None:
        for member in range(GROUP):
            policy.sample_sequences(samples, 1, 1.0, torch.Generator().manual_seed(member))

    return seconds(shared, times), seconds(apart, times)


def step_in_a_child(name: str) -> tuple[float, float, float]:
    """(seconds, of these to roll out, peak MiB over what was there before) of one step of a config."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        torch.set_num_threads(1)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        took, rolling = one_step(name)
        peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        os.write(writing, f"{took} {rolling} {peak}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    took, rolling, peak = map(float, os.read(reading, 100).decode().split())
    return took, rolling, peak


def one_step(name: str) -> tuple[float, float]:
    """Seconds of one whole step behind one that warms up, and of one roll alone."""
    config = CONFIGS[name]
    policy, samples = Policy.from_scale("tiny", seed=0).train(), moments(config.batch_size + SPARE)
    loss = STAGES[name.partition(",")[0]].make_loss(policy, config, samples)
    learning = [{"params": list(policy.parameters()), "lr": config.lr}]
    how = Optimisation(learning, config.weight_decay, config.grad_clip, config.passes)
    engine = make_engine(policy, lambda batch, seed: loss(batch, torch.Generator().manual_seed(seed)), how)
    took = 0.0
    for step in range(2):
        passes = [(samples[n : config.batch_size : config.passes], step) for n in range(config.passes)]
        began = time.process_time()
        engine.step(passes, 1.0)
        took = time.process_time() - began
    if not isinstance(config, RlConfig):
        return took, 0.0
    walk = walk_of(config, Pay(mix_named(config.mix)))
    began = time.process_time()
    policy.sample_sequences(
        samples[: config.batch_size], config.group_size, 1.0, torch.Generator().manual_seed(1), walk, config.tokens
    )
    return took, time.process_time() - began


def main() -> None:
    """Print ratios and what they are made of."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=3)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    steps = {name: step_in_a_child(name) for name in CONFIGS}
    shared_s, apart_s = generation(Policy.from_scale("tiny", seed=0), moments(MOMENTS), asked.times)
    print(f"group of {GROUP} through one prefill: {shared_s:.2f} s; {GROUP} calls: {apart_s:.2f} s; "
          f"ratio {apart_s / shared_s:.2f} (aim >= 3)")  # fmt: skip
    coc_mib, wide_mib = steps["coc"][2], steps["coc, rows of rl"][2]
    for name, (took_s, rolling_s, mib) in steps.items():
        minutes = 100 * took_s / 60
        print(f"{name:24} {took_s:6.2f} s a step, {rolling_s:.2f} of it one roll; 100 steps {minutes:4.1f} min "
              f"of one core (aim: 10 of two); {mib:6.0f} MiB, {mib / coc_mib:.2f} x stage three's as it is "
              f"(aim <= 2.2), {mib / wide_mib:.2f} x with as many rows")  # fmt: skip
    print(f"load average {os.getloadavg()[0]:.1f}", file=sys.stderr)


if __name__ == "__main__":
    main()
