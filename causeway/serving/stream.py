"""Vehicles that ask ten times a second whatever the answers do: a realistic load, for measurements and for canaries.

Knows when each question is due, and how each one ended. Does not know what the answers mean. The load is open: a slow
server is not asked less often, and an answer's time counts from when its question was due, so that waiting shows.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from causeway.errors import CausewayError, Refused, UnusableInput, UsageError
from causeway.model.observation import Observation
from causeway.serving.client import Answer, Endpoint
from causeway.serving.wire import NobodyThere

HZ = 10.0
_AT_ONCE = 8  # questions of one vehicle under way; a server that is later than 0.8 s finds the vehicle waiting


@dataclass(frozen=True)
class Asked:
    """One question of a stream and how it ended."""

    vehicle: int
    due_s: float  # seconds since the stream began
    late_s: float  # how much later it was sent: the generator's own fault
    took_s: float  # from when it was due to its end
    outcome: str  # answered, refused (full, late, stopping), away, invalid or failed
    degraded: str = ""
    policy_version: str = ""
    timing_ms: dict[str, float] = field(default_factory=dict)
    said: str = ""  # of an error


def stream(
    url: str,
    observations: Sequence[Observation],
    seconds: float,
    *,
    vehicles: int = 1,
    hz: float = HZ,
    model: str = "causeway",
    token: str | None = None,
    **asking: Any,
) -> list[Asked]:
    """Ask `hz` times a second for each vehicle, in turn about the observations; every question that was due, in order.

    asking: `deadline_ms`, `jpegs`, `samples`, `retry_s` and the others of `Endpoint.ask`. Vehicles begin one after
    the other within one period. Nothing is raised for a question that fails: it says so itself.
    """
    period_s, count = 1.0 / hz, int(seconds * hz)
    due = sorted((k * period_s + v * period_s / vehicles, v) for v in range(vehicles) for k in range(count))
    with ExitStack() as stack:
        endpoints = [stack.enter_context(Endpoint(url, model=model, token=token)) for _ in range(vehicles)]
        pool = stack.enter_context(ThreadPoolExecutor(vehicles * _AT_ONCE, thread_name_prefix="vehicle"))
        began_s, futures = time.perf_counter(), []
        for number, (due_s, vehicle) in enumerate(due):
            time.sleep(max(began_s + due_s - time.perf_counter(), 0.0))
            observation = observations[number % len(observations)]
            ask = _ask(endpoints[vehicle], observation, asking)
            futures.append(pool.submit(_timed, ask, vehicle, due_s, began_s))
        return [future.result() for future in futures]


def _ask(endpoint: Endpoint, observation: Observation, asking: dict[str, Any]) -> Callable[[], Answer]:
    return lambda: endpoint.ask(observation, **asking)


def _timed(ask: Callable[[], Answer], vehicle: int, due_s: float, began_s: float) -> Asked:
    late_s = time.perf_counter() - began_s - due_s
    try:
        answer = ask()
    except CausewayError as error:
        took_s = time.perf_counter() - began_s - due_s
        return Asked(vehicle, due_s, late_s, took_s, _outcome(error), said=str(error))
    took_s = time.perf_counter() - began_s - due_s
    degraded, version = answer.degraded, answer.policy_version
    return Asked(vehicle, due_s, late_s, took_s, "answered", degraded, version, answer.timing_ms)


def _outcome(error: CausewayError) -> str:
    if isinstance(error, Refused):
        return "refused"
    if isinstance(error, NobodyThere):
        return "away"
    return "invalid" if isinstance(error, (UnusableInput, UsageError)) else "failed"


def summary(asked: Sequence[Asked]) -> dict[str, Any]:
    """Counts by outcome, cut and version, and milliseconds of the answered ones: p50, p99, largest."""
    answered = [one for one in asked if one.outcome == "answered"]
    took_ms = np.array([one.took_s * 1e3 for one in answered]) if answered else np.array([np.nan])
    return {
        "asked": len(asked),
        "outcomes": dict(Counter(one.outcome for one in asked)),
        "degraded": dict(Counter(one.degraded or "whole" for one in answered)),
        "versions": dict(Counter(one.policy_version for one in answered)),
        "p50_ms": float(np.percentile(took_ms, 50)),
        "p99_ms": float(np.percentile(took_ms, 99)),
        "largest_ms": float(took_ms.max()),
        "sent_late_p99_ms": float(np.percentile([one.late_s * 1e3 for one in asked], 99)) if asked else 0.0,
    }
