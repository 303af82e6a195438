"""Which lane the ego is on at each tick of a stretch of driving, and where on it.

Uses distance, heading and continuity over the whole stretch: lanes that overlap in a junction are told apart by where
the ego came from and goes to, not by the nearest line of one tick. So it looks ahead in time: it is for behaviour
(what the ego did), never for evidence (what was known). Does not know what a lane change is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from causeway.clips.surroundings.path import Polyline, polyline, project

CANDIDATES = 8  # lanes looked at for one tick, the best fitting ones
_FAR_M = 4.0  # a line farther away is none of them
_AGAINST_RAD = np.pi / 3  # nor one that leads otherwise
_OFFSET_SCALE_M, _TURN_SCALE_RAD = 1.8, 0.35  # half a lane beside counts like 20 degrees askew
_OFF_MAP_COST = 2.0  # a tick on no lane: like 2.5 m beside one
_BESIDE = ("shoulder", "bike")  # kinds of lanes that cars do not drive on
_CHANGE_COST = 3.0  # to go on with another lane, or on and off the map
_FOLLOW_COST = 0.05  # to go on with a lane's successor
_AT_ONCE = 4096  # ticks whose pairs of lanes are in memory together


@dataclass(frozen=True, eq=False)
class LaneLines:
    """Lanes of a map in one plane frame: their ids, centre lines, successors and which lead through a junction."""

    lane_ids: tuple[str, ...]
    centres: tuple[Polyline, ...]
    successors: tuple[tuple[str, ...], ...]
    junctions: frozenset[str]


@dataclass(frozen=True, eq=False)
class Candidates:
    """Lanes that fit each of n ticks, arrays [n, CANDIDATES] ordered by cost; cost is infinite where there is none.

    `lane` is an index into `lane_ids`; offset_m is the ego's from the centre (+ = left), turn_rad its heading
    relative to it.
    """

    lane_ids: tuple[str, ...]
    successors: Mapping[str, tuple[str, ...]]
    junctions: frozenset[str]
    lane: np.ndarray
    cost: np.ndarray
    offset_m: np.ndarray
    turn_rad: np.ndarray


@dataclass(frozen=True, eq=False)
class LanePlaces:
    """The lane of each of n ticks: its index into `lane_ids` (-1: on none), offset_m and turn_rad (NaN there).

    `follows` [n] tells that a tick's lane is that of the tick before or one that it leads to.
    `in_junction` [n]: its lane leads through a junction.
    `left_m` [n]: how far left of the centre of the tick before's lane the ego is at this tick (NaN where unknown).
    """

    lane_ids: tuple[str, ...]
    lane: np.ndarray
    offset_m: np.ndarray
    turn_rad: np.ndarray
    follows: np.ndarray
    left_m: np.ndarray
    in_junction: np.ndarray


def lane_lines(rows: Sequence[Mapping]) -> LaneLines:
    """The lanes of rows (lane_id, centre, successors, kind) that cars drive on; those without a line are left out."""
    driven = [row for row in rows if row["centre"] and row["kind"] not in _BESIDE]
    known = [(row, polyline(np.array(row["centre"]))) for row in driven]
    kept = [(row, line) for row, line in known if line is not None]
    return LaneLines(
        tuple(row["lane_id"] for row, _ in kept),
        tuple(line for _, line in kept),
        tuple(tuple(row["successors"] or ()) for row, _ in kept),
        frozenset(row["lane_id"] for row, _ in kept if row["kind"] == "junction"),
    )


def candidates(lines: LaneLines, x_m: np.ndarray, y_m: np.ndarray, yaw_rad: np.ndarray) -> Candidates:
    """The lanes that fit each tick's pose [n] in the frame of the lines."""
    xy, count = np.stack([x_m, y_m], axis=-1), len(x_m)
    near = [(i, ticks) for i, line in enumerate(lines.centres) if len(ticks := _ticks_near(line, xy))]
    rows = max(len(near), CANDIDATES)
    cost = np.full((rows, count), np.inf)
    offset, turn = np.full((rows, count), np.nan), np.full((rows, count), np.nan)
    for row, (i, ticks) in enumerate(near):
        on = project(lines.centres[i], xy[ticks])
        away = yaw_rad[ticks] - on.yaw_rad
        away -= 2 * np.pi * np.rint(away / (2 * np.pi))
        distance = np.hypot(on.offset_m, on.misses_m)
        fits = (distance <= _FAR_M) & (np.abs(away) <= _AGAINST_RAD)
        cost[row, ticks[fits]] = ((distance / _OFFSET_SCALE_M) ** 2 + (away / _TURN_SCALE_RAD) ** 2)[fits]
        offset[row, ticks], turn[row, ticks] = on.offset_m, away
    best = np.argsort(cost, axis=0, kind="stable")[:CANDIDATES]
    lane = np.array([*(i for i, _ in near), *[0] * (rows - len(near))])[best]
    known = dict(zip(lines.lane_ids, lines.successors, strict=True))
    picked = [np.take_along_axis(values, best, axis=0).T for values in (cost, offset, turn)]
    return Candidates(lines.lane_ids, known, lines.junctions, lane.T, *picked)


