"""One tick of everybody's motion, as compiled loops: car following, scripts, stop lines and changes of lane.

Knows arrays (see `pack`) and where everybody is on every route. Does not know scenes. Sources of the laws and
their parameters are stated in `agents`.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from causeway.simulation.compiled import compiled

if TYPE_CHECKING:
    from causeway.simulation.traffic.pack import Packed

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

FAR_M = 1e6
NEVER_US = 1 << 60
IDM = (1.4, 1.67, 2.0, 1.6, 4.0)
MOBIL = (0.2, 0.2, 3.0)
TICK_S = 0.1
_ACCEL, _BRAKE, _GAP_M, _HEADWAY_S, _POWER = IDM
_POLITENESS, _THRESHOLD, _SAFE_BRAKE = MOBIL
_HARDEST_BRAKE = 8.0
_BESIDE_M = 0.2  # who is farther to the side than this, box to box, is not in the way
_STOP_BRAKE = 4.0  # a light asks only whom this stops
_CHANGE_US, _SIGNAL_US = 4_000_000, 1_000_000  # how long a change of lane takes, and signals before it
_REST_US = 5_000_000  # between two changes
_LANE_M = (2.5, 4.5)  # how far a lane beside is
_ENDS_M = 80.0  # nobody changes to a lane that ends so soon


@compiled
def idm(v: float, desired: float, gap: float, closing: float) -> float:
    """Acceleration in m/s² of the car-following law; `closing` is own speed minus the leader's."""
    wanted = _GAP_M + max(v * _HEADWAY_S + v * closing / (2.0 * math.sqrt(_ACCEL * _BRAKE)), 0.0)
    return _ACCEL * (1.0 - (v / max(desired, 0.1)) ** _POWER - (wanted / max(gap, 0.1)) ** 2)


@compiled
def smooth(share: float) -> float:
    """From 0 to 1 with no speed and no acceleration at either end."""
    x = min(max(share, 0.0), 1.0)
    return x**3 * (10.0 - 15.0 * x + 6.0 * x * x)


@compiled
def _neighbour(at: Array, lengths: Array, widths: Array, me: int, side: float, ahead: bool) -> tuple:
    """(index, gap) of who is next ahead or behind on a route, within the strip `me` would take at offset `side`.

    `at` [n, 3]: station, offset and turn of all on that route. Index −1 where there is none.
    """
    best, best_gap = -1, FAR_M
    for j in range(len(at)):
        apart = at[j, 0] - at[me, 0] if ahead else at[me, 0] - at[j, 0]
        if j == me or apart <= 0.0 or apart > 250.0:
            continue
        cos, sin = abs(math.cos(at[j, 2])), abs(math.sin(at[j, 2]))
        if abs(at[j, 1] - side) >= (cos * widths[j] + sin * lengths[j] + widths[me]) / 2.0 + _BESIDE_M:
            continue
        gap = apart - (cos * lengths[j] + sin * widths[j] + lengths[me]) / 2.0
        if gap < best_gap:
            best, best_gap = j, gap
    return best, best_gap


@compiled
def gather(
    poses: Array,
    speed: Array,
    lengths: Array,
    widths: Array,
    ego_box: Array,
    ego_mps: float,
    every: Array,
    others: Array,
) -> None:
    """Fill in poses [n + 1, 3], and speeds, lengths and widths [3, n + 1], of agents and, last, the ego."""
    n = len(poses)
    for i in range(n):  # (a slice that is written to takes seconds to compile)
        others[0, i], others[1, i], others[2, i] = speed[i], lengths[i], widths[i]
        for k in range(3):
            every[i, k] = poses[i, k]
    others[0, n], others[1, n], others[2, n] = ego_mps, ego_box[3], ego_box[4]
    for k in range(3):
        every[n, k] = ego_box[k]


@compiled
def _begin(p: "Packed", began: Ints, ego_front_m: float, t_us: int) -> None:
    for k in range(len(began)):
        if began[k] == NEVER_US and (t_us >= p.part_at_us[k] or ego_front_m >= p.part_ego_m[k]):
            began[k] = t_us


