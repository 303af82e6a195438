"""What the car does across its path: steering, sharply or not, turning while it reverses, going straight.

Knows the lateral rules of the method notes, part A, 1.8. Left is where the heading turns to the left, also in
reverse. Does not know lanes: that needs a map and is a channel of its own.
"""

import numpy as np

from causeway.meta_actions.config import DetectorConfig
from causeway.meta_actions.names import LATERAL
from causeway.meta_actions.segments import Codes, Pieces, bands, cut, events, is_above, settle, zones
from causeway.meta_actions.ticks import Ticks, rate_per_s, smooth, spans_of

_CODE = {name: code for code, name in enumerate(LATERAL)}
_SIGN = np.array([name.endswith("_left") - name.endswith("_right") for name in LATERAL], dtype=np.int8)
_WEAK = np.array([name == "go_straight" for name in LATERAL])


def lateral_codes(ticks: Ticks, yaw_rad: np.ndarray, config: DetectorConfig) -> np.ndarray:
    """Index into `LATERAL` per tick, int8 [rows, n]; yaw_rad [rows, n] in any wrap."""
    backwards = bool(ticks.speed_mps.min() < 0)
    speed = np.abs(ticks.speed_mps) if backwards else ticks.speed_mps
    rolls = speed >= config.rolling_speed_mps
    heading = smooth(heading_turned(yaw_rad, rolls), config.smoothing_ticks)
    rate = rate_per_s(heading, ticks.span_s)
    rate /= np.maximum(speed, config.rolling_speed_mps)
    np.copyto(rate, 0.0, where=~rolls)
    pieces = _pieces(ticks, rate, config)
    spans = spans_of(ticks, pieces.starts)
    seconds, turned = spans.seconds(), spans.change(heading)
    mean_speed = spans.mean(ticks.speed_mps, ticks.speed_sum)
    rolled = spans.mean(speed, np.cumsum(speed, axis=-1) if backwards else ticks.speed_sum)

    def rate_of(first: np.ndarray, last: np.ndarray) -> np.ndarray:
        rolled_mps = rolled(first, last)
        driven_m = rolled_mps * seconds(first, last)
        moved = (driven_m > 0) & (rolled_mps >= config.rolling_speed_mps)
        return turned(first, last) / np.where(moved, driven_m, np.inf)

    def classify(first: np.ndarray, last: np.ndarray) -> np.ndarray:
        return _segment_codes(mean_speed(first, last), rate_of(first, last), turned(first, last), config)

    def lean(first: np.ndarray, last: np.ndarray) -> np.ndarray:
        return _steer_codes(rate_of(first, last), config)

    codes = Codes(_CODE["go_straight"], _WEAK, _SIGN, np.full(len(LATERAL), config.lateral_ticks))
    return settle(pieces, classify, lean, codes)


def _pieces(ticks: Ticks, rate: np.ndarray, config: DetectorConfig) -> Pieces:
    zone = zones(rate, config.cut_rates_radpm, config.hysteresis)
    zone += 16 * zones(ticks.speed_mps, (config.cut_reverse_mps,), config.hysteresis)
    at = events(zone)
    first = at % ticks.count == 0
    turns = bands(rate.reshape(-1)[at], first, config.cut_rates_radpm, config.hysteresis)
    backs = is_above(-ticks.speed_mps.reshape(-1)[at], first, config.cut_reverse_mps, config.hysteresis)
    band = turns + 8 * backs.astype(np.int8)
    return cut(at, band, np.sign(turns), rate.shape, config.skip_ticks, config.quiet_end_ticks)


def _segment_codes(
    mean_speed: np.ndarray, rate: np.ndarray, turn_rad: np.ndarray, config: DetectorConfig
) -> np.ndarray:
    """The first rule that matches, in the order of the method."""
    left = turn_rad > 0

    def turns(min_rate: float, min_turn: float) -> np.ndarray:
        return (np.abs(rate) >= min_rate) & (np.abs(turn_rad) >= min_turn)

    backs = mean_speed <= -config.cut_reverse_mps
    backs &= turns(config.reverse_rate_radpm, config.reverse_turn_rad)
    sharp = turns(config.sharp_rate_radpm, config.sharp_turn_rad)
    steers = turns(config.steer_rate_radpm, config.steer_turn_rad)
    codes = np.full(len(rate), _CODE["go_straight"], dtype=np.int8)
    for name, holds in (("steer", steers), ("sharp_steer", sharp), ("reverse", backs)):
        codes[holds & left] = _CODE[f"{name}_left"]
        codes[holds & ~left] = _CODE[f"{name}_right"]
    return codes


def _steer_codes(rate: np.ndarray, config: DetectorConfig) -> np.ndarray:
    """What a part of a longer effort is: steering, however little the part itself turns."""
    codes = np.full(len(rate), _CODE["go_straight"], dtype=np.int8)
    codes[rate >= config.steer_rate_radpm] = _CODE["steer_left"]
    codes[rate <= -config.steer_rate_radpm] = _CODE["steer_right"]
    return codes


def heading_turned(yaw_rad: np.ndarray, rolls: np.ndarray) -> np.ndarray:
    """Heading turned since the first tick of each row, [rows, n]: without jumps of 2π, and none while standing.

    Counts a step between two ticks at which the car rolls both times; mirror images stay exact mirror images.
    """
    result = np.zeros(yaw_rad.shape)
    step = result[:, 1:]
    np.subtract(yaw_rad[:, 1:], yaw_rad[:, :-1], out=step)
    if step.size and max(step.max(), -step.min()) > np.pi:
        step -= np.rint(step / (2 * np.pi)) * (2 * np.pi)
    if not rolls.all():
        np.copyto(step, 0.0, where=~(rolls[:, 1:] & rolls[:, :-1]))
    return np.cumsum(result, axis=-1, out=result)
