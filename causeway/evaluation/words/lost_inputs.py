"""Observations with one input taken away: what a policy is asked with to see whether it uses it.

Knows what "taken away" means for pictures, motion and a camera. Does not know policies or metrics.
"""

from dataclasses import replace

import numpy as np

from causeway.model.observation import HISTORY_POSES, Observation, without_cameras


def blank_images(observation: Observation) -> Observation:
    """Every picture black, as from a dead sensor; times and calibration stay (method 4.12, D-044: "frames zeroed")."""
    return replace(observation, images=np.zeros_like(observation.images))


def blank_history(observation: Observation) -> Observation:
    """The past as if it had been driven straight at the measured speed: it tells nothing that the speed does not."""
    history = np.zeros((HISTORY_POSES, 3), dtype=np.float32)
    history[:, 0] = np.arange(1 - HISTORY_POSES, 1) * np.float32(0.1 * observation.speed_mps)
    return replace(observation, ego_history=history)


def lost_camera(observation: Observation, camera: str) -> Observation | None:
    """Without one camera; None where it is not there, or is the only one."""
    if camera not in observation.cameras or len(observation.cameras) == 1:
        return None
    return without_cameras(observation, (camera,))
