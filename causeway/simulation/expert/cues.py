"""Cues: everything that asks the expert for a certain speed, each in one of three laws.

Knows the three laws by name, the closed set of reasons, and what a cue is. Does not know where cues come from (`leads`,
`lines`, `crossings`, `profiles`, `sideways`) or how a law becomes an acceleration (`speed_laws`). Stations are those of
the ego's rear axle along its route, in metres.
"""

from dataclasses import dataclass

FOLLOW, STAND, KEEP = 0, 1, 2  # behind a leader, stand at a station, keep a speed from station to station

CRUISE, LEAD, LIGHT, STOP_SIGN, PEDESTRIAN = "cruise", "lead", "light", "stop_sign", "pedestrian"
CURVE, BUMP, CONSTRUCTION = "curve", "bump", "construction"
MERGING, OBSTACLE, RISKY = "merging", "obstacle", "risky"
# pedestrian: any weak road user; merging: a gap for a change of lane; obstacle: a nudge that is blocked


@dataclass(frozen=True)
class Cue:
    """One thing that asks for a speed: why, for what (a track, signal or element id), and by which law.

    FOLLOW: at `at_m` the ego's front would touch the leader's tail as it is now; the leader has `speed_mps` and
    `accel_mps2`. STAND: the rear axle is to stand at `at_m`. KEEP: no faster than `speed_mps` from `at_m` to `to_m`.
    """

    reason: str
    cause_id: str | None
    law: int
    at_m: float
    speed_mps: float = 0.0
    accel_mps2: float = 0.0
    to_m: float = 0.0


def following(reason: str, cause_id: str | None, at_m: float, speed_mps: float, accel_mps2: float = 0.0) -> Cue:
    """Behind a leader: the cue of the law FOLLOW."""
    return Cue(reason, cause_id, FOLLOW, at_m, speed_mps, accel_mps2)


def standing(reason: str, cause_id: str | None, at_m: float) -> Cue:
    """Stand with the rear axle at a station: the cue of the law STAND."""
    return Cue(reason, cause_id, STAND, at_m)


def keeping(reason: str, cause_id: str | None, from_m: float, to_m: float, speed_mps: float) -> Cue:
    """No faster than a speed between two stations, braking early enough for it: the cue of the law KEEP."""
    return Cue(reason, cause_id, KEEP, from_m, speed_mps, 0.0, to_m)
