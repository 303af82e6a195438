"""What the car does along its path: accelerating, braking, holding its speed, standing, reversing.

Knows the longitudinal rules of the method notes, part A, 1.8. Does not know heading, maps or other road users.
"""

import numpy as np

from causeway.meta_actions.config import DetectorConfig
from causeway.meta_actions.names import LONGITUDINAL
from causeway.meta_actions.segments import bands, rate_per_s, settle, smooth, tick_seconds

_CODE = {name: code for code, name in enumerate(LONGITUDINAL)}


def longitudinal_codes(t_us: np.ndarray, speed_mps: np.ndarray, config: DetectorConfig) -> np.ndarray:
    """Index into `LONGITUDINAL` per tick; t_us and signed speed_mps have shape […, n], n ≥ 1."""
    speed = smooth(speed_mps, config.smoothing_ticks)
    accel = rate_per_s(speed, t_us)
    band = 8 * bands(speed, (config.cut_speed_mps,), config.hysteresis)
    band += bands(accel, config.cut_accels_mps2, config.hysteresis)
    min_ticks = np.full(len(LONGITUDINAL), config.longitudinal_ticks)
    min_ticks[_CODE["maintain_speed"]] = config.maintain_ticks
    tick_s = tick_seconds(t_us)

    def classify(starts: np.ndarray) -> np.ndarray:
        duration_s = np.add.reduceat(tick_s, starts)
        speed_change = np.add.reduceat(accel.ravel() * tick_s, starts)
        mean_speed = np.add.reduceat(speed.ravel() * tick_s, starts) / duration_s
        return _segment_codes(mean_speed, speed_change / duration_s, speed_change, config)

    return settle(band, classify, min_ticks, config)


def _segment_codes(
    mean_speed: np.ndarray, mean_accel: np.ndarray, speed_change: np.ndarray, config: DetectorConfig
) -> np.ndarray:
    """The first rule that matches, in the order of the method."""
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
    return np.select(list(rules.values()), [_CODE[name] for name in rules], _CODE["maintain_speed"])
