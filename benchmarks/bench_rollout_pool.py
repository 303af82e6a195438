"""Steps of reinforcement with a rollout worker beside the training process, and without: seconds by the wall.

Both sides run here one after the other, each process on one core: so two cores with a worker, one without. On a machine
with fewer free cores the ratio says nothing.

    .venv/bin/python benchmarks/bench_rollout_pool.py
"""

import argparse
import os
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from bench_rl import moments
from results_rl import CONFIG, ROWS

from causeway.model import Policy
from causeway.training.config import RlConfig
from causeway.training.loop import Course, train
from causeway.training.reinforcement import reinforcement_loss
from causeway.training.rollout_pool import fed, work
from causeway.training.stages import STAGES

TRAINS = STAGES["rl"].trains


def part(rank: int, config: RlConfig, folder: Path) -> float:
    """What one process does; the training one returns its seconds a step behind the first two."""
    torch.set_num_threads(1)
    policy, samples = Policy.from_scale("tiny", seed=0).train(), moments(config.batch_size * 4)
    if config.rollout_workers:
        world, meeting = 1 + config.rollout_workers, f"file://{folder / 'meeting'}"
        os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(world)}
        torch.distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=world)
    if rank:
        work(policy, TRAINS, config, samples)
        return 0.0
    ends: list[float] = []
    feed = partial(fed, policy, TRAINS, config) if config.rollout_workers else None
    loss = reinforcement_loss(policy, config, samples)
    train(Course("rl", policy, TRAINS, samples, loss, config, folder / "run", feed=feed,
                 tell=lambda line, pace: ends.append(time.monotonic())))  # fmt: skip
    return (ends[-1] - ends[1]) / (len(ends) - 2)


def seconds_a_step(config: RlConfig) -> float:
    """Of a run in processes of its own."""
    reading, writing = os.pipe()
    with tempfile.TemporaryDirectory() as folder:
        children = []
        for rank in range(1 + config.rollout_workers):
            child = os.fork()
            if child == 0:
                try:
                    took_s = part(rank, config, Path(folder))
                    if rank == 0:
                        os.write(writing, str(took_s).encode())
                finally:
                    os._exit(0)
            children.append(child)
        os.close(writing)
        for child in children:
            os.waitpid(child, 0)
    return float(os.read(reading, 100))


def main() -> None:
    """Print both sides and their ratio, for the paper's safety row and for the default stage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=10)
    asked = parser.parse_args()
    for name, one in (("the table's safety", replace(CONFIG, **ROWS["safety"])), ("default", RlConfig())):
        config = replace(one, steps=asked.steps, checkpoint_every_s=1e9)
        alone = seconds_a_step(config)
        for staleness in (0, 1):
            pool = seconds_a_step(replace(config, rollout_workers=1, staleness=staleness))
            print(f"{name}: {alone:.2f} s a step alone, {pool:.2f} s with one worker, staleness {staleness}: "
                  f"{alone / pool:.2f} x", flush=True)  # fmt: skip
    print(f"load average {os.getloadavg()[0]:.1f}", file=sys.stderr)


if __name__ == "__main__":
    main()
