"""Cues of people, animals and cyclists who cross: whom the expert lets go first, and where it stands for them.

Knows weak road users as they were a reaction time ago, crosswalks, and for whom it waits already. Does not know
leaders or lights. Who comes when we are gone, or has gone when we come, needs no waiting; who means to let us go first
counts only once on the road.
"""

import math

from causeway.simulation.expert.cues import PEDESTRIAN, Cue, standing
from causeway.simulation.expert.mind import Expert, Mind, Sight
from causeway.simulation.expert.shifts import offset_here
from causeway.simulation.vehicle import EGO

NEAR_M, PASSED_M = 80.0, 0.5
ROOM_M = 0.7  # between our side and a person, at least
WALKS_MPS = 0.3
BEFORE_US_S, AFTER_US_S = 1.0, 1.0  # spare time for who crosses behind us and before us
TURNED = 0.5  # sine of the angle to our way beyond which a cyclist crosses it
WALK_MARGIN_M, PERSON_MARGIN_M = 1.0, 2.5
REACH_M = 1.5  # a person so near to a crosswalk is on it
HARDEST_MPS2 = 7.0  # for whom this would not do one cannot stop any more


def crossing_cues(expert: Expert, sight: Sight, mind: Mind) -> tuple[list[Cue], Mind]:
    """A cue for everybody waited for, and the mind after it."""
    front_m, cues = sight.station_m + EGO.front_m, list[Cue]()
    for i in expert.weak_ones:
        station, _, turn = sight.along[i].tolist()
        crosses = -PASSED_M < station - front_m < NEAR_M and (expert.walks[i] or abs(math.sin(turn)) > TURNED)
        if not crosses:
            continue
        track_id = expert.traffic.agents[i].track_id
        waits = mind.waits(PEDESTRIAN, track_id) is not None
        stand_m = _stand_m(expert, station)
        if not _stays(expert, sight, i) and _first(expert, sight, mind, i, stand_m - sight.station_m, waits):
            mind = mind.with_wait(PEDESTRIAN, track_id, sight.now_us)
            cues.append(standing(PEDESTRIAN, track_id, stand_m))
        elif waits:
            mind = mind.without_wait(PEDESTRIAN, track_id).having_served(track_id)
    return cues, mind


def _stays(expert: Expert, sight: Sight, i: int) -> bool:
    """Whether somebody means to let us go first, and is not on the road."""
    return bool(expert.lets_us[i] and not expert.scene.layout.road.on_surface(sight.seen.poses[i : i + 1, :2])[0])


def _first(expert: Expert, sight: Sight, mind: Mind, i: int, left_m: float, waits: bool) -> bool:
    """Whether somebody goes before us, for whom we would stand `left_m` from here."""
    station, lateral, turn = sight.along[i].tolist()
    ego, speed = sight.ego, float(sight.seen.speed_mps[i]) * math.sin(turn)  # + to our left
    off = lateral + speed * sight.age_s - offset_here(mind.shifts, station)
    half = (EGO.width_m + expert.traffic.agents[i].width_m) / 2 + ROOM_M
    inside = abs(off) < half
    towards = off * speed < 0.0 and abs(speed) > WALKS_MPS
    if not inside and not towards:
        return False
    can_stop = ego.speed_mps**2 < 2 * HARDEST_MPS2 * max(left_m, 0.1)
    if waits or inside or not can_stop:
        return waits or can_stop
    v = max(ego.speed_mps, 2.0)
    enters_s, leaves_s = (abs(off) - half) / abs(speed), (abs(off) + half) / abs(speed)
    gone_s = (left_m + EGO.length_m + WALK_MARGIN_M + PERSON_MARGIN_M) / v
    return enters_s < gone_s + BEFORE_US_S and leaves_s + AFTER_US_S > left_m / v


def _stand_m(expert: Expert, person_m: float) -> float:
    """Where the rear axle stands for somebody: before the crosswalk, or before the person."""
    for from_m, to_m in expert.crosswalks:
        if from_m - REACH_M < person_m < to_m + REACH_M:
            return from_m - WALK_MARGIN_M - EGO.front_m
    return person_m - PERSON_MARGIN_M - EGO.front_m
