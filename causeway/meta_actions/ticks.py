"""Rows of ticks as both channels of motion read them: smoothed, with sums that make the mean of any segment cheap.

Knows smoothing, rates, time between ticks and where rows end. Does not know thresholds of behaviour. Every sum runs
from left to right, so that the same ticks give the same bits on every machine and in every batch.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Ticks:
    """Drives of n ticks each: time [n] or [rows, n], smoothed signed speed [rows, n].

    span_s is what `span_seconds` says of the time, speed_sum the running sum of the speed.
    """

    t_us: np.ndarray
    span_s: np.ndarray
    speed_mps: np.ndarray
    speed_sum: np.ndarray

    @property
    def count(self) -> int:
        """Ticks of a row."""
        return self.speed_mps.shape[-1]


@dataclass(frozen=True, eq=False)
class Spans:
    """k stretches of ticks, each within a row, one after the other without gaps, as flat indices.

    Segments are made of neighbouring stretches and named by their first and last one. A value at a border is the mean
    of the two ticks beside it; at the end of a row it is that tick's own.
    """

    ticks: Ticks
    starts: np.ndarray
    stops: np.ndarray
    borders: tuple[np.ndarray, np.ndarray]  # ticks before and after where each stretch begins
    ends: tuple[np.ndarray, np.ndarray]  # and where it stops

    def seconds(self) -> "Change":
        """How long segments last, in s."""
        (a, b), (c, d) = ((self._time(i) for i in pair) for pair in (self.borders, self.ends))
        return Change(a + b, c + d, 2e6)

    def change(self, values: np.ndarray) -> "Change":
        """By how much values [rows, n] change over segments."""
        flat = values.reshape(-1)
        (a, b), (c, d) = ((flat[i] for i in pair) for pair in (self.borders, self.ends))
        return Change((a + b) / 2, (c + d) / 2)

    def mean(self, values: np.ndarray, running: np.ndarray) -> "Mean":
        """Mean of values [rows, n] over the ticks of segments, from their running sum along the rows."""
        flat, total = values.reshape(-1), running.reshape(-1)
        return Mean(self, total[self.stops - 1], total[self.starts], flat[self.starts])

    def _time(self, flat: np.ndarray) -> np.ndarray:
        return self.ticks.t_us[flat % self.ticks.count] if self.ticks.t_us.ndim == 1 else self.ticks.t_us.flat[flat]


@dataclass(frozen=True, eq=False)
class Change:
    """Values at the first and the last border of stretches [k]; called with stretches, the change from one to one."""

    at_start: np.ndarray
    at_stop: np.ndarray
    unit: float = 1.0

    def __call__(self, first: np.ndarray, last: np.ndarray) -> np.ndarray:
        """Change over segments from stretch `first` to stretch `last`, both included."""
        return (self.at_stop[last] - self.at_start[first]) / self.unit


@dataclass(frozen=True, eq=False)
class Mean:
    """Sums up to the ends of stretches [k]; called with stretches, the mean over the ticks from one to one."""

    spans: Spans
    to_last: np.ndarray
    to_first: np.ndarray
    first_value: np.ndarray

    def __call__(self, first: np.ndarray, last: np.ndarray) -> np.ndarray:
        """Mean over segments from stretch `first` to stretch `last`, both included."""
        ticks = self.spans.stops[last] - self.spans.starts[first]
        return (self.to_last[last] - self.to_first[first] + self.first_value[first]) / ticks


def ticks_of(t_us: np.ndarray, speed_mps: np.ndarray, smoothing_ticks: int) -> Ticks:
    """Ticks of drives: t_us int64 [n] or [rows, n], signed speed_mps [rows, n]."""
    speed = smooth(speed_mps, smoothing_ticks)
    return Ticks(t_us, span_seconds(t_us), speed, np.cumsum(speed, axis=-1))


def spans_of(ticks: Ticks, starts: np.ndarray) -> Spans:
    """Stretches that begin at flat ticks `starts` [k], each row's first among them."""
    count = ticks.count
    row_start = starts - starts % count
    stops = np.append(starts[1:], ticks.speed_mps.size)
    before = np.maximum(starts - 1, row_start)
    return Spans(ticks, starts, stops, (before, starts), (stops - 1, np.minimum(stops, row_start + count - 1)))


def smooth(values: np.ndarray, width: int) -> np.ndarray:
    """Centred mean over `width` ticks of the last axis; narrower towards the ends, so that ramps stay ramps."""
    result = np.empty_like(values)
    count = values.shape[-1]
    half = min(width // 2, (count - 1) // 2)
    inner = result[..., half : count - half]
    inner[...] = values[..., : count - 2 * half]
    for start in range(1, 2 * half + 1):
        inner += values[..., start : start + count - 2 * half]
    if half:
        inner /= 2 * half + 1
    for edge in range(half):
        for tick, ticks in ((edge, range(2 * edge + 1)), (count - 1 - edge, range(count - 1 - 2 * edge, count))):
            result[..., tick] = values[..., ticks[0]]
            for other in ticks[1:]:
                result[..., tick] += values[..., other]
            result[..., tick] /= len(ticks)
    return result


def span_seconds(t_us: np.ndarray) -> np.ndarray:
    """Time from the tick before each tick to the one after it, in s; at the ends of the last axis to the tick itself.

    A single tick spans one second: nothing changes in it.
    """
    span = np.empty(t_us.shape)
    if t_us.shape[-1] < 2:
        span[...] = 1.0
        return span
    np.subtract(t_us[..., 2:], t_us[..., :-2], out=span[..., 1:-1])
    span[..., 0] = t_us[..., 1] - t_us[..., 0]
    span[..., -1] = t_us[..., -1] - t_us[..., -2]
    span /= 1e6
    return span


def rate_per_s(values: np.ndarray, span_s: np.ndarray) -> np.ndarray:
    """Change per second along the last axis from the tick before to the tick after; span_s as `span_seconds` gives."""
    result = np.empty_like(values)
    np.subtract(values[..., 2:], values[..., :-2], out=result[..., 1:-1])
    result[..., 0] = values[..., min(1, values.shape[-1] - 1)] - values[..., 0]
    result[..., -1] = values[..., -1] - values[..., max(-2, -values.shape[-1])]
    result /= span_s
    return result
