"""Plans that need no model, and what is wrong with a plan: checks, the constant-velocity baseline, carrying a plan on.

Knows trajectories [64, 3] in the rig frame. Does not know scenes.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causeway.clips.geometry import to_frame
from causeway.errors import CausewayError
from causeway.model.observation import HORIZON_STEPS, Observation
from causeway.simulation.compiled import compiled
from causeway.simulation.vehicle import TICK_S

Array = NDArray[np.float64]

FASTEST_MPS = 70.0
_FINE, _NOT_FINITE, _ELSEWHERE, _JUMPS = 0, 1, 2, 3
TELEPORT_M = 1.5  # how far the first waypoint may be from where the present speed leads


class PolicyFault(CausewayError):
    """A policy answered with a plan that no vehicle can be asked to follow: its rollout has failed, the run goes on."""


def check_trajectory(trajectory_rig: ArrayLike, speed_mps: float, where: str = "plan") -> Array:
    """The trajectory as float64 [64, 3], or PolicyFault: wrong shape, not finite, or jumping."""
    try:
        path = np.asarray(trajectory_rig, dtype=np.float64, order="C")
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: a tensor that cannot become an array
        raise PolicyFault(f"{where}: not an array of numbers ({error}); answer x, y, yaw [64, 3]") from error
    if path.shape != (HORIZON_STEPS, 3):
        raise PolicyFault(f"{where}: shape {list(path.shape)}, expected [64, 3]: x, y, yaw at 0.1 … 6.4 s")
    kind, row, far_m = _fault(path, speed_mps * TICK_S, FASTEST_MPS * TICK_S)
    if kind == _NOT_FINITE:
        raise PolicyFault(f"{where}: waypoint {row} holds NaN or infinity")
    if kind == _ELSEWHERE:
        leads = f"{far_m:.1f} m from where {speed_mps:.1f} m/s leads"
        raise PolicyFault(f"{where}: first waypoint is {leads}; it must be in the rig frame at t0")
    if kind == _JUMPS:
        raise PolicyFault(f"{where}: waypoint {row} is {far_m:.1f} m from the one before, 0.1 s earlier")
    return path


@compiled
def _fault(path: Array, leads_m: float, farthest_m: float) -> tuple[int, int, float]:
    """What is wrong with a plan whose waypoints may be so far apart: (kind, waypoint, metres)."""
    for i in range(len(path)):
        if not (math.isfinite(path[i, 0]) and math.isfinite(path[i, 1]) and math.isfinite(path[i, 2])):
            return _NOT_FINITE, i, 0.0
    first = math.hypot(path[0, 0] - leads_m, path[0, 1])
    if first > TELEPORT_M:
        return _ELSEWHERE, 0, first
    worst, far_m = 0, 0.0
    for i in range(1, len(path)):
        step = math.hypot(path[i, 0] - path[i - 1, 0], path[i, 1] - path[i - 1, 1])
        if step > far_m:
            worst, far_m = i, step
    return (_JUMPS, worst, far_m) if far_m > farthest_m else (_FINE, 0, 0.0)


def constant_velocity_trajectory(observation: Observation) -> NDArray[np.float32]:
    """Straight on at the measured speed, [64, 3]: the baseline that sees nothing."""
    t = np.arange(1, HORIZON_STEPS + 1, dtype=np.float32) * np.float32(TICK_S)
    return np.stack([observation.speed_mps * t, np.zeros_like(t), np.zeros_like(t)], axis=-1).astype(np.float32)


def carried_on(trajectory_rig: ArrayLike, pose_then: ArrayLike, pose_now: ArrayLike, ticks: int) -> Array:
    """A plan [n, 3] made `ticks` ago at `pose_then`, in the rig frame at `pose_now`: [n, 3], however long ago it was.

    Its end goes on at its last velocity. For policies that plan less often than every tick. Poses are x, y, yaw in any
    one frame.
    """
    plan = np.asarray(trajectory_rig, dtype=np.float64)
    step = plan[-1, :2] - plan[-2, :2]
    beyond = plan[-1] + np.arange(1, ticks + 1)[:, None] * np.append(step, 0.0)
    shifted = np.concatenate([plan, beyond])[ticks:]
    return to_frame(shifted, to_frame(pose_now, pose_then))
