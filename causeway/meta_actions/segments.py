"""Cutting ticks into segments and settling what each segment is: the part that all channels share.

Knows smoothing, hysteresis, cuts, short segments and batches (arrays of shape […, n] are cut at the end of each
row). Does not know what is measured or what the codes mean.
"""

from collections.abc import Callable, Sequence

import numpy as np

from causeway.meta_actions.config import DetectorConfig

Classify = Callable[[np.ndarray], np.ndarray]  # first ticks of segments, in the flattened array -> their codes


def smooth(values: np.ndarray, width: int) -> np.ndarray:
    """Centred mean over `width` ticks of the last axis; narrower towards the ends, so that ramps stay ramps."""
    result = values.copy()
    count = values.shape[-1]
    for half in range(1, width // 2 + 1):
        inner = count - 2 * half
        if inner <= 0:
            break
        total = np.zeros_like(values[..., :inner])
        for start in range(2 * half + 1):
            total += values[..., start : start + inner]
        result[..., half : count - half] = total / (2 * half + 1)
    return result


def rate_per_s(values: np.ndarray, t_us: np.ndarray) -> np.ndarray:
    """Change per second along the last axis: central differences, one-sided at the ends, 0 for a single tick."""
    result = np.zeros_like(values)
    if values.shape[-1] < 2:
        return result
    dt_s = np.diff(t_us) / 1e6
    step = np.diff(values, axis=-1)
    result[..., 1:-1] = (step[..., 1:] + step[..., :-1]) / (dt_s[..., 1:] + dt_s[..., :-1])
    result[..., 0] = step[..., 0] / dt_s[..., 0]
    result[..., -1] = step[..., -1] / dt_s[..., -1]
    return result


def tick_seconds(t_us: np.ndarray) -> np.ndarray:
    """How long each tick stands for, flattened; the last of a row as long as the one before it."""
    if t_us.shape[-1] < 2:
        return np.full(t_us.size, 0.1)
    step_s = np.diff(t_us, axis=-1) / 1e6
    return np.concatenate([step_s, step_s[..., -1:]], axis=-1).ravel()


def is_above(values: np.ndarray, level: float, hysteresis: float) -> np.ndarray:
    """Schmitt trigger along the last axis: on from level·(1 + h) up, off below level·(1 - h), kept in between."""
    on = values >= level * (1 + hysteresis)
    decided = on | (values < level * (1 - hysteresis))
    on[..., 0] = values[..., 0] >= level
    latest = np.where(decided, np.arange(values.shape[-1]), 0)
    np.maximum.accumulate(latest, axis=-1, out=latest)
    return np.take_along_axis(on, latest, axis=-1)


def bands(values: np.ndarray, levels: Sequence[float], hysteresis: float) -> np.ndarray:
    """How many levels each value is beyond, negative on the negative side; mirror images give opposite numbers."""
    result = np.zeros(values.shape, dtype=np.int8)
    for level in levels:
        result += is_above(values, level, hysteresis)
        result -= is_above(-values, level, hysteresis)
    return result


def first_ticks(band: np.ndarray, config: DetectorConfig) -> np.ndarray:
    """Flat indices of the ticks that start a segment: each row's first and each cut that is allowed."""
    count = band.shape[-1]
    change = np.ones(band.shape, dtype=bool)
    change[..., 1:] = band[..., 1:] != band[..., :-1]
    crossing = np.flatnonzero(change)
    tick = crossing % count
    apart = np.diff(crossing, prepend=-config.skip_ticks) >= config.skip_ticks
    return crossing[(tick == 0) | (apart & (tick < count - config.quiet_end_ticks))]


def settle(band: np.ndarray, classify: Classify, min_ticks: np.ndarray, config: DetectorConfig) -> np.ndarray:
    """Codes per tick, shape of `band`.

    Neighbours of one code become one segment and are classified again; so do neighbours that are each shorter than
    `min_ticks[code]`. A segment that is still short takes the code of the one before it, or, at the start of
    a row, of the one after it.
    """
    count = band.shape[-1]
    starts = first_ticks(band, config)
    codes = classify(starts)
    starts = starts[(starts % count == 0) | (np.diff(codes, prepend=-1) != 0)]
    codes = classify(starts)
    short = _lengths(starts, band.size) < min_ticks[codes]
    starts = starts[(starts % count == 0) | ~(short & np.roll(short, 1))]
    codes = classify(starts)
    lengths = _lengths(starts, band.size)
    codes = _absorb(codes, lengths < min_ticks[codes], starts // count)
    return np.repeat(codes, lengths).reshape(band.shape)


def _lengths(starts: np.ndarray, size: int) -> np.ndarray:
    return np.diff(starts, append=size)


def _absorb(codes: np.ndarray, short: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Codes with each short segment replaced by its nearest long neighbour in the same row, earlier ones first."""
    place = np.arange(codes.size)
    before = np.maximum.accumulate(np.where(short, 0, place))
    after = np.minimum.accumulate(np.where(short, codes.size - 1, place)[::-1])[::-1]
    usable_before = ~short[before] & (row[before] == row)
    usable_after = ~short[after] & (row[after] == row)
    return codes[np.where(usable_before, before, np.where(usable_after, after, place))]
