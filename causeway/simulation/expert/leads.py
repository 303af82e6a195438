"""Cues of leaders: who is next ahead in the corridor that the ego will drive.

Knows agents as they were a reaction time ago and the shifts in mind. Does not know lines, people on foot or the laws.
"""

import math
from typing import Any

from causeway.simulation.compiled import compiled
from causeway.simulation.expert.cues import LEAD, Cue, following
from causeway.simulation.expert.met import met_offsets
from causeway.simulation.expert.mind import Expert, Mind, Sight
from causeway.simulation.expert.shifts import changes_lane, lane_offset
from causeway.simulation.expert.speed_laws import gentle_gap_m
from causeway.simulation.vehicle import EGO

ROOM_M = 0.25  # beside us, at least
COMES_OVER_S = 1.0  # who will be in our corridor within this time is a leader already
TURNED = 0.5  # sine of the angle to our way beyond which one goes across it
SPARE_S = 0.5  # who crosses has left our way so long before we come
LANE_M = 1.0  # from the middle of a lane that one changes to: its leader was found far enough, the gap grows gently


def leader(expert: Expert, sight: Sight, mind: Mind) -> Cue | None:
    """The nearest leader as a cue."""
    i = _nearest(expert, sight, mind)
    if i < 0:
        return None
    s, turn, seen = float(sight.along[i, 0]), float(sight.along[i, 2]), sight.seen
    cos = math.cos(turn)
    v, a = max(float(seen.speed_mps[i]) * cos, 0.0), float(seen.accel_mps2[i]) * cos
    moving_s = min(sight.age_s, v / -a) if a < 0.0 else sight.age_s
    moved = s + v * moving_s + a * moving_s**2 / 2
    length = float(expert.traffic.sizes_m[i, 0 if abs(math.sin(turn)) <= TURNED else 1])
    track_id = expert.traffic.agents[i].track_id
    at_m, speed = moved - length / 2 - EGO.front_m, v + a * moving_s
    if changes_lane(mind.shifts, sight.station_m) and abs(sight.along[i, 1] - lane_offset(mind.shifts)) < LANE_M:
        at_m = max(at_m, sight.station_m + gentle_gap_m(sight.ego.speed_mps, speed, expert.driver.headway_s))
    return following(LEAD, track_id, at_m, speed, a)


def _nearest(expert: Expert, sight: Sight, mind: Mind) -> int:
    """Index of the leader, -1 when there is none."""
    wanted = met_offsets(expert, sight, mind)
    size = (EGO.rear_axle_to_centre_m, EGO.front_m, EGO.width_m / 2)
    kinds, sizes = (expert.walks, expert.weak), expert.traffic.sizes_m
    now = (sight.station_m, sight.ego.speed_mps, sight.age_s)
    return _first(sight.along, wanted, sight.seen.speed_mps, sizes, kinds, now, size)


@compiled
def _first(along: Any, wanted: Any, speeds: Any, sizes: Any, kinds: Any, now: Any, ego: Any) -> int:
    """The nearest of all who are in our corridor when we come, or come into it soon; -1 when nobody does."""
    (centre_m, front_m, half_m), (station, speed, age_s) = ego, now
    best, nearest = -1, math.inf
    for i in range(len(along)):
        s, off, sine = along[i, 0], along[i, 1] - wanted[i], math.sin(along[i, 2])
        if abs(sine) <= TURNED:  # where it is by now: who was beside us a reaction time ago may be ahead
            s += max(speeds[i] * math.cos(along[i, 2]), 0.0) * age_s
        if s <= station + centre_m or s >= nearest or kinds[0][i]:
            continue
        crosses, across = abs(sine) > TURNED, speeds[i] * sine
        half = sizes[i, 0 if crosses else 1] / 2.0 + half_m + ROOM_M
        if crosses:
            leaves_s = (half - (off if across > 0.0 else -off)) / max(abs(across), 0.1)
            gone = leaves_s + SPARE_S < (s - station - front_m) / max(speed, 3.0)
            blocks = abs(off) < half and not gone and not kinds[1][i]
        else:  # nearest to our middle between now and then
            then = off + across * COMES_OVER_S
            blocks = off * then < 0.0 or min(abs(off), abs(then)) < half
        if blocks:
            best, nearest = i, s
    return best
