"""How far two people who labelled the same moments, blind to each other, agree.

Knows pairs of answers: Cohen's kappa for each decision channel, F1 of the causes they named before either saw the
future. Does not know where answers come from. Source: J. Cohen, A coefficient of agreement for nominal scales (1960);
arXiv 2511.00088, table 4, asks for audits and prints no figure.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from causeway.reasoning.answers import Answer
from causeway.reasoning.records import Component

_DRAWS, _SEED = 1000, 0

Pair = tuple[Answer, Answer]


@dataclass(frozen=True)
class Agreement:
    """A figure with its 95 % interval over moments (bootstrap), None where it is not defined; n moments.

    `raw` is the share of moments on which both said the same.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    raw: float | None


def pairs_of(answers: Iterable[Answer]) -> list[Pair]:
    """The first two people who decided about a moment blind to each other, for each moment that has two.

    Answers of role `final` are not blind; excluded moments have no decision to compare.
    """
    of_moment: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        if answer.state == "accepted" and answer.role in ("first", "audit"):
            of_moment[answer.moment_id].append(answer)
    found = []
    for _, given in sorted(of_moment.items()):
        given.sort(key=lambda a: (a.role != "first", a.since_us, a.who))
        found += list(combinations(given[:2], 2))
    return found


def cohens_kappa(first: Sequence[str], second: Sequence[str]) -> float | None:
    """Agreement beyond chance, 1 = always, 0 = as by chance; None without rows or where both only know one name."""
    if not first:
        return None
    a, b = np.asarray(first, dtype=object), np.asarray(second, dtype=object)
    observed = float(np.mean(a == b))
    chance = sum(float(np.mean(a == name)) * float(np.mean(b == name)) for name in {*first, *second})
    return None if chance >= 1.0 - 1e-12 else (observed - chance) / (1.0 - chance)


def decision_agreement(pairs: Sequence[Pair], channel: int) -> Agreement:
    """Cohen's kappa of the decisions of one channel: 0 longitudinal, 1 lateral."""
    said = [(a.decisions[channel], b.decisions[channel]) for a, b in pairs]
    value = cohens_kappa([a for a, _ in said], [b for _, b in said])
    draws = [cohens_kappa([said[i][0] for i in drawn], [said[i][1] for i in drawn]) for drawn in _drawn(len(said))]
    raw = float(np.mean([a == b for a, b in said])) if said else None
    return Agreement(value, *_interval(draws if value is not None else []), len(said), raw)


def component_agreement(pairs: Sequence[Pair]) -> Agreement:
    """F1 of the causes that two people named from the past alone, over all their causes together (micro).

    Two causes are the same when category, kind and id are; without an id, category, kind and pose. Where both named
    none they agree, which only `raw` shows.
    """
    counts = np.array([_matches(a.seen or (), b.seen or ()) for a, b in pairs], dtype=np.float64).reshape(-1, 3)
    draws = [_f1(counts[drawn].sum(axis=0)) for drawn in _drawn(len(pairs))]
    value = _f1(counts.sum(axis=0))
    raw = float(np.mean(counts[:, 1] + counts[:, 2] == 2 * counts[:, 0])) if pairs else None
    return Agreement(value, *_interval(draws if value is not None else []), len(pairs), raw)


def same_cause(component: Component) -> tuple[str, str, str]:
    """What two causes must share to be the same one."""
    place = f"id:{component.track_id}" if component.track_id is not None else f"pose:{component.relative_pose}"
    return component.category, component.kind, place


def _matches(first: Sequence[Component], second: Sequence[Component]) -> tuple[int, int, int]:
    a, b = {same_cause(c) for c in first}, {same_cause(c) for c in second}
    return len(a & b), len(a), len(b)


def _f1(counts: np.ndarray) -> float | None:
    both, first, second = counts
    return None if first + second == 0 else float(2 * both / (first + second))


def _drawn(n: int) -> list[list[int]]:
    """Draws of moments with replacement, the same for the same number."""
    if n < 2:
        return []
    return np.random.default_rng(_SEED).integers(0, n, (_DRAWS, n)).tolist()


def _interval(draws: Iterable[float | None]) -> tuple[float | None, float | None]:
    known = [d for d in draws if d is not None]
    if not known:
        return None, None
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)
