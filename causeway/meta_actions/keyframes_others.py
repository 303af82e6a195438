"""What others do that one slows or makes room for: they move over into our lane, or drive dangerously.

Knows sightings of others over the ticks before and after an action begins (a tag may be found with what came later).
Key-frame rules: arXiv 2511.00088, table 3. Does not know our own meta actions.
"""

from collections.abc import Iterator

import numpy as np

from causeway.clips.geometry import TICK_US
from causeway.meta_actions.keyframes_around import Around, Sightings
from causeway.meta_actions.keyframes_moves import switched
from causeway.meta_actions.keyframes_types import Behaviour
from causeway.meta_actions.moments_config import MomentConfig


def cut_in_began(behaviour: Behaviour, around: Around, seen: Sightings, start: int) -> int | None:
    """When whom we brake for from `start` on signalled, or began to move, onto our way; None when nobody did.

    It becomes our lead about then, and near. Only a move that ends before us counts: a velocity across the lane alone
    may be noise. Our own change of lane is no cut-in.
    """
    lead, config = around.lead, behaviour.config
    for tick in range(max(start - config.cut_in_ticks, 1), min(start + config.cut_in_ticks, len(lead))):
        near = around.lead_gap_m[tick] < config.follow_gap_m + config.lead_near_s * behaviour.speed_mps[tick]
        if lead[tick] >= 0 and lead[tick] != lead[tick - 1] and near:
            began = _moved_over(around, seen, tick, config)
            if began is not None:
                return began
    return None


def _moved_over(around: Around, seen: Sightings, tick: int, config: MomentConfig) -> int | None:
    """When our lead from `tick` on began to come over from beside us, or to signal it; None when it did not."""
    there = seen.between(tick - config.cut_in_takes_ticks, tick + config.cut_in_ticks)
    rows = there.start + np.flatnonzero(seen.track[there] == around.lead[tick])
    ticks, offset = seen.tick[rows], np.abs(seen.offset_m[rows])
    until = int(np.searchsorted(ticks, tick, side="right"))
    if until < 5 or (seen.along_mps[rows] < config.cut_in_least_mps).any():
        return None
    ours = slice(ticks[0], tick + 1)
    if switched(around.lane_offset_m[ours], around.lane[ours], config).any():
        return None
    if offset[:until].max() < config.cut_in_from_m or offset[until - 1 :].min() > config.cut_in_to_m:
        return None
    inward = -np.gradient(offset[:until]) / (TICK_US / 1e6) > config.cut_in_across_mps
    still = np.flatnonzero(~inward[: int(np.argmin(offset[:until]))])
    moves = int(still[-1] + 1 if len(still) else 0)
    return int(ticks[_signalled(seen, rows[: moves + 1])])


def _signalled(seen: Sightings, rows: np.ndarray) -> int:
    """The place in a track's rows from which on it signals towards us until the last of them; the last when not."""
    towards = seen.signals[rows] == -np.sign(seen.lane_offset_m[rows])
    dark = np.flatnonzero(~towards)
    return min(int(dark[-1]) + 1 if len(dark) else 0, len(rows) - 1)


def takes_risks(around: Around, seen: Sightings, start: int, config: MomentConfig) -> bool:
    """Whether somebody near drives dangerously about the tick in which our action begins.

    Backs up before us, comes towards us in our lane, swings into it and out again, or swerves into it unannounced.
    """
    before, after = config.risk_ticks
    ours = slice(max(start - before, 0), start + after)
    if around.in_junction[ours].any() or switched(around.lane_offset_m[ours], around.lane[ours], config).any():
        return False
    return any(
        _backs_up(seen, rows, start, config)
        or _comes(seen, rows, start, config)
        or _weaves(seen, rows, start, config)
        or _swerves(seen, rows, start, config)
        for rows in _tracks_near(seen, ours, config)
    )


def _tracks_near(seen: Sightings, ticks: slice, config: MomentConfig) -> Iterator[np.ndarray]:
    """The rows, by tick, of each vehicle that is in our lane and near in one of the ticks."""
    there = seen.between(ticks.start, ticks.stop)
    near = (seen.gap_m[there] > 0) & (seen.gap_m[there] < config.risk_m) & (seen.into_lane_m[there] > 0)
    for track in np.unique(seen.track[there][near & ~seen.weak[there]]):
        yield there.start + np.flatnonzero(seen.track[there] == track)


def _within(seen: Sightings, rows: np.ndarray, first: int, last: int) -> np.ndarray:
    return (seen.tick[rows] >= first) & (seen.tick[rows] <= last)


def _backs_up(seen: Sightings, rows: np.ndarray, start: int, config: MomentConfig) -> bool:
    back = seen.heads_our_way[rows] & (seen.along_mps[rows] < -config.backs_up_mps) & (seen.into_lane_m[rows] > 0.5)
    back &= _within(seen, rows, start - 15, start + config.cause_ticks) & (seen.gap_m[rows] > 0)
    return int(back.sum()) >= config.risk_least_ticks


def _comes(seen: Sightings, rows: np.ndarray, start: int, config: MomentConfig) -> bool:
    comes = ~seen.heads_our_way[rows] & (seen.along_mps[rows] < -config.comes_mps) & (seen.gap_m[rows] > 0)
    over = comes & (seen.into_lane_m[rows] > config.over_line_m)
    return int((over & _within(seen, rows, start - 5, start + 30)).sum()) >= config.risk_least_ticks


def _weaves(seen: Sightings, rows: np.ndarray, start: int, config: MomentConfig) -> bool:
    """From beside us towards our way and back."""
    ahead = seen.heads_our_way[rows] & (seen.along_mps[rows] > config.cut_in_least_mps) & (seen.gap_m[rows] > 0)
    beside = np.abs(seen.lane_offset_m[rows][ahead])
    if len(beside) < config.risk_least_ticks:
        return False
    deepest = int(np.argmin(np.where(_within(seen, rows[ahead], start - 15, start + 30), beside, np.inf)))
    swing = min(beside[: deepest + 1].max(), beside[deepest:].max()) - beside[deepest]
    return bool(swing > config.weaves_m)


def _swerves(seen: Sightings, rows: np.ndarray, start: int, config: MomentConfig) -> bool:
    """Into our lane faster than anybody changes lanes, without a signal."""
    ahead = seen.heads_our_way[rows] & (seen.gap_m[rows] > 0) & (seen.along_mps[rows] > config.cut_in_least_mps)
    ahead &= _within(seen, rows, start - 25, start + config.cause_ticks)
    towards = -np.sign(seen.lane_offset_m[rows]) * seen.across_mps[rows]
    fast = ahead & (towards > config.swerves_mps) & (np.abs(seen.lane_offset_m[rows]) > 0.5)
    return int(fast.sum()) >= 2 and not seen.signals[rows][ahead].any()
