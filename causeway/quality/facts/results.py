"""Facts of rollouts, reports, gate decisions, releases and quality reports.

Knows their tables and JSON files. Does not know how they were made. UnusableInput for a file that is not JSON.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from causeway.artifacts import Artifact
from causeway.errors import UnusableInput
from causeway.quality.facts.columns import flags, reals, texts, with_columns

_FOLLOWS = (("fail", "refuse"), ("inconclusive", "inconclusive"), ("pass", "promote"))  # the worst verdict decides
_SHARES = ("share", "score")
_ROUNDING = 1e-9  # of means and their intervals, which are summed in another order


def rollout_facts(rollouts: pa.Table) -> pa.Table:
    """`rollouts.parquet` with: is the pose finite, do ticks count up, how far is each step?"""
    names = [f"{d} {s} {seed}" for d, s, seed in _rows(rollouts, "driver", "scene", "seed")]
    tick = rollouts.column("tick").to_numpy(zero_copy_only=False).astype(float)
    pose = np.stack([_real(rollouts, n) for n in ("x_m", "y_m", "yaw_rad", "speed_mps")], axis=-1)
    order = np.lexsort([tick, np.unique(np.asarray(names, dtype=str), return_inverse=True)[1]])
    same = np.append(False, np.asarray(names, dtype=object)[order][1:] == np.asarray(names, dtype=object)[order][:-1])
    follows, step_m = np.ones(len(order), dtype=bool), np.full(len(order), np.nan)
    moved = np.hypot(*np.diff(pose[order, :2], axis=0).T)
    gap = np.append(1.0, np.diff(tick[order]))
    follows[order] = ~same | (gap <= 1.0)  # a tick that is there twice is told by its key
    step_m[order] = np.where(same & (gap == 1.0), np.append(np.nan, moved), np.nan)
    return with_columns(
        rollouts,
        subject=texts(f"{name} tick {int(t)}" for name, t in zip(names, tick, strict=True)),
        finite=flags(np.isfinite(pose).all(axis=1).tolist()),
        follows=flags(follows.tolist()),
        step_m=reals(step_m.tolist()),
    )  # fmt: skip


def _rows(table: pa.Table, *names: str) -> list[tuple]:
    return list(zip(*(table.column(name).to_pylist() for name in names), strict=True))


def _real(table: pa.Table, name: str) -> np.ndarray:
    return table.column(name).to_numpy(zero_copy_only=False).astype(float)


def value_facts(values: pa.Table) -> pa.Table:
    """`values.parquet` with its key in words and whether the value is finite."""
    found = values.column("value").to_pylist()
    return with_columns(
        values,
        subject=texts(" ".join(map(str, row)) for row in _rows(values, "suite", "metric", "unit_id")),
        finite=flags(v is None or math.isfinite(v) for v in found),
    )


def report_facts(report: Artifact) -> pa.Table:
    """One row a metric of `report.json`: {value, low, high, n, unit}, and whether its data are named."""
    document = read_json(report, "report.json")
    metrics = document.get("metrics")
    data = document.get("data")
    named = bool(data) and isinstance(data, Mapping) and all(_names_data(one) for one in data.values())
    rows = [_metric(name, one) | {"data_named": named} for name, one in sorted(_items(metrics))]
    return pa.Table.from_pylist(rows, schema=_METRICS)


_METRICS = pa.schema(
    [
        *[(name, pa.string()) for name in ("subject", "clip_id", "unit", "interval")],
        *[(name, pa.bool_()) for name in ("finite", "ordered", "data_named")],
        *[(name, pa.float64()) for name in ("share", "n")],
    ]
)


def _names_data(one: Any) -> bool:
    return isinstance(one, Mapping) and bool(one.get("content_hash")) and bool(one.get("name"))


def _items(part: Any) -> list[tuple[str, Any]]:
    return list(part.items()) if isinstance(part, Mapping) else []


def _metric(name: str, one: Any) -> dict[str, Any]:
    one = one if isinstance(one, Mapping) else {}
    value, low, high = (one.get(part) for part in ("value", "low", "high"))
    known = [v for v in (value, low, high) if v is not None]
    finite = all(_is_number(v) for v in known)
    inside = None
    if finite and value is not None:
        slack = _ROUNDING * max(abs(value), 1.0)
        inside = (low is None or low <= value + slack) and (high is None or value <= high + slack)
    unit = one.get("unit")
    return {
        "subject": name,
        "finite": finite,
        "ordered": inside,
        "interval": f"{value} in {low} … {high}",
        "unit": None if unit is None else str(unit),
        "share": float(value) if finite and value is not None and unit in _SHARES else None,
        "n": float(one["n"]) if _is_number(one.get("n")) else None,
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def gate_facts(gate: Artifact) -> pa.Table:
    """One row a rule of `decision.json`; `follows`: the decision is what the worst verdict says."""
    document = read_json(gate, "decision.json")
    rules = [rule for rule in document.get("rules") or () if isinstance(rule, Mapping)]
    verdicts = {rule.get("verdict") for rule in rules}
    should = next((decision for verdict, decision in _FOLLOWS if verdict in verdicts), "inconclusive")
    decision = document.get("decision")
    known = decision in {d for _, d in _FOLLOWS} and verdicts <= {*(v for v, _ in _FOLLOWS), "skipped"}
    rows = [
        {
            "subject": _text(rule.get("name")),
            "verdict": _text(rule.get("verdict")),
            "why": _text(rule.get("why")),
            "decision": _text(decision),
            # a name of no closed set is told by that set
            "follows": decision == should if known else None,
        }
        for rule in rules
    ]
    names = ("subject", "clip_id", "verdict", "why", "decision")
    schema = pa.schema([*[(name, pa.string()) for name in names], ("follows", pa.bool_())])
    return pa.Table.from_pylist(rows, schema=schema)


def release_facts(release: Artifact) -> pa.Table:
    """The one row of `release.json`; empty text is null."""
    document = read_json(release, "release.json")
    names = ("policy", "step", "why", "endpoint")
    row = {"subject": "release"} | {name: _text(document.get(name)) or None for name in names}
    schema = pa.schema([(name, pa.string()) for name in ("subject", "clip_id", *names)])
    return pa.Table.from_pylist([row] if document else [], schema=schema)


def quality_facts(quality: Artifact) -> pa.Table:
    """One row an expectation of `quality.json`."""
    document = read_json(quality, "quality.json")
    checks = [check for check in document.get("checks") or () if isinstance(check, Mapping)]
    refused = any(not c.get("passed") and _items(c.get("expectation")) and
                  c["expectation"].get("on_failure") == "refuse" for c in checks)  # fmt: skip
    rows = [
        {
            "subject": _text(dict(_items(check.get("expectation"))).get("name")),
            "follows": document.get("passed") is not refused,
            "unexpected_share": _share(check.get("unexpected"), check.get("rows")),
        }
        for check in checks
    ]
    schema = pa.schema([("subject", pa.string()), ("clip_id", pa.string()), ("follows", pa.bool_()),
                        ("unexpected_share", pa.float64())])  # fmt: skip
    return pa.Table.from_pylist(rows, schema=schema)


def _share(part: Any, whole: Any) -> float | None:
    if not (_is_number(part) and _is_number(whole)):
        return None
    return float(part) / whole if whole else float(part)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def read_json(artifact: Artifact, name: str) -> dict[str, Any]:
    """A JSON object that is a file of the artifact; UnusableInput where it is none."""
    path = artifact.path(name)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UnusableInput(f"{path}: not JSON ({error}); make the artifact again") from error
    if not isinstance(document, dict):
        raise UnusableInput(f"{path}: not a JSON object; make the artifact again")
    return document
