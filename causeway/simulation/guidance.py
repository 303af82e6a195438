"""The way to go as a navigation system draws it before the drive: what is exported as route, and shown to a policy.

Knows lanes and the wishes of a scene. Does not know how it was driven.
"""

import numpy as np
from numpy.typing import NDArray

from causeway.simulation.expert.shifts import Shift, offset_at
from causeway.simulation.scene import Scene

Array = NDArray[np.float64]

GUIDED = ("lane", "routing_intent")  # the wishes that map and destination tell
GUIDED_LATE_M, GUIDED_WITHIN_M, GUIDED_OVER_M = 5.0, 105.0, 40.0


def guided_way(scene: Scene) -> Array:
    """Points [n, 2] of the lanes to be in: what map and destination tell, never how it was driven.

    It leads to the lane of a wish that a map knows (the route's lane, a lane that goes on), late: over 40 m up to 5 m
    behind where one must be there, but no more than 105 m behind where one is told. Slow leads and works it does not
    know.
    """
    way, lane_m, shifts = scene.layout.routes["ego"], 0.0, list[Shift]()
    for want in sorted(scene.wants, key=lambda want: want.by_m):
        if want.category in GUIDED:
            over_m = min(want.by_m + GUIDED_LATE_M, want.from_m + GUIDED_WITHIN_M)
            shifts.append(Shift(over_m - GUIDED_OVER_M, over_m, np.inf, np.inf, want.lane_m - lane_m))
            lane_m = want.lane_m
    return way.pose_at(way.s_m, offset_at(tuple(shifts), way.s_m))[:, :2]
