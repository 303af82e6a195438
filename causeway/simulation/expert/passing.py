"""Passing what narrows our lane: nudges past what stands and past cyclists, or waiting behind them.

Knows things in the way and the room beside them. Does not know lanes wanted or who takes risks.
"""

from dataclasses import replace

import numpy as np

from causeway.simulation.expert.cues import OBSTACLE, Cue, following
from causeway.simulation.expert.gaps import Passage, blocker
from causeway.simulation.expert.mind import Expert, Mind
from causeway.simulation.expert.shifts import NUDGE, RETURN, Shift, lane_offset
from causeway.simulation.expert.situation import Situation
from causeway.simulation.expert.things import Thing, riders
from causeway.simulation.vehicle import EGO

ABREAST_M = 3.0  # full offset this long before and after what is passed
RIDER_M = 1.2  # room for a cyclist
LEAST_M = 0.15  # what asks for less is not worth a movement
LOOKS_S = 2.5  # so long before a movement would begin one looks whether the way is free
HOLD_M = 9.0  # how far before a thing one stands who cannot pass it, beyond what one leaves to a leader
RIDER_HOLD_M = 1.0
SPARE_S, WAITING_SPARE_S = 0.6, 1.5


def past_things(now: Situation, mind: Mind) -> Mind:
    """Nudges past what stands, neighbours that one swing passes together."""
    if not now.expert.things:
        return mind
    lane_m, driver = lane_offset(mind.shifts), now.expert.driver
    taken = {track_id for shift in mind.shifts for track_id in shift.track_ids}
    lanes = {want.cause_id for want in now.expert.scene.wants if want.lane_m != lane_m}
    for group, offset in _groups(now.expert, lane_m):
        ids = tuple(track_id for thing in group for track_id in thing.ids)
        if taken.issuperset(ids) or lanes.intersection(ids) or group[-1].to_m < now.station:
            continue
        slow = driver.works_mps if group[0].works else driver.set_speed_mps
        swing = min(driver.set_speed_mps, slow * 1.3) * driver.nudge_s
        full = group[0].from_m - EGO.front_m - ABREAST_M
        back = group[-1].to_m + (EGO.length_m - EGO.front_m) + ABREAST_M
        begin = full - swing
        if now.station > begin:  # one had to wait, or comes late
            begin = now.station + now.begins_m
            full = min(full, begin + swing)
        late = full - begin < 0.8 * now.swing_m(0.0, offset)
        shift = Shift(begin, max(full, begin + 4.0), back, back + swing, offset, ids, NUDGE)
        waits = mind.waits(NUDGE, ids[0])
        if now.station < begin - LOOKS_S * now.speed_mps and not waits:
            mind = replace(mind, shifts=(*mind.shifts, shift))
            continue
        way = Passage(begin + (full - begin) / 3, back + swing / 2, lane_m + offset, min(slow, driver.set_speed_mps))
        free = not late and _free(now, lane_m, way, offset, waits is not None)
        if not free:
            return mind.with_wait(NUDGE, ids[0], now.sight.now_us)
        mind = replace(mind, shifts=(*mind.shifts, shift)).without_wait(NUDGE, ids[0])
    return mind


def _groups(expert: Expert, lane_m: float) -> tuple[tuple[list[Thing], float], ...]:
    """Things that ask for room, those of one swing together, and the offset for each group."""
    driver, groups = expert.driver, list[tuple[list[Thing], float]]()
    for thing in expert.things:
        offset = thing.side_offset(lane_m, driver.clearance_m)
        if abs(offset) <= LEAST_M:
            continue
        last = groups[-1] if groups else None
        near = last is not None and thing.from_m - last[0][-1].to_m < driver.set_speed_mps * driver.nudge_s + 12.0
        if last is not None and near and last[1] * offset > 0.0:
            groups[-1] = ([*last[0], thing], max(last[1], offset, key=abs))
        else:
            groups.append(([thing], offset))
    return tuple(groups)


def _free(now: Situation, lane_m: float, way: Passage, offset: float, waits: bool) -> bool:
    half_lane = now.expert.scene.layout.road.lanes[0].width_m / 2
    if abs(offset) + EGO.width_m / 2 <= half_lane:  # within the lane nobody else is asked
        return True
    spare = WAITING_SPARE_S if waits else SPARE_S
    return blocker(now.around, now.station, lane_m, now.speed_mps, way, frozenset(), spare) < 0


def past_riders(now: Situation, mind: Mind) -> Mind:
    """Nudges past cyclists, which end with a movement of their own when they are passed."""
    lane_m, driver = lane_offset(mind.shifts), now.expert.driver
    for thing in riders(now.expert, now.sight, now.age_s):
        out = [s for s in mind.shifts if s.track_ids == thing.ids and s.kind == NUDGE]
        home = any(s.track_ids == thing.ids and s.kind == RETURN for s in mind.shifts)
        tail = now.station + EGO.front_m - EGO.length_m
        swing = driver.set_speed_mps * driver.nudge_s
        if out:
            if not home and tail > thing.to_m + ABREAST_M and now.station > out[0].full_m:
                begin = now.station + now.begins_m
                back = Shift(begin, begin + swing, np.inf, np.inf, -out[0].offset_m, thing.ids, RETURN)
                mind = replace(mind, shifts=(*mind.shifts, back))
            continue
        offset = thing.side_offset(lane_m, max(driver.clearance_m, RIDER_M))
        closing = max(now.speed_mps, 0.7 * driver.set_speed_mps) - thing.speed_mps
        gap = thing.from_m - now.station - EGO.front_m
        if abs(offset) <= LEAST_M or closing < 1.0 or gap < -ABREAST_M or gap > 90.0:
            continue
        meets_s = max(gap - ABREAST_M, 0.0) / closing
        full = now.station + meets_s * (closing + thing.speed_mps)
        begin = max(full - swing, now.station + now.begins_m)
        full = max(full, begin + now.swing_m(0.0, offset))
        passes_s = (gap + EGO.length_m + (thing.to_m - thing.from_m) + 2 * ABREAST_M) / closing
        end = now.station + passes_s * (closing + thing.speed_mps) + swing / 2
        way = Passage(begin + swing / 3, end, lane_m + offset, driver.set_speed_mps)
        waits = mind.waits(NUDGE, thing.ids[0]) is not None
        too_near = gap - (full - now.station) * closing / (closing + thing.speed_mps) < 0.5
        far = now.station < begin - LOOKS_S * now.speed_mps and not waits
        if not far and (too_near or not _free(now, lane_m, way, offset, waits)):
            mind = mind.with_wait(NUDGE, thing.ids[0], now.sight.now_us)
            continue
        shift = Shift(begin, full, np.inf, np.inf, offset, thing.ids, NUDGE)
        mind = replace(mind, shifts=(*mind.shifts, shift)).without_wait(NUDGE, thing.ids[0])
    return mind


def blocked_cue(now: Situation, mind: Mind) -> Cue | None:
    """How one slows, or stands, behind what one cannot pass yet."""
    waits = next((wait.cause_id for wait in mind.waiting if wait.what == NUDGE), None)
    if waits is None:
        return None
    things = (*now.expert.things, *riders(now.expert, now.sight, now.age_s))
    thing = next((t for t in things if waits in t.ids), None)
    if thing is None:
        return None
    before = HOLD_M if thing.speed_mps == 0.0 else RIDER_HOLD_M
    return following(OBSTACLE, waits, thing.from_m - EGO.front_m - before, thing.speed_mps)
