"""The ego vehicle: its dimensions, a kinematic bicycle about the rear axle, and the tracker that follows a plan.

Knows one tick of motion. Does not know roads or other agents. The equations are those of arXiv 2511.00088, section 2.3
(unicycle with acceleration and curvature), taken in ten sub-steps, so that logs at 100 Hz lie on the same path.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

TICK_S = 0.1
SUB_STEPS = 10
MAX_BRAKE_MPS2, MAX_ACCEL_MPS2 = 9.8, 4.0
MAX_CURVATURE_PER_M = 0.2
MAX_CURVATURE_RATE = 0.4  # 1/m per second: a quick turn of the wheel
SPEED_LOOK_S = 0.3


@dataclass(frozen=True)
class VehicleShape:
    """A vehicle's dimensions in metres; the defaults are the ego's."""

    length_m: float = 4.7
    width_m: float = 1.9
    height_m: float = 1.55
    wheelbase_m: float = 2.8
    rear_axle_to_centre_m: float = 1.4
    track_width_m: float = 1.6

    @property
    def front_m(self) -> float:
        """From the rear axle to the front bumper."""
        return self.rear_axle_to_centre_m + self.length_m / 2


EGO = VehicleShape()


@dataclass(frozen=True)
class EgoState:
    """The rear axle's pose in the world, the speed, and the controls of the tick that led here."""

    x_m: float
    y_m: float
    yaw_rad: float
    speed_mps: float
    accel_mps2: float = 0.0
    curvature_per_m: float = 0.0

    @property
    def pose(self) -> Array:
        """x, y, yaw."""
        return np.array([self.x_m, self.y_m, self.yaw_rad])

    @property
    def box(self) -> Array:
        """Centre x, y, yaw, length, width."""
        shift = EGO.rear_axle_to_centre_m
        x, y = self.x_m + shift * np.cos(self.yaw_rad), self.y_m + shift * np.sin(self.yaw_rad)
        return np.array([x, y, self.yaw_rad, EGO.length_m, EGO.width_m])


def sub_states(state: EgoState, accel_mps2: float, curvature_per_m: float) -> Array:
    """x, y, yaw, speed [10, 4] at 0.01 … 0.1 s under constant controls; braking ends at standstill."""
    t = np.arange(SUB_STEPS + 1) * (TICK_S / SUB_STEPS)
    speed = np.maximum(state.speed_mps + accel_mps2 * t, 0.0)
    travelled = np.concatenate([[0.0], np.cumsum((speed[1:] + speed[:-1]) / 2 * (TICK_S / SUB_STEPS))])
    yaw = state.yaw_rad + curvature_per_m * travelled
    step = np.diff(travelled)
    middle = (yaw[1:] + yaw[:-1]) / 2
    x = state.x_m + np.cumsum(step * np.cos(middle))
    y = state.y_m + np.cumsum(step * np.sin(middle))
    return np.stack([x, y, yaw[1:], speed[1:]], axis=-1)


def advance(state: EgoState, accel_mps2: float, curvature_per_m: float) -> EgoState:
    """The state one tick later. Controls beyond what the vehicle can do are cut to what it can."""
    accel = float(np.clip(accel_mps2, -MAX_BRAKE_MPS2, MAX_ACCEL_MPS2))
    accel = max(accel, -state.speed_mps / TICK_S)
    reach = MAX_CURVATURE_RATE * TICK_S
    turned = float(np.clip(curvature_per_m, state.curvature_per_m - reach, state.curvature_per_m + reach))
    turned = float(np.clip(turned, -MAX_CURVATURE_PER_M, MAX_CURVATURE_PER_M))
    x, y, yaw, speed = sub_states(state, accel, turned)[-1]
    return EgoState(float(x), float(y), float(yaw), float(speed), accel, turned)


def track(state: EgoState, trajectory_rig: Array) -> tuple[float, float]:
    """Controls (m/s², 1/m) that follow a plan [64, 3] in the rig frame.

    Speed: the constant acceleration that covers the plan's first 0.3 s. Steering: pure pursuit of the point
    half a second (at least 2 m) ahead on the plan. Source: Coulter 1992, CMU-RI-TR-92-01.
    """
    path = np.concatenate([np.zeros((1, 2)), trajectory_rig[:, :2]])
    steps = np.diff(path, axis=0)
    heading = np.concatenate([[0.0], trajectory_rig[:-1, 2]]) + np.diff(trajectory_rig[:, 2], prepend=0.0) / 2
    forward = np.cumsum(steps[:, 0] * np.cos(heading) + steps[:, 1] * np.sin(heading))
    look = round(SPEED_LOOK_S / TICK_S)
    accel = 2 * (forward[look - 1] - state.speed_mps * SPEED_LOOK_S) / SPEED_LOOK_S**2
    return float(accel), _pursuit_curvature(path, state)


def _pursuit_curvature(path: Array, state: EgoState) -> float:
    distance = np.hypot(path[:, 0], path[:, 1])
    wanted = max(0.5 * state.speed_mps, 2.0)
    ahead = int(np.argmax(distance >= wanted)) or len(path) - 1
    if distance[ahead] < 0.5:  # standing: where the wheel points does not matter
        return state.curvature_per_m
    return float(2 * path[ahead, 1] / distance[ahead] ** 2)
