"""Every threshold of the meta action detectors, in one place.

Knows numbers and units only. Defaults follow the released auto-labeler (method notes, part A, 1.8); the paper
prints none. Lengths are in ticks of 0.1 s.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class DetectorConfig:
    """Thresholds of the longitudinal and lateral detectors; part of the cache key of every step that uses them."""

    # shared by both channels
    smoothing_ticks: int = 5  # width of the centred mean over speed and heading, odd
    hysteresis: float = 0.15  # a level is entered at +15 % and left at -15 %
    skip_ticks: int = 3  # of crossings less than this far apart only the first one cuts
    quiet_end_ticks: int = 3  # no cut in the last ticks: what follows them is not known

    # longitudinal: where to cut
    cut_speed_mps: float = 0.3
    cut_accels_mps2: tuple[float, ...] = (0.1, 1.25)
    # longitudinal: what a segment is
    standing_speed_mps: float = 0.12
    gentle_accel_mps2: float = 0.15
    strong_accel_mps2: float = 1.4
    speed_change_mps: float = 0.8
    longitudinal_ticks: int = 8
    maintain_ticks: int = 12

    # lateral: where to cut (rates are heading change per metre driven, + = left)
    cut_rates_radpm: tuple[float, ...] = (0.001, 0.05)
    cut_reverse_mps: float = 0.1
    # lateral: what a segment is
    rolling_speed_mps: float = 0.3  # heading changes of a slower car are noise and count as none
    steer_rate_radpm: float = 0.0015
    steer_turn_rad: float = 0.015
    sharp_rate_radpm: float = 0.05
    sharp_turn_rad: float = 0.2
    reverse_rate_radpm: float = 0.002
    reverse_turn_rad: float = 0.2
    lateral_ticks: int = 10
