"""Whether what vehicles ask is still what the policy was trained on: the population stability index of each figure.

Knows the figures of requests (`feedback.py`) and the same figures of samples. A report says what moved, and the
reason to retrain when something did. The index: sum over ten classes of (seen − expected) · ln(seen / expected), each
class a tenth of the expected values; below 0.1 nothing moved, above 0.2 something did (the rule of credit scoring,
Siddiqi, Credit Risk Scorecards, 2006). Own statistics: it is one formula, and Evidently is not in the lock.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from causeway.artifacts import Artifact, store
from causeway.errors import UnusableInput
from causeway.platform.release.feedback import moving

LIMIT = 0.2
ENOUGH = 200  # fewer requests say nothing
_CLASSES = 10
_NUMBERS = ("speed_mps", "accel_mps2", "yaw_rate_radps", "brightness")
_NAMES = ("longitudinal", "lateral")  # of the decision
Figures = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Shift:
    """How far one figure moved."""

    name: str
    index: float
    drifted: bool


def of_samples(samples: Artifact) -> Figures:
    """The figures of training samples; decisions are those of the labels, masked ones left out."""
    from causeway.training.samples import load_samples

    found: dict[str, list[Any]] = {name: [] for name in (*_NUMBERS, *_NAMES)}
    for sample in load_samples(samples, split="train"):
        observation = sample.observation
        for name, value in moving(observation.ego_history, observation.speed_mps).items():
            found[name].append(value)
        found["brightness"].append(float(observation.images[..., ::8, ::8, :].mean()))
        if sample.reasoning:
            for name, decision in zip(_NAMES, sample.decision, strict=True):
                found[name].append(decision)
    return found


def of_requests(path: Path) -> Figures:
    """The figures of an endpoint's requests; UnusableInput names a line that holds none."""
    found: dict[str, list[Any]] = {name: [] for name in (*_NUMBERS, *_NAMES)}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UnusableInput(f"{path}: no figures of requests ({error.strerror}); switch feedback on first") from error
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            values = {name: row[name] for name in _NUMBERS} | dict(zip(_NAMES, row["decision"], strict=True))
        except (ValueError, KeyError, TypeError) as error:
            raise UnusableInput(f"{path}: line {number} is no figures of a request ({error})") from error
        for name, value in values.items():
            found[name] += [] if value is None else [value]
    return found


def stability_index(expected: Sequence[Any], seen: Sequence[Any]) -> float:
    """The population stability index of numbers (classes: tenths of the expected) or names (classes: themselves)."""
    if expected and isinstance(expected[0], str):
        names = sorted({*expected, *seen})
        shares = [np.array([Counter(values)[name] for name in names]) for values in (expected, seen)]
    else:
        edges = np.unique(np.quantile(np.asarray(expected, float), np.linspace(0, 1, _CLASSES + 1)[1:-1]))
        classes = [np.searchsorted(edges, values, side="right") for values in (expected, seen)]
        shares = [np.bincount(found, minlength=len(edges) + 1) for found in classes]
    # half an observation in each class: an empty one would make the index infinite
    one, other = ((count + 0.5) / (count.sum() + 0.5 * len(count)) for count in shares)
    return float(((other - one) * np.log(other / one)).sum())


def shifts(expected: Figures, seen: Figures, limit: float = LIMIT) -> list[Shift]:
    """Every figure that both sides have enough of, the farthest first."""
    able = [name for name in expected if len(seen[name]) >= ENOUGH and expected[name]]
    found = [(stability_index(expected[name], seen[name]), name) for name in able]
    return [Shift(name, round(index, 4), index > limit) for index, name in sorted(found, reverse=True)]


def report(samples: str, requests: Path, out: str) -> dict[str, Any]:
    """Compare an endpoint's requests with the samples of its policy; writes `out` (JSON) and returns it.

    `reason` is for the retraining pipeline (`--set reason=…`), "" when nothing moved.
    """
    seen = of_requests(requests)
    found = shifts(of_samples(Artifact.open(samples)), seen)
    moved = [f"{shift.name} {shift.index:.2f}" for shift in found if shift.drifted]
    told = {
        "requests": len(seen["speed_mps"]),
        "enough": len(seen["speed_mps"]) >= ENOUGH,
        "limit": LIMIT,
        "shifts": [{"name": s.name, "index": s.index, "drifted": s.drifted} for s in found],
        "drifted": bool(moved),
        "reason": f"drift: {', '.join(moved)} > {LIMIT}" if moved else "",
    }
    store.write_bytes(out, (json.dumps(told, indent=1) + "\n").encode())
    return told


def summary(told: Mapping[str, Any]) -> str:
    """A report in lines for people."""
    if not told["enough"]:
        return f"{told['requests']} requests: too few to tell; it takes {ENOUGH}"
    shifted = (f"  {s['name']:<15} {s['index']:.3f}{'  moved' if s['drifted'] else ''}" for s in told["shifts"])
    return "\n".join([f"{told['requests']} requests, index by figure (limit {told['limit']}):", *shifted])
