"""Who comes towards us on our lane or the one next to it: whose way we would cross if we swung out, or who drifts into
ours.

Knows the rows of `agents` at one tick. Does not know what they do later, or what we want their lane for.
"""

import numpy as np

from causeway.clips.cutting import MAP_REACH_M
from causeway.clips.surroundings.agents import NO_VEHICLE, Against
from causeway.clips.surroundings.scene import Scene

_LANES = 3.0  # our half lane and the whole next one, in half lanes of ours
_AGAINST_RAD = 3 * np.pi / 4
_DRIVES_MPS = 0.5


def is_oncoming(scene: Scene, rows: Against) -> np.ndarray:
    """Rows of vehicles that drive against us, on our lane or the next, as far ahead as the map surely reaches."""
    against = (np.abs(rows.turn_rad) > _AGAINST_RAD) & (rows.along_mps < -_DRIVES_MPS)
    near = rows.ahead & (rows.gap_m > -scene.front_m) & (rows.gap_m <= MAP_REACH_M - scene.front_m)
    beside = np.abs(rows.lane_offset_m) <= _LANES * rows.half_lane_m
    return near & against & beside & ~np.isin(scene.tracks.type, NO_VEHICLE)
