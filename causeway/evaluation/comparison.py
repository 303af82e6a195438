"""Two policies on the same clips: how much worse one may be, with what certainty, and how many clips would tell.

Knows the paired difference by cluster (clip, scene), its one-sided bounds at any level, and the sample size at which a
loss of a given size could be excluded. Does not know rules or metrics. All randomness comes from a seed.

Bounds are the outermost of three, because each alone is too narrow somewhere: the percentile bootstrap over clusters
is with few of them; Student's t with cluster-robust errors (a ratio of sums, Cochran 1977, ch. 6) is when a few
clusters carry all the difference; and both give no width at all where no cluster differs, which a share that was the
same everywhere must not be believed: there the exact binomial bound of a thing never seen in n clusters, 1 − α^(1/n),
stands (Clopper and Pearson 1934).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causeway.evaluation.statistics import by_cluster, resampled

Array = NDArray[np.float64]
POWER = 0.9
_TAIL = 10  # bootstrap means beyond the bound that is read off
_MOST = 10_000  # resamples; farther out Student's t holds the tail


@dataclass(frozen=True)
class Difference:
    """Mean of ours − theirs over the units that both have; `low` and `high` are one-sided bounds, each at `level`."""

    value: float
    low: float | None  # None: a single cluster
    high: float | None
    level: float  # how certain each bound is, e.g. 0.9998
    n: int
    clusters: int
    spread: float  # standard deviation of what one cluster adds: the standard error is spread / √clusters


def paired(
    ours: Mapping[str, tuple[str, float]], theirs: Mapping[str, tuple[str, float]], factor: float = 1.0
) -> tuple[Array, list[str]]:
    """(differences ours − factor · theirs [n], their clusters) over the units that both have, in order of units."""
    common = sorted(set(ours) & set(theirs))
    return np.array([ours[unit][1] - factor * theirs[unit][1] for unit in common]), [ours[unit][0] for unit in common]


def difference(
    values: Array, clusters: Sequence[str], alpha: float, share: bool = False, seed: int = 0
) -> Difference | None:
    """The mean of paired differences [n] with bounds that each err with probability `alpha`; None without any.

    `share`: differences of shares, within −1 … 1, where equality in few clusters proves little.
    """
    if not len(values):
        return None
    names = np.asarray(clusters, dtype=object).astype(str)
    sums, sizes = by_cluster(np.asarray(values, dtype=np.float64)[:, None], names)
    total, count = sums[:, 0], len(sizes)
    value = float(total.sum() / sizes.sum())
    if count == 1:
        return Difference(value, None, None, 1 - alpha, len(values), 1, float("nan"))
    residual = (total - value * sizes) / sizes.mean()
    spread = float(np.sqrt((residual**2).sum() / (count - 1)))
    half = _student(alpha, count - 1) * spread / np.sqrt(count)
    low, high = value - half, value + half
    if spread > 0:
        tails = _bootstrap(sums, sizes, alpha, seed)
        low, high = min(low, tails[0]), max(high, tails[1])
    if share:
        unseen = unseen_share(count, alpha)
        low = low if (total < 0).any() else min(low, max(value, 0.0) - unseen)
        high = high if (total > 0).any() else max(high, min(value, 0.0) + unseen)
    return Difference(value, float(low), float(high), 1 - alpha, len(values), count, spread)


def _bootstrap(sums: Array, sizes: Array, alpha: float, seed: int) -> tuple[float, float]:
    """Percentile bounds, each at `alpha`."""
    resamples = int(min(_MOST, max(2000, _TAIL / alpha)))
    drawn = np.concatenate(list(resampled(sums, sizes, seed, resamples)))[:, 0]
    low, high = np.quantile(drawn, [alpha, 1 - alpha])
    return float(low), float(high)


def _student(alpha: float, freedom: int) -> float:
    """The quantile of Student's t that is passed with probability `alpha`."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 1 - alpha))


def unseen_share(clusters: int, alpha: float) -> float:
    """The largest share that may still be true, but for `alpha`, of a thing that was seen in none of n clusters."""
    return float(1 - alpha ** (1 / clusters))


def bonferroni(family_wise_error: float, rules: int) -> float:
    """The error that each of so many rules may have, so that together they wrongly refuse no oftener than the family.

    Bonferroni and not Holm: it gives each rule an interval of its own that a person can read, whatever the others say.
    """
    return family_wise_error / max(rules, 1)


def clusters_to_exclude(found: Difference, loss: float, alpha: float, share: bool = False) -> int | None:
    """How many clusters exclude a loss of this size nine times in ten when there is none: what a bench must hold.

    The normal approximation n = ((z_α + z_power) · spread / loss)², a share never less than
    what the exact bound of an event never seen takes. None for a loss of 0, which no number excludes.
    """
    from scipy.special import ndtri

    if loss <= 0 or not np.isfinite(found.spread):
        return None
    reach = float(ndtri(1 - alpha) + ndtri(POWER))
    needed = (reach * found.spread / loss) ** 2
    if share and loss < 1:
        needed = max(needed, np.log(alpha) / np.log1p(-loss))
    return max(2, int(np.ceil(needed)))
