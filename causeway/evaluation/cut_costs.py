"""What each cut for a deadline costs in quality and saves in time, on recorded samples.

Knows the cuts of `causeway.model.cuts` and open-loop scores. Does not know servers. Every cut is measured on the same
samples with the same noise, and its price is the mean over samples of the difference to the whole answer, with an
interval over clips. Imports torch through the policy it is handed only.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causeway.evaluation import open_loop, statistics
from causeway.evaluation.answers import Answering, Answers, AskConfig, ask, shown
from causeway.evaluation.statistics import Estimate
from causeway.model.cuts import Cut, cuts
from causeway.model.observation import Sample

METRICS = ("ade", "fde")


@dataclass(frozen=True)
class CutCost:
    """One cut beside the whole answer; metres are of the sample that would be driven."""

    degraded: str  # as an answer says it, "" = whole
    p50_ms: float  # of single questions
    mean: dict[str, float]  # by metric
    price: dict[str, Estimate]  # by metric: mean difference to the whole answer
    same_decision: Estimate  # share of samples whose decision is that of the whole answer


def measure_cuts(policy: Answering, samples: Sequence[Sample], seed: int = 0, timed: int = 20) -> list[CutCost]:
    """Every cut in its order, the whole answer first. `timed` single questions say how long each takes.

    Cuts take turns in the timing, so that a busy machine slows all alike. ValueError without samples.
    """
    if not samples:
        raise ValueError("no samples: cuts are measured on at least one")
    order, recorded = cuts(True), np.stack([sample.trajectory_rig for sample in samples])
    clips = [sample.clip_id for sample in samples]
    answers = [ask(policy, samples, AskConfig(seed=seed), **cut.options) for cut in order]
    scores = [open_loop.metrics(found.trajectory_rig, recorded) for found in answers]
    took_ms = _timed(policy, samples, order, seed, timed)
    costs = []
    for cut, milliseconds, found, scored in zip(order, took_ms, answers, scores, strict=True):
        price = {name: statistics.mean(scored[name] - scores[0][name], clips, seed) for name in METRICS}
        means = {name: float(scored[name].mean()) for name in METRICS}
        p50_ms = float(np.median(milliseconds)) if milliseconds else np.nan
        same = statistics.mean(_same(found, answers[0]), clips, seed, share=True)
        costs.append(CutCost(cut.degraded, p50_ms, means, price, same))
    return costs


def estimates(costs: Sequence[CutCost]) -> dict[str, tuple[Estimate, str]]:
    """What the report says of the cuts, by metric: metres farther from the recorded path, and the same decision."""
    found: dict[str, tuple[Estimate, str]] = {}
    for cost in costs[1:]:
        name = "latency_cut_" + re.sub(r"\W+", "_", cost.degraded)
        found[f"{name}_ade_worse"] = (cost.price["ade"], "m")
        found[f"{name}_same_decision"] = (cost.same_decision, "share")
    return {name: (estimate, unit) for name, (estimate, unit) in found.items() if estimate.n}


def _same(found: Answers, whole: Answers) -> NDArray[np.float64]:
    """1 where the decision is the whole answer's, 0 where it is another or failed, NaN where that failed; [N]."""
    same = [one[:1] == other[:1] for one, other in zip(found.decision, whole.decision, strict=True)]
    return np.where(whole.failed, np.nan, np.array(same, dtype=float) * ~found.failed)


def _timed(
    policy: Answering, samples: Sequence[Sample], order: Sequence[Cut], seed: int, calls: int
) -> list[list[float]]:
    """Milliseconds of single questions by cut; a crash has no time."""
    took_ms: list[list[float]] = [[] for _ in order]
    for call in range(calls):
        for place, cut in enumerate(order):
            started = time.perf_counter()
            try:
                policy.predict([shown(samples[call % len(samples)])], n=1, seed=seed, **cut.options)
            except Exception:  # whatever a policy raises is its failure, not ours
                continue
            took_ms[place].append((time.perf_counter() - started) * 1e3)
    return took_ms
