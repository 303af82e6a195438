"""F1 of each decision, and over all of them, with intervals from resampling whole clips.

Knows names said and names known, row by row. Does not know sentences. Accuracy hides the rare decision: F1 of each
class is 2·hits / (said + known), macro F1 the mean over the classes that are known, each counting the same.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from causeway.evaluation.statistics import LEVEL, RESAMPLES, Estimate

Array = NDArray[np.float64]


def f1_estimates(
    channel: str, said: Sequence[str | None], known: Sequence[str], clusters: Sequence[str], seed: int
) -> dict[str, tuple[Estimate, str]]:
    """{`<channel>_f1@<class>`: …, `<channel>_macro_f1`: …} with unit "score"; n is how often the class is known.

    said: None where nothing could be read, which misses. Classes that are said but never known count in no macro F1
    and have F1 0. Empty without rows.
    """
    if not known:
        return {}
    names = sorted({*known, *(name for name in said if name is not None)})
    counts = _counts(said, known, clusters, names)
    times = np.random.default_rng(seed).multinomial(len(counts), np.full(len(counts), 1 / len(counts)), size=RESAMPLES)
    drawn = f1(np.einsum("rc,ckj->rkj", times, counts)) if len(counts) > 1 else np.zeros((0, len(names)))
    whole, often = f1(counts.sum(axis=0)), Counter(known)
    found = {}
    for place, name in enumerate(names):
        estimate = estimate_of_draws(float(whole[place]), drawn[:, place], often[name], len(counts))
        found[f"{channel}_f1@{name}"] = (estimate, "score")
    places = [place for place, name in enumerate(names) if often[name]]
    macro = estimate_of_draws(float(whole[places].mean()), _mean_of_known(drawn[:, places]), len(known), len(counts))
    return found | {f"{channel}_macro_f1": (macro, "score")}


def most_frequent(known: Sequence[str]) -> list[str]:
    """What a policy must beat says: the most frequent name everywhere, of equals the first by name."""
    counted = Counter(known)
    top = min(counted, key=lambda name: (-counted[name], name), default="")
    return [top] * len(known)


def f1(counts: Array) -> Array:
    """F1 […, K] of counts […, K, 3] (hits, said, known); NaN where neither said nor known."""
    hits, said, known = np.moveaxis(np.asarray(counts, dtype=np.float64), -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return 2 * hits / (said + known)


def _counts(
    said: Sequence[str | None], known: Sequence[str], clusters: Sequence[str], names: Sequence[str]
) -> NDArray[np.int64]:
    """[clusters, K, 3]: hits, said, known of each class."""
    row_of = {cluster: row for row, cluster in enumerate(sorted(set(clusters)))}
    place = {name: k for k, name in enumerate(names)}
    counts = np.zeros((len(row_of), len(names), 3), dtype=np.int64)
    for says, knows, cluster in zip(said, known, clusters, strict=True):
        counts[row_of[cluster], place[knows], 2] += 1
        if says is not None:
            counts[row_of[cluster], place[says], 1] += 1
            counts[row_of[cluster], place[knows], 0] += says == knows
    return counts


def _mean_of_known(drawn: Array) -> Array:
    """The mean over classes of each draw; a class that was not drawn counts in none."""
    known = np.isfinite(drawn)
    return np.where(known, drawn, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)


def estimate_of_draws(value: float | None, drawn: Array, n: int, clusters: int) -> Estimate:
    """A value with its percentile interval over draws, of which NaN are left out; without an interval where none is."""
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return Estimate(value, None, None, n, clusters)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high), n, clusters)
