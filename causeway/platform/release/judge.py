"""Whether a candidate may go on: figures of champion and candidate against limits, and the move that follows.

Pure functions of numbers. Does not know where figures come from or how a move is made.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from causeway.platform.release.record import Phase
from causeway.platform.release.rules import CanaryRules

Verdict = Literal["ok", "doubt", "bad"]
_ROUNDING = 1e-6  # of a number of answers; as many as the limit itself would still be within it
_T95 = 2.0  # of a mean of two dozen differences


@dataclass(frozen=True)
class Sight:
    """What was seen at one step. Lists are paired by question; values are those of answers that came."""

    through: Mapping[str, int]  # answers through the endpoint, by content hash of the policy that gave them
    lost: int  # requests to the endpoint without an answer
    failed: int  # questions that the candidate, asked directly, did not answer well
    restarts: int  # of the candidate's server
    candidate_ms: Sequence[float]
    champion_ms: Sequence[float]  # empty without a champion
    candidate_ade_m: Sequence[float]  # distance to the recorded path; paired with the champion's
    champion_ade_m: Sequence[float]
    path_m: Sequence[float]  # distance between both answers to one question, other traffic that was copied included
    candidate_cut: float = 0.0  # share of answers that were cut to meet the deadline
    champion_cut: float = 0.0
    decisions_changed: float = 0.0  # share of questions with another decision; told, not judged
    needed: int = 0  # answers through the endpoint without which its split is not seen; 0 = nobody answers there yet


@dataclass(frozen=True)
class Finding:
    """One limit with what was measured."""

    name: str
    value: float
    limit: float
    verdict: Verdict

    def __str__(self) -> str:
        sign = "<=" if self.verdict == "ok" else ">"
        return f"{self.name} {self.value:.4g} {sign} {self.limit:.4g}"


def answers_needed(percent: int, rules: CanaryRules) -> int:
    """How many answers of the endpoint show its split at a share of `percent`.

    So many that the candidate's share is `answers` of them, and that a split which sends all of them to one policy is
    farther off than `split_sigmas`: n answers deviate by at most sqrt(n × odds) standard deviations.
    """
    if percent == 0:
        return rules.answers
    odds = min(percent / (100 - percent), (100 - percent) / percent)
    beyond = math.floor(rules.limits.split_sigmas**2 / odds + _ROUNDING) + 1
    return max(math.ceil(rules.answers * 100 / percent), beyond)


def judge(sight: Sight, policy: str, percent: int, rules: CanaryRules) -> list[Finding]:
    """Every limit against what was seen of the candidate `policy` at a share of `percent`."""
    limits = rules.limits
    findings = [
        _at_most("failed_answers", sight.failed, limits.failed_answers),
        _at_most("lost_requests", sight.lost, limits.lost_requests),
        _at_most("restarts", sight.restarts, limits.restarts),
        _split(sight, policy, percent, limits.split_sigmas),
    ]
    if sight.needed:
        missing = max(sight.needed - sight.lost - sum(sight.through.values()), 0)
        findings.append(Finding("answers_missing", missing, 0, "doubt" if missing else "ok"))
    if 0 < percent < 100:
        findings.append(_unheard(sight, policy))
    if sight.path_m:
        findings.append(_mean_at_most("path_m", sight.path_m, limits.path_m))
    if sight.champion_ade_m:
        worse = np.subtract(sight.candidate_ade_m, sight.champion_ade_m)
        findings.append(_mean_at_most("ade_m_worse", worse, limits.ade_m))
    if sight.champion_ms and sight.candidate_ms:
        allowed = limits.latency_factor * float(np.median(sight.champion_ms)) + limits.latency_slack_ms
        findings.append(_at_most("median_ms", float(np.median(sight.candidate_ms)), allowed))
        findings.append(_at_most("degraded", sight.candidate_cut, sight.champion_cut + limits.degraded))
    return findings


def _at_most(name: str, value: float, limit: float) -> Finding:
    return Finding(name, value, limit, "ok" if value <= limit else "bad")


def _mean_at_most(name: str, values: Any, limit: float) -> Finding:
    """Bad only when the mean is beyond the limit beyond doubt (95 %)."""
    values = np.asarray(values, dtype=float)
    mean = float(values.mean())
    if mean <= limit:
        return Finding(name, mean, limit, "ok")
    error = float(values.std(ddof=1)) / math.sqrt(values.size) if values.size > 1 else math.inf
    return Finding(name, mean, limit, "bad" if mean - _T95 * error > limit else "doubt")


def _split(sight: Sight, policy: str, percent: int, sigmas: float) -> Finding:
    """How far the measured share is from the one that was set, in standard deviations of chance.

    A share of 0 or 100 leaves nothing to chance: a single answer of the other policy is too much.
    """
    total, share = sum(sight.through.values()), percent / 100
    if total == 0:
        return Finding("split_sigmas", 0.0, sigmas, "ok")
    off = abs(sight.through.get(policy, 0) - share * total)
    deviation = math.sqrt(total * share * (1 - share))
    if deviation == 0:
        return Finding("split_sigmas", 0.0 if off == 0 else math.inf, sigmas, "ok" if off == 0 else "bad")
    return _at_most("split_sigmas", off / deviation, sigmas)


def _unheard(sight: Sight, policy: str) -> Finding:
    """Both policies answer through the endpoint during a canary. One that was not heard may be chance: it is doubt."""
    heard = sight.through.get(policy, 0)
    silent = (heard == 0) + (sum(sight.through.values()) == heard)
    return Finding("policies_unheard", silent, 0, "doubt" if silent else "ok")


@dataclass(frozen=True)
class Next:
    """The move that follows; None instead of it means: ask again."""

    phase: Phase
    percent: int
    why: str


def next_move(
    phase: Phase, percent: int, has_champion: bool, findings: Sequence[Finding], asked: int, rules: CanaryRules
) -> Next | None:
    """What follows on `findings` after a step was asked `asked` times.

    Bad: back. In doubt: asked again, and back after the last round, because a candidate has to show that it is good.
    Good: the next share; after the last, or where no champion shares the endpoint, promotion.
    """
    bad = [finding for finding in findings if finding.verdict == "bad"]
    doubt = [finding for finding in findings if finding.verdict == "doubt"]
    if bad:
        return Next("rolling_back", 0, "; ".join(str(finding) for finding in bad))
    if doubt and asked < rules.rounds:
        return None
    if doubt:
        return Next("rolling_back", 0, f"in doubt after {asked} rounds: " + "; ".join(str(f) for f in doubt))
    why = "; ".join(str(finding) for finding in findings)
    further = [step for step in rules.steps if step > (percent if phase == "canary" else 0)]
    if has_champion and further:
        return Next("canary", further[0], why)
    return Next("promoting", 100, why)


def figures(sight: Sight, findings: Sequence[Finding]) -> dict[str, Any]:
    """What a record keeps of a step."""
    return {
        "through": dict(sight.through),
        "lost": sight.lost,
        "questions": len(sight.candidate_ms),
        "decisions_changed": round(sight.decisions_changed, 4),
        "findings": {f.name: {"value": _number(f.value), "limit": f.limit, "verdict": f.verdict} for f in findings},
    }


def _number(value: float) -> float | str:
    return round(value, 4) if math.isfinite(value) else "all"
