"""Reinforcement on `tiny`: a group of eight through one prefill beside eight calls, memory beside stage three, steps/s.

Both sides run in one process, on synthetic observations of the usual size.

    .venv/bin/python benchmarks/bench_rl.py
"""

import argparse
import os
import resource
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from causeway.model import Policy
from causeway.model.action_space import trajectory_from_controls
from causeway.model.observation import Sample, example_observation
from causeway.training.config import CocConfig, RlConfig
from causeway.training.stages import STAGES

GROUP, MOMENTS = 8, 3
RL_CONFIG = RlConfig(batch_size=MOMENTS, group_size=GROUP, mix="safety", walk_draws=4)  # the dearest of the mixes
WORDS = "Stop for the red light ahead."


def moments(count: int) -> list[Sample]:
    """Samples of noise with a label."""
    controls = np.full((64, 2), 0.0, np.float32)
    path = np.float32(trajectory_from_controls(controls[None], np.array([8.0]))[0])
    return [
        Sample(f"s{i}", f"c{i}", 0, "train", "x", example_observation(i), WORDS, ("stop_for_static_constraint", "none"),
               controls, path)
        for i in range(count)
    ]  # fmt: skip


def seconds(work: Callable[[], object], times: int) -> float:
    """The best of so many runs behind one that warms up."""
    work()
    took = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return min(took)


def generation(policy: Policy, samples: list[Sample], times: int) -> tuple[float, float]:
    """Seconds of groups of eight: through the shared prefill, and by eight calls for one each."""

    def shared() -> None:
        policy.sample_sequences(samples, GROUP, 1.0, torch.Generator().manual_seed(0))

    def apart() -> None:
        for member in range(GROUP):
            policy.sample_sequences(samples, 1, 1.0, torch.Generator().manual_seed(member))

    return seconds(shared, times), seconds(apart, times)


def step_in_a_child(name: str, batch: int) -> tuple[float, float]:
    """(seconds, peak MiB over what was there before) of one step of a stage."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        torch.set_num_threads(1)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        took = one_step(name, batch)
        peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        os.write(writing, f"{took} {peak}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    took, peak = os.read(reading, 100).decode().split()
    return float(took), float(peak)


def one_step(name: str, batch: int) -> float:
    """Seconds of forward and backward of one step."""
    policy, samples = Policy.from_scale("tiny", seed=0).train(), moments(batch)
    config = CocConfig(batch_size=batch) if name == "coc" else RL_CONFIG
    loss = STAGES[name].make_loss(policy, config, samples)
    began = time.perf_counter()
    loss(samples, torch.Generator().manual_seed(0))["loss"].backward()
    return time.perf_counter() - began


def main() -> None:
    """Print ratios and what they are made of."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=3)
    asked = parser.parse_args()
    coc_s, coc_mib = step_in_a_child("coc", MOMENTS * GROUP)  # as many rows as reinforcement has
    rl_s, rl_mib = step_in_a_child("rl", MOMENTS)
    shared_s, apart_s = generation(Policy.from_scale("tiny", seed=0), moments(MOMENTS), asked.times)
    load = os.getloadavg()[0]
    print(f"group of {GROUP} through one prefill: {shared_s:.2f} s; {GROUP} calls: {apart_s:.2f} s; "
          f"ratio {apart_s / shared_s:.2f} (aim >= 3)")  # fmt: skip
    print(f"memory of a step: rl {rl_mib:.0f} MiB, stage three {coc_mib:.0f} MiB of as many rows; "
          f"ratio {rl_mib / coc_mib:.2f} (aim <= 2.2)")  # fmt: skip
    print(f"100 steps of {MOMENTS} groups of {GROUP}: {100 * rl_s / 60:.1f} min (aim <= 10); coc {coc_s:.2f} s a step")
    print(f"threads {torch.get_num_threads()}, load average {load:.1f}", file=sys.stderr)


if __name__ == "__main__":
    main()
