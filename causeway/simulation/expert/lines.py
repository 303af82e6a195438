"""Cues of lines to stand at: lights that ask for it, and stop signs until one has stood there and the way is free.

Knows stop lines of the ego's route, light phases and the mind. Does not know leaders or people.
"""

import math

import numpy as np

from causeway.simulation.expert.cues import LIGHT, STOP_SIGN, Cue, standing
from causeway.simulation.expert.mind import Expert, Mind, Sight
from causeway.simulation.expert.speed_laws import needed_brake
from causeway.simulation.roads.road import Signal
from causeway.simulation.vehicle import EGO

LINE_MARGIN_M = 1.0
YELLOW_BRAKE = 2.8  # a yellow light is a stop only if this is enough
STANDS_MPS, AT_LINE_M = 0.1, 2.0
LOOK_BOTH_WAYS_US = 1_500_000
CROSSES_WITHIN_S, JUNCTION_M = 5.0, 25.0
TURNED, MOVES_MPS = 0.5, 0.5  # who goes across our way: sine of the angle, and speed


def line_cues(expert: Expert, sight: Sight, mind: Mind) -> tuple[list[Cue], Mind]:
    """The next line that asks to stand, as at most one cue, and the mind after it."""
    signals = {s.signal_id: s for s in expert.scene.layout.road.signals}
    for route, line_m, control_id in expert.scene.layout.stops:
        stand_m = line_m - LINE_MARGIN_M - EGO.front_m
        left_m = stand_m - sight.station_m
        if route != "ego" or left_m <= -LINE_MARGIN_M:
            continue
        if control_id in signals:
            if _asks(expert, sight, signals[control_id], left_m):
                return [standing(LIGHT, control_id, stand_m)], mind
        elif control_id not in mind.served:
            mind = _at_sign(control_id, left_m, sight, mind)
            wait = mind.waits(STOP_SIGN, control_id)
            if wait and sight.now_us - wait.since_us >= LOOK_BOTH_WAYS_US and _free(expert, sight):
                return [], mind.without_wait(STOP_SIGN, control_id).having_served(control_id)
            return [standing(STOP_SIGN, control_id, stand_m)], mind
    return [], mind


def _asks(expert: Expert, sight: Sight, signal: Signal, distance_m: float) -> bool:
    """Whether a light that is in sight asks to stand."""
    if math.dist(sight.eye_xy, signal.position[:2]) > expert.seen_m:
        return False
    state = signal.state_at(sight.seen_us)
    if state == "yellow":
        return needed_brake(max(distance_m, 0.1), sight.ego.speed_mps) < YELLOW_BRAKE
    return state == "red"


def _at_sign(sign_id: str, distance_m: float, sight: Sight, mind: Mind) -> Mind:
    """The mind that has begun to stand at a sign, when it does."""
    stands = sight.ego.speed_mps < STANDS_MPS and distance_m < AT_LINE_M
    return mind.with_wait(STOP_SIGN, sign_id, sight.now_us) if stands else mind


def _free(expert: Expert, sight: Sight) -> bool:
    """Whether no vehicle crosses our way within the junction ahead soon."""
    s, lateral, turn = sight.along.T
    speed = sight.seen.speed_mps * np.sin(turn)
    reach_m = sight.station_m + EGO.front_m + JUNCTION_M
    here = ~expert.walks & (np.abs(np.sin(turn)) > TURNED) & (s > sight.station_m) & (s < reach_m)
    half = expert.traffic.sizes_m[:, 0] / 2 + EGO.width_m
    towards = (lateral * speed < 0.0) & (np.abs(speed) > MOVES_MPS)
    soon = np.abs(lateral) - half < np.abs(speed) * CROSSES_WITHIN_S
    return not bool((here & ((np.abs(lateral) < half) | (towards & soon))).any())