@compiled
def _scripted(p: "Packed", began: Ints, i: int) -> int:
    """The part of an agent's script in force, or −1."""
    active = -1
    for k in range(p.part_first[0, i], p.part_first[0, i + 1]):
        if began[k] != NEVER_US:
            active = k
    return active


@compiled
def _accelerations(
    p: "Packed",
    at: Array,
    speed: Array,
    lengths: Array,
    widths: Array,
    route: Ints,
    closed: Bools,
    began: Ints,
    out: Array,
) -> None:
    for i in range(len(out)):
        out[i] = 0.0
        if p.stays[i]:
            continue
        k, v = _scripted(p, began, i), speed[i]
        scripted = FAR_M
        if k >= 0:
            scripted = min(max((p.part_to[k] - v) / TICK_S, -p.part_by[k]), p.part_by[k])
            if p.part_to[k] < 0.0 or v < 0.0:
                out[i] = scripted
                continue
        here = at[route[i]]
        j, gap = _neighbour(here, lengths, widths, i, here[i, 1], True)
        leader = speed[j] * math.cos(here[j, 2]) if j >= 0 else 0.0
        for q in range(len(closed)):
            left = p.stop_m[q] - here[i, 0] - lengths[i] / 2.0
            asks = closed[q] and p.stop_route[q] == route[i] and left > 0.0 and left + _GAP_M < gap
            if asks and v * v / (2.0 * max(left, 0.1)) < _STOP_BRAKE:
                gap, leader = left + _GAP_M - 0.5, 0.0
        wish = min(idm(v, p.desired_mps[i], gap, v - leader), scripted)
        out[i] = min(max(wish, -_HARDEST_BRAKE), 1.5 * _ACCEL)


@compiled
def _gain(
    p: "Packed", there: Array, here: Array, speed: Array, accel: Array, lengths: Array, widths: Array, i: int
) -> float:
    """What a change of lane gives by MOBIL, in m/s²; −FAR_M where it is not safe."""
    j, gap = _neighbour(there, lengths, widths, i, 0.0, True)
    new = idm(speed[i], p.desired_mps[i], gap, speed[i] - (speed[j] if j >= 0 else 0.0))
    f, behind = _neighbour(there, lengths, widths, i, 0.0, False)
    if gap < 1.0 or behind < 1.0 or new < -_SAFE_BRAKE:
        return -FAR_M
    others = 0.0
    if f >= 0:
        desired = p.desired_mps[f] if f < len(p.desired_mps) else speed[f]
        forced = idm(speed[f], max(desired, speed[f]), behind, speed[f] - speed[i])
        if forced < -_SAFE_BRAKE:
            return -FAR_M
        others += forced - accel[f]
    o, apart = _neighbour(here, lengths, widths, i, here[i, 1], False)
    if o >= 0 and o < len(p.desired_mps) and j >= 0:
        others += idm(speed[o], p.desired_mps[o], apart + lengths[i] + gap, speed[o] - speed[j]) - accel[o]
    return new - accel[i] + _POLITENESS * others


