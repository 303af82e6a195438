"""What each cut for a deadline costs in quality and saves in time, on recorded samples.

Knows the cuts of `deadline.py` and open-loop scores. Does not know servers. Every cut is measured on the same samples
with the same noise, and its price is the mean over samples of the difference to the whole answer, with an interval
over clips. Imports torch through the policy it is handed only.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causeway.evaluation import open_loop, statistics
from causeway.evaluation.answers import Answering, AskConfig, ask
from causeway.model.observation import Sample
from causeway.serving.deadline import Cut, cuts

METRICS = ("ade", "fde")


@dataclass(frozen=True)
class CutCost:
    """One cut beside the whole answer; metres are of the sample that would be driven."""

    degraded: str  # as an answer says it, "" = whole
    p50_ms: float  # of single questions
    mean: dict[str, float]  # by metric
    price: dict[str, tuple[float, ...]]  # by metric: mean difference to the whole answer, low, high; NaN = unknown
    same_decision: float  # share of samples whose decision is that of the whole answer
    n: int


def measure_cuts(policy: Answering, samples: Sequence[Sample], seed: int = 0, timed: int = 20) -> list[CutCost]:
    """Every cut in its order, the whole answer first. `timed` single questions say how long each takes.

    Cuts take turns in the timing, so that a busy machine slows all alike. ValueError without samples.
    """
    if not samples:
        raise ValueError("no samples: cuts are measured on at least one")
    order = cuts(True)
    recorded = np.stack([sample.trajectory_rig for sample in samples])
    clips = [sample.clip_id for sample in samples]
    scored = [_scored(policy, samples, recorded, cut, seed) for cut in order]
    took_ms = _timed(policy, samples, order, seed, timed)
    whole_scores, whole_said = scored[0]
    costs = []
    for cut, milliseconds, (scores, said) in zip(order, took_ms, scored, strict=True):
        price: dict[str, tuple[float, ...]] = {}
        for name in METRICS:
            found = statistics.mean(scores[name] - whole_scores[name], clips, seed)
            price[name] = tuple(np.nan if x is None else float(x) for x in (found.value, found.low, found.high))
        means = {name: float(scores[name].mean()) for name in METRICS}
        same = float(np.mean([a == b for a, b in zip(said, whole_said, strict=True)]))
        costs.append(CutCost(cut.degraded, float(np.median(milliseconds)), means, price, same, len(samples)))
    return costs


def _scored(
    policy: Answering, samples: Sequence[Sample], recorded: NDArray[np.float32], cut: Cut, seed: int
) -> tuple[dict[str, NDArray[np.float64]], list[tuple[str, str]]]:
    answers = ask(policy, samples, AskConfig(seed=seed), **options_of(cut))
    return open_loop.metrics(answers.trajectory_rig, recorded), [row[0] for row in answers.decision]


def _timed(
    policy: Answering, samples: Sequence[Sample], order: Sequence[Cut], seed: int, calls: int
) -> list[list[float]]:
    took_ms: list[list[float]] = [[] for _ in order]
    for call in range(calls):
        for place, cut in enumerate(order):
            started = time.perf_counter()
            policy.predict([samples[call % len(samples)].observation], 1, seed, **options_of(cut))
            took_ms[place].append((time.perf_counter() - started) * 1e3)
    return took_ms


def options_of(cut: Cut) -> dict[str, Any]:
    """What `Policy.predict` is told for a cut."""
    options: dict[str, Any] = {"flow_steps": cut.flow_steps, "use_reasoning": cut.reasoning}
    return options if cut.max_reasoning_tokens is None else options | {"max_reasoning_tokens": cut.max_reasoning_tokens}
