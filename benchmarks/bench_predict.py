"""What six samples cost beside one: python benchmarks/bench_predict.py [POLICY] [--calls N].

Both sides and six separate calls take turns in one run, so that a busy machine slows all alike; the least time of each
counts. Without a policy (a local folder) an untrained one of scale `tiny` answers, which talks more than a trained one.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch

from causeway.model import ObservationSpec, Policy, example_observation

SAMPLES = 6


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("policy", nargs="?")
    parser.add_argument("--calls", type=int, default=15)
    arguments = parser.parse_args()
    policy = Policy.load(Path(arguments.policy)) if arguments.policy else Policy.from_scale("tiny").eval()
    seen = example_observation(spec=ObservationSpec(cameras=policy.config.cameras))
    one, six, apart = "one sample", f"{SAMPLES} samples", f"{SAMPLES} calls of one sample"
    sides: dict[str, Callable[[int], list[dict[str, float]]]] = {
        one: lambda seed: [policy.predict([seen], 1, seed).timing_ms],
        six: lambda seed: [policy.predict([seen], SAMPLES, seed).timing_ms],
        apart: lambda seed: [policy.predict([seen], 1, seed + i).timing_ms for i in range(SAMPLES)],
    }
    took = alternately(sides, arguments.calls)
    print(f"{policy.config.scale.name}, {torch.get_num_threads()} threads, best of {arguments.calls} calls each")
    for name, parts in took.items():
        print(f"{name:>22}: " + ", ".join(f"{part} {ms:.1f}" for part, ms in parts.items()) + " ms")
    print(f"{six} / {one}: {took[six]['total'] / took[one]['total']:.2f} (aim 1.5)")
    print(f"{apart} / {six}: {took[apart]['total'] / took[six]['total']:.2f}")


def alternately(sides: dict[str, Callable[[int], list[dict[str, float]]]], calls: int) -> dict[str, dict[str, float]]:
    """The least total of each side with its parts, every side once in every round, the same seeds for all."""
    best: dict[str, dict[str, float]] = {}
    for seed in range(-1, calls):
        for name, call in sides.items():
            parts = timed(call, seed % 5)  # few seeds again and again: their sentences differ in length
            if seed >= 0 and parts["total"] < best.get(name, {"total": float("inf")})["total"]:
                best[name] = parts
    return best


def timed(call: Callable[[int], list[dict[str, float]]], seed: int) -> dict[str, float]:
    """Milliseconds of a call by part, and `total` by our own clock."""
    started = time.perf_counter()
    parts = call(seed)
    total = (time.perf_counter() - started) * 1e3
    return {name: sum(part[name] for part in parts) for name in parts[0]} | {"total": total}


if __name__ == "__main__":
    main()
