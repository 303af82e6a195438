"""Every threshold of the meta action detectors, in one place.

Knows numbers and units only. Defaults follow the released auto-labeler (method notes, part A, 1.8); the paper
prints none. Lengths are in ticks of 0.1 s.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class DetectorConfig:
    """Thresholds of the detectors of all channels; part of the cache key of every step that uses them."""

    # shared by the channels
    smoothing_ticks: int = 5  # width of the centred mean over speed and heading, odd
    hysteresis: float = 0.15  # a level is entered at +15 % and left at -15 %
    skip_ticks: int = 3  # a band held for less is on its way to the next one
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

    # lane: where to cut (rates per metre driven, + = left)
    cut_curve_radpm: float = 0.01
    cut_drift: float = 0.01  # metres across the lane per metre driven: where a drift begins and ends
    # lane: what a segment is
    change_offset_m: float = 1.0
    change_drift: float = 0.02
    change_net_m: float = 0.5
    change_near_ticks: int = 3  # a lane may be left just before or after the drift towards the next
    shift_drift: float = 0.095
    shift_net_m: float = 0.8
    small_shift_drift: float = 0.06  # where the car hardly turns, a smaller shift counts
    small_shift_net_m: float = 0.2
    slow_shift_drift: float = 0.02  # or one as far as a clear one that takes longer
    small_shift_rate_radpm: float = 0.02
    small_shift_heading_rad: float = 0.10
    turn_rate_radpm: float = 0.04
    turn_turn_rad: float = 0.2
    turn_drift: float = 0.06
    wide_turn_rad: float = 0.6  # at a curve's rate it is a turn where this share of it is in a junction
    wide_turn_share: float = 0.25
    curve_rate_radpm: float = 0.02
    curve_turn_rad: float = 0.10
    curve_offset_m: float = 1.2
    lane_around_ticks: int = 5  # a turn leaves its lane between so many ticks before and after
    lane_ticks: int = 6
    lane_change_ticks: int = 5
