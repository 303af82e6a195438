"""Moves across the lane: from when to when the car goes sideways relative to the lane it follows, and how far.

Knows offsets from lane centres, tick by tick. Needs a map. Does not know steering, causes or key frames.
"""

from dataclasses import dataclass

import numpy as np

from causeway.clips.geometry import TICK_US
from causeway.meta_actions.keyframes_around import Around, stretches
from causeway.meta_actions.moments_config import MomentConfig
from causeway.meta_actions.ticks import smooth


@dataclass(frozen=True)
class Move:
    """Ticks `start` to `stop` (not included), `across_m` to the left; `lane` is +1 or -1 for a change of lane."""

    start: int
    stop: int
    across_m: float
    lane: int
    leaves: bool  # away from the middle of the lane, not back to it

    @property
    def side(self) -> str:
        """left or right."""
        return "left" if self.across_m > 0 else "right"


def moves(around: Around, config: MomentConfig) -> list[Move]:
    """Every move of at least half a metre, by time; none where no lane is known or within a junction."""
    across_mps = _across(around, config)
    changes = switched(around.lane_offset_m, around.lane, config)
    quick = np.nan_to_num(np.abs(across_mps))
    found = []
    for sign in (1, -1):
        goes = np.nan_to_num(sign * across_mps) > config.move_begins_mps
        for seen, stop in stretches(goes):
            across_m = float(np.nansum(across_mps[seen:stop])) * TICK_US / 1e6
            if quick[seen:stop].max() < config.move_mps or abs(across_m) < config.move_least_m:
                continue
            if around.in_junction[seen:stop].mean() > 0.5:
                continue
            early = max(seen - config.move_look_ticks, 0)
            start = early + _begins(sign * across_mps[early:stop], seen - early)
            lane = int(np.sign(changes[start : stop + 1].sum())) if abs(across_m) >= config.lane_change_m else 0
            offset = next(m for m in around.lane_offset_m[start:stop] if not np.isnan(m))
            leaves = abs(offset + across_m) > abs(offset)
            found.append(Move(start, stop, across_m, lane if lane == sign else 0, leaves))
    return sorted(found, key=lambda move: move.start)


def _begins(quick: np.ndarray, start: int) -> int:
    """The tick at which a move began that is faster than the threshold from `start` to the end of `quick`.

    A slow move is long under way before it is fast enough to be told from wandering: its speed at a seventh and at half
    of the peak, drawn on to zero, says when it began.
    """
    before = quick[: start + int(np.argmax(quick[start:])) + 1]
    half = _last(~(before > before[-1] / 2))
    low = _last(~(before[: half + 1] > before[-1] / 7))
    return max(low + 1 - round((half - low) * 0.4), 0)


def _last(of: np.ndarray) -> int:
    """The last place of True, 0 where there is none."""
    return int(np.flatnonzero(of)[-1]) if of.any() else 0


def switched(offset_m: np.ndarray, lane: np.ndarray, config: MomentConfig) -> np.ndarray:
    """+1 or -1 [n] at the ticks at which we get onto another lane, to the left or right; 0 at the others."""
    step = np.diff(offset_m, prepend=offset_m[:1])
    new = np.diff(lane, prepend=lane[:1]) != 0
    return np.where(new & (np.abs(step) > config.switch_m), -np.sign(step), 0.0)


def _across(around: Around, config: MomentConfig) -> np.ndarray:
    """Speed across the lane [n] in m/s, + = left, NaN where not known."""
    step = np.diff(around.lane_offset_m, prepend=around.lane_offset_m[:1])
    new = np.diff(around.lane, prepend=around.lane[:1]) != 0
    speed = np.where(new & ~(np.abs(step) < config.seam_m), np.nan, step) / (TICK_US / 1e6)
    known = ~np.isnan(speed)
    if not known.any():
        return speed
    ticks = np.arange(len(speed))
    filled = smooth(np.interp(ticks, ticks[known], speed[known]), config.move_smoothing_ticks)
    return np.where(around.has_map, filled, np.nan)
