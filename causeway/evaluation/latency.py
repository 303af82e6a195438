"""The latency suite: milliseconds of one answer, whole and by part, on this machine.

Knows how to time single questions after a warm-up. Does not know what else runs on the machine: the report names it and
says how many calls were measured.
"""

import os
import platform
import time
from collections.abc import Sequence

from causeway.evaluation import statistics
from causeway.evaluation.answers import Answering, Asked, shown
from causeway.evaluation.measured import Measured
from causeway.model.observation import Observation
from causeway.model.prediction import Prediction

WARM_UP = 2
QUANTILES = {"p50": 0.5, "p99": 0.99}


def latency(policy: Answering, observations: Sequence[Asked], calls: int, seed: int) -> Measured:
    """Ask one question at a time; `latency_<part>_p50_ms` and `_p99_ms` over `calls`, `total` by our own clock.

    A crash is counted in `latency_failed_answers` and has no time.
    """
    parts: dict[str, list[float]] = {"total": []}
    failed = 0
    for call in range(-WARM_UP, calls):
        try:
            took = timed(policy, shown(observations[call % len(observations)]), seed)
        except Exception:  # whatever a policy raises is its failure, not ours
            failed += call >= 0
            continue
        for part, milliseconds in took.items() if call >= 0 else ():
            parts.setdefault(part, []).append(milliseconds)
    estimates = {
        f"latency_{part}_{name}_ms": (statistics.quantile(values, q, seed), "ms")
        for part, values in parts.items()
        for name, q in QUANTILES.items()
    }
    return Measured(
        suite="latency",
        unit_ids=[],
        clusters=[],
        groups=[],
        values={},
        units={},
        counts={"latency_failed_answers": (failed, calls)},
        estimates=estimates,
        notes=[f"latency: {calls} single questions after {WARM_UP} warm-up, on {machine()}"],
    )


def timed(policy: Answering, observation: Observation, seed: int) -> dict[str, float]:
    """Milliseconds of one answer: `total` by our clock, and the parts the policy reports."""
    started = time.perf_counter()
    prediction: Prediction = policy.predict([observation], n=1, seed=seed)
    total = (time.perf_counter() - started) * 1000
    return {"total": total} | {name: float(ms) for name, ms in prediction.timing_ms.items() if name != "total"}


def machine() -> str:
    """What a latency was measured on, without the machine's name."""
    return f"{os.cpu_count()} CPU threads, {platform.machine()}, {_processor()}"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    except OSError:
        models = []
    return models[0] if models else platform.processor() or "processor unknown"
