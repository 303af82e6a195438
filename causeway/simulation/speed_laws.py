"""The expert's longitudinal laws: one function for each reason to have a certain speed, all to acceleration.

Knows speeds and distances. Does not know roads, agents or which reason wins: the smallest answer does (`expert`).
Every law starts gently and ends gently, so that the sum keeps the comfort bounds of the method (spec: longitudinal
acceleration −4.05 … 2.40 m/s², jerk 4.13 m/s³).
"""

import math

import numpy as np
from numpy.typing import NDArray

from causeway.simulation.agents import IDM_ACCEL, IDM_BRAKE, IDM_GAP_M
from causeway.simulation.road import Path

Array = NDArray[np.float64]

GENTLE_MPS2 = 1.3  # setting off
EASE_PER_S = 1.3  # how the last metre before a line is taken: speed = EASE_PER_S * distance
LOOK_S = 0.5  # a driver begins to move the foot before the profile bends
LATE_BRAKE = 1.2  # above this many times the comfortable brake, brake for the distance that is left


def cruise(speed_mps: float, set_speed_mps: float) -> float:
    """Towards the set speed."""
    return min(max(0.5 * (set_speed_mps - speed_mps), -1.0), GENTLE_MPS2)


def follow(speed_mps: float, gap_m: float, leader_mps: float, headway_s: float) -> float:
    """Behind a leader: the car-following law (see `agents`) without its free-road term, which `cruise` is."""
    closing = speed_mps - leader_mps
    wanted = IDM_GAP_M + max(speed_mps * headway_s + speed_mps * closing / (2 * math.sqrt(IDM_ACCEL * IDM_BRAKE)), 0.0)
    return max(IDM_ACCEL * (1.0 - (wanted / max(gap_m, 0.1)) ** 2), -8.0)


def equilibrium_gap_m(speed_mps: float, headway_s: float) -> float:
    """The gap at which `follow` answers 0 behind a leader of the same speed."""
    return IDM_GAP_M + speed_mps * headway_s


def needed_brake(distance_m: float, speed_mps: float) -> float:
    """Braking that ends at standstill after a distance, with the eased last metre; positive."""
    reach = EASE_PER_S * distance_m
    if reach <= speed_mps:  # too late to ease
        return speed_mps**2 / (2 * max(distance_m, 0.05))
    return EASE_PER_S * (reach - math.sqrt(reach**2 - speed_mps**2))


def stop_at(distance_m: float, speed_mps: float, brake_mps2: float) -> float:
    """Towards standstill at a line `distance_m` ahead: nothing until the comfortable brake is needed."""
    if distance_m <= 0.0:
        return -min(4.0, speed_mps * 4.0)
    needs = needed_brake(distance_m, speed_mps)
    if needs > LATE_BRAKE * brake_mps2:
        return -needs
    soon = max(distance_m - speed_mps * LOOK_S, 0.0)
    return (_stop_speed(soon, brake_mps2) - speed_mps) / LOOK_S


def _stop_speed(distance_m: float, brake_mps2: float) -> float:
    """The speed from which the comfortable brake just stops within a distance."""
    eased = brake_mps2 / EASE_PER_S**2
    if distance_m <= eased:
        return EASE_PER_S * distance_m
    return math.sqrt(2 * brake_mps2 * (distance_m - eased / 2))


def curve_speeds(path: Path, lateral_accel_mps2: float, brake_mps2: float, fastest_mps: float) -> Array:
    """Speed [n] at each whole metre of a path that keeps the lateral acceleration, braking early enough for it."""
    curvature = np.abs(np.interp(np.arange(int(path.length_m) + 1), path.s_m, path.curvature_per_m))
    speeds = np.minimum(np.sqrt(lateral_accel_mps2 / np.maximum(curvature, 1e-5)), fastest_mps)
    for i in range(len(speeds) - 2, -1, -1):
        speeds[i] = min(speeds[i], math.sqrt(speeds[i + 1] ** 2 + 2 * brake_mps2))
    return speeds


def adapt(s_m: float, speed_mps: float, speeds: Array) -> float:
    """Towards the speed profile a moment ahead."""
    ahead = min(max(int(s_m + speed_mps * LOOK_S), 0), len(speeds) - 1)
    return (float(speeds[ahead]) - speed_mps) / LOOK_S
