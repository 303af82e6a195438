"""Intervals: what a mean over samples says about samples not seen, when samples of one clip resemble each other.

Knows the bootstrap over clusters (clips, scenes) and Wilson's interval for shares. Does not know what is measured, nor
how two policies are compared (`comparison`). All randomness comes from a seed.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 1000
LEVEL = 0.95
_DRAWS = 250_000  # numbers drawn at once
_Z = 1.959964  # two-sided 95 % of the normal distribution

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; `low` and `high` are None where the data cannot give one (a single clip)."""

    value: float | None
    low: float | None
    high: float | None
    n: int  # values that were measured
    clusters: int = 0


def mean(values: ArrayLike, clusters: Sequence[str], seed: int = 0, share: bool = False) -> Estimate:
    """Mean of values [n] and its interval from resampling whole clusters [n]; NaN values are not measured ones.

    A bootstrap of equal values is falsely certain; a `share` of all or none then gets Wilson's interval over clusters.
    """
    return means({"": np.asarray(values, dtype=np.float64)}, clusters, seed, ("",) if share else ())[""]


def means(
    columns: Mapping[str, Array], clusters: Sequence[str], seed: int = 0, shares: Container[str] = ()
) -> dict[str, Estimate]:
    """`mean` of many columns [n] over the same clusters [n]; columns measured on the same rows share draws."""
    names = np.asarray(clusters, dtype=object).astype(str)
    alike: dict[bytes, list[str]] = {}
    for name, column in columns.items():
        alike.setdefault(np.isfinite(column).tobytes(), []).append(name)
    found: dict[str, Estimate] = {}
    for group in alike.values():
        known = np.isfinite(columns[group[0]])
        table = np.stack([np.asarray(columns[name], dtype=np.float64)[known] for name in group], axis=1)
        estimates = _means(table, names[known], seed)
        found |= {n: _certain(e) if n in shares else e for n, e in zip(group, estimates, strict=True)}
    return {name: found[name] for name in columns}


def _means(table: Array, names: NDArray[np.str_], seed: int) -> list[Estimate]:
    """The mean of each column of table [n, columns] without gaps."""
    if not len(table):
        return [Estimate(None, None, None, 0)] * table.shape[1]
    sums, sizes = by_cluster(table, names)
    values = sums.sum(axis=0) / sizes.sum()
    if len(sizes) == 1:
        return [Estimate(float(value), None, None, len(table), 1) for value in values]
    drawn = np.concatenate(list(resampled(sums, sizes, seed, RESAMPLES)))
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    rows = zip(values.tolist(), low.tolist(), high.tolist(), strict=True)
    return [Estimate(value, a, b, len(table), len(sizes)) for value, a, b in rows]


def _certain(share: Estimate) -> Estimate:
    """A share of all or none with Wilson's interval; sums of equal values differ in their last digits."""
    if share.value is None or share.low is None or share.high is None or share.high - share.low > 1e-9:
        return share
    low, high = wilson(share.value, share.clusters)
    return replace(share, low=low, high=high)


def by_cluster(table: Array, names: NDArray[np.str_]) -> tuple[Array, Array]:
    """(sums [clusters, columns], rows in each [clusters]) of table [n, columns]."""
    _, where = np.unique(names, return_inverse=True)
    sums = np.zeros((int(where.max()) + 1, table.shape[1]))
    np.add.at(sums, where, table)
    return sums, np.bincount(where).astype(np.float64)


def resampled(sums: Array, sizes: Array, seed: int, resamples: int) -> Iterator[Array]:
    """Means [some, columns] of clusters drawn with replacement, `resamples` in all, a few at a time."""
    rng = np.random.default_rng(seed)
    count = len(sizes)
    some = max(1, _DRAWS // count)
    for start in range(0, resamples, some):
        rows = min(some, resamples - start)
        drawn = rng.integers(count, size=(rows, count)) + count * np.arange(rows)[:, None]
        times = np.bincount(drawn.ravel(), minlength=rows * count).reshape(rows, count).astype(np.float64)
        yield (times @ sums) / (times @ sizes)[:, None]


def wilson(share: float, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share seen in n independent trials; within [0, 1]."""
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def quantile(values: ArrayLike, q: float, seed: int = 0) -> Estimate:
    """The q-quantile of independent values [n] and its bootstrap interval; NaN values are not measured ones."""
    array = np.asarray(values, dtype=np.float64)
    array = array[np.isfinite(array)]
    if not len(array):
        return Estimate(None, None, None, 0)
    value = float(np.quantile(array, q))
    if len(array) == 1:
        return Estimate(value, None, None, 1, 1)
    drawn = np.random.default_rng(seed).choice(array, size=(RESAMPLES, len(array)))
    low, high = np.quantile(np.quantile(drawn, q, axis=1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high), len(array), len(array))


def exact(value: float, n: int) -> Estimate:
    """A count: known, not estimated, so its interval is the number itself."""
    return Estimate(value, value, value, n, n)


def clusters_needed(estimate: Estimate, limit: float) -> int | None:
    """About how many clusters would move the interval off `limit`; None when the value itself lies on it.

    An interval shrinks with the square root of the number of clusters.
    """
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return None
    gap = abs(estimate.value - limit)
    reach = estimate.value - estimate.low if estimate.value > limit else estimate.high - estimate.value
    if gap == 0 or not np.isfinite(reach):
        return None
    return max(estimate.clusters + 1, int(np.ceil(estimate.clusters * (reach / gap) ** 2)))
