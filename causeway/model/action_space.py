"""Between trajectories and controls: unicycle dynamics over 64 steps of 0.1 s, driven by (acceleration, curvature).

Knows the dynamics, their inversion by regularised least squares, the bounds of a control and the statistics it is
normalised by. Does not know tokens or models. Numpy and torch go through the same lines, all rows at once, on the
device where they are; importable without torch.

Source: arXiv 2511.00088, section on the action space (the trapezoidal unicycle and the least-squares labels with
Tikhonov smoothing). Three smoothings: third differences of the heading, second differences of the acceleration and of
the curvature. Differences from the release, each measured in tests: the speed at t0 is the measured one; accelerations
are fitted to distances, so that no speed is differentiated; the residual of the curvature is a heading, so its weight
falls with the square of the distance driven (the release sets curvature to zero below 0.6 m/s, which bends curved
launches by 0.16 m at the end); what a bound cuts off is made up for at the next steps instead of being lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from causeway.errors import UnusableInput

if TYPE_CHECKING:
    import torch

    Array = TypeVar("Array", NDArray[np.floating[Any]], torch.Tensor)
else:
    Array = TypeVar("Array")

Floats = NDArray[np.float64]

HORIZON_STEPS = 64  # 6.4 s at 10 Hz
DT_S = 0.1
ACCELERATION_BOUND_MPS2 = 9.8
CURVATURE_BOUND_PER_M = 0.33

# Tikhonov weights on differences of neighbours, and a ridge. Chosen so that a step of 9.8 m/s² survives within 2 cm,
# and noise of 5 mrad at walking pace stays small (tests hold both). The heading's is the release's 1e-6 / 0.1⁶.
_HEADING_SMOOTHING = 1.0
_ACCELERATION_SMOOTHING = 5e-5
_CURVATURE_SMOOTHING, _CURVATURE_RIDGE = 0.1, 1e-3
_BOUND_PASSES = 10  # for trajectories that a bound stops; on all real drives at hand nothing changed after eight
_BOUND_WEIGHT = 1e6


@dataclass(frozen=True)
class ControlStatistics:
    """Mean and standard deviation of (acceleration, curvature); the defaults are the release's (method C 1.9)."""

    mean: tuple[float, float] = (0.02902694707164455, 0.0002692167976330542)
    std: tuple[float, float] = (0.6810426736454882, 0.026148280660833106)

    def __post_init__(self) -> None:
        if not np.isfinite((*self.mean, *self.std)).all() or min(self.std) <= 0:
            raise UnusableInput(f"control statistics: mean {self.mean} and std {self.std} must be finite, std > 0")


def statistics_from(controls: NDArray[np.floating[Any]]) -> ControlStatistics:
    """Statistics of controls […, 64, 2]; a spread below 0.05 m/s² or 0.002 1/m is taken as that (dull drives)."""
    rows = np.asarray(controls, dtype=np.float64).reshape(-1, 2)
    if len(rows) == 0:
        raise UnusableInput("control statistics: no controls; build samples first")
    mean, std = rows.mean(axis=0), np.maximum(rows.std(axis=0), (0.05, 0.002))
    return ControlStatistics((float(mean[0]), float(mean[1])), (float(std[0]), float(std[1])))


def trajectory_from_controls(controls: Array, speed_mps: Any) -> Array:
    """Drive the unicycle.

    controls […, 64, 2] (m/s², 1/m; clipped to the bounds), speed_mps […] the measured speed at t0, signed.
    Returns […, 64, 3]: x, y (m) and yaw (rad, not wrapped) in the rig frame at t0, at 0.1 … 6.4 s.
    """
    values: Any = _checked(controls, 2, "controls")
    speed: Any = _speed_like(speed_mps, controls)
    xp = _library(values)
    acceleration = xp.clip(values[..., 0], -ACCELERATION_BOUND_MPS2, ACCELERATION_BOUND_MPS2)
    curvature = xp.clip(values[..., 1], -CURVATURE_BOUND_PER_M, CURVATURE_BOUND_PER_M)
    x, y, yaw = _integrate(acceleration, curvature, speed, xp)
    return xp.stack([x, y, yaw], -1)  # type: ignore[no-any-return]


