"""What the car does across its path: steering, sharply or not, turning while it reverses, going straight.

Knows the lateral rules of the method notes, part A, 1.8. Left is where the heading turns to the left, also in
reverse. Does not know lanes: that needs a map and is a channel of its own.
"""

import numpy as np

from causeway.meta_actions.config import DetectorConfig
from causeway.meta_actions.names import LATERAL
from causeway.meta_actions.segments import bands, is_above, rate_per_s, settle, smooth, tick_seconds

_CODE = {name: code for code, name in enumerate(LATERAL)}


def lateral_codes(t_us: np.ndarray, yaw_rad: np.ndarray, speed_mps: np.ndarray, config: DetectorConfig) -> np.ndarray:
    """Index into `LATERAL` per tick; t_us, yaw_rad (any wrap) and signed speed_mps have shape […, n], n ≥ 1."""
    speed = smooth(speed_mps, config.smoothing_ticks)
    rolls = np.abs(speed) >= config.rolling_speed_mps
    turn_radps = rate_per_s(smooth(_unwrapped(yaw_rad), config.smoothing_ticks), t_us) * rolls
    rate_radpm = turn_radps / np.where(rolls, np.abs(speed), 1.0)
    band = bands(rate_radpm, config.cut_rates_radpm, config.hysteresis)
    band += 8 * is_above(-speed, config.cut_reverse_mps, config.hysteresis).astype(np.int8)
    min_ticks = np.full(len(LATERAL), config.lateral_ticks)
    tick_s = tick_seconds(t_us)

    def classify(starts: np.ndarray) -> np.ndarray:
        duration_s = np.add.reduceat(tick_s, starts)
        mean_speed = np.add.reduceat(speed.ravel() * tick_s, starts) / duration_s
        turn_rad = np.add.reduceat(turn_radps.ravel() * tick_s, starts)
        driven_m = np.add.reduceat(np.abs(speed.ravel()) * tick_s, starts)
        rate = turn_rad / np.where(driven_m > 0, driven_m, 1.0)
        return _segment_codes(mean_speed, rate, turn_rad, config)

    return settle(band, classify, min_ticks, config)


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
    rules = {
        "reverse_left": backs & left,
        "reverse_right": backs & ~left,
        "sharp_steer_left": sharp & left,
        "sharp_steer_right": sharp & ~left,
        "steer_left": steers & left,
        "steer_right": steers & ~left,
    }
    return np.select(list(rules.values()), [_CODE[name] for name in rules], _CODE["go_straight"])


def _unwrapped(yaw_rad: np.ndarray) -> np.ndarray:
    """Heading relative to the first tick without jumps of 2π; mirror images stay exact mirror images."""
    step = np.diff(yaw_rad, axis=-1)
    step -= 2 * np.pi * np.rint(step / (2 * np.pi))
    result = np.zeros_like(yaw_rad)
    np.cumsum(step, axis=-1, out=result[..., 1:])
    return result
