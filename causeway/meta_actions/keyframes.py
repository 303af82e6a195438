"""Key frames: every decision moment of a run of ticks, by the rules of arXiv 2511.00088, table 3.

Knows how the key frames of the channels become one list. The rules are in `keyframes_speed` (braking, going),
`keyframes_path` (moving across, turning) and `keyframes_ahead` (ranges). Does not know windows, splits or files.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from causeway.meta_actions.keyframes_ahead import ahead_frames, without_doubles
from causeway.meta_actions.keyframes_around import Around, Sightings
from causeway.meta_actions.keyframes_moves import moves
from causeway.meta_actions.keyframes_path import path_frames
from causeway.meta_actions.keyframes_speed import speed_frames
from causeway.meta_actions.keyframes_types import Behaviour, Found, KeyFrame
from causeway.meta_actions.names import CHANNELS
from causeway.meta_actions.scenarios import SCENARIOS, weight


def key_frames(behaviour: Behaviour, around: Around, seen: Sightings) -> Found:
    """The key frames of a run by time, and of the transitions that became none how many for which reason.

    Counts: `transitions` in all; `continues` (braking to a stand, gentle to strong, the second half of a swerve),
    `ends` (back to holding the speed or going straight), `follows_lane`, `wanders` (a shift too small to be a move),
    `within_move`, `within_range` and `merged`.
    """
    config = behaviour.config
    across = moves(around, config)
    speed, path = speed_frames(behaviour, around, seen), path_frames(behaviour, around, seen, across)
    found = Found()
    for part in (speed, path):
        found.count(**part.counts)
    ranges = without_doubles(ahead_frames(behaviour, around, seen, across))
    frames = _outside_ranges([*speed.frames, *path.frames], len(behaviour.t_us), found)
    frames = _not_preparing(frames, ranges, behaviour, found)
    merged = merge(sorted([*frames, *ranges], key=_order), config.merge_us, behaviour.t_us)
    found.count(merged=sum(f.transitions for f in frames) - sum(f.transitions for f in merged))
    found.count(transitions=changes(behaviour))
    found.frames = [frame.within(config.range_ticks) for frame in merged]
    return found


def changes(behaviour: Behaviour) -> int:
    """How often an action of any channel gives way to another."""
    rows = (behaviour.codes(channel) for channel in CHANNELS)
    return sum(int(np.sum((row[1:] != row[:-1]) & (row[1:] >= 0) & (row[:-1] >= 0))) for row in rows)


def _order(frame: KeyFrame) -> tuple[int, int]:
    return frame.tick, list(CHANNELS).index(frame.channel)


def _outside_ranges(frames: Sequence[KeyFrame], count: int, found: Found) -> list[KeyFrame]:
    """Without the steering into a curve that one has braked for: it lies within the range of that decision."""
    braked = np.zeros(count, dtype=bool)
    for frame in frames:
        if frame.scenario == "curve" and frame.channel == "longitudinal" and frame.last is not None:
            braked[frame.tick : frame.last + 1] = True
    kept: list[KeyFrame] = []
    for frame in frames:
        steers = frame.channel == "lateral" and frame.scenario.startswith(("curve", "turn"))
        if steers and braked[frame.tick]:
            found.count(within_range=frame.transitions)
        else:
            kept.append(frame)
    return kept


def _not_preparing(
    frames: Sequence[KeyFrame], ranges: Sequence[KeyFrame], behaviour: Behaviour, found: Found
) -> list[KeyFrame]:
    """Without the slowing, for nothing else, that a preparation is seen by: it is that decision.

    Where another action would speak for the preparation (`merge`), the slowing stays: it would be lost with it.
    """
    merge_us, t_us = behaviour.config.merge_us, behaviour.t_us
    slows = [f for f in frames if f.channel == "longitudinal" and f.scenario in _SLOWING]
    dropped: list[KeyFrame] = []
    for prepares in (r for r in ranges if r.scenario.endswith("_preparation")):
        seen_by = [f for f in slows if f.tick == behaviour.before(prepares.tick)]
        others = [f for f in frames if f not in seen_by]
        if all(abs(int(t_us[f.tick] - t_us[prepares.tick])) > merge_us for f in others):
            dropped += seen_by
    found.count(within_range=sum(f.transitions for f in dropped))
    return [f for f in frames if f not in dropped]


_SLOWING = ("slow", "stop", "slow_for_lead", "stop_for_lead")


def merge(frames: Sequence[KeyFrame], merge_us: int, t_us: np.ndarray) -> list[KeyFrame]:
    """One key frame for those within `merge_us` of the first of them; `frames` by time.

    Two actions of one channel are two decisions, unless at the same tick. The action that weighs most speaks for all
    (see `scenarios.weight`, then longitudinal before lateral before lane): one with a cause at its own time, else at
    the earliest; a range in which nothing changes speaks only where nothing else does.
    """
    groups: list[list[KeyFrame]] = []
    for frame in frames:
        group = groups[-1] if groups else []
        if group and _one_decision(group, frame, merge_us, t_us):
            group.append(frame)
        else:
            groups.append([frame])
    return [_spokesman(group) for group in groups]


def _one_decision(group: Sequence[KeyFrame], frame: KeyFrame, merge_us: int, t_us: np.ndarray) -> bool:
    if frame.tick == group[0].tick:
        return True
    if t_us[frame.tick] - t_us[group[0].tick] > merge_us:
        return False
    return frame.planned or frame.channel not in {f.channel for f in group if not f.planned}


def _spokesman(group: Sequence[KeyFrame]) -> KeyFrame:
    order = list(CHANNELS)
    acted = [f for f in group if not f.planned] or list(group)
    best = max(acted, key=lambda f: (*weight(f.scenario, f.before, f.after), -order.index(f.channel)))
    alike = [f.tick for f in acted if f.scenario == best.scenario]  # braking and moving aside for one thing: the first
    tick = min(alike) if best.scenario in SCENARIOS else acted[0].tick
    return replace(best, tick=tick, transitions=min(sum(f.transitions for f in group), 1))
