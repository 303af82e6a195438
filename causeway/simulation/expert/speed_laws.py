"""The expert's longitudinal laws as machine code: cues to accelerations, rolled out over a plan; the smallest wins.

Knows speeds, distances and the three laws of `cues`. Does not know roads, agents or what a cue stands for. Every law
starts gently and ends gently, so that the sum keeps the comfort bounds of the method (spec: longitudinal acceleration
−4.05 … 2.40 m/s², jerk 4.13 m/s³).
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causeway.model.observation import HORIZON_STEPS
from causeway.simulation.compiled import compiled
from causeway.simulation.expert.cues import Cue
from causeway.simulation.scene import Driver
from causeway.simulation.traffic.agents import IDM_ACCEL, IDM_BRAKE, IDM_GAP_M

Array = NDArray[np.float64]

TICK = 0.1  # s; a kernel takes no constant from another file: it would not be compiled anew when that changes
GENTLE_MPS2 = 1.3  # setting off
GENTLY = 1.4  # share of the gap wanted at which the law of following still brakes gently
EASE_PER_S = 2.0  # how the last metre before a line is taken: speed = EASE_PER_S * distance
LOOK_S = 0.5  # a driver begins to move the foot before the profile bends
LATE_BRAKE = 1.2  # above this many times the comfortable brake, brake for the distance that is left
JERK_MPS3 = 2.3  # the tracker looks 0.3 s ahead and so makes half as much again of it
BRAKE_LIMIT, ACCEL_LIMIT = -4.0, 2.2
EMERGENCY_MPS2 = -7.5  # from here on comfort does not count
HARDEST_MPS2 = -8.0
STANDS_MPS, STAND_GAP_M = 0.1, 2.8  # behind a leader that stands: the car-following law alone creeps on for long
_FOLLOW, _STAND = 0, 1  # as in `cues`


def roll_out(
    station_m: float, speed_mps: float, accel_mps2: float, driver: Driver, cues: list[Cue]
) -> tuple[Array, Cue | None, float]:
    """Stations [64] of the rear axle over the plan; the cue that decides the first tick (None: set speed); its wish.

    The wish is the acceleration asked for, in m/s²; what the plan does keeps the comfort bounds, but in an emergency.
    """
    laws = np.array([cue.law for cue in cues], dtype=np.int64)
    rows = np.array([(cue.at_m, cue.speed_mps, cue.accel_mps2, cue.to_m) for cue in cues]).reshape(-1, 4)
    taste = (driver.set_speed_mps, driver.headway_s, driver.brake_mps2)
    stations = np.empty(HORIZON_STEPS)
    now = (station_m, speed_mps, accel_mps2)
    winner, wanted = _rolled(now, taste, (IDM_ACCEL, IDM_BRAKE, IDM_GAP_M), laws, rows, stations)
    return stations, cues[winner] if winner >= 0 else None, wanted


def follow(speed_mps: float, gap_m: float, leader_mps: float, headway_s: float) -> float:
    """Behind a leader: the car-following law (see `agents`) without its free-road term, which `cruise` is."""
    return _follow(speed_mps, gap_m, leader_mps, headway_s, (IDM_ACCEL, IDM_BRAKE, IDM_GAP_M))


def equilibrium_gap_m(speed_mps: float, headway_s: float) -> float:
    """The gap at which `follow` answers 0 behind a leader of the same speed."""
    return IDM_GAP_M + speed_mps * headway_s


def gentle_gap_m(speed_mps: float, leader_mps: float, headway_s: float) -> float:
    """A gap at which `follow` still brakes gently behind a leader."""
    closing = max(speed_mps - leader_mps, 0.0)
    return (equilibrium_gap_m(speed_mps, headway_s) + speed_mps * closing / 3.0) / GENTLY


@compiled
def cruise(speed_mps: float, set_speed_mps: float) -> float:
    """Towards the set speed."""
    return min(max(0.5 * (set_speed_mps - speed_mps), -1.0), GENTLE_MPS2)


@compiled
def needed_brake(distance_m: float, speed_mps: float) -> float:
    """Braking that ends at standstill after a distance, with the eased last metre; positive."""
    reach = EASE_PER_S * distance_m
    if reach <= speed_mps:  # too late to ease
        return speed_mps * speed_mps / (2.0 * max(distance_m, 0.05))
    return EASE_PER_S * (reach - math.sqrt(reach * reach - speed_mps * speed_mps))


@compiled
def stop_at(distance_m: float, speed_mps: float, brake_mps2: float) -> float:
    """Towards standstill at a line `distance_m` ahead: nothing until the comfortable brake is needed."""
    if distance_m <= 0.0:
        return -min(4.0, speed_mps * 4.0)
    needs = needed_brake(distance_m, speed_mps)
    if needs > LATE_BRAKE * brake_mps2:
        return -needs
    soon = max(distance_m - speed_mps * LOOK_S, 0.0)
    eased = brake_mps2 / (EASE_PER_S * EASE_PER_S)
    allowed = EASE_PER_S * soon if soon <= eased else math.sqrt(2.0 * brake_mps2 * (soon - eased / 2.0))
    return (allowed - speed_mps) / LOOK_S


@compiled
def keep(to_from_m: float, to_end_m: float, speed_mps: float, kept_mps: float, brake_mps2: float) -> float:
    """No faster than `kept_mps` from `to_from_m` to `to_end_m` ahead; no wish of its own (100) beyond."""
    if to_end_m < 0.0:
        return 100.0
    ahead = max(to_from_m - speed_mps * LOOK_S, 0.0)
    return (math.sqrt(kept_mps * kept_mps + 2.0 * brake_mps2 * ahead) - speed_mps) / LOOK_S


@compiled
def _follow(speed_mps: float, gap_m: float, leader_mps: float, headway_s: float, idm: Any) -> float:
    accel, brake, least_m = idm
    closing = speed_mps * (speed_mps - leader_mps) / (2.0 * math.sqrt(accel * brake))
    share = (least_m + max(speed_mps * headway_s + closing, 0.0)) / max(gap_m, 0.1)
    return max(accel * (1.0 - share * share), HARDEST_MPS2)


@compiled
def _limited(wanted: float, speed_mps: float, accel_mps2: float) -> float:
    """What becomes of a wish in a tick: no jerk, no discomfort, no driving backwards; in an emergency more."""
    emergency = wanted <= EMERGENCY_MPS2
    reach = JERK_MPS3 * TICK * (3.0 if emergency else 1.0)
    a = min(max(wanted, accel_mps2 - reach), accel_mps2 + reach)
    a = max(min(a, ACCEL_LIMIT), wanted if emergency else BRAKE_LIMIT, -speed_mps / TICK)
    return -speed_mps / TICK if speed_mps < 0.08 and wanted < 0.0 else a


@compiled
def _rolled(now: Any, taste: Any, idm: Any, laws: Any, rows: Any, stations: Any) -> tuple[int, float]:
    """Fill `stations`; the row that decides the first tick (-1: the set speed) and what it wants."""
    s, v, a = now
    set_mps, headway_s, brake_mps2 = taste
    moved, speeds = rows[:, 0].copy(), rows[:, 1].copy()
    first, first_wish = -1, 0.0
    for k in range(len(stations)):
        winner, wanted = -1, cruise(v, set_mps)
        for i in range(len(laws)):
            if laws[i] == _FOLLOW:
                wish = _follow(v, moved[i] - s, speeds[i], headway_s, idm)
                if speeds[i] < STANDS_MPS:
                    wish = min(wish, stop_at(moved[i] - s - STAND_GAP_M, v, brake_mps2))
                fastest = max(set_mps, rows[i, 1])
                then = min(max(rows[i, 1] + rows[i, 2] * (k + 1) * TICK, 0.0), fastest)
                moved[i] += (speeds[i] + then) / 2.0 * TICK
                speeds[i] = then
            elif laws[i] == _STAND:
                wish = stop_at(rows[i, 0] - s, v, brake_mps2)
            else:
                wish = keep(rows[i, 0] - s, rows[i, 3] - s, v, rows[i, 1], brake_mps2)
            if wish < wanted:
                winner, wanted = i, wish
        if k == 0:
            first, first_wish = winner, wanted
        a = _limited(wanted, v, a)
        s, v = s + max(v * TICK + a * TICK * TICK / 2.0, 0.0), max(v + a * TICK, 0.0)
        stations[k] = s
    return first, first_wish
