"""Key frames of the proactive scenarios: ranges in which the car does, or waits for, what it has planned.

Knows the start and end rules of arXiv 2511.00088, table 3: passing an intersection, preparing a change of lane or a
nudge while traffic blocks it, and going on before somebody who has to wait. Curves come with braking and steering
(`keyframes_speed`, `keyframes_path`). Nothing need change at such a key frame: `before` may equal `after`.
"""

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from causeway.meta_actions.keyframes_around import Around, Sightings, stretches
from causeway.meta_actions.keyframes_moves import Move
from causeway.meta_actions.keyframes_speed import SLOW, phases
from causeway.meta_actions.keyframes_types import Behaviour, KeyFrame
from causeway.meta_actions.moments_config import MomentConfig
from causeway.meta_actions.names import LONGITUDINAL


def ahead_frames(behaviour: Behaviour, around: Around, seen: Sightings, across: Sequence[Move]) -> list[KeyFrame]:
    """Key frames with their ranges, of a run of ticks with its moves across the lane."""
    frames = _passing(behaviour, around) + _not_yielding(behaviour, around, seen)
    for move in across:
        frames += _changing(behaviour, around, move) if move.lane else _nudging(behaviour, around, seen, move)
    return frames


def _range(behaviour: Behaviour, start: int, last: int, scenario: str) -> KeyFrame:
    name = LONGITUDINAL[behaviour.longitudinal[start]]
    return KeyFrame(start, "longitudinal", name, name, scenario, max(last, start), transitions=0)


def _passing(behaviour: Behaviour, around: Around) -> list[KeyFrame]:
    """From the tick in which our front bumper crosses the line until our tail is out of the junction."""
    frames = []
    driven = np.concatenate([[0.0], np.cumsum(np.maximum(behaviour.speed_mps, 0.0))[:-1] / 10])
    free, junctions = 0, list(stretches(around.in_junction))
    ends = [stop for _, stop in junctions]
    for tick in np.flatnonzero(around.line_crossed).tolist():
        place = bisect_right(ends, tick)
        if place == len(ends) or tick < free or behaviour.speed_mps[tick] < behaviour.config.rolls_mps:
            continue
        if junctions[place][0] > tick + behaviour.config.junction_by_ticks:
            continue
        # the rear axle leaves the junction's lanes; the tail follows a metre later
        out = int(np.searchsorted(driven, driven[ends[place] - 1] + 1.0))
        free = min(out, len(driven) - 1)
        frames.append(_range(behaviour, tick, free, "pass_intersection"))
    return frames


def _changing(behaviour: Behaviour, around: Around, move: Move) -> list[KeyFrame]:
    """While there is a reason to change lanes, but the lane we go to is taken."""
    config, ticks = behaviour.config, _before(behaviour, move)
    side = around.beside_left if move.lane > 0 else around.beside_right
    speed = np.maximum(behaviour.speed_mps[ticks], 0.1)
    reason = around.lead_mps[ticks] < speed - config.slower_mps
    reason &= around.lead_gap_m[ticks] < config.behind_m + config.behind_s * speed
    reason |= around.lead_gap_m[ticks] < config.near_s * speed
    reason |= around.obstacle_gap_m[ticks] < config.obstacle_m
    taken = _closed(side[ticks], config.gap_ticks)
    if (side[ticks] & reason).any():
        return _prepared(behaviour, taken & reason, ticks, "lane_change_preparation")
    # what the route asks for, or where a lane ends, nobody around shows: only that one slows
    slows = {phase.start for phase in phases(behaviour.longitudinal) if phase.kind == SLOW}
    return [f for f in _prepared(behaviour, taken, ticks, "lane_change_preparation") if f.tick in slows]


def _closed(of: np.ndarray, ticks: int) -> np.ndarray:
    """With what is False for no longer than so many ticks between True."""
    filled = of.copy()
    for start, stop in stretches(~of):
        if start > 0 and stop < len(of) and stop - start <= ticks:
            filled[start:stop] = True
    return filled


def _nudging(behaviour: Behaviour, around: Around, seen: Sightings, move: Move) -> list[KeyFrame]:
    """While something narrows our way, but the room beside it is taken, or will be by who comes towards us."""
    ticks = _before(behaviour, move)
    side = around.beside_left if move.across_m > 0 else around.beside_right
    taken = side | _met_beside(behaviour, around, seen, ticks, np.sign(move.across_m))
    blocked = taken[ticks] & (around.obstacle_gap_m[ticks] < behaviour.config.obstacle_m)
    return _prepared(behaviour, blocked, ticks, "nudge_preparation") if move.leaves else []