def _ticks_near(line: Polyline, xy: np.ndarray) -> np.ndarray:
    """The ticks whose place [n, 2] is so near to the box around a line that the line can be a candidate."""
    low, high = line.xy_m.min(axis=0) - _FAR_M, line.xy_m.max(axis=0) + _FAR_M
    return np.flatnonzero(((xy >= low) & (xy <= high)).all(axis=1))


def joined(parts: Sequence[Candidates]) -> Candidates:
    """Candidates of consecutive stretches, each with lanes in a frame of its own, as one; lanes are equal by id."""
    ids = sorted({lane_id for part in parts for lane_id in part.lane_ids})
    place = {lane_id: i for i, lane_id in enumerate(ids)}
    lanes = []
    for part in parts:
        to_common = np.array([place[lane_id] for lane_id in part.lane_ids] or [0])
        lanes.append(to_common[part.lane])
    leads: dict[str, tuple[str, ...]] = {}
    for part in parts:
        for lane_id, following in part.successors.items():
            leads[lane_id] = tuple(sorted({*leads.get(lane_id, ()), *following}))
    columns = [np.concatenate([getattr(part, name) for part in parts]) for name in ("cost", "offset_m", "turn_rad")]
    junctions = frozenset().union(*(part.junctions for part in parts))
    return Candidates(tuple(ids), leads, junctions, np.concatenate(lanes), *columns)


def lane_places(found: Candidates) -> LanePlaces:
    """The sequence of lanes that fits all ticks best: the cheapest path through the candidates (Viterbi)."""
    count = len(found.lane)
    ticks = np.arange(count)
    leads = _leads(found)
    chosen = _cheapest(found, leads)
    on = chosen < CANDIDATES
    picked = np.minimum(chosen, CANDIDATES - 1)
    lane = np.where(on, found.lane[ticks, picked], -1)
    offset, turn = (np.where(on, v[ticks, picked], np.nan) for v in (found.offset_m, found.turn_rad))
    goes_on = np.ones(count, dtype=bool)
    followed = np.isin(_pair(found, lane[:-1], lane[1:]), leads)
    goes_on[1:] = (lane[1:] == lane[:-1]) | (on[1:] & on[:-1] & followed)
    through = np.array([*(lane_id in found.junctions for lane_id in found.lane_ids), False])
    return LanePlaces(found.lane_ids, lane, offset, turn, goes_on, _left_of_last(found, lane), through[lane])


def _left_of_last(found: Candidates, lane: np.ndarray) -> np.ndarray:
    """How far left of the centre of the lane of the tick before each tick is [n]; NaN where that is not known."""
    before = (found.lane[1:] == lane[:-1, None]) & np.isfinite(found.cost[1:]) & (lane[:-1, None] >= 0)
    has = before.any(axis=1)
    left = np.full(len(lane), np.nan)
    left[1:][has] = found.offset_m[1:][has, np.argmax(before, axis=1)[has]]
    return left


def _pair(found: Candidates, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """One number for going on from a lane to another one."""
    return a * max(len(found.lane_ids), 1) + b


def _leads(found: Candidates) -> np.ndarray:
    """The pairs of lanes of which one leads to the other."""
    place = {lane_id: i for i, lane_id in enumerate(found.lane_ids)}
    to = [
        (place[a], place[b]) for a, following in found.successors.items() for b in following if {a, b} <= place.keys()
    ]
    return _pair(found, *np.array(to, dtype=np.int64).reshape(-1, 2).T)


def _step_costs(found: Candidates, leads: np.ndarray, ticks: slice) -> np.ndarray:
    """[ticks, k, k]: what it costs to go on from the k-th lane of the tick before to the l-th of each tick."""
    last, this = found.lane[ticks.start - 1 : ticks.stop - 1, :, None], found.lane[ticks, None, :]
    other = np.where(np.isin(_pair(found, last, this), leads), _FOLLOW_COST, _CHANGE_COST)
    return np.where(last == this, 0.0, other)


def _cheapest(found: Candidates, leads: np.ndarray) -> np.ndarray:
    """The column of each tick on the cheapest path; the last column (CANDIDATES) is being on no lane."""
    count = len(found.cost)
    if count == 0:
        return np.zeros(0, dtype=np.int64)
    whole = np.column_stack([found.cost, np.full(count, _OFF_MAP_COST)])
    total, came = whole[0], np.zeros((count, CANDIDATES + 1), dtype=np.int8)
    ways = np.full((CANDIDATES + 1, CANDIDATES + 1), _CHANGE_COST)
    ways[-1, -1] = 0.0
    columns = np.arange(CANDIDATES + 1)
    for start in range(1, count, _AT_ONCE):
        steps = _step_costs(found, leads, slice(start, min(start + _AT_ONCE, count)))
        for tick, step in enumerate(steps, start):
            ways[:-1, :-1] = step
            through = total[:, None] + ways
            came[tick] = through.argmin(axis=0)
            total = through[came[tick], columns] + whole[tick]
    path = np.full(count, total.argmin())
    for tick in range(count - 2, -1, -1):
        path[tick] = came[tick + 1, path[tick + 1]]
    return path
