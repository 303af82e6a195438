"""Others who take risks: room for who comes towards us on our side, distance to who backs up.

Knows agents whose script is to take risks, as they were seen. Does not know what else is in the way.
"""

from dataclasses import replace

import numpy as np

from causeway.simulation.expert.cues import RISKY, Cue, following
from causeway.simulation.expert.mind import Mind
from causeway.simulation.expert.shifts import NUDGE, RETURN, Shift, lane_offset, offset_at
from causeway.simulation.expert.situation import Situation
from causeway.simulation.vehicle import EGO

LEAST_M = 0.15  # what asks for less is not worth a movement
BACKS_UP_M = 9.0  # how far behind who backs up one stands, beyond what one leaves to a leader
RISKY_S = 3.5  # from here on one gives room to somebody who comes towards us on our side
RISKY_CLEAR_M = 0.55
SLOWER_MPS = 3.0


def _risky(now: Situation) -> list[int]:
    """Rows of `around` of agents that take risks."""
    risky = now.expert.risky
    return [k for k, i in enumerate(now.around.index.tolist()) if i in risky] if risky else []


def _towards(now: Situation, k: int) -> bool:
    return bool(now.around.along_mps[k] < -1.0) and not _backs(now, k)


def past_risky(now: Situation, mind: Mind) -> Mind:
    """Room for somebody who comes towards us over the middle of the road."""
    lane_m, agents = lane_offset(mind.shifts), now.expert.traffic.agents
    for k in _risky(now):
        track_id = agents[int(now.around.index[k])].track_id
        out = [s for s in mind.shifts if s.track_ids == (track_id,) and s.kind == NUDGE]
        home = any(s.track_ids == (track_id,) and s.kind == RETURN for s in mind.shifts)
        ahead = float(now.around.s_m[k] - now.station - EGO.front_m)
        if out and not home and ahead < -EGO.length_m and now.station > out[0].full_m:
            begin = now.station + now.begins_m
            swing = now.expert.driver.nudge_s * max(now.speed_mps, 4.0)
            back = Shift(begin, begin + swing, np.inf, np.inf, -out[0].offset_m, (track_id,), RETURN)
            mind = replace(mind, shifts=(*mind.shifts, back))
        if out or not _towards(now, k) or not _in_sight(now, k, ahead):
            continue
        inner = float(now.around.off_m[k]) + 0.6 * float(now.around.across_mps[k]) - float(now.around.width_m[k]) / 2
        offset = inner - RISKY_CLEAR_M - EGO.width_m / 2 - lane_m
        if offset < -LEAST_M:
            begin = now.station + 0.5 * now.begins_m
            shift = Shift(begin, begin + now.swing_m(0.0, offset), np.inf, np.inf, offset, (track_id,), NUDGE)
            mind = replace(mind, shifts=(*mind.shifts, shift))
    return mind


def _in_sight(now: Situation, k: int, ahead_m: float) -> bool:
    closing = now.speed_mps - float(now.around.along_mps[k])
    return 0.0 < ahead_m < RISKY_S * max(closing, 1.0)


def risk_cue(now: Situation, mind: Mind) -> Cue | None:
    """Slow down for somebody who comes towards us on our side; keep well behind somebody who backs up."""
    lane_m, agents = float(offset_at(mind.shifts, now.station)), now.expert.traffic.agents
    for k in _risky(now):
        track_id = agents[int(now.around.index[k])].track_id
        ahead = float(now.around.s_m[k] - now.station - EGO.front_m)
        side = abs(float(now.around.off_m[k] + 0.8 * now.around.across_mps[k]) - lane_m)
        in_way = ahead > 0.0 and side < (EGO.width_m + float(now.around.width_m[k])) / 2 + RISKY_CLEAR_M
        if in_way and _backs(now, k):
            rear_m = float(now.around.s_m[k] - now.around.length_m[k] / 2) - EGO.front_m
            return following(RISKY, track_id, rear_m - BACKS_UP_M, 0.0)
        if in_way and _towards(now, k) and _in_sight(now, k, ahead):
            slower = max(now.speed_mps - SLOWER_MPS, 2.0)
            return following(RISKY, track_id, now.station + 2.0 + 1.2 * now.speed_mps, slower)
    return None


def _backs(now: Situation, k: int) -> bool:
    return bool(now.sight.seen.speed_mps[now.around.index[k]] < -0.1)
