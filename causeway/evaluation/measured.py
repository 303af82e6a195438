"""What a suite hands over: values by unit (a sample, a rollout, a call), not yet means; and how they become metrics.

Knows names, units and which clip a value belongs to. Does not know how anything was measured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causeway.evaluation import statistics
from causeway.evaluation.statistics import Estimate

BOUNDED = ("share", "score")  # units of values between 0 and 1


@dataclass(frozen=True, eq=False)
class Measured:
    """One suite's values: by metric an array over the same N units; NaN = not measured there."""

    suite: str
    unit_ids: Sequence[str]  # [N] sample id, scene id
    clusters: Sequence[str]  # [N] clip or scene: what resembles each other
    groups: Sequence[str]  # [N] scenario
    values: Mapping[str, NDArray[np.float64]]  # name -> [N]
    units: Mapping[str, str]  # name -> unit
    counts: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # name -> (count, of how many): exact
    estimates: Mapping[str, tuple[Estimate, str]] = field(default_factory=dict)  # name -> (estimate, unit), not means
    grouped: Sequence[str] = ()  # metrics also given by group
    examples: Sequence[dict[str, Any]] = ()
    notes: Sequence[str] = ()


def metric(estimate: Estimate, unit: str) -> dict[str, Any]:
    """An estimate as the report spells it: {value, low, high, n, unit}; None where there is no number."""
    return {
        "value": _rounded(estimate.value),
        "low": _rounded(estimate.low),
        "high": _rounded(estimate.high),
        "n": estimate.n,
        "unit": unit,
    }


def _rounded(value: float | None) -> float | None:
    """Nine significant digits: the same on every machine, and more than any metric means."""
    return None if value is None or not np.isfinite(value) else float(f"{value:.9g}")


def metrics_of(measured: Measured, seed: int) -> dict[str, dict[str, Any]]:
    """{name: {value, low, high, n, unit}} of a suite."""
    found = {}
    for name, values in measured.values.items():
        unit = measured.units[name]
        found[name] = metric(statistics.mean(values, measured.clusters, seed, unit in BOUNDED), unit)
    for name, (count, of) in measured.counts.items():
        found[name] = metric(statistics.exact(count, of), "count")
    for name, (estimate, unit) in measured.estimates.items():
        found[name] = metric(estimate, unit)
    return found


def groups_of(measured: Measured, seed: int) -> dict[str, dict[str, dict[str, Any]]]:
    """{group: {name: metric}} of the metrics a suite also gives by group."""
    names = np.asarray(measured.groups, dtype=object)
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for group in sorted(set(measured.groups)) if measured.grouped else ():
        rows = np.flatnonzero(names == group).tolist()
        clusters = [measured.clusters[row] for row in rows]
        found[group] = {
            name: metric(
                statistics.mean(measured.values[name][rows], clusters, seed, measured.units[name] in BOUNDED),
                measured.units[name],
            )
            for name in measured.grouped
        }
    return found


def value_rows(measured: Measured) -> list[dict[str, Any]]:
    """Rows of the report's `values` table, from which two reports on the same data are compared pair by pair."""
    return [
        {
            "suite": measured.suite,
            "metric": name,
            "unit_id": unit_id,
            "cluster": cluster,
            "value": float(value) if np.isfinite(value) else None,
        }
        for name, values in measured.values.items()
        for unit_id, cluster, value in zip(measured.unit_ids, measured.clusters, values, strict=True)
    ]
