"""Where, sideways, our way leads past each other road user when we meet: not always where they are now.

Knows the shifts in mind and what is seen. Does not know who leads (`leads`).
"""

import math

import numpy as np
from numpy.typing import NDArray

from causeway.simulation.compiled import compiled
from causeway.simulation.expert.mind import Expert, Mind, Sight
from causeway.simulation.expert.shifts import changes_lane, lane_offset, offset_at

Array = NDArray[np.float64]

TOWARDS_MPS = -0.5  # along our way: it comes towards us
ELSEWHERE_M = 1e6


def met_offsets(expert: Expert, sight: Sight, mind: Mind) -> Array:
    """The offset [n] of our way from the route (+ left) where we meet each agent.

    Who is in a lane that one changes to leads from the decision on. Who comes towards us is met on the way there. A
    cyclist whom one has decided to pass moves on meanwhile and is in nobody's way: 1e6.
    """
    if not mind.shifts:
        return np.zeros(len(sight.along))
    offsets = offset_at(mind.shifts, _meeting(sight.along, sight.seen.speed_mps, sight.station_m, sight.ego.speed_mps))
    if changes_lane(mind.shifts, sight.station_m):
        lane_m, own_m = lane_offset(mind.shifts), sight.along[:, 1]
        offsets = np.where(np.abs(own_m - lane_m) < np.abs(own_m - offsets), lane_m, offsets)
    passed = {track_id for shift in mind.shifts if not math.isfinite(shift.back_m) for track_id in shift.track_ids}
    for i, agent in enumerate(expert.traffic.agents if passed else ()):
        if agent.type == "cyclist" and agent.track_id in passed:
            offsets[i] = ELSEWHERE_M
    return offsets


@compiled
def _meeting(along: Array, speeds: Array, station: float, speed: float) -> Array:
    """The stations [n] at which we meet agents who stay in their lanes."""
    out = np.empty(len(along))
    for i in range(len(along)):
        closes = speeds[i] * math.cos(along[i, 2])
        share = speed / max(speed - closes, 0.5) if closes < TOWARDS_MPS else 1.0
        out[i] = station + (along[i, 0] - station) * share
    return out
