"""Rules about the champion: is the candidate worse than it by more than the rule's margin?

Knows three answers about a loss on the same clips: its lower bound lies beyond the margin (fail), its upper bound
within what the rule wants excluded (pass), or the data are too few (inconclusive, with the number that would do). Does
not know which error a bound may have: the gate says.
"""

from collections.abc import Mapping
from typing import Any

from causeway.artifacts.markup import number, quantity
from causeway.evaluation.comparison import Difference, clusters_to_exclude, difference, paired
from causeway.evaluation.measured import BOUNDED
from causeway.evaluation.rules import Rule

PASS, FAIL, INCONCLUSIVE, SKIPPED = "pass", "fail", "inconclusive", "skipped"

Metric = Mapping[str, Any] | None
ByUnit = Mapping[str, tuple[str, float]]  # unit_id -> (cluster, value)


def against_champion(
    rule: Rule, metrics: tuple[Metric, Metric], values: tuple[ByUnit, ByUnit], alpha: float, seed: int
) -> dict[str, Any]:
    """Verdict, numbers and detail of one champion rule; `metrics` and `values` are the candidate's and the champion's.

    Beside what every rule has: `champion` its value, `loss` {value, low, high, level, clusters} with one-sided bounds,
    and `needed`, the clips or scenes at which equal policies would pass nine times in ten.
    """
    ours, theirs = metrics
    if ours is None or ours["value"] is None:
        return absent(rule)
    if theirs is None or theirs["value"] is None:
        return absent(rule, "the champion was not measured: evaluate it with the suite that has it")
    assert rule.margin is not None
    sign, share = (1.0 if rule.op == "<=" else -1.0), ours["unit"] in BOUNDED
    apart, clips = paired(*values)
    loss = difference(sign * apart, clips, alpha, share, seed)
    numbers = {name: ours[name] for name in ("unit", "value", "low", "high", "n")}
    numbers |= {"limit": theirs["value"] + sign * rule.margin, "champion": theirs["value"]}
    if loss is None:
        return numbers | {"verdict": INCONCLUSIVE, "detail": "no clip or scene was measured for both policies"}
    bounds = {name: getattr(loss, name) for name in ("value", "low", "high", "level", "clusters")}
    needed = clusters_to_exclude(loss, excluded(rule), alpha, share)
    verdict = judge_loss(rule, loss)
    detail = _detail(rule, ours, theirs, loss, needed if verdict == INCONCLUSIVE else None)
    return numbers | {"verdict": verdict, "detail": detail, "loss": bounds, "needed": needed}


def absent(rule: Rule, why: str = "not measured: evaluate with the suite that has it") -> dict[str, Any]:
    """A rule whose metric is not there: undecided, or left out where the rule allows for data without it."""
    if rule.absent == "skip":
        return {"verdict": SKIPPED, "detail": "not measured on these data, which the rule allows"}
    return {"verdict": INCONCLUSIVE, "detail": why}


def excluded(rule: Rule) -> float:
    """The loss that the data must exclude for a pass."""
    return rule.exclude if rule.exclude is not None else rule.margin or 0.0


def judge_loss(rule: Rule, loss: Difference) -> str:
    """The verdict on a loss (how much worse, positive = worse). A bound that is unknown excludes nothing."""
    assert rule.margin is not None
    if loss.low is not None and loss.low > rule.margin:
        return FAIL
    if loss.high is not None and loss.high <= excluded(rule):
        return PASS
    if rule.on_doubt == "value":
        return FAIL if loss.value > rule.margin else PASS
    return INCONCLUSIVE


def _detail(
    rule: Rule, ours: Mapping[str, Any], theirs: Mapping[str, Any], loss: Difference, needed: int | None
) -> str:
    unit = ours["unit"]
    points = {"share": "points", "score": "", "count": ""}.get(unit, unit)
    text = f"{quantity(ours['value'], unit)}, champion {quantity(theirs['value'], unit)}"
    if loss.low is None or loss.high is None:
        return f"{text}; a single clip or scene has no interval"
    low, high = (_number(bound, unit) for bound in (loss.low, loss.high))
    text += f"; worse by {_number(loss.value, unit)} {points}, bounds {low} … {high}"
    text += f" ({100 * loss.level:.5g} % one-sided, {loss.clusters} clips or scenes)"
    if needed is None:
        return text
    return f"{text}; about {needed} would exclude a loss of {_number(excluded(rule), unit)} {points}".rstrip()


def _number(value: float, unit: str) -> str:
    return f"{100 * value:.3g}" if unit == "share" else number(value)
