"""Rewards of a path's shape: how near the expert, how smooth, how comfortable, how far along.

Knows kinematics from poses alone: 0.1 s between poses, x and y in metres, yaw in rad, any one frame. Every reward
here is a pure function, batched over leading dimensions, and depends on relative geometry only: turning and moving
everything together changes nothing. Does not know models, traces or other agents.
"""

from dataclasses import dataclass

import numpy as np

from causeway.training.reward_inputs import finite, path, same_kind

TICK_S = 0.1
ADE_SCALE_M = 3.0  # the released recipe's gate: an ADE of 3 m costs half of all there is to lose
JERK_SCALE_MPS3 = 4.13
STANDING_M = 5.0  # AlpaSim's rule: an expert that moved less than this gives full progress


@dataclass(frozen=True)
class ComfortBounds:
    """The six bounds of the released recipe (method 3.1); every tick must lie inside to count."""

    accel_min_mps2: float = -4.05
    accel_max_mps2: float = 2.40
    lateral_accel_mps2: float = 4.89
    jerk_mps3: float = 8.37
    longitudinal_jerk_mps3: float = 4.13
    yaw_accel_radps2: float = 1.93
    yaw_rate_radps: float = 0.95


def distance_m(predicted: np.ndarray, expert: np.ndarray) -> np.ndarray:
    """Mean distance of two paths […, n, 3] over their poses: metres […]."""
    offset = predicted[..., :2] - expert[..., :2]
    return np.hypot(offset[..., 0], offset[..., 1]).mean(axis=-1)


@same_kind
def displacement(predicted: np.ndarray, expert: np.ndarray) -> np.ndarray:
    """Nearness to the recorded path: −ADE / (ADE + 3 m).

    Inputs: `predicted`, `expert` […, n, 3] poses in one frame. Range: (−1, 0], 0 = the expert's path; strictly
    falling in the ADE, so that two bad paths still differ. Unit: none. Source: r_traj's distance term of arXiv
    2511.00088 sec. 5, with the released recipe's 3 m as the scale instead of its gate.
    """
    ade_m = distance_m(path("predicted", predicted, 1), path("expert", expert, 1))
    return -ade_m / (ade_m + ADE_SCALE_M)


@same_kind
def jerk(predicted: np.ndarray) -> np.ndarray:
    """Smoothness: −J / (J + 4.13 m/s³) of the root mean square J of the path's third difference.

    Input: `predicted` […, n, 3] poses 0.1 s apart, n ≥ 4. Range: (−1, 0], 0 = no jerk. Unit: none.
    Source: r_traj's jerk term of arXiv 2511.00088 sec. 5 (its weight is not printed; the sign here is: less is
    better).
    """
    third_mps3 = np.diff(path("predicted", predicted)[..., :2], n=3, axis=-2) / TICK_S**3
    rms_mps3 = np.sqrt((third_mps3**2).sum(axis=-1).mean(axis=-1))
    return -rms_mps3 / (rms_mps3 + JERK_SCALE_MPS3)


def kinematics(poses: np.ndarray, speed_mps: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Speed, accelerations, jerks and yaw motion between poses […, n, 3], signed along the heading.

    Speeds and yaw rates live half-way between poses. The lateral acceleration is speed times yaw rate: a path that
    keeps its wheels on the road has no sideways speed to differentiate, which is why the released check passed
    everything. With `speed_mps` […] (measured at the first pose) the first acceleration reaches back to it.
    """
    step = np.diff(poses, axis=-2)
    turn = np.arctan2(np.sin(step[..., 2]), np.cos(step[..., 2]))
    middle = poses[..., :-1, 2] + turn / 2
    speed = (step[..., 0] * np.cos(middle) + step[..., 1] * np.sin(middle)) / TICK_S
    yaw_rate = turn / TICK_S
    accel = np.diff(speed, axis=-1) / TICK_S
    if speed_mps is not None:
        first = (speed[..., :1] - np.asarray(speed_mps)[..., None]) / (TICK_S / 2)
        accel = np.concatenate([np.broadcast_to(first, (*accel.shape[:-1], 1)), accel], axis=-1)
    lateral = speed * yaw_rate
    along = np.diff(accel, axis=-1) / TICK_S
    aside = np.diff(lateral, axis=-1)[..., -along.shape[-1] :] / TICK_S
    return {
        "accel": accel,
        "lateral_accel": lateral,
        "jerk": np.hypot(along, aside),
        "longitudinal_jerk": along,
        "yaw_accel": np.diff(yaw_rate, axis=-1) / TICK_S,
        "yaw_rate": yaw_rate,
    }


@same_kind
def comfort(
    predicted: np.ndarray, speed_mps: np.ndarray | None = None, bounds: ComfortBounds | None = None
) -> np.ndarray:
    """Share of ticks inside the bounds, averaged over the six bounds.

    Inputs: `predicted` […, n, 3] poses 0.1 s apart, n ≥ 4, whose first pose is where `speed_mps` […] was measured
    (without it the first half tick is not judged). Range: [0, 1], 1 = comfortable throughout. Unit: none. Source:
    method 3.1's six bounds; a share of ticks as its README says (its code counts whole paths), lateral acceleration
    = v × yaw rate.
    """
    limit = bounds or ComfortBounds()
    speed = None if speed_mps is None else finite("speed_mps", speed_mps, ())
    motion = kinematics(path("predicted", predicted), speed)
    accel = motion["accel"]
    inside = [
        (accel >= limit.accel_min_mps2) & (accel <= limit.accel_max_mps2),
        np.abs(motion["lateral_accel"]) <= limit.lateral_accel_mps2,
        motion["jerk"] <= limit.jerk_mps3,
        np.abs(motion["longitudinal_jerk"]) <= limit.longitudinal_jerk_mps3,
        np.abs(motion["yaw_accel"]) <= limit.yaw_accel_radps2,
        np.abs(motion["yaw_rate"]) <= limit.yaw_rate_radps,
    ]
    return np.mean([ticks.mean(axis=-1) for ticks in inside], axis=0)


@same_kind
def progress(predicted: np.ndarray, expert: np.ndarray) -> np.ndarray:
    """How much of the expert's way was made: where the predicted end falls on it, as a share of its length.

    Inputs: `predicted`, `expert` […, n, 3] poses in one frame, both starting at the same place. Range: [0, 1]; 1
    when the expert moved less than 5 m. Unit: none. Source: AlpaSim's progress_rel (method 5.2), the released
    closed-loop reward.
    """
    way, end = path("expert", expert, 2)[..., :2], path("predicted", predicted, 1)[..., -1, :2]
    start, leg = way[..., :-1, :], np.diff(way, axis=-2)
    length = np.hypot(leg[..., 0], leg[..., 1])
    share = ((end[..., None, :] - start) * leg).sum(axis=-1) / np.maximum(length**2, 1e-9)
    share = np.clip(share, 0.0, 1.0)
    foot = start + share[..., None] * leg
    nearest = np.hypot(*np.moveaxis(end[..., None, :] - foot, -1, 0)).argmin(axis=-1)[..., None]
    before = np.cumsum(length, axis=-1) - length
    made = np.take_along_axis(np.broadcast_to(before + share * length, share.shape), nearest, axis=-1)[..., 0]
    whole = length.sum(axis=-1)
    return np.where(whole < STANDING_M, 1.0, np.clip(made / np.maximum(whole, STANDING_M), 0.0, 1.0))
