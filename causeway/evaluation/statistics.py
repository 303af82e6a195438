"""Intervals: what a mean over samples says about samples not seen, when samples of one clip resemble each other.

Knows the bootstrap over clusters (clips, scenes) and Wilson's interval for shares. Does not know what is measured.
All randomness comes from a seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 1000
LEVEL = 0.95
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
    array = np.asarray(values, dtype=np.float64)
    known = np.isfinite(array)
    array, names = array[known], np.asarray(clusters, dtype=object)[known]
    if not len(array):
        return Estimate(None, None, None, 0)
    _, where = np.unique(names.astype(str), return_inverse=True)
    count = int(where.max()) + 1
    value = float(array.mean())
    if count == 1:
        return Estimate(value, None, None, len(array), 1)
    drawn = _resampled_means(array, where, count, seed)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    if share and np.isclose(low, high, rtol=0.0, atol=1e-9):  # sums of equal values differ in their last digits
        low, high = wilson(value, count)
    return Estimate(value, float(low), float(high), len(array), count)


def _resampled_means(array: Array, where: NDArray[np.int64], count: int, seed: int) -> Array:
    """Means [RESAMPLES] of samples of clusters drawn with replacement."""
    sums = np.bincount(where, weights=array, minlength=count)
    sizes = np.bincount(where, minlength=count)
    rng = np.random.default_rng(seed)
    times = rng.multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    return (times @ sums) / (times @ sizes)


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