def controls_from_trajectory(trajectory_rig: Array, speed_mps: Any) -> Array:
    """Find the controls that drive a trajectory: the labels of training. No gradients.

    trajectory_rig […, 64, 3] in the rig frame at t0, speed_mps […] the measured speed at t0, signed.
    Returns […, 64, 2] within ±9.8 m/s² and ±0.33 1/m, found in double precision. UnusableInput for a wrong shape, NaN
    or infinity.
    """
    values = _checked(trajectory_rig, 3, "trajectory_rig")
    speed = _speed_like(speed_mps, trajectory_rig)
    if _is_torch(values):
        values, speed = values.detach(), speed.detach()
    rows, speeds = _double(values).reshape(-1, HORIZON_STEPS, 3), _double(speed).reshape(-1)
    controls = _invert(rows, speeds).reshape(*values.shape[:-1], 2)
    return controls.to(values.dtype) if _is_torch(values) else controls.astype(values.dtype)


def _is_torch(value: Any) -> bool:
    """Whether a value is a torch tensor, without importing torch."""
    return type(value).__module__.split(".")[0] == "torch"


def _library(value: Any) -> Any:
    """torch for tensors, numpy for arrays: the functions used here are called the same in both."""
    if not _is_torch(value):
        return np
    import torch

    return torch


def _double(value: Any) -> Any:
    return value.double() if _is_torch(value) else value.astype(np.float64)


def _checked(values: Any, width: int, name: str) -> Any:
    """The values as floats (float32 stays float32); UnusableInput when they cannot be what `name` says."""
    if not _is_torch(values):
        values = np.asarray(values)
        values = values if values.dtype == np.float32 else values.astype(np.float64)
    if values.ndim < 2 or tuple(values.shape[-2:]) != (HORIZON_STEPS, width):
        raise UnusableInput(f"{name} has shape {list(values.shape)}, expected […, {HORIZON_STEPS}, {width}]")
    if not bool(_library(values).isfinite(values).all()):
        raise UnusableInput(f"{name} holds NaN or infinity; drop the sample or repair its source")
    return values


def _speed_like(speed_mps: Any, values: Any) -> Any:
    """The speed in the library, type and leading dimensions of `values`."""
    xp = _library(values)
    if xp is np:
        speed = np.asarray(speed_mps, dtype=np.float32 if np.asarray(values).dtype == np.float32 else np.float64)
    else:
        speed = xp.as_tensor(speed_mps, dtype=values.dtype, device=values.device)
    if not bool(xp.isfinite(speed).all()):
        raise UnusableInput("speed_mps holds NaN or infinity; drop the sample or repair its source")
    leading = tuple(np.shape(values))[:-2]
    try:
        return xp.broadcast_to(speed, leading)
    except (ValueError, RuntimeError):
        raise UnusableInput(f"speed_mps has shape {list(speed.shape)}, expected {list(leading)}") from None


def _integrate(acceleration: Any, curvature: Any, speed: Any, xp: Any) -> tuple[Any, Any, Any]:
    """Trapezoidal unicycle on numpy or torch arrays: (x, y, yaw), each […, 64]."""
    speed_after = speed[..., None] + xp.cumsum(acceleration * DT_S, -1)
    speed_before = speed_after - acceleration * DT_S
    yaw_step = curvature * (speed_before * DT_S + acceleration * (DT_S**2 / 2))
    yaw_after = xp.cumsum(yaw_step, -1)
    yaw_before = yaw_after - yaw_step
    dx = (speed_before * xp.cos(yaw_before) + speed_after * xp.cos(yaw_after)) * (DT_S / 2)
    dy = (speed_before * xp.sin(yaw_before) + speed_after * xp.sin(yaw_after)) * (DT_S / 2)
    return xp.cumsum(dx, -1), xp.cumsum(dy, -1), yaw_after


@dataclass(frozen=True)
class _Operators:
    """What is the same for every row; [64, 64] each, found once."""

    smoother: Any  # headings -> smoothed headings
    to_acceleration: Any  # distances beyond those of the speed at t0 -> accelerations that no bound stops
    distance: Any  # accelerations -> such distances
    distance_normal: Any  # of the fit of accelerations, its prior included
    heading_normal: Any  # of the fit of heading steps, without a prior
    bend: Any  # second differences squared


@cache
def _operators(torch_device: Any = None) -> _Operators:
    """The operators in numpy, or as tensors on a device."""
    sums, one = np.tril(np.ones((HORIZON_STEPS, HORIZON_STEPS))), np.eye(HORIZON_STEPS)
    third = np.diff(np.eye(HORIZON_STEPS + 1), n=3, axis=0)[:, 1:]  # the heading at t0 is 0 and stays it
    second = np.diff(one, n=2, axis=0)
    bend, distance = second.T @ second, sums @ (sums - one / 2) * DT_S**2
    normal = distance.T @ distance + _ACCELERATION_SMOOTHING * bend
    smoother = np.linalg.inv(one + _HEADING_SMOOTHING * third.T @ third)
    found = (smoother, np.linalg.solve(normal, distance.T), distance, normal, sums.T @ sums, bend)
    if torch_device is None:
        return _Operators(*found)
    import torch

    return _Operators(*(torch.as_tensor(array, device=torch_device) for array in found))


