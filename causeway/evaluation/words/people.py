"""Judges beside people: on moments that people labelled, do they call the same answers of a policy right?

Knows what people decided about a moment and what a policy said there. Does not know pages or judges. Source: arXiv
2511.00088, section 5.2, whose judge agrees with people on 92 % (raw); kappa takes away what chance alone would give.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from causeway.evaluation.statistics import RESAMPLES, Estimate
from causeway.evaluation.words.decision_classes import estimate_of_draws
from causeway.reasoning.agreement import cohens_kappa
from causeway.reasoning.records import CocRecord
from causeway.reasoning.review import read_corrections

Array = NDArray[np.float64]


def people_say(corrections: str, moment_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Decisions by moment that people gave and agree on; nothing for "" or for moments that nobody looked at."""
    found, _ = read_corrections(corrections) if corrections else ({}, [])
    return {
        moment_id: (found[moment_id].record.longitudinal_decision, found[moment_id].record.lateral_decision)
        for moment_id in moment_ids
        if moment_id in found and not found[moment_id].excluded and not found[moment_id].disagreement
    }


def right_by_people(said: Sequence[CocRecord | None], people: Sequence[tuple[str, str] | None]) -> Array:
    """1 where both decisions said are the people's, 0 where not, NaN where nobody looked, [N]."""
    return np.array(
        [
            np.nan
            if theirs is None
            else float(ours is not None and (ours.longitudinal_decision, ours.lateral_decision) == theirs)
            for ours, theirs in zip(said, people, strict=True)
        ],
        dtype=np.float64,
    )


def judge_agreement(
    by_people: Array, by_judge: Mapping[str, Array], clusters: Sequence[str], seed: int
) -> dict[str, tuple[Estimate, str]]:
    """`people_kappa_<judge>` and `people_agree_<judge>` (raw share) where both gave a verdict; intervals over clips."""
    found = {}
    for name, verdicts in by_judge.items():
        both = np.flatnonzero(np.isfinite(by_people) & np.isfinite(verdicts))
        pairs = np.stack([by_people[both], verdicts[both]], axis=-1)
        names = [clusters[i] for i in both.tolist()]
        found[f"people_kappa_{name}"] = (_estimate(_kappa, pairs, names, seed), "")
        found[f"people_agree_{name}"] = (_estimate(_raw, pairs, names, seed), "share")
    return found


def _kappa(pairs: Array) -> float | None:
    return cohens_kappa([str(a) for a in pairs[:, 0]], [str(b) for b in pairs[:, 1]])


def _raw(pairs: Array) -> float | None:
    return float((pairs[:, 0] == pairs[:, 1]).mean()) if len(pairs) else None


def _estimate(of: Callable[[Array], float | None], pairs: Array, clusters: Sequence[str], seed: int) -> Estimate:
    """The figure with its interval from clips drawn with replacement; none with a single clip."""
    value = of(pairs)
    members: dict[str, list[int]] = {}
    for row, cluster in enumerate(clusters):
        members.setdefault(cluster, []).append(row)
    groups = [np.array(rows) for _, rows in sorted(members.items())]
    if value is None or len(groups) < 2:
        return Estimate(value, None, None, len(pairs), len(groups))
    drawn = np.random.default_rng(seed).integers(0, len(groups), (RESAMPLES, len(groups)))
    figures = [of(pairs[np.concatenate([groups[g] for g in row])]) for row in drawn.tolist()]
    return estimate_of_draws(value, np.array(figures, dtype=np.float64), len(pairs), len(groups))
