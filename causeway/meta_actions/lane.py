"""What the car does among the lanes of a map: keeping one, following its curve, turning, shifting, changing lanes.

Knows the lane rules of the method notes, part A, 1.8, for a stretch of ticks whose lanes are known. Does not know how
a lane is found (`lane_places`), nor clips (`lane_drive`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from causeway.clips.surroundings.lane_places import LanePlaces
from causeway.meta_actions.config import DetectorConfig
from causeway.meta_actions.lateral import heading_turned
from causeway.meta_actions.names import LANE
from causeway.meta_actions.segments import Codes, Pieces, absorbed, bands, cut, events, settle, zones
from causeway.meta_actions.ticks import Spans, Ticks, rate_per_s, smooth, spans_of, ticks_of

_CODE = {name: code for code, name in enumerate(LANE)}
_SIGN = np.array([name.endswith("_left") - name.endswith("_right") for name in LANE], dtype=np.int8)
_WEAK = np.array([name == "lane_keep" for name in LANE])


@dataclass(frozen=True, eq=False)
class _Drive:
    """A stretch on known lanes, arrays [1, n] (n ticks): heading turned and metres drifted to the left so far.

    Rates are per metre driven; 0 while the car stands.
    """

    ticks: Ticks
    heading_rad: np.ndarray
    drift_m: np.ndarray
    turn_rate: np.ndarray
    drift_rate: np.ndarray
    offset_m: np.ndarray
    askew_rad: np.ndarray
    in_junction: np.ndarray  # 1.0 where the lane leads through a junction
    lane: np.ndarray  # [n]


def lane_codes(
    t_us: np.ndarray, yaw_rad: np.ndarray, speed_mps: np.ndarray, places: LanePlaces, config: DetectorConfig
) -> np.ndarray:
    """Index into `LANE` per tick, int8 [n]; -1 where the car is on no lane of the map.

    t_us int64, yaw_rad (any wrap), signed speed_mps [n ≥ 1] without gaps in time; `places` of the same ticks.
    """
    codes = np.full(len(t_us), -1, dtype=np.int8)
    on = places.lane >= 0
    edges = np.flatnonzero(np.diff(on, prepend=False, append=False))
    for first, stop in zip(edges[::2], edges[1::2], strict=True):
        part = slice(first, stop)
        drive = _drive(t_us[part], yaw_rad[part], speed_mps[part], places, part, config)
        codes[part] = _stretch_codes(drive, _crossings(places, part), config)
    return codes


def _drive(
    t_us: np.ndarray,
    yaw_rad: np.ndarray,
    speed_mps: np.ndarray,
    places: LanePlaces,
    part: slice,
    config: DetectorConfig,
) -> _Drive:
    ticks = ticks_of(t_us, speed_mps[None], config.smoothing_ticks)
    speed = np.abs(ticks.speed_mps)
    rolls = speed >= config.rolling_speed_mps
    heading = smooth(heading_turned(yaw_rad[None], rolls), config.smoothing_ticks)
    drift = smooth(_drifted(t_us, speed[0], places, part)[None], config.smoothing_ticks)
    a_metre = np.where(rolls, speed, np.inf)
    return _Drive(
        ticks=ticks,
        heading_rad=heading,
        drift_m=drift,
        turn_rate=rate_per_s(heading, ticks.span_s) / a_metre,
        drift_rate=rate_per_s(drift, ticks.span_s) / a_metre,
        offset_m=np.abs(places.offset_m[None, part]),
        askew_rad=np.abs(places.turn_rad[None, part]),
        in_junction=places.in_junction[None, part].astype(np.float64),
        lane=places.lane[part],
    )


def _drifted(t_us: np.ndarray, speed_mps: np.ndarray, places: LanePlaces, part: slice) -> np.ndarray:
    """Metres drifted to the left across the lanes since the first tick [n].

    Within a lane the offset says it, across a border the offset from the lane left behind. Where a lane goes on in
    another one their centre lines need not meet: there the heading says it.
    """
    offset, lane = places.offset_m[part], places.lane[part]
    left, follows, askew = places.left_m[part], places.follows[part], places.turn_rad[part]
    step = np.diff(offset)
    across = left[1:] - offset[:-1]
    by_heading = np.sin(askew[1:]) * speed_mps[1:] * np.diff(t_us) / 1e6
    other = lane[1:] != lane[:-1]
    step = np.where(other & follows[1:], by_heading, step)
    step = np.where(other & ~follows[1:], np.where(np.isfinite(across), across, by_heading), step)
    return np.concatenate([[0.0], np.cumsum(step)])


def _crossings(places: LanePlaces, part: slice) -> tuple[np.ndarray, np.ndarray]:
    """(ticks, sides) of every change to a lane that does not follow the one before; side 1 = to the left, -1 right."""
    ticks = np.flatnonzero(~places.follows[part])
    ticks = ticks[ticks > 0]
    at = part.start + ticks
    beside_m = np.where(np.isfinite(places.left_m[at]), places.left_m[at], places.offset_m[at - 1])
    return ticks, np.where(beside_m > 0, 1, -1)


def _stretch_codes(drive: _Drive, crossings: tuple[np.ndarray, np.ndarray], config: DetectorConfig) -> np.ndarray:
    """Curves and turns, with changes over them; a shift counts where no part of it is in a turn or a change."""
    codes = _curve_codes(drive, config)
    drifts = _drifts(drive, crossings, config)
    for start, stop, code in drifts:
        if code in _CHANGES:
            codes[start:stop] = code
    for start, stop, code in drifts:
        if code not in _CHANGES and not np.isin(codes[start:stop], (*_TURNS, *_CHANGES)).any():
            codes[start:stop] = code
    return _without_short(codes, config)


_CHANGES = (_CODE["lane_change_left"], _CODE["lane_change_right"])
_TURNS = (_CODE["turn_left"], _CODE["turn_right"])


def _curve_codes(drive: _Drive, config: DetectorConfig) -> np.ndarray:
    """Turns, curves and everything else as keeping the lane, int8 [n]."""
    pieces = _pieces(drive.turn_rate, (config.cut_curve_radpm,), config)
    spans = spans_of(drive.ticks, pieces.starts)
    turned, rates_of = spans.change(drive.heading_rad), _rates_of(drive, spans, config)
    beside, in_junction = (spans.mean(v, np.cumsum(v, axis=-1)) for v in (drive.offset_m, drive.in_junction))

    def classify(first: np.ndarray, last: np.ndarray) -> np.ndarray:
        turn_rad, (rate, drift) = turned(first, last), rates_of(first, last)
        size = np.abs(turn_rad)
        turns = (rate >= config.turn_rate_radpm) & (size >= config.turn_turn_rad)
        turns &= _leaves_lane(drive, spans, first, last, config)
        wide = in_junction(first, last) >= config.wide_turn_share
        turns |= wide & (rate >= config.curve_rate_radpm) & (size >= config.wide_turn_rad)
        turns &= drift <= config.turn_drift
        curves = (rate >= config.curve_rate_radpm) & (size >= config.curve_turn_rad)
        curves &= beside(first, last) <= config.curve_offset_m
        codes = np.full(len(rate), _CODE["lane_keep"], dtype=np.int8)
        for name, holds in (("follow_curve", curves), ("turn", turns)):
            codes[holds & (turn_rad > 0)] = _CODE[f"{name}_left"]
            codes[holds & (turn_rad <= 0)] = _CODE[f"{name}_right"]
        return codes

    return settle(pieces, classify, classify, Codes(_CODE["lane_keep"], _WEAK, _SIGN, _min_ticks(config)))[0]


def _rates_of(drive: _Drive, spans: Spans, config: DetectorConfig) -> Callable:
    """A function (first, last piece of segments) -> radians turned and metres drifted, each per metre driven, ≥ 0."""
    seconds, turned, drifted = spans.seconds(), spans.change(drive.heading_rad), spans.change(drive.drift_m)
    speed = np.abs(drive.ticks.speed_mps)
    rolled = spans.mean(speed, np.cumsum(speed, axis=-1))

    def rates(first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rolled_mps = rolled(first, last)
        driven_m = rolled_mps * seconds(first, last)
        moved = (driven_m > 0) & (rolled_mps >= config.rolling_speed_mps)
        driven_m = np.where(moved, driven_m, np.inf)
        return np.abs(turned(first, last)) / driven_m, np.abs(drifted(first, last)) / driven_m

    return rates


def _leaves_lane(
    drive: _Drive, spans: Spans, first: np.ndarray, last: np.ndarray, config: DetectorConfig
) -> np.ndarray:
    """Whether the lane shortly after segments is another one than shortly before."""
    before = drive.lane[np.maximum(spans.starts[first] - config.lane_around_ticks, 0)]
    after = np.minimum(spans.stops[last] - 1 + config.lane_around_ticks, len(drive.lane) - 1)
    return before != drive.lane[after]


def _pieces(values: np.ndarray, levels: tuple[float, ...], config: DetectorConfig) -> Pieces:
    at = events(zones(values, levels, config.hysteresis))
    band = bands(values[0, at], at == 0, levels, config.hysteresis)
    return cut(at, band, np.sign(band), values.shape, config.skip_ticks, config.quiet_end_ticks)


def _min_ticks(config: DetectorConfig) -> np.ndarray:
    return np.array([config.lane_change_ticks if code in _CHANGES else config.lane_ticks for code in range(len(LANE))])


def _drifts(
    drive: _Drive, crossings: tuple[np.ndarray, np.ndarray], config: DetectorConfig
) -> list[tuple[int, int, int]]:
    """(first tick, end, code) of lane changes and slight shifts: stretches of drift to one side."""
    pieces = _pieces(drive.drift_rate, (config.cut_drift,), config)
    spans = spans_of(drive.ticks, pieces.starts)
    found = []
    for piece in np.flatnonzero(pieces.sign):
        start, stop, side = int(spans.starts[piece]), int(spans.stops[piece]), int(pieces.sign[piece])
        ends = "left" if side > 0 else "right"
        near = start - config.change_near_ticks, stop + config.change_near_ticks + 1
        over = slice(*np.searchsorted(crossings[0], near).tolist())
        if (crossings[1][over] == side).any() and _is_change(drive, start, stop, config):
            found.append((start, stop, _CODE[f"lane_change_{ends}"]))
        elif _is_shift(drive, start, stop, config):
            found.append((start, stop, _CODE[f"slight_shift_{ends}"]))
    return found


def _is_change(drive: _Drive, start: int, stop: int, config: DetectorConfig) -> bool:
    """The car gets far from the middle of its lane, or drifts far and fast enough."""
    far = float(drive.offset_m[0, start:stop].max()) >= config.change_offset_m
    drift = float(np.abs(drive.drift_rate[0, start:stop]).max())
    return far or (drift >= config.change_drift and _net_m(drive.drift_m, start, stop) >= config.change_net_m)


def _is_shift(drive: _Drive, start: int, stop: int, config: DetectorConfig) -> bool:
    """A clear shift that is no turn, or one on which the car hardly turns: a small and fast or a far and slow one."""
    drift = float(np.abs(drive.drift_rate[0, start:stop]).max())
    net_m, turn_rad = _net_m(drive.drift_m, start, stop), _net_m(drive.heading_rad, start, stop)
    if drift >= config.shift_drift and net_m >= config.shift_net_m and turn_rad < config.turn_turn_rad:
        return True
    turning = float(np.abs(drive.turn_rate[0, start:stop]).mean())
    askew = float(drive.askew_rad[0, start:stop].max())
    straight = turning < config.small_shift_rate_radpm and askew < config.small_shift_heading_rad
    small = drift >= config.small_shift_drift and net_m >= config.small_shift_net_m
    slow = drift >= config.slow_shift_drift and net_m >= config.shift_net_m
    return straight and (small or slow)


def _net_m(values: np.ndarray, start: int, stop: int) -> float:
    """By how much a value changes from the tick before a stretch to its last one."""
    return float(abs(values[0, stop - 1] - values[0, max(start - 1, 0)]))


def _without_short(codes: np.ndarray, config: DetectorConfig) -> np.ndarray:
    starts = np.flatnonzero(np.diff(codes, prepend=-2) != 0)
    lengths = np.diff(starts, append=len(codes))
    named = codes[starts]
    named = absorbed(named, lengths < _min_ticks(config)[named], np.zeros(len(starts), dtype=np.int64), _SIGN)
    return np.repeat(named, lengths)
