"""What a run of a pipeline leaves beside its artifacts: `<root>/runs/<run>.json`, on a laptop and on a cluster alike.

Why it started, how it ended, and what each step used: processor and GPU seconds. A run that is killed leaves none. Does
not know prices.
"""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from causeway.artifacts import store
from causeway.errors import UnusableInput
from causeway.platform.steps import MADE_MARK, marked
from causeway.platform.upkeep.listing import files

FOLDER = "runs"
_NEVER_US = 1 << 57  # in the year 6535
_TEXTS = ("run", "pipeline", "reason", "state", "error")


@dataclass(frozen=True)
class Use:
    """What the tasks of one step used in one run."""

    step: str
    cpu_s: float  # processor seconds: used, on a laptop; reserved by requests, on a cluster
    gpu_s: float = 0.0


def use_from_line(text: str) -> Use | None:
    """What a step said of itself when it ended, from a line of its log; None when the line is another one."""
    line = marked(text, MADE_MARK)
    try:
        return Use(str(line["step"]), float(line["cpu_s"]), float(line["gpu_s"]))
    except (ValueError, KeyError, TypeError):
        return None


def summed(uses: Iterable[Use]) -> list[Use]:
    """One line a step, in the order in which they came first."""
    found: dict[str, Use] = {}
    for use in uses:
        before = found.get(use.step, Use(use.step, 0.0))
        found[use.step] = Use(use.step, before.cpu_s + use.cpu_s, before.gpu_s + use.gpu_s)
    return list(found.values())


def write_record(root: str, run: str, pipeline: str, reason: str, state: str, error: str, uses: Iterable[Use]) -> None:
    """Write a run down; one that is there already is replaced."""
    told: dict[str, Any] = {"run": run, "pipeline": pipeline, "reason": reason, "state": state, "error": error}
    told |= {"ended_us": time.time_ns() // 1000, "use": [asdict(use) for use in summed(uses)]}
    store.write_bytes(store.join(root, FOLDER, f"{run}.json"), (json.dumps(told, indent=1) + "\n").encode())


def read_record(location: str) -> dict[str, Any]:
    """A run's record. UnusableInput where there is none, or another file."""
    data = store.read_bytes(location)
    if data is None:
        raise UnusableInput(f"{location}: no such record; a run that has ended has one below its root, in {FOLDER}/")
    try:
        found: dict[str, Any] = json.loads(data)
        ended_us, used_s = int(found["ended_us"]), [s for use in uses_of(found) for s in (use.cpu_s, use.gpu_s)]
        if not all(0 <= number < _NEVER_US for number in (ended_us, *used_s)):  # NaN is not within it either
            raise ValueError("a time that cannot be")
        return found | {"ended_us": ended_us} | {name: str(found[name]) for name in _TEXTS}
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise UnusableInput(f"{location}: not the record of a run ({error})") from error


def uses_of(record: Mapping[str, Any]) -> list[Use]:
    """The uses in a record; none in one of an older version."""
    return [Use(str(one["step"]), float(one["cpu_s"]), float(one["gpu_s"])) for one in record.get("use", ())]


def uses_under(root: str) -> tuple[list[Use], list[str]]:
    """What all runs under a root used together, step by step, and a line for each damaged record left out."""
    uses, damaged = list[Use](), list[str]()
    for file in files(store.join(root, FOLDER)):
        if file.name.endswith(".json"):
            try:
                uses += uses_of(read_record(store.join(root, FOLDER, file.name)))
            except UnusableInput as error:
                damaged.append(str(error))
    return summed(uses), damaged
