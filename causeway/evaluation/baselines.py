"""What needs no training: constant velocity and constant turn rate, as functions and in the shape of a policy.

Knows the measured speed and the ego history of an observation. Does not look at pictures. A policy that is not better
than these has learnt nothing about motion.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causeway.model.observation import HORIZON_STEPS, Observation, Sample, observation_of
from causeway.model.prediction import Prediction

TICK_S = 0.1
TURN_POSES = 5  # the yaw rate is the mean of the last 0.5 s: a single tick's is mostly noise
STANDING_MPS = 0.5  # below this a yaw rate is noise and a vehicle does not turn on the spot

Array = NDArray[np.float64]


def arcs(speed_mps: Array, yaw_rate_radps: Array) -> Array:
    """Paths [n, 64, 3] in the rig frame of vehicles [n] that hold speed (m/s, signed) and yaw rate (rad/s)."""
    t_s = np.arange(1, HORIZON_STEPS + 1) * TICK_S
    yaw = yaw_rate_radps[:, None] * t_s
    # chord of a circular arc: v·t·sinc(yaw/2), at half the turned angle
    chord = speed_mps[:, None] * t_s * np.sinc(yaw / 2 / np.pi)
    return np.stack([chord * np.cos(yaw / 2), chord * np.sin(yaw / 2), yaw], axis=-1)


def constant_velocity(observations: Sequence[Observation]) -> Array:
    """Paths [n, 64, 3] straight on at the measured speed."""
    speed = np.array([o.speed_mps for o in observations], dtype=np.float64)
    return arcs(speed, np.zeros_like(speed))


def constant_turn_rate(observations: Sequence[Observation]) -> Array:
    """Paths [n, 64, 3] at the measured speed and the mean yaw rate of the last 0.5 s."""
    speed = np.array([o.speed_mps for o in observations], dtype=np.float64)
    yaw = np.array([np.asarray(o.ego_history)[[-1 - TURN_POSES, -1], 2] for o in observations], dtype=np.float64)
    turn = yaw[:, 1] - yaw[:, 0]
    rate = np.arctan2(np.sin(turn), np.cos(turn)) / (TURN_POSES * TICK_S)
    return arcs(speed, np.where(np.abs(speed) < STANDING_MPS, 0.0, rate))


BASELINES: dict[str, Callable[[Sequence[Observation]], Array]] = {
    "constant_velocity": constant_velocity,
    "constant_turn_rate": constant_turn_rate,
}


@dataclass(frozen=True)
class BaselinePolicy:
    """A baseline that can be asked like a policy; its n samples are equal and it says nothing."""

    name: str = "constant_velocity"

    def predict(self, samples: Sequence[Observation | Sample], n: int = 1, seed: Any = 0, **_: Any) -> Prediction:
        """The baseline's path for each sample, n times."""
        paths = BASELINES[self.name]([observation_of(s) for s in samples]).astype(np.float32)
        return Prediction(
            reasoning=[[""] * n for _ in samples],
            decision=[[("none", "none")] * n for _ in samples],
            trajectory_rig=np.repeat(paths[:, None], n, axis=1),
            controls=np.zeros((len(samples), n, HORIZON_STEPS, 2), dtype=np.float32),
            timing_ms={},
        )
