"""How fast open-loop metrics are in batches beside a loop over single samples, and how memory grows with clips.

    .venv/bin/python benchmarks/bench_open_loop.py

Prints trajectories per second of one core for displacement, calibration and comfort (six samples a moment), and for
footprint terms (20 agents, a road of 12 lanes), each beside a plain loop with the numbers compared; then the peak
memory of a whole evaluation at n and 4 n clips, each in a process of its own.
"""

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, overload

import numpy as np

from causeway.evaluation.open_loop import metrics
from causeway.evaluation.open_loop_around import around_metrics
from causeway.model.observation import ObservationSpec, Sample, example_observation
from causeway.model.surroundings import Agents, Surroundings

K, AGENTS, LANES = 6, 20, 12


def paths(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Predicted [count, 6, 64, 3] and recorded [count, 64, 3] paths that bend and differ by a few metres."""
    t = np.arange(1, 65) * 0.1
    speed, turn = rng.uniform(2, 15, (count, K + 1, 1)), rng.normal(0, 0.05, (count, K + 1, 1))
    yaw = turn * t
    all_paths = np.stack([speed * t * np.cos(yaw / 2), speed * t * np.sin(yaw / 2), yaw], axis=-1)
    return all_paths[:, 1:], all_paths[:, 0]


def surroundings(rng: np.random.Generator) -> Surroundings:
    """Twenty cars within reach and a road of twelve lanes."""
    start, speed = rng.uniform([-20, -15], [90, 15], (AGENTS, 2)), rng.normal(0, 5, (AGENTS, 1))
    poses = np.zeros((AGENTS, 64, 3), dtype=np.float32)
    poses[..., 0] = start[:, :1] + speed * np.arange(1, 65) * 0.1
    poses[..., 1] = start[:, 1:]
    sizes, present = np.tile(np.float32([4.5, 1.9]), (AGENTS, 1)), np.ones((AGENTS, 64), dtype=bool)
    lanes = [np.float32([[-30, y], [50, y], [130, y], [130, y + 3.6], [50, y + 3.6], [-30, y + 3.6]])
             for y in np.arange(LANES) * 3.5 - 21]  # fmt: skip
    return Surroundings(Agents(poses, sizes, present, ("car",) * AGENTS), tuple(lanes))


def seconds(run: Callable[[], Any], times: int = 3) -> tuple[float, Any]:
    """(the least of some timings, what came out); processor time, so that others on the machine count little."""
    best, found = float("inf"), None
    for _ in range(times):
        started = time.process_time()
        found = run()
        best = min(best, time.process_time() - started)
    return best, found


def beside_loop(title: str, count: int, per: int, batch: Callable[[], dict], one: Callable[[int], dict]) -> None:
    """Print trajectories a second of the batch and of a loop over `count` samples of `per` trajectories."""
    quick, together = seconds(batch)
    slow, apart = seconds(lambda: [one(number) for number in range(count)], 1)
    same = all(np.array_equal(column, [row[name][0] for row in apart], equal_nan=True)
               for name, column in together.items())  # fmt: skip
    print(f"{title}: {count * per / quick:,.0f} trajectories/s, a loop {count * per / slow:,.0f}, "
          f"{slow / quick:.1f} x, identical: {same}")  # fmt: skip


def speed(count: int) -> None:
    """Displacement, calibration and comfort; then footprints."""
    rng = np.random.default_rng(0)
    predicted, recorded = paths(count, rng)
    beside_loop("displacement, calibration, comfort (k = 6)", count, K, lambda: metrics(predicted, recorded),
                lambda i: metrics(predicted[i : i + 1], recorded[i : i + 1]))  # fmt: skip
    first = predicted[:, :1]
    beside_loop("displacement, comfort (k = 1)", count, 1, lambda: metrics(first, recorded),
                lambda i: metrics(first[i : i + 1], recorded[i : i + 1]))  # fmt: skip
    around, own = [surroundings(rng) for _ in range(count // 4)], predicted[: count // 4, 0]
    there = recorded[: count // 4]
    beside_loop("footprints (20 agents, 12 lanes)", count // 4, 1, lambda: around_metrics(own, there, around),
                lambda i: around_metrics(own[i : i + 1], there[i : i + 1], around[i : i + 1]))  # fmt: skip


class Made(Sequence[Sample]):
    """Samples with pictures that are made when they are asked for, as a store reads them."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.road = surroundings(np.random.default_rng(1))
        self.path = paths(1, np.random.default_rng(2))[1][0].astype(np.float32)

    def __len__(self) -> int:
        return self.count

    @overload
    def __getitem__(self, cut: int) -> Sample: ...
    @overload
    def __getitem__(self, cut: slice) -> Sequence[Sample]: ...
    def __getitem__(self, cut: int | slice) -> Sample | Sequence[Sample]:
        """One sample, or some."""
        if isinstance(cut, slice):
            return [self._made(number) for number in range(*cut.indices(self.count))]
        return self._made(cut)

    def __iter__(self) -> Iterator[Sample]:
        return map(self._made, range(self.count))

    def _made(self, number: int) -> Sample:
        seen = example_observation(number % 7, ObservationSpec())
        names = (f"s{number:06d}", f"c{number // 3:06d}", seen.t0_us, "test", "a scene")
        return Sample(*names, seen, "", ("none", "none"), np.zeros((64, 2), dtype=np.float32), self.path, self.road)


def evaluate(count: int) -> None:
    """A whole evaluation of a policy that costs nothing, up to the report; prints its peak memory in MiB."""
    from causeway.evaluation.answers import AskConfig
    from causeway.evaluation.baselines import BaselinePolicy
    from causeway.evaluation.measured import value_table
    from causeway.evaluation.open_loop_suite import open_loop
    from causeway.evaluation.report import build_report

    measured = open_loop(BaselinePolicy("constant_turn_rate"), Made(count), AskConfig(n=K))
    build_report([measured], {"open-loop": {"name": "made", "content_hash": "", "sources": []}}, "", 0)
    value_table(measured)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


def memory(count: int) -> None:
    """Peak memory at count and 4 · count samples."""
    peaks = []
    for some in (count, 4 * count):
        run = subprocess.run([sys.executable, __file__, "--evaluate", str(some)], capture_output=True, check=True)
        peaks.append(int(run.stdout))
        print(f"peak memory of an evaluation of {some} samples: {peaks[-1]} MiB")
    each = 1024 * (peaks[1] - peaks[0]) / (3 * count)
    print(f"each further sample: {each:.1f} KiB (its values; its pictures are 288 KiB)")


def main() -> None:
    """Everything, or one evaluation whose memory is asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--evaluate", type=int, default=0)
    asked = parser.parse_args()
    if asked.evaluate:
        evaluate(asked.evaluate)
        return
    speed(asked.samples)
    memory(max(asked.samples // 4, 8))


if __name__ == "__main__":
    main()
