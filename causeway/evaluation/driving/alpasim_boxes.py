"""AlpaSim's boxes: 2 % smaller than the vehicle's, with round corners. Do two of them touch?

Knows shapes on the ground. Does not know rollouts or scores. Source: AlpaSim's `eval` as restated (NVlabs/alpasim,
commit 3032e0c): each box is shrunk by 2 %, then its corners are rounded by half of half the shorter side.
"""

import numpy as np
from numpy.typing import NDArray

from causeway.simulation.events.contacts import meetings

Array = NDArray[np.float64]

SHRUNK = 0.98
ROUNDNESS = 0.5
_STILL = np.zeros(2)


def rounded_touch(box: Array, others: Array) -> bool:
    """Whether AlpaSim's shape of a box [5] (centre x, y, yaw, length, width) touches that of any of others [n, 5].

    A rectangle with corners of radius r is what lies within r of the rectangle that is r smaller on every side: two
    touch where those are no farther apart than both radii.
    """
    own, own_m = _core(box)
    for other in others:
        core, radius_m = _core(other)
        reach_m = float(np.hypot(*box[3:]) + np.hypot(*other[3:]))  # farther middles are not measured
        apart_m = meetings(own, _STILL, core[None], np.zeros((1, 2)), reach_m)[1]
        if apart_m < reach_m and apart_m <= own_m + radius_m:
            return True
    return False


def _core(box: Array) -> tuple[Array, float]:
    """(the rectangle left when the corner radius is taken off every side, that radius in metres)."""
    length_m, width_m = SHRUNK * box[3:]
    radius_m = ROUNDNESS * min(length_m, width_m) / 2
    return np.array([*box[:3], length_m - 2 * radius_m, width_m - 2 * radius_m]), float(radius_m)
