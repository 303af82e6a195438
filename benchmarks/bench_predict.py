"""What six samples, and eight questions, cost beside one: python benchmarks/bench_predict.py [POLICY] [--calls N].

Six samples also with five flow steps instead of ten, as the paper times its own (arXiv 2511.00088, table 11).

All sides and six separate calls take turns in one run, so that a busy machine slows all alike; the least time of each
counts. For one and eight questions it also says what bounds them: the matrix products of an answer (GFLOP) against
what a plain matrix product of the expert's shape reaches here, and where the processor's time goes. Without a policy
(a local folder) an untrained one of scale `tiny` answers, which talks more than a trained one.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from causeway.model import Observation, ObservationSpec, Policy, example_observation

SAMPLES = 6
PAPERS_STEPS = 5
QUESTIONS = 8
PRODUCTS = ("mm", "addmm", "bmm", "baddbmm", "attention")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("policy", nargs="?")
    parser.add_argument("--calls", type=int, default=15)
    arguments = parser.parse_args()
    policy = Policy.load(Path(arguments.policy)) if arguments.policy else Policy.from_scale("tiny").eval()
    seen = example_observation(spec=ObservationSpec(cameras=policy.config.cameras))
    many = [example_observation(seed, ObservationSpec(cameras=policy.config.cameras)) for seed in range(QUESTIONS)]
    one, six, apart = "one sample", f"{SAMPLES} samples", f"{SAMPLES} calls of one sample"
    eight = f"{QUESTIONS} questions"
    few_one, few_six = (f"{name}, {PAPERS_STEPS} flow steps" for name in (one, six))
    sides: dict[str, Callable[[int], list[dict[str, float]]]] = {
        one: lambda seed: [policy.predict([seen], 1, seed).timing_ms],
        six: lambda seed: [policy.predict([seen], SAMPLES, seed).timing_ms],
        few_one: lambda seed: [policy.predict([seen], 1, seed, flow_steps=PAPERS_STEPS).timing_ms],
        few_six: lambda seed: [policy.predict([seen], SAMPLES, seed, flow_steps=PAPERS_STEPS).timing_ms],
        eight: lambda seed: [policy.predict(many, 1, seed).timing_ms],
        apart: lambda seed: [policy.predict([seen], 1, seed + i).timing_ms for i in range(SAMPLES)],
    }
    took = alternately(sides, arguments.calls)
    print(f"{policy.config.scale.name}, {torch.get_num_threads()} threads, best of {arguments.calls} calls each")
    for name, parts in took.items():
        print(f"{name:>26}: " + ", ".join(f"{part} {ms:.1f}" for part, ms in parts.items()) + " ms")
    for more, less in ((six, one), (few_six, few_one)):
        print(f"{more} / {less}: {took[more]['total'] / took[less]['total']:.2f} (aim 1.5)")
    print(f"{apart} / {six}: {took[apart]['total'] / took[six]['total']:.2f}")
    print(f"throughput of {eight}: × {QUESTIONS * took[one]['total'] / took[eight]['total']:.2f} (aim 3)")
    reach = plain_gflops(policy, QUESTIONS)
    print(f"a plain matrix product of the expert's shape, {QUESTIONS} questions: {reach:.0f} GFLOP/s")
    for name, asked in ((one, many[:1]), (eight, many)):
        print(f"{name:>22}: {bounds(policy, asked, took[name]['total'], reach)}")


def bounds(policy: Policy, asked: list[Observation], total_ms: float, reach: float) -> str:
    """How far an answer's matrix products are from what the machine reaches, and how its time is shared out."""
    with FlopCounterMode(display=False) as counter:
        policy.predict(asked)
    gflop = counter.get_total_flops() / 1e9
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        policy.predict(asked)
    spent = {entry.key: entry.self_cpu_time_total for entry in seen.key_averages()}
    products = sum(us for name, us in spent.items() if name.endswith(PRODUCTS) or "attention" in name)
    return (
        f"{gflop:.2f} GFLOP in {total_ms:.0f} ms = {gflop / total_ms * 1e3:.0f} GFLOP/s; a plain product's speed would "
        f"take {gflop / reach * 1e3:.0f} ms; under the profiler products and attention are "
        f"{products / sum(spent.values()):.0%} of the time"
    )


def plain_gflops(policy: Policy, questions: int, calls: int = 200) -> float:
    """GFLOP/s of the expert's widest matrix product over the 64 waypoints of so many questions."""
    size = policy.config.scale.expert
    rows, weight = torch.randn(64 * questions, size.hidden), torch.randn(size.intermediate, size.hidden)
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(calls):
            torch.nn.functional.linear(rows, weight)
        best = min(best, (time.perf_counter() - started) / calls)
    return 2 * rows.numel() * size.intermediate / best / 1e9


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
