"""Room beside us: whether a lane can be taken, and whether a way around something is free for as long as it takes.

Knows others along the ego's route and the laws of car following and of changing lanes (`agents` states the sources).
Does not know why one wants to go there, nor what is decided.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causeway.simulation.compiled import compiled
from causeway.simulation.expert.mind import Expert, Sight
from causeway.simulation.expert.speed_laws import follow
from causeway.simulation.traffic.agents import FAR_M, MOBIL_THRESHOLD, idm
from causeway.simulation.vehicle import EGO

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

SAFE_BRAKE, PRESSED_BRAKE = 1.6, 2.6  # what a change of lane may ask of the follower; when the lane ends soon
LEAST_GAP_M = 3.0
GAINS_ACCEL = 1.0  # how one is taken to speed up to the speed wanted
SPARE_M, SPARE_S = 8.0, 0.8  # beyond what is needed, to those who come towards us and to those behind
SIDE_M = 0.6  # beside us
ONCOMING_MPS = -0.5
CROSSES, SOON_S = 0.7, 1.5  # sine of the angle beyond which one crosses our way; who is in a lane so soon is in it
FASTER_MPS, FREE_M = 0.8, 25.0  # the lane beside is better: its leader is so much faster, or so much farther away


@dataclass(frozen=True, eq=False)
class Others:
    """Moving vehicles and cyclists along the ego's route, as they are taken to be now; arrays [n].

    `s_m`, `off_m` (+ left): centres; `along_mps`, `across_mps`: speeds along and to the left; `index`: of the agent.
    """

    index: Ints
    s_m: Array
    off_m: Array
    along_mps: Array
    across_mps: Array
    length_m: Array
    width_m: Array


def others(expert: Expert, sight: Sight, age_s: float) -> Others:
    """Everybody on wheels, moved on from when they were seen."""
    length_m = expert.scene.layout.routes["ego"].length_m
    which, sizes = expert.on_wheels, expert.traffic.sizes_m
    index, rows = np.empty(len(which), dtype=np.int64), np.empty((6, len(which)))
    n = _moved_on(which, sight.along, sight.seen.speed_mps, sizes, length_m, age_s, index, rows)
    return Others(index[:n], *rows[:, :n])


@compiled
def _moved_on(
    which: Ints, along: Array, speed: Array, sizes: Array, length_m: float, age_s: float, index: Ints, rows: Array
) -> int:
    """Fill the fields of `Others` with those who do not cross; who is beyond the ends is nowhere on our way."""
    n = 0
    for i in which:
        cos, sin = math.cos(along[i, 2]), math.sin(along[i, 2])
        if not 0.0 < along[i, 0] < length_m or abs(sin) > CROSSES:
            continue
        forward, across = speed[i] * cos, speed[i] * sin
        index[n] = i
        rows[0, n], rows[1, n] = along[i, 0] + forward * age_s, along[i, 1] + across * age_s
        rows[2, n], rows[3, n] = forward, across
        rows[4, n], rows[5, n] = sizes[i, 0], sizes[i, 1]
        n += 1
    return n


@dataclass(frozen=True)
class Room:
    """A lane beside us, or ours: who leads there and how far ahead of our front, who follows and how far behind."""

    lead: int  # index of the agent, −1 = nobody
    gap_m: float
    lead_mps: float
    rear: int
    rear_gap_m: float
    rear_mps: float


def room(around: Others, station: float, lane_m: float, width_m: float) -> Room:
    """Leader and follower of a place at the ego's station in the lane whose middle is `lane_m` beside the route."""
    centre = station + EGO.rear_axle_to_centre_m
    columns = (around.s_m, around.off_m, around.along_mps, around.across_mps, around.length_m, around.width_m)
    lead, gap_m, rear, rear_gap_m = _neighbours(*columns, centre, lane_m, width_m, EGO.length_m)
    return Room(*_row(around, gap_m, lead), *_row(around, rear_gap_m, rear))


def _row(around: Others, gap_m: float, k: int) -> tuple[int, float, float]:
    return (int(around.index[k]), gap_m, float(around.along_mps[k])) if k >= 0 else (-1, FAR_M, 0.0)


@compiled
def _neighbours(
    s: Array,
    off: Array,
    along: Array,
    across: Array,
    length: Array,
    width: Array,
    centre: float,
    lane_m: float,
    width_m: float,
    own_m: float,
) -> tuple[int, float, int, float]:
    """Who is next ahead in a strip and who behind, now or soon: rows, −1 = nobody, and how far, box to box."""
    lead, rear, gap, rear_gap = -1, -1, math.inf, math.inf
    for k in range(len(s)):
        soon = off[k] + across[k] * SOON_S
        aside = min(abs(off[k] - lane_m), abs(soon - lane_m))
        if aside >= (width_m + width[k]) / 2 - 0.3 or along[k] <= ONCOMING_MPS:
            continue
        apart = s[k] - centre
        free = abs(apart) - (length[k] + own_m) / 2
        if apart > 0.0 and free < gap:
            lead, gap = k, free
        elif apart <= 0.0 and free < rear_gap:
            rear, rear_gap = k, free
    return lead, gap, rear, rear_gap


