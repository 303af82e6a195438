"""What a suite hands over: values by unit (a sample, a rollout, a call), not yet means; and how they become metrics.

Knows names, units and which clip a value belongs to. Does not know how anything was measured.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
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
    groupings: Mapping[str, Sequence[str]] = field(default_factory=dict)  # "by meta action" -> [N]; beside scenarios
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
    found = _means(measured, measured.values, range(len(measured.clusters)), seed)
    for name, (count, of) in measured.counts.items():
        found[name] = metric(statistics.exact(count, of), "count")
    for name, (estimate, unit) in measured.estimates.items():
        found[name] = metric(estimate, unit)
    return found


def _means(
    measured: Measured, names: Iterable[str], rows: Sequence[int], seed: int
) -> dict[str, dict[str, Any]]:
    """{name: metric} over some rows."""
    columns = {name: measured.values[name][rows] for name in names}
    shares = {name for name in columns if measured.units[name] in BOUNDED}
    found = statistics.means(columns, [measured.clusters[row] for row in rows], seed, shares)
    return {name: metric(estimate, measured.units[name]) for name, estimate in found.items()}


def groups_of(measured: Measured, seed: int) -> dict[str, dict[str, dict[str, Any]]]:
    """{group: {name: metric}} of the metrics a suite also gives by group."""
    return _by_group(measured, measured.groups, seed)


def groupings_of(measured: Measured, seed: int) -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
    """{"<suite>, <grouping>": {group: {name: metric}}} of what a suite groups by beside scenarios."""
    return {f"{measured.suite}, {name}": _by_group(measured, of, seed) for name, of in measured.groupings.items()}


def _by_group(measured: Measured, groups: Sequence[str], seed: int) -> dict[str, dict[str, dict[str, Any]]]:
    names = np.asarray(groups, dtype=object)
    found = {}
    for group in sorted(set(groups)) if measured.grouped else ():
        found[group] = _means(measured, measured.grouped, np.flatnonzero(names == group).tolist(), seed)
    return found


def value_table(measured: Measured) -> pa.Table:
    """The report's `values` table, from which two reports on the same data are compared pair by pair; null = none."""
    ids, clusters = (pa.array(list(column), pa.string()) for column in (measured.unit_ids, measured.clusters))
    tables = [_values(measured.suite, name, ids, clusters, column) for name, column in measured.values.items()]
    return pa.concat_tables(tables)


def _values(suite: str, name: str, ids: pa.Array, clusters: pa.Array, column: NDArray[np.float64]) -> pa.Table:
    values = np.asarray(column, dtype=np.float64)
    texts = {"suite": suite, "metric": name}
    columns = {key: pa.repeat(pa.scalar(text), len(ids)) for key, text in texts.items()}
    known = pa.array(values, pa.float64(), mask=~np.isfinite(values))
    return pa.table(columns | {"unit_id": ids, "cluster": clusters, "value": known})
