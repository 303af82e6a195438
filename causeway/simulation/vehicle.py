"""The ego vehicle: its dimensions, a kinematic bicycle about the rear axle, and the tracker that follows a plan.

Knows one tick of motion. Does not know roads or other agents. The equations are those of arXiv 2511.00088, section 2.3
(unicycle with acceleration and curvature), taken in ten sub-steps, so that logs at 100 Hz lie on the same path.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from causeway.simulation.compiled import compiled

Array = NDArray[np.float64]
Six = tuple[float, float, float, float, float, float]

TICK_S = 0.1
SUB_STEPS = 10
MAX_BRAKE_MPS2, MAX_ACCEL_MPS2 = 9.8, 4.0
MAX_CURVATURE_PER_M = 0.2
MAX_CURVATURE_RATE = 0.4  # 1/m per second: a quick turn of the wheel
SPEED_LOOK_TICKS = 3
STEER_LOOK_S, STEER_LOOK_M = 0.5, 2.0  # the point that is steered at: half a second ahead, at least so far


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
EGO_RIG = "built-in sedan"  # the ego's `vehicle_id`: in exports, and whose rig a world's observation names


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
        """Centre x, y, yaw, length, width of the world's own car."""
        return self.box_of(EGO)

    def box_of(self, shape: VehicleShape) -> Array:
        """Centre x, y, yaw, length, width of a vehicle with its rear axle here."""
        shift = shape.rear_axle_to_centre_m
        x, y = self.x_m + shift * math.cos(self.yaw_rad), self.y_m + shift * math.sin(self.yaw_rad)
        return np.array([x, y, self.yaw_rad, shape.length_m, shape.width_m])

    @cached_property
    def numbers(self) -> Array:
        """x, y, yaw, speed, acceleration, curvature."""
        numbers = (self.x_m, self.y_m, self.yaw_rad, self.speed_mps, self.accel_mps2, self.curvature_per_m)
        return np.array(numbers)


def sub_states(state: EgoState, accel_mps2: float, curvature_per_m: float) -> Array:
    """x, y, yaw, speed [10, 4] at 0.01 … 0.1 s under constant controls; braking ends at standstill."""
    return _sub_states(state.numbers, accel_mps2, curvature_per_m)


def advance(state: EgoState, accel_mps2: float, curvature_per_m: float) -> EgoState:
    """The state one tick later. Controls beyond what the vehicle can do are cut to what it can."""
    return EgoState(*_advance(state.numbers, accel_mps2, curvature_per_m))


def track(state: EgoState, trajectory_rig: Array) -> tuple[float, float]:
    """Controls (m/s², 1/m) that follow a plan [64, 3] in the rig frame.

    Speed: the constant acceleration that covers the plan's first 0.3 s. Steering: pure pursuit of the point
    half a second (at least 2 m) ahead on the plan. Source: Coulter 1992, CMU-RI-TR-92-01.
    """
    return _track(state.numbers, np.ascontiguousarray(trajectory_rig, dtype=np.float64))


def follow(state: EgoState, trajectory_rig: Array) -> EgoState:
    """The state one tick later of a vehicle that follows a plan: `track`, then `advance`."""
    return EgoState(*_follow(state.numbers, np.ascontiguousarray(trajectory_rig, dtype=np.float64)))


def poses_rig(poses: Array) -> NDArray[np.float32]:
    """Poses [n, 3] seen from the last of them."""
    out = np.empty((len(poses), 3), dtype=np.float32)
    _poses_rig(np.ascontiguousarray(poses, dtype=np.float64), out)
    return out


@compiled
def _poses_rig(poses: Array, out: NDArray[np.float32]) -> None:
    x, y, yaw = poses[-1, 0], poses[-1, 1], poses[-1, 2]
    cos, sin = math.cos(yaw), math.sin(yaw)
    for i in range(len(poses)):
        dx, dy = poses[i, 0] - x, poses[i, 1] - y
        out[i, 0], out[i, 1] = cos * dx + sin * dy, cos * dy - sin * dx
        out[i, 2] = (poses[i, 2] - yaw + math.pi) % (2 * math.pi) - math.pi


@compiled
def _sub_states(state: Array, accel_mps2: float, curvature_per_m: float) -> Array:
    out = np.empty((SUB_STEPS, 4))
    step_s = TICK_S / SUB_STEPS
    x, y, yaw, start = state[0], state[1], state[2], state[3]
    before, travelled = max(start, 0.0), 0.0
    for k in range(SUB_STEPS):
        after = max(start + accel_mps2 * ((k + 1) * step_s), 0.0)
        step_m = (after + before) / 2 * step_s
        travelled += step_m
        turned = state[2] + curvature_per_m * travelled
        middle = (turned + yaw) / 2
        x += step_m * math.cos(middle)
        y += step_m * math.sin(middle)
        yaw, before = turned, after
        out[k, 0], out[k, 1], out[k, 2], out[k, 3] = x, y, yaw, after
    return out


@compiled
def _advance(state: Array, accel_mps2: float, curvature_per_m: float) -> Six:
    accel = min(max(accel_mps2, -MAX_BRAKE_MPS2, -state[3] / TICK_S), MAX_ACCEL_MPS2)
    reach = MAX_CURVATURE_RATE * TICK_S
    turned = min(max(curvature_per_m, state[5] - reach), state[5] + reach)
    turned = min(max(turned, -MAX_CURVATURE_PER_M), MAX_CURVATURE_PER_M)
    last = _sub_states(state, accel, turned)[-1]
    return last[0], last[1], last[2], last[3], accel, turned


@compiled
def _track(state: Array, plan: Array) -> tuple[float, float]:
    forward, x, y, yaw = 0.0, 0.0, 0.0, 0.0
    for k in range(SPEED_LOOK_TICKS):
        heading = (yaw + plan[k, 2]) / 2
        forward += (plan[k, 0] - x) * math.cos(heading) + (plan[k, 1] - y) * math.sin(heading)
        x, y, yaw = plan[k, 0], plan[k, 1], plan[k, 2]
    look_s = SPEED_LOOK_TICKS * TICK_S
    accel = 2 * (forward - state[3] * look_s) / look_s**2
    wanted = max(STEER_LOOK_S * state[3], STEER_LOOK_M)
    ahead = len(plan) - 1
    for k in range(len(plan)):
        if math.hypot(plan[k, 0], plan[k, 1]) >= wanted:
            ahead = k
            break
    distance = math.hypot(plan[ahead, 0], plan[ahead, 1])
    if distance < 0.5:  # standing: where the wheel points does not matter
        return accel, state[5]
    return accel, 2 * plan[ahead, 1] / distance**2


@compiled
def _follow(state: Array, plan: Array) -> Six:
    accel, curvature = _track(state, plan)
    return _advance(state, accel, curvature)