def is_safe(there: Room, speed_mps: float, headway_s: float, pressed: bool) -> bool:
    """MOBIL's safety criterion: neither we nor the follower there would have to brake hard."""
    least = PRESSED_BRAKE if pressed else SAFE_BRAKE
    if there.gap_m < LEAST_GAP_M or there.rear_gap_m < LEAST_GAP_M:
        return False
    if there.lead >= 0 and follow(speed_mps, there.gap_m, there.lead_mps, headway_s) < -least:
        return False
    follower = idm(there.rear_mps, max(there.rear_mps, 1.0) * 1.2, there.rear_gap_m, there.rear_mps - speed_mps)
    return there.rear < 0 or follower > -least


def gains(here: Room, there: Room, speed_mps: float, set_mps: float, slower_mps: float = 1.0) -> bool:
    """MOBIL's incentive: a slow lead holds us up here, and there we would be faster. The follower is not asked: what
    it would lose is bounded by `is_safe`."""
    if here.lead < 0 or here.lead_mps > set_mps - slower_mps or here.gap_m > 6.0 + 3.5 * speed_mps:
        return False
    faster = there.lead < 0 or there.lead_mps > here.lead_mps + FASTER_MPS or there.gap_m > here.gap_m + FREE_M
    before = idm(speed_mps, set_mps, here.gap_m, speed_mps - here.lead_mps)
    after = idm(speed_mps, set_mps, max(there.gap_m, 1.0), speed_mps - there.lead_mps)
    return faster and (after - before > MOBIL_THRESHOLD or before < -MOBIL_THRESHOLD)


def seconds_to(distance_m: float, speed_mps: float, set_mps: float) -> float:
    """How long a distance takes when one speeds up gently to a speed."""
    if distance_m <= 0.0:
        return 0.0
    fast = max(set_mps, speed_mps, 1.0)
    gaining_m = (fast**2 - speed_mps**2) / (2 * GAINS_ACCEL)
    if distance_m <= gaining_m:
        return float((np.sqrt(speed_mps**2 + 2 * GAINS_ACCEL * distance_m) - speed_mps) / GAINS_ACCEL)
    return (fast - speed_mps) / GAINS_ACCEL + (distance_m - gaining_m) / fast


@dataclass(frozen=True)
class Passage:
    """A strip beside our lane that we would take: from `begin_m` to `end_m`, at `off_m`, at up to `set_mps`."""

    begin_m: float
    end_m: float
    off_m: float
    set_mps: float


def blocker(
    around: Others, station: float, lane_m: float, speed_mps: float, way: Passage, ids: frozenset[int], spare_s: float
) -> int:
    """Index of the agent that keeps us from a passage, −1 when it is free: one who comes towards us and would meet us
    in it, or drives our way beside us. `ids`: agents that do not count; `spare_s`: time wanted beyond what is needed.
    """
    begins, ends = (seconds_to(m - station, speed_mps, way.set_mps) for m in (way.begin_m, way.end_m))
    half = EGO.width_m / 2 + SIDE_M + around.width_m / 2
    takes = np.abs(around.off_m - way.off_m) < half
    ours = np.abs(around.off_m - lane_m) < (EGO.width_m + around.width_m) / 2
    near = takes & ~np.isin(around.index, list(ids))
    oncoming = around.along_mps < ONCOMING_MPS
    middle = station + EGO.rear_axle_to_centre_m
    # towards us: it has to be past our tail when we begin, or still ahead of our front when we are back
    past = around.s_m + around.along_mps * begins + around.length_m / 2 < way.begin_m - 1.0
    ends_m = way.end_m + EGO.front_m + SPARE_M
    later = around.s_m + around.along_mps * (ends + spare_s) - around.length_m / 2 > ends_m
    meets = near & oncoming & (around.s_m > middle - EGO.length_m) & ~past & ~later
    # our way: it must not come beside us in between
    apart = around.s_m - middle
    least = (around.length_m + EGO.length_m) / 2 + 2.0
    closing = around.along_mps - max(speed_mps, 1.0)
    behind = apart < 0.0
    catches = behind & (-apart - least - np.maximum(closing, 0.0) * (ends + spare_s) < 0.0)
    beside = near & ~oncoming & ~ours & (catches | (~behind & (apart < least)))
    found = np.flatnonzero(meets | beside)
    return int(around.index[found[np.argmin(np.abs(apart[found]))]]) if len(found) else -1
