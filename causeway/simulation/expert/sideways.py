"""Sideways decisions: which movements out of the lane's middle the expert begins, and how it waits for them.

Knows the lanes wanted and the room beside; `passing` knows what stands in the way, `risks` who takes risks. Does not
know other reasons for a speed (`expert`). Movements that have begun stay; those still ahead are decided anew at every
tick, so that somebody who comes towards us can still change them.
"""

from dataclasses import replace

import numpy as np

from causeway.simulation.expert.cues import MERGING, Cue, following, standing
from causeway.simulation.expert.gaps import LEAST_GAP_M, Room, gains, is_safe, room
from causeway.simulation.expert.mind import Mind
from causeway.simulation.expert.passing import blocked_cue, past_riders, past_things
from causeway.simulation.expert.risks import past_risky, risk_cue
from causeway.simulation.expert.shifts import LANE_CHANGE, Shift, lane_offset
from causeway.simulation.expert.situation import Situation
from causeway.simulation.expert.speed_laws import gentle_gap_m
from causeway.simulation.scene import Want
from causeway.simulation.vehicle import EGO

END_M = 4.0  # how far before the end of a lane
CHANGE_S = 1.25  # a change of lane takes so many times as long as a nudge
QUEUES_S = 0.45  # share of the headway kept to whom one lets go ahead
SLOWER_MPS = 3.0  # than whom one lets past
LATE_M = 60.0
STANDS_S = 1.2  # so long before one would have to brake for the end one looks for no gap any more
STANDS_M = 0.5  # and who has come so near to it stays there, however slow
LETS_PAST_S = 0.35  # a follower nearer than this is let past
BESIDE_M = 0.8  # wanted beside us in a lane that we go to


def decide(now: Situation, mind: Mind) -> Mind:
    """The mind with the sideways movements that are wanted now."""
    if mind.shifts:
        soon_m = now.station + now.begins_m + 0.1  # what begins so soon is not taken back
        mind = replace(mind, shifts=tuple(s for s in mind.shifts if s.from_m <= soon_m))
        if any(s.kind == LANE_CHANGE and s.full_m > now.station for s in mind.shifts):
            return mind
    for want in now.expert.scene.wants:
        mind = _lane_for(now, want, mind)
    return past_riders(now, past_things(now, past_risky(now, mind)))


def hold(now: Situation, mind: Mind) -> Cue | None:
    """How a driver who is blocked slows or stands; None where nothing is waited for."""
    if not mind.waiting and not now.expert.risky:
        return None
    blocked = blocked_cue(now, mind)
    if blocked:
        return blocked
    wants = [w for w in now.expert.scene.wants if mind.waits(LANE_CHANGE, _wait_id(w)) and np.isfinite(w.by_m)]
    return _merging(now, wants[0], mind) if wants else risk_cue(now, mind)


def _wait_id(want: Want) -> str | None:
    return want.cause_id or want.kind


def _lane_for(now: Situation, want: Want, mind: Mind) -> Mind:
    lane_m = lane_offset(mind.shifts)
    if abs(lane_m - want.lane_m) < 0.5 or now.station < want.from_m or _swings(now, mind):
        return mind.without_wait(LANE_CHANGE, _wait_id(want))
    here, there = _rooms(now, lane_m, want)
    driver = now.expert.driver
    must = np.isfinite(want.by_m)
    if not must and not gains(here, there, now.speed_mps, driver.set_speed_mps):
        return mind.without_wait(LANE_CHANGE, _wait_id(want))
    pressed = want.by_m - now.station < LATE_M
    waits = mind.waits(LANE_CHANGE, _wait_id(want))
    needs_m = now.swing_m(CHANGE_S * driver.nudge_s * max(now.speed_mps, 4.0), want.lane_m - lane_m)
    begin = now.station + now.begins_m
    fits = begin + needs_m < want.by_m + EGO.length_m
    if not is_safe(there, now.speed_mps, driver.headway_s * (0.6 if must else 0.8), pressed) or not fits:
        return mind if waits else mind.with_wait(LANE_CHANGE, _wait_id(want), now.sight.now_us)
    shift = Shift(begin, begin + needs_m, np.inf, np.inf, want.lane_m - lane_m, (_wait_id(want) or "",), LANE_CHANGE)
    return replace(mind, shifts=(*mind.shifts, shift)).without_wait(LANE_CHANGE, _wait_id(want))


def _rooms(now: Situation, lane_m: float, want: Want) -> tuple[Room, Room]:
    here = room(now.around, now.station, lane_m, EGO.width_m)
    return here, room(now.around, now.station, want.lane_m, EGO.width_m + BESIDE_M)


def _swings(now: Situation, mind: Mind) -> bool:
    """Whether a movement is under way."""
    return any(
        s.from_m < now.station < s.full_m or (np.isfinite(s.to_m) and s.from_m < now.station < s.to_m)
        for s in mind.shifts
    )


def _merging(now: Situation, want: Want, mind: Mind) -> Cue | None:
    """Make a gap: fall in behind whoever is beside us or ahead there, and stand before the lane ends."""
    end_m, driver = want.by_m - EGO.front_m - END_M, now.expert.driver
    brakes_m = now.speed_mps**2 / (2 * driver.brake_mps2) + STANDS_S * now.speed_mps + STANDS_M
    if end_m - now.station < brakes_m:
        return standing(MERGING, want.cause_id, end_m)
    _, there = _rooms(now, lane_offset(mind.shifts), want)
    if there.rear_gap_m < LEAST_GAP_M + LETS_PAST_S * now.speed_mps and there.rear_mps > now.speed_mps - 2.0:
        track_id = now.expert.traffic.agents[there.rear].track_id
        slower = max(there.rear_mps - SLOWER_MPS, 3.0)
        return following(MERGING, track_id, now.station + 2.0 + 1.2 * now.speed_mps, slower)
    if there.lead < 0 or there.gap_m > driver.headway_s * now.speed_mps:
        return None
    track_id = now.expert.traffic.agents[there.lead].track_id
    spare = (1.0 - QUEUES_S) * driver.headway_s * now.speed_mps
    gently = gentle_gap_m(now.speed_mps, there.lead_mps, driver.headway_s)
    return following(MERGING, track_id, now.station + max(there.gap_m + spare, gently), there.lead_mps)
