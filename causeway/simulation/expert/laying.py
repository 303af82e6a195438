"""From wanted stations and offsets to the poses of a plan, as machine code.

Knows arrays. Does not know why a plan is as it is (`expert`).
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causeway.simulation.compiled import compiled

Array = NDArray[np.float64]

STEEPEST = 0.5  # of a path against the route: beyond it one stands, and the quotient means nothing
LEAST_M = 1e-4  # two waypoints closer than this have no direction of their own


@compiled
def into_rig(poses: Any, offsets: Any, stations: Any, x_m: float, y_m: float, yaw_rad: float) -> None:
    """Poses [n, 3] on the route's heading become poses in the rig frame, turned as their offsets change."""
    n, cos, sin = len(stations), math.cos(yaw_rad), math.sin(yaw_rad)
    for k in range(n):
        a, b = max(k - 1, 0), min(k + 1, n - 1)
        way_m = stations[b] - stations[a]
        slope = (offsets[b] - offsets[a]) / way_m if way_m > LEAST_M else 0.0
        dx, dy = poses[k, 0] - x_m, poses[k, 1] - y_m
        turned = poses[k, 2] + math.atan(min(max(slope, -STEEPEST), STEEPEST)) - yaw_rad
        poses[k, 0], poses[k, 1] = cos * dx + sin * dy, cos * dy - sin * dx
        poses[k, 2] = turned - 2.0 * math.pi * math.floor((turned + math.pi) / (2.0 * math.pi))
