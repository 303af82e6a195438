"""Balance: no more moments of one scenario than asked for, chosen by a hash of their ids.

Knows ids and scenarios. The choice does not depend on the order, and a moment more takes the place of one at most.
Source of the idea: clips are balanced per scenario, arXiv 2511.00088, section 3.2 (its counts are not printed).
"""

from collections.abc import Sequence
from hashlib import sha256

import numpy as np

from causeway.errors import UsageError


def over_quota(
    moment_ids: Sequence[str], scenarios: Sequence[str], max_per_scenario: int, max_share: float
) -> np.ndarray:
    """Which moments [n] (bool) are too many of their scenario; of a scenario those with the smallest hash stay.

    Raises UsageError for a limit that makes no sense.
    """
    if max_per_scenario < 0 or not 0.0 < max_share <= 1.0:
        raise UsageError(
            f"max_per_scenario {max_per_scenario}, max_share {max_share:g}: say 0 or more, and a share above 0 up to 1"
        )
    names, of_row = np.unique(np.asarray(scenarios, dtype=str), return_inverse=True)
    sizes = np.bincount(of_row, minlength=len(names))
    limit = _limit(sizes, max_per_scenario, max_share)
    dropped = np.zeros(len(of_row), dtype=bool)
    for scenario in np.flatnonzero(sizes > limit):
        rows = np.flatnonzero(of_row == scenario)
        ranked = sorted(rows.tolist(), key=lambda row: sha256(f"quota:{moment_ids[row]}".encode()).digest())
        dropped[ranked[limit:]] = True
    return dropped


def _limit(sizes: np.ndarray, max_per_scenario: int, max_share: float) -> int:
    """The most of one scenario: the largest number that keeps both rules, at least 1."""
    most = int(sizes.max(initial=1))
    limit = min(max_per_scenario, most) if max_per_scenario else most
    share = max(max_share, 1.0 / max(len(sizes), 1))
    low = 1
    while low < limit:  # the larger the limit, the larger the share of the largest scenario
        middle = (low + limit + 1) // 2
        if middle <= share * np.minimum(sizes, middle).sum() + 1e-9:
            low = middle
        else:
            limit = middle - 1
    return max(low, 1)
