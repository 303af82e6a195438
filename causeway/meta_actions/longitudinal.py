"""What the car does along its path: accelerating, braking, holding its speed, standing, reversing.

Knows the longitudinal rules of the method notes, part A, 1.8. Does not know heading, maps or other road users.
"""

import numpy as np

from causeway.meta_actions.config import DetectorConfig
from causeway.meta_actions.names import LONGITUDINAL
from causeway.meta_actions.segments import Codes, Pieces, bands, cut, events, settle, zones
from causeway.meta_actions.ticks import Ticks, rate_per_s, spans_of

_CODE = {name: code for code, name in enumerate(LONGITUDINAL)}
_SIGN = np.array([name.endswith("accelerate") - name.endswith("decelerate") for name in LONGITUDINAL], dtype=np.int8)
_WEAK = np.isin(LONGITUDINAL, ("maintain_speed", "stop"))


def longitudinal_codes(ticks: Ticks, config: DetectorConfig) -> np.ndarray:
    """Index into `LONGITUDINAL` per tick, int8 [rows, n]."""
    pieces = _pieces(ticks, config)
    spans = spans_of(ticks, pieces.starts)
    seconds, gained = spans.seconds(), spans.change(ticks.speed_mps)
    mean_speed = spans.mean(ticks.speed_mps, ticks.speed_sum)

    def classify(first: np.ndarray, last: np.ndarray) -> np.ndarray:
        return _segment_codes(mean_speed(first, last), gained(first, last), seconds(first, last), config)

    def lean(first: np.ndarray, last: np.ndarray) -> np.ndarray:
        return _gentle_codes(_mean_accel(gained(first, last), seconds(first, last)), config)

    return settle(pieces, classify, lean, _codes(config))


def _pieces(ticks: Ticks, config: DetectorConfig) -> Pieces:
    accel = rate_per_s(ticks.speed_mps, ticks.span_s)
    zone = zones(accel, config.cut_accels_mps2, config.hysteresis)
    zone += 16 * zones(ticks.speed_mps, (config.cut_speed_mps,), config.hysteresis)
    at = events(zone)
    first = at % ticks.count == 0
    effort = bands(accel.reshape(-1)[at], first, config.cut_accels_mps2, config.hysteresis)
    moves = bands(ticks.speed_mps.reshape(-1)[at], first, (config.cut_speed_mps,), config.hysteresis)
    shape = ticks.speed_mps.shape
    return cut(at, 8 * moves + effort, np.sign(effort), shape, config.skip_ticks, config.quiet_end_ticks)


def _codes(config: DetectorConfig) -> Codes:
    min_ticks = np.full(len(LONGITUDINAL), config.longitudinal_ticks)
    min_ticks[_CODE["maintain_speed"]] = config.maintain_ticks
    return Codes(_CODE["maintain_speed"], _WEAK, _SIGN, min_ticks)


def _segment_codes(
    mean_speed: np.ndarray, speed_change: np.ndarray, seconds: np.ndarray, config: DetectorConfig
) -> np.ndarray:
    """The first rule that matches, in the order of the method."""
    mean_accel = _mean_accel(speed_change, seconds)
    gained = speed_change >= config.speed_change_mps
    lost = speed_change <= -config.speed_change_mps
    rules = {
        "reverse": mean_speed <= -config.standing_speed_mps,
        "stop": mean_speed <= config.standing_speed_mps,
        "strong_accelerate": gained & (mean_accel >= config.strong_accel_mps2),
        "gentle_accelerate": gained & (mean_accel >= config.gentle_accel_mps2),
        "strong_decelerate": lost & (mean_accel <= -config.strong_accel_mps2),
        "gentle_decelerate": lost & (mean_accel <= -config.gentle_accel_mps2),
    }
    codes = np.full(len(mean_speed), _CODE["maintain_speed"], dtype=np.int8)
    for name, holds in reversed(rules.items()):
        codes[holds] = _CODE[name]
    return codes


def _gentle_codes(mean_accel: np.ndarray, config: DetectorConfig) -> np.ndarray:
    """What a part of a longer effort is: gentle, however little the part itself changes the speed."""
    codes = np.full(len(mean_accel), _CODE["maintain_speed"], dtype=np.int8)
    codes[mean_accel >= config.gentle_accel_mps2] = _CODE["gentle_accelerate"]
    codes[mean_accel <= -config.gentle_accel_mps2] = _CODE["gentle_decelerate"]
    return codes


def _mean_accel(speed_change: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    return speed_change / np.where(seconds > 0, seconds, 1.0)