def _invert(rows: Any, speed: Any) -> Any:
    """Controls [n, 64, 2] of trajectories [n, 64, 3] that start at the origin with a speed [n]; doubles."""
    xp, fixed = _library(rows), _operators(rows.device if _is_torch(rows) else None)
    path = xp.concatenate([xp.zeros_like(rows[:, :1]), rows], 1)
    heading = _unwrapped(path[..., 2], xp)
    heading = xp.concatenate([heading[:, :1], heading[:, 1:] @ fixed.smoother], 1)
    distance = xp.cumsum(_driven(path[..., :2], heading, xp), 1)
    beyond = distance - speed[:, None] * (xp.cumsum(xp.ones_like(distance), 1) * DT_S)
    acceleration = beyond @ fixed.to_acceleration.T
    right = beyond @ fixed.distance
    acceleration = _bounded(acceleration, fixed.distance_normal, right, ACCELERATION_BOUND_MPS2, xp)
    before = speed[:, None] + (xp.cumsum(acceleration, 1) - acceleration) * DT_S
    step_m = before * DT_S + acceleration * (DT_S**2 / 2)
    normal = step_m[:, :, None] * fixed.heading_normal * step_m[:, None, :] + _CURVATURE_SMOOTHING * fixed.bend
    normal[:, range(HORIZON_STEPS), range(HORIZON_STEPS)] += _CURVATURE_RIDGE
    later = xp.cumsum(xp.flip(heading[:, 1:], (1,)), 1)  # the sum of the headings that a step turns
    right = step_m * xp.flip(later, (1,))
    curvature = xp.linalg.solve(normal, right[..., None])[..., 0]
    curvature = _bounded(curvature, normal, right, CURVATURE_BOUND_PER_M, xp)
    return xp.stack([acceleration, curvature], -1)


def _unwrapped(heading: Any, xp: Any) -> Any:
    """Headings [n, 65] without jumps of a whole turn."""
    step = heading[:, 1:] - heading[:, :-1]
    turns = xp.cumsum(xp.round(step / (2 * np.pi)), 1) * (2 * np.pi)
    return xp.concatenate([heading[:, :1], heading[:, 1:] - turns], 1)


def _driven(xy: Any, heading: Any, xp: Any) -> Any:
    """Signed distance of each step [n, 64] of positions [n, 65, 2] and headings [n, 65].

    Exact for the trapezoid: both end directions have the same component along the mean heading.
    """
    middle, half_turn = (heading[:, 1:] + heading[:, :-1]) / 2, (heading[:, 1:] - heading[:, :-1]) / 2
    step = xy[:, 1:] - xy[:, :-1]
    along = step[..., 0] * xp.cos(middle) + step[..., 1] * xp.sin(middle)
    return along / xp.clip(xp.cos(half_turn), 0.1, 1.0)


def _bounded(controls: Any, normal: Any, right: Any, bound: float, xp: Any) -> Any:
    """Controls [n, 64] within ±bound that solve normal [(n,) 64, 64] · controls = right [n, 64] as well as they can.

    An active set: each pass holds what the last one drove over its bound, lets go what would rather turn back, and fits
    the rest again. It may go in circles, so the best clipped controls of all passes are the answer.
    """
    best = xp.clip(controls, -bound, bound)
    rows = xp.where((best != controls).any(-1))[0]
    if len(rows) == 0:
        return best
    normal, right, found = normal[rows] if normal.ndim == 3 else normal[None], right[rows], controls[rows]
    held, least = xp.zeros_like(found), xp.full_like(found[:, 0], float("inf"))
    for _ in range(_BOUND_PASSES):
        clipped = xp.clip(found, -bound, bound)
        slope = (normal @ clipped[..., None])[..., 0] - right
        cost = (clipped * (slope - right)).sum(-1)
        better = cost < least
        least, best[rows[better]] = xp.where(better, cost, least), clipped[better]
        over = xp.sign(found) * (xp.abs(found) > bound * (1 + 1e-9))
        held = xp.where(over != 0, over, held * (held * slope < 0))
        weight = xp.abs(held) * _BOUND_WEIGHT
        stiff = normal + xp.zeros_like(weight[:, :, None] * weight[:, None, :])
        stiff[:, range(HORIZON_STEPS), range(HORIZON_STEPS)] += weight
        found = xp.linalg.solve(stiff, (right + weight * held * bound)[..., None])[..., 0]
    return best
