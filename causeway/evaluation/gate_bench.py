"""A bench for the gate itself: does it refuse what is worse, and let pass what is the same?

Knows how suites' values become what the gate decides on, how clips are drawn anew, and how many of them the champion
rules need. Does not know policies (`worsened`) or how suites are run.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causeway.evaluation.champion_rules import FAIL, excluded
from causeway.evaluation.comparison import bonferroni, clusters_to_exclude, difference, paired
from causeway.evaluation.gate import Evaluated, decide, values_of
from causeway.evaluation.measured import BOUNDED, Measured, value_table
from causeway.evaluation.report import build_report
from causeway.evaluation.rules import Rules

Suites = Mapping[str, Measured]


def evaluated(suites: Suites, policy: str, data: str = "bench") -> Evaluated:
    """What the gate decides on, of suites that were all measured on the same data."""
    told = {suite: {"name": data, "content_hash": data, "sources": []} for suite in suites}
    report = build_report(list(suites.values()), told, policy, seed=0)
    found: dict[str, Mapping[str, tuple[str, float]]] = {}
    for measured in suites.values():
        found |= values_of(value_table(measured)) if measured.values else {}
    return Evaluated(report, found)


def judged(candidate: Suites, champion: Suites, rules: Rules) -> tuple[dict[str, Any], list[str]]:
    """(the decision, the metrics of the rules that failed)."""
    decision = decide(evaluated(candidate, "candidate"), rules, evaluated(champion, "champion"))
    return decision, [row["metric"] for row in decision["rules"] if row["verdict"] == FAIL]


def clips_needed(ones: Suites, others: Suites, rules: Rules) -> dict[str, int | None]:
    """{metric: clips or scenes at which a champion rule passes a policy that is no worse, nine times in ten}.

    `ones` and `others` are the same weights under two sampling seeds: what differs between them is what the gate must
    look through. Metrics that were not measured are left out; None where no number would do. Clips on which a metric
    has no value (a straight road has no side to steer to) tell nothing: where they are many, more are needed.
    """
    alpha = bonferroni(rules.family_wise_error, rules.champion_rules)
    found = {}
    for rule in (rule for rule in rules.rules if rule.margin is not None):
        suite = next((name for name, measured in ones.items() if rule.metric in measured.values), None)
        if suite is None:
            continue
        share = ones[suite].units[rule.metric] in BOUNDED
        apart, clips = paired(_by_unit(ones[suite], rule.metric), _by_unit(others[suite], rule.metric))
        loss = difference(apart, clips, alpha, share)
        telling = clusters_to_exclude(loss, excluded(rule), alpha, share) if loss else None
        every = len(set(ones[suite].clusters))
        found[rule.metric] = telling and math.ceil(telling * every / len(set(clips)))
    return found


def _by_unit(measured: Measured, metric: str) -> dict[str, tuple[str, float]]:
    rows = zip(measured.unit_ids, measured.clusters, measured.values[metric].tolist(), strict=True)
    return {unit: (cluster, value) for unit, cluster, value in rows if np.isfinite(value)}


def metrics_in(rules: Rules) -> set[str]:
    """Every metric that a rule asks about."""
    return {rule.metric for rule in rules.rules} | {rule.of for rule in rules.rules if rule.of}


def same_twice(
    seeds: Sequence[Suites], count: int, seed: int, metrics: Iterable[str]
) -> tuple[dict[str, Measured], dict[str, Measured]]:
    """Two evaluations of the same weights on `count` clips (scenes) drawn with replacement: an A/A pair.

    `seeds`: the suites under two sampling seeds or more. A sample's noise follows from (seed, its id), so that samples
    are independent; each draw takes two of the seeds at random and is a clip of its own, and no difference between the
    two sides is expected however often a clip is drawn. Only `metrics` are kept, no groups and no pictures.
    """
    kept = set(metrics)
    pair: tuple[dict[str, Measured], dict[str, Measured]] = ({}, {})
    for number, suite in enumerate(seeds[0]):
        of_seed = [suites[suite] for suites in seeds]
        rng = np.random.default_rng([seed, number])
        rows, names = _rows(of_seed[0].clusters, count, rng)
        orders = {name: rng.permutation(len(seeds))[:2] for name in dict.fromkeys(names)}
        for side in range(2):
            pair[side][suite] = _drawn(of_seed, rows, names, [int(orders[name][side]) for name in names], kept)
    return pair


def _drawn(
    of_seed: Sequence[Measured], rows: NDArray[np.int64], names: list[str], chosen: list[int], metrics: set[str]
) -> Measured:
    """Row `rows[i]` as measured under seed `chosen[i]`, in the cluster `names[i]`."""
    first = of_seed[0]
    known = [name for name in first.values if name in metrics]
    columns = {name: np.stack([measured.values[name] for measured in of_seed]) for name in known}
    return replace(
        first,
        unit_ids=[f"{first.unit_ids[row]} in {name}" for row, name in zip(rows, names, strict=True)],
        clusters=names,
        groups=[first.groups[row] for row in rows],
        values={name: column[chosen, rows] for name, column in columns.items()},
        grouped=(),
        groupings={},
        examples=(),
    )


def _rows(clusters: Sequence[str], count: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], list[str]]:
    """(rows of the drawn clusters, the name of the draw of each row)."""
    known, where = np.unique(np.asarray(clusters, dtype=object).astype(str), return_inverse=True)
    rows_of = [np.flatnonzero(where == number) for number in range(len(known))]
    draws = rng.integers(len(known), size=count)
    rows = np.concatenate([rows_of[draw] for draw in draws])
    return rows, [f"{known[draw]}#{place}" for place, draw in enumerate(draws) for _ in rows_of[draw]]