def _met_beside(behaviour: Behaviour, around: Around, seen: Sightings, ticks: slice, side: float) -> np.ndarray:
    """Ticks [n] in which somebody comes towards us who would be beside the obstacle before we are past it."""
    config, rows = behaviour.config, seen.between(ticks.start, ticks.stop)
    tick, offset = seen.tick[rows], side * seen.lane_offset_m[rows]
    obstacle_m, speed = around.obstacle_gap_m[tick], np.maximum(behaviour.speed_mps[tick], config.passes_mps)
    to_it_m = seen.gap_m[rows] - obstacle_m
    past_s = (obstacle_m + config.passes_m) / speed + config.spare_s
    comes = ~seen.heads_our_way[rows] & (seen.along_mps[rows] < -config.comes_mps) & ~seen.weak[rows]
    comes &= (offset > config.beside_m[0]) & (offset < config.beside_m[1])
    meets = comes & (to_it_m > -config.passes_m) & (to_it_m < -seen.along_mps[rows] * past_s)
    taken = np.zeros(len(behaviour.t_us), dtype=bool)
    taken[tick[meets]] = True
    return taken


def _before(behaviour: Behaviour, move: Move) -> slice:
    """The ticks before a move in which it may have been prepared."""
    return slice(max(behaviour.before(move.start) - behaviour.config.prepares_ticks[1], 0), move.start)


def _prepared(behaviour: Behaviour, blocked: np.ndarray, ticks: slice, scenario: str) -> list[KeyFrame]:
    """The last stretch of being blocked in the ticks before a move, when it lasts until shortly before it."""
    least = behaviour.config.prepares_ticks[0]
    ready = behaviour.before(ticks.stop) - ticks.start
    waits = [(a, b) for a, b in stretches(blocked) if b > ready - least and b - a >= least]
    return [_slowed(behaviour, ticks.start + a, ticks.start + b - 1, scenario) for a, b in waits[-1:]]


def _slowed(behaviour: Behaviour, first: int, last: int, scenario: str) -> KeyFrame:
    """A range of being blocked, from when one slows for it."""
    early = first - behaviour.config.slows_ticks
    slows = [p for p in phases(behaviour.longitudinal) if p.kind == SLOW and early <= p.start <= last]
    return _range(behaviour, slows[0].start if slows else first, last, scenario)


def _not_yielding(behaviour: Behaviour, around: Around, seen: Sightings) -> list[KeyFrame]:
    """From when somebody weaker shows that they want to cross, and we go on, until they are not to be seen."""
    frames: list[KeyFrame] = []
    slows = np.zeros(len(behaviour.t_us), dtype=bool)
    for phase in phases(behaviour.longitudinal):
        slows[max(phase.start - 10, 0) : phase.stop] |= phase.kind == SLOW
    config = behaviour.config
    intends = around.crossing_weak & (around.crossing_gap_m < config.intent_m)
    for start, stop in stretches(intends):
        if stop - start < config.intent_ticks or slows[start:stop].any():
            continue
        if behaviour.speed_mps[start:stop].min() < config.goes_on_mps:
            continue
        last = _seen_last(seen, around.crossing[start], start, config)
        frames.append(_range(behaviour, start, last, "no_yield_to_vru"))
    return frames


def _seen_last(seen: Sightings, track: int, start: int, config: MomentConfig) -> int:
    """The last tick of the unbroken stretch from `start` in which a track is seen and not passed."""
    rows = seen.between(start, start + config.range_ticks + 1)
    ahead = (seen.track[rows] == track) & (seen.gap_m[rows] > -config.passed_m)
    there = np.zeros(config.range_ticks + 2, dtype=bool)
    there[seen.tick[rows][ahead] - start] = True
    return max(start + int(np.argmin(there)) - 1, start)


def without_doubles(frames: Sequence[KeyFrame]) -> list[KeyFrame]:
    """One range for those of one scenario that touch."""
    kept: dict[str, KeyFrame] = {}
    result: list[KeyFrame] = []
    for frame in sorted(frames, key=lambda f: f.tick):
        before = kept.get(frame.scenario)
        if before is not None and frame.tick <= (before.last or before.tick):
            continue
        kept[frame.scenario] = frame
        result.append(frame)
    return result
