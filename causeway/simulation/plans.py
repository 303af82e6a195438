"""Plans that need no model, and what is wrong with a plan: checks, the constant-velocity baseline, carrying a plan on.

Knows trajectories [64, 3] in the rig frame. Does not know scenes.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causeway.clips.geometry import to_frame
from causeway.errors import CausewayError
from causeway.model.observation import HORIZON_STEPS, Observation
from causeway.simulation.vehicle import TICK_S

Array = NDArray[np.float64]

FASTEST_MPS = 70.0
TELEPORT_M = 1.5  # how far the first waypoint may be from where the present speed leads


class PolicyFault(CausewayError):
    """A policy answered with a plan that no vehicle can be asked to follow: its rollout has failed, the run goes on."""


def check_trajectory(trajectory_rig: ArrayLike, speed_mps: float, where: str = "plan") -> Array:
    """The trajectory as float64 [64, 3], or PolicyFault: wrong shape, not finite, or jumping."""
    try:
        path = np.asarray(trajectory_rig, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise PolicyFault(f"{where}: not an array of numbers ({error}); answer x, y, yaw [64, 3]") from error
    if path.shape != (HORIZON_STEPS, 3):
        raise PolicyFault(f"{where}: shape {list(path.shape)}, expected [64, 3]: x, y, yaw at 0.1 … 6.4 s")
    if not np.isfinite(path).all():
        row = int(np.flatnonzero(~np.isfinite(path).all(axis=1))[0])
        raise PolicyFault(f"{where}: waypoint {row} holds NaN or infinity")
    first = float(np.hypot(path[0, 0] - speed_mps * TICK_S, path[0, 1]))
    if first > TELEPORT_M:
        leads = f"{first:.1f} m from where {speed_mps:.1f} m/s leads"
        raise PolicyFault(f"{where}: first waypoint is {leads}; it must be in the rig frame at t0")
    steps = np.hypot(*np.diff(path[:, :2], axis=0).T)
    if steps.max() > FASTEST_MPS * TICK_S:
        row = int(np.argmax(steps)) + 1
        raise PolicyFault(f"{where}: waypoint {row} is {steps.max():.1f} m from the one before, 0.1 s earlier")
    return path


def constant_velocity_trajectory(observation: Observation) -> NDArray[np.float32]:
    """Straight on at the measured speed, [64, 3]: the baseline that sees nothing."""
    t = np.arange(1, HORIZON_STEPS + 1, dtype=np.float32) * np.float32(TICK_S)
    return np.stack([observation.speed_mps * t, np.zeros_like(t), np.zeros_like(t)], axis=-1).astype(np.float32)


def carried_on(trajectory_rig: ArrayLike, pose_then: ArrayLike, pose_now: ArrayLike, ticks: int) -> Array:
    """A plan made `ticks` ago at `pose_then`, in the rig frame at `pose_now`; its end goes on at its last velocity.

    For policies that plan less often than every tick. Poses are x, y, yaw in any one frame.
    """
    plan = np.asarray(trajectory_rig, dtype=np.float64)
    step = plan[-1, :2] - plan[-2, :2]
    beyond = plan[-1] + np.arange(1, ticks + 1)[:, None] * np.append(step, 0.0)
    shifted = np.concatenate([plan[ticks:], beyond])
    return to_frame(shifted, to_frame(pose_now, pose_then))
