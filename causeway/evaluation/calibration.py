"""Calibration of samples: are k sampled paths as far apart as the recorded path is from them?

Knows scores of a small ensemble (k of about six) against one recorded path. Does not know policies or intervals. With
so few samples quantiles say little; what is given here is exact for any k of two or more.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def calibration(paths: Array, recorded: Array, distance_m: Array) -> dict[str, Array]:
    """Scores of paths […, k, 64, 3] against recorded […, 64, 3], k > 1; `distance_m` […, k, 64] is between them.

    `energy_score_k` (m): mean distance to the recorded path less half the mean distance between two different samples,
    over 6.4 s. Proper: lowest in expectation for samples of the true distribution, and for equal samples their
    ADE. Source: Gneiting and Raftery 2007, eq. 22, in the form that is fair for small k (Ferro 2014); the mean over
    ticks of planar distances stands for the norm. `coverage_k`: 1 unless the recorded end point is the outermost of the
    k + 1, by mean distance to the others; samples of the true distribution give k / (k + 1) (rank histogram: Gneiting
    et al. 2008, sec. 3). Less = too sure. `spread_k` and `mean_fde_k` (m): mean distance between the end points of two
    samples, and to the recorded one; equal when calibrated.
    """
    k = paths.shape[-3]
    first, second = np.triu_indices(k, 1)
    # rows lie one after another everywhere: a sum's order, and so its last digit, is that of a single sample's
    x, y = (np.ascontiguousarray(paths[..., axis]) for axis in (0, 1))
    apart_x, apart_y = (one.take(first, axis=-2) - one.take(second, axis=-2) for one in (x, y))
    between = np.sqrt(apart_x**2 + apart_y**2)
    end, end_between = (np.ascontiguousarray(one[..., -1]) for one in (distance_m, between))
    return {
        f"energy_score_{k}": distance_m.mean(axis=-1).mean(axis=-1) - between.mean(axis=-1).mean(axis=-1) / 2,
        f"coverage_{k}": _covered(end, end_between, first, second),
        f"spread_{k}": end_between.mean(axis=-1),
        f"mean_fde_{k}": end.mean(axis=-1),
    }


def _covered(end: Array, between: Array, first: NDArray[np.int64], second: NDArray[np.int64]) -> Array:
    """1 where some sample lies as far out as the recorded end point or farther; `end` […, k], `between` […, pairs]."""
    own = end.copy()
    for pair, (i, j) in enumerate(zip(first, second, strict=True)):
        own[..., i] += between[..., pair]
        own[..., j] += between[..., pair]
    return (own.max(axis=-1) >= end.sum(axis=-1) - 1e-9).astype(np.float64)
