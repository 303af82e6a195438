"""What runs cost: processor and GPU hours of each step, times the prices that an installation names.

Prices are in `CAUSEWAY_PRICES`, as `cpu=0.04,gpu=2.50,currency=EUR` (an hour of one core, of one GPU); without it hours
alone are told. They are applied when a cost is shown, so that a changed price changes no pipeline. Knows no clusters.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from causeway.errors import UsageError
from causeway.platform.run_record import Use, read_record, uses_of
from causeway.platform.show_sections import Section

PRICES = "CAUSEWAY_PRICES"


@dataclass(frozen=True)
class Prices:
    """Of an hour of one processor core and of one GPU."""

    cpu: float
    gpu: float
    currency: str


def prices() -> Prices | None:
    """The installation's prices, None where it names none. UsageError for what is no price."""
    text = os.environ.get(PRICES, "").strip()
    if not text:
        return None
    parts = dict(part.strip().partition("=")[::2] for part in text.split(","))
    try:
        found = Prices(float(parts.pop("cpu", 0)), float(parts.pop("gpu", 0)), parts.pop("currency", "").strip())
        if parts or not (0 <= found.cpu < math.inf and 0 <= found.gpu < math.inf and found.currency):
            raise ValueError
    except ValueError as error:
        raise UsageError(f"{PRICES}={text}: write cpu=0.04,gpu=2.50,currency=EUR (an hour of one)") from error
    return found


def cost_section(uses: Sequence[Use], priced: Prices | None) -> Section:
    """Hours of each step, the dearest first, and their sum; with prices, what they come to."""
    heads = ("step", "CPU hours", "GPU hours", *((priced.currency,) if priced else ()))

    def row(name: str, some: Sequence[Use]) -> tuple[Any, ...]:
        cpu_h, gpu_h = sum(one.cpu_s for one in some) / 3600, sum(one.gpu_s for one in some) / 3600
        cost = (round(cpu_h * priced.cpu + gpu_h * priced.gpu, 4),) if priced else ()
        return (name, round(cpu_h, 4), round(gpu_h, 4), *cost)

    rows = sorted((row(use.step, [use]) for use in uses), key=lambda one: one[:0:-1], reverse=True)
    return Section("cost", heads, (*rows, row("all", uses)) if rows else ())


def shown(location: str) -> tuple[dict[str, Any], str]:
    """(values for JSON, text) of a run's record; UnusableInput where there is none."""
    record = read_record(location)
    section = cost_section(uses_of(record), prices())
    ended = datetime.fromtimestamp(record["ended_us"] / 1e6, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    lines = [
        f"run  {record['run']} of {record['pipeline']}",
        f"  ended   {ended}, {record['state']} {record['error']}".rstrip(),
        f"  reason  {record['reason'] or 'none told'}",
    ]
    return record | {"cost": section.values()}, "\n".join([*lines, "", *section.text()])