@compiled
def _change_lanes(
    p: "Packed",
    at: Array,
    ends: Array,
    used: Bools,
    ego_route: int,
    speed: Array,
    accel: Array,
    lengths: Array,
    widths: Array,
    t_us: int,
    s: Array,
    lateral: Array,
    route: Ints,
    change_us: Ints,
    change_m: Array,
) -> None:
    """Whoever gains by it moves to the lane beside; each thinks of it once a second."""
    for i in range(len(route)):
        thinks = p.changes[i] and (t_us // 100_000 + i) % 10 == 0 and t_us > change_us[i] + _REST_US
        if not thinks or abs(lateral[i]) > 0.5:
            continue
        best, to = _THRESHOLD, -1
        for r in range(len(at)):
            if not used[r] or r == route[i] or r == ego_route or abs(at[r, i, 2]) > 0.2:
                continue
            aside = abs(at[r, i, 1])
            if aside < _LANE_M[0] or aside > _LANE_M[1] or at[r, i, 0] < 5.0 or at[r, i, 0] > ends[r] - _ENDS_M:
                continue
            gain = _gain(p, at[r], at[route[i]], speed, accel, lengths, widths, i)
            if gain > best:
                best, to = gain, r
        if to >= 0:
            s[i], lateral[i] = at[to, i, 0], at[to, i, 1]
            route[i], change_us[i], change_m[i] = to, t_us + _SIGNAL_US, lateral[i]


@compiled
def _aside(p: "Packed", began: Ints, i: int, t_us: int) -> float:
    """The scripted offset of an agent at a time."""
    offset = target = p.lateral_m[i]
    for k in range(p.part_first[1, i], p.part_first[1, i + 1]):
        if began[k] != NEVER_US:
            offset += (p.part_to[k] - target) * smooth((t_us - began[k]) / (p.part_by[k] * 1e6))
            target = p.part_to[k]
    return offset


@compiled
def _indicated(p: "Packed", began: Ints, i: int, t_us: int) -> int:
    side = 0
    for k in range(p.part_first[2, i], p.part_first[2, i + 1]):
        if began[k] != NEVER_US and t_us < began[k] + p.part_by[k] * 1e6:
            side = int(p.part_to[k])
    return side


@compiled
def advance(
    p: "Packed",
    at: Array,
    ends: Array,
    used: Bools,
    ego_route: int,
    everybody: Array,
    closed: Bools,
    t_us: int,
    s_before: Array,
    lateral_before: Array,
    route_before: Ints,
    change_us_before: Ints,
    change_m_before: Array,
    began: Ints,
    floats: Array,
    ints: Ints,
) -> None:
    """One tick. `at` [r, n + 1, 3]: everybody, the ego last, on each route; `everybody` [3, n + 1] as `gather` has it.

    Changes `began` and fills `floats` [6, n]: s, lateral, change_m, speed, accel, turn, and `ints` [3, n]: route,
    change_us, indicator. (Arrays that a compiled function returns cost more than such as it fills.)
    """
    n = len(s_before)
    speed, lengths, widths = everybody[0], everybody[1], everybody[2]
    s, lateral, change_m, accel = floats[0], floats[1], floats[2], floats[4]
    route, change_us = ints[0], ints[1]
    for i in range(n):  # (a slice that is written to takes seconds to compile)
        s[i], lateral[i], change_m[i] = s_before[i], lateral_before[i], change_m_before[i]
        route[i], change_us[i] = route_before[i], change_us_before[i]
        at[route[i], i, 0], at[route[i], i, 1] = s[i], lateral[i]  # exact on one's own route
    front = at[ego_route, n, 0] + lengths[n] / 2.0 if ego_route >= 0 else -FAR_M
    _begin(p, began, front, t_us)
    _accelerations(p, at, speed, lengths, widths, route, closed, began, accel)
    _change_lanes(
        p, at, ends, used, ego_route, speed, accel, lengths, widths, t_us, s, lateral, route, change_us, change_m
    )
    _move(p, began, speed, t_us + 100_000, floats, ints)


@compiled
def _move(p: "Packed", began: Ints, speed: Array, later: int, floats: Array, ints: Ints) -> None:
    """Everybody moves on to a time with the accelerations found; see `advance` for the rows."""
    s, lateral, change_m, new_speed, accel, turn = floats[0], floats[1], floats[2], floats[3], floats[4], floats[5]
    change_us, indicator = ints[1], ints[2]
    for i in range(len(speed) - 1):  # the ego is last
        v = speed[i]
        k = _scripted(p, began, i)
        lowest = min(p.part_to[k], 0.0) if k >= 0 else 0.0
        new_speed[i] = max(v + accel[i] * TICK_S, min(lowest, v)) if not p.stays[i] else 0.0
        s[i] += (v + new_speed[i]) / 2.0 * TICK_S
        accel[i] = (new_speed[i] - v) / TICK_S
        side = _aside(p, began, i, later) + change_m[i] * (1.0 - smooth((later - change_us[i]) / _CHANGE_US))
        across = (side - lateral[i]) / TICK_S
        lateral[i] = side
        slant = math.atan2(across, max(abs(new_speed[i]), 2.0))
        turn[i] = p.turned_rad[i] + (slant if new_speed[i] >= 0.0 else -slant)
        indicator[i] = _indicated(p, began, i, later)
        if change_us[i] - _SIGNAL_US <= later < change_us[i] + _CHANGE_US:
            indicator[i] = 1 if change_m[i] < 0.0 else -1
