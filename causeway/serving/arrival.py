"""When the request of this task arrived: set where a request has come in whole, read where it is answered.

Knows one context variable, because KServe hands nothing else of ours from its two front ends to the model.
"""

from __future__ import annotations

import time
from contextvars import ContextVar

_ARRIVED_S: ContextVar[float] = ContextVar("arrived_s")
VEHICLE: ContextVar[str] = ContextVar("vehicle", default="")  # whose token it came with, "" = none was asked for


def arrive(waited_s: float = 0.0) -> None:
    """The request is here, whole; its sender waited so long until we took it."""
    _ARRIVED_S.set(time.perf_counter() - waited_s)


def arrived_s() -> float:
    """Seconds of the monotonic clock at which it arrived; now, when nobody noted it."""
    return _ARRIVED_S.get(time.perf_counter())
