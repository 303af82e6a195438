"""The gate: a report against rules and, where there is one, the champion's report.

Knows how an interval decides about a limit (all of it keeps the limit: pass; none of it: fail; else doubt). Does not
know how a candidate is held against the champion (`champion_rules`) or what a metric means, and never raises for a
refusal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from causeway.artifacts.markup import number, quantity
from causeway.evaluation import statistics
from causeway.evaluation.champion_rules import FAIL, INCONCLUSIVE, PASS, SKIPPED, absent, against_champion
from causeway.evaluation.comparison import bonferroni, paired
from causeway.evaluation.measured import BOUNDED
from causeway.evaluation.report import Report
from causeway.evaluation.rules import Rule, Rules
from causeway.evaluation.statistics import Estimate

DECISIONS = {FAIL: "refuse", INCONCLUSIVE: "inconclusive", PASS: "promote"}

Values = Mapping[str, Mapping[str, tuple[str, float]]]  # metric -> unit_id -> (cluster, value)


@dataclass(frozen=True)
class Evaluated:
    """A report with the values its means were made of, for pairing."""

    report: Report
    values: Values = field(default_factory=dict)


def decide(candidate: Evaluated, rules: Rules, champion: Evaluated | None = None, seed: int = 0) -> dict[str, Any]:
    """The decision: {"decision", "summary", "rules", "policy", "champion", "data"}.

    `decision` is "refuse" when a rule fails, else "inconclusive" when one cannot be decided or none could be
    judged, else "promote". A champion that was measured on other data cannot be compared: that refuses, with both
    hashes. The rules about the champion share the family-wise error of the file (Bonferroni).
    """
    found = [_different(suite, candidate, champion) for suite in _differing(candidate, champion)] if champion else []
    why_not = "" if champion else "no champion to compare with"
    why_not = "the champion was measured on other data" if found else why_not
    alpha = bonferroni(rules.family_wise_error, rules.champion_rules)
    for rule in rules.rules:
        if rule.margin is None:
            found.append(_judge(rule, candidate, seed))
        elif champion is None or why_not:
            found.append(_row(rule) | {"verdict": SKIPPED, "detail": why_not})
        else:
            metrics = (candidate.report["metrics"].get(rule.metric), champion.report["metrics"].get(rule.metric))
            values = (candidate.values.get(rule.metric, {}), champion.values.get(rule.metric, {}))
            found.append(_row(rule) | against_champion(rule, metrics, values, alpha, seed))
    verdicts = {row["verdict"] for row in found}
    worst = next((v for v in (FAIL, INCONCLUSIVE, PASS) if v in verdicts), INCONCLUSIVE)
    return {
        "decision": DECISIONS[worst],
        "summary": _summary(found, worst),
        "rules": found,
        "policy": candidate.report["policy"],
        "champion": champion.report["policy"] if champion else None,
        "data": candidate.report["data"],
    }


def _summary(rows: Sequence[dict[str, Any]], worst: str) -> str:
    judged = [row for row in rows if row["verdict"] != SKIPPED]
    if not judged:
        return "no rule could be judged: there is nothing to promote on"
    if worst == PASS:
        return f"all {len(judged)} rules pass"
    named = [f"{row['name']} ({row['detail']})" for row in judged if row["verdict"] == worst]
    word = "fail" if worst == FAIL else "cannot be decided"
    return f"{len(named)} of {len(judged)} rules {word}: {'; '.join(named)}"


def _differing(candidate: Evaluated, champion: Evaluated) -> list[str]:
    ours, theirs = candidate.report["data"], champion.report["data"]
    return [s for s in ours if s in theirs and ours[s]["content_hash"] != theirs[s]["content_hash"]]


def _different(suite: str, candidate: Evaluated, champion: Evaluated) -> dict[str, Any]:
    ours, theirs = (e.report["data"][suite]["content_hash"] for e in (candidate, champion))
    detail = f"measured on {ours[:12]}, the champion on {theirs[:12]}; evaluate the champion on the same data"
    row = {"metric": suite, "op": "", "limit": None, "unit": "", "value": None, "low": None, "high": None, "n": 0}
    why = "reports of different data are not comparable"
    return {"name": f"{suite}: same data as the champion", **row, "verdict": FAIL, "detail": detail, "why": why}


def _row(rule: Rule) -> dict[str, Any]:
    """A rule that nothing is known about yet."""
    name = f"{rule.metric} {rule.op} {_other_side(rule)}"
    unknown = {"limit": rule.limit, "unit": "", "value": None, "low": None, "high": None, "n": 0}
    return {"name": name, "metric": rule.metric, "op": rule.op, "why": rule.why, **unknown}


def _other_side(rule: Rule) -> str:
    if rule.margin is not None:
        return f"champion {'+' if rule.op == '<=' else '−'} {rule.margin:g}"
    return f"{rule.limit:g} × {rule.of}" if rule.of else f"{rule.limit:g}"


def _judge(rule: Rule, candidate: Evaluated, seed: int) -> dict[str, Any]:
    """A rule about a limit, or a factor on another metric of the same report."""
    metric = candidate.report["metrics"].get(rule.metric)
    if metric is None or metric["value"] is None:
        return _row(rule) | absent(rule)
    reference = candidate.report["metrics"].get(rule.of) if rule.of else None
    if rule.of and (reference is None or reference["value"] is None):
        return _row(rule) | {"verdict": INCONCLUSIVE, "detail": f"{rule.of} was not measured"}
    if rule.op == ">=" and reference and reference["value"] == 0 and metric["unit"] in BOUNDED:
        return _row(rule) | {"verdict": SKIPPED, "detail": f"{rule.of} is 0, which any policy reaches"}
    limit, shown, estimate = _question(rule, metric, reference, candidate, seed)
    verdict, doubt = judge_interval(rule.op, estimate, limit, rule.on_doubt)
    numbers = {name: metric[name] for name in ("unit", "value", "low", "high", "n")}
    detail = _detail(rule, metric, shown, estimate, limit, doubt)
    return _row(rule) | numbers | {"limit": shown, "verdict": verdict, "detail": detail}


def _question(
    rule: Rule, metric: Mapping[str, Any], reference: Mapping[str, Any] | None, candidate: Evaluated, seed: int
) -> tuple[float, float, Estimate]:
    """(limit on the estimate, limit to show beside the metric's value, estimate with its interval)."""
    assert rule.limit is not None
    if reference is None or rule.of is None:
        clusters = len({c for c, _ in candidate.values.get(rule.metric, {}).values()}) or metric["n"]
        return rule.limit, rule.limit, Estimate(metric["value"], metric["low"], metric["high"], metric["n"], clusters)
    apart, clips = paired(candidate.values.get(rule.metric, {}), candidate.values.get(rule.of, {}), rule.limit)
    estimate = statistics.mean(apart, clips, seed) if len(apart) else unpaired(metric, reference, rule.limit)
    return 0.0, rule.limit * reference["value"], estimate


def unpaired(ours: Mapping[str, Any], theirs: Mapping[str, Any], factor: float) -> Estimate:
    """The difference of two metrics that are no means of common units, with the widest interval their own allow."""
    ends = [ours["low"], ours["high"], theirs["low"], theirs["high"]]
    value = ours["value"] - factor * theirs["value"]
    if any(end is None for end in ends):
        return Estimate(value, None, None, ours["n"])
    return Estimate(value, ends[0] - factor * ends[3], ends[1] - factor * ends[2], ours["n"], ours["n"])


def judge_interval(op: str, estimate: Estimate, limit: float, on_doubt: str) -> tuple[str, bool]:
    """(verdict, whether the interval left doubt). An end that is unknown keeps no limit and breaks none."""

    def keeps(x: float) -> bool:
        return x <= limit if op == "<=" else x >= limit

    worst = estimate.high if op == "<=" else estimate.low
    best = estimate.low if op == "<=" else estimate.high
    if worst is not None and keeps(worst):
        return PASS, False
    if best is not None and not keeps(best):
        return FAIL, False
    if on_doubt == "value" and estimate.value is not None:
        return (PASS if keeps(estimate.value) else FAIL), True
    return INCONCLUSIVE, True


def _detail(rule: Rule, metric: Mapping[str, Any], shown: float, estimate: Estimate, limit: float, doubt: bool) -> str:
    """The numbers in words, and how many clips or scenes a clear answer would take."""
    unit = metric["unit"]
    text = f"{quantity(metric['value'], unit)}, at {'most' if rule.op == '<=' else 'least'} {quantity(shown, unit)}"
    if not doubt:
        return text
    if estimate.low is None or estimate.high is None:
        return f"{text}; too few clips for an interval"
    absolute = rule.of is None
    low, high = (_number(end - (0.0 if absolute else limit), unit) for end in (estimate.low, estimate.high))
    if absolute:
        text = f"{text}; the 95 % interval {low} … {high} holds the limit"
    else:
        text = f"{text}; the difference to that has the 95 % interval {low} … {high}, on both sides of 0"
    needed = statistics.clusters_needed(estimate, limit)
    return f"{text}, about {needed} clips or scenes would tell" if needed else text


def _number(value: float, unit: str) -> str:
    """An end of an interval: shares as per cent, or points of it; the unit stands beside the value already."""
    return f"{100 * value:.3g}" if unit == "share" else number(value)


def values_of(table: Any) -> dict[str, dict[str, tuple[str, float]]]:
    """The `values` table of a report artifact, by metric and unit; values that were not measured are left out."""
    found: dict[str, dict[str, tuple[str, float]]] = {}
    for row in table.to_pylist():
        if row["value"] is not None:
            found.setdefault(row["metric"], {})[row["unit_id"]] = (row["cluster"], row["value"])
    return found
