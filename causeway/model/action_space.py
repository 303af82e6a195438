"""Between trajectories and controls: unicycle dynamics over 64 steps of 0.1 s, driven by (acceleration, curvature).

Knows the dynamics, their inversion by regularised least squares and the bounds of a control. Does not know
tokens or models. Importable without torch; torch tensors are answered with torch tensors.

Source: arXiv 2511.00088, section on the action space (the trapezoidal unicycle and the least-squares labels with
Tikhonov smoothing). Differences, each measured in tests: the speed at t0 is the measured one; the residual of the
curvature is a heading, so its weight falls with the square of the distance driven (the release sets curvature to
zero below 0.6 m/s, which bends curved launches by 0.16 m at the end); what a bound cuts off is made up for at the
next steps instead of being lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from causeway.errors import UnusableInput
from causeway.model.observation import HORIZON_STEPS

if TYPE_CHECKING:
    import torch

    Array = TypeVar("Array", NDArray[np.floating[Any]], torch.Tensor)
else:
    Array = TypeVar("Array")

Floats = NDArray[np.float64]

DT_S = 0.1
ACCELERATION_BOUND_MPS2 = 9.8
CURVATURE_BOUND_PER_M = 0.33

# Tikhonov weights on second differences of neighbouring controls, and a ridge. Chosen so that a step of 9.8 m/s²
# survives within 2 cm, and noise of 5 mrad at walking pace stays small (tests hold both).
_ACCELERATION_SMOOTHING = 5e-5
_CURVATURE_SMOOTHING, _CURVATURE_RIDGE = 0.1, 1e-3
_BOUND_PASSES = 4  # each pass holds what the last one clipped at its bound and fits the rest again
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
    if _is_torch(controls):
        return _integrate_torch(controls, speed_mps)
    values = _checked(np.asarray(controls), 2, "controls")
    speed = _speed_like(speed_mps, values)
    x, y, yaw = _integrate(*_clipped(values), speed, np)
    return np.stack([x, y, yaw], axis=-1).astype(_float_dtype(controls))  # type: ignore[return-value]


def controls_from_trajectory(trajectory_rig: Array, speed_mps: Any) -> Array:
    """Find the controls that drive a trajectory: the labels of training. No gradients.

    trajectory_rig […, 64, 3] in the rig frame at t0, speed_mps […] the measured speed at t0, signed.
    Returns […, 64, 2] within ±9.8 m/s² and ±0.33 1/m. UnusableInput for a wrong shape, NaN or infinity.
    """
    if _is_torch(trajectory_rig):
        return _invert_torch(trajectory_rig, speed_mps)
    values = _checked(np.asarray(trajectory_rig), 3, "trajectory_rig")
    leading = values.shape[:-2]
    rows = values.reshape(-1, HORIZON_STEPS, 3).astype(np.float64)
    controls = _invert(rows, _speed_like(speed_mps, values).astype(np.float64).reshape(-1))
    return controls.reshape(*leading, HORIZON_STEPS, 2).astype(_float_dtype(trajectory_rig))  # type: ignore[return-value]


def _is_torch(value: Any) -> bool:
    """Whether a value is a torch tensor, without importing torch."""
    return type(value).__module__.split(".")[0] == "torch"


def _float_dtype(value: Any) -> Any:
    """float32 in, float32 out; everything else float64."""
    return np.float32 if np.asarray(value).dtype == np.float32 else np.float64


def _checked(values: NDArray[Any], width: int, name: str) -> NDArray[Any]:
    if values.ndim < 2 or values.shape[-2:] != (HORIZON_STEPS, width):
        raise UnusableInput(f"{name} has shape {list(values.shape)}, expected […, {HORIZON_STEPS}, {width}]")
    if not np.isfinite(values).all():
        raise UnusableInput(f"{name} holds NaN or infinity; drop the sample or repair its source")
    return values


def _speed_like(speed_mps: Any, values: NDArray[Any]) -> NDArray[Any]:
    """The speed broadcast to the leading dimensions of `values`."""
    speed = np.asarray(speed_mps, dtype=np.float64)
    if not np.isfinite(speed).all():
        raise UnusableInput("speed_mps holds NaN or infinity; drop the sample or repair its source")
    try:
        return np.broadcast_to(speed, values.shape[:-2])
    except ValueError:
        raise UnusableInput(f"speed_mps has shape {list(speed.shape)}, expected {list(values.shape[:-2])}") from None


def _clipped(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    return (
        np.clip(values[..., 0], -ACCELERATION_BOUND_MPS2, ACCELERATION_BOUND_MPS2),
        np.clip(values[..., 1], -CURVATURE_BOUND_PER_M, CURVATURE_BOUND_PER_M),
    )


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


def _integrate_torch(controls: Any, speed_mps: Any) -> Any:
    """As `trajectory_from_controls`, differentiable."""
    import torch

    if controls.ndim < 2 or tuple(controls.shape[-2:]) != (HORIZON_STEPS, 2):
        raise UnusableInput(f"controls has shape {list(controls.shape)}, expected […, {HORIZON_STEPS}, 2]")
    acceleration = controls[..., 0].clamp(-ACCELERATION_BOUND_MPS2, ACCELERATION_BOUND_MPS2)
    curvature = controls[..., 1].clamp(-CURVATURE_BOUND_PER_M, CURVATURE_BOUND_PER_M)
    speed = torch.as_tensor(speed_mps, dtype=controls.dtype, device=controls.device)
    x, y, yaw = _integrate(acceleration, curvature, speed.expand(controls.shape[:-2]), torch)
    return torch.stack([x, y, yaw], dim=-1)


def _invert_torch(trajectory: Any, speed_mps: Any) -> Any:
    """As `controls_from_trajectory`, computed on the CPU."""
    import torch

    speed = speed_mps.detach().cpu().numpy() if _is_torch(speed_mps) else speed_mps
    found = controls_from_trajectory(trajectory.detach().cpu().numpy(), speed)
    return torch.from_numpy(found).to(trajectory.device)


@cache
def _bend_of_controls() -> Floats:
    """[64, 64] second differences, squared: the smoothness prior of both controls."""
    second = np.diff(np.eye(HORIZON_STEPS), n=2, axis=0)
    return second.T @ second


@cache
def _distance_operator() -> Floats:
    """[64, 64]: accelerations -> distances driven after each step, beyond what the speed at t0 drives."""
    sums = np.tril(np.ones((HORIZON_STEPS, HORIZON_STEPS)))
    return sums @ (sums - np.eye(HORIZON_STEPS) / 2) * DT_S**2


def _invert(rows: Floats, speed: Floats) -> Floats:
    """Controls [n, 64, 2] of trajectories [n, 64, 3] that start at the origin with a speed [n]."""
    start = np.zeros_like(rows[:, :1])
    path = np.concatenate([start, rows], axis=1)
    heading = np.unwrap(path[..., 2], axis=1)
    distance = np.cumsum(_driven(path[..., :2], heading), axis=1)
    times_s = np.arange(1, HORIZON_STEPS + 1) * DT_S
    acceleration = _fit(
        np.broadcast_to(_distance_operator(), (len(rows), HORIZON_STEPS, HORIZON_STEPS)),
        distance - speed[:, None] * times_s,
        _ACCELERATION_SMOOTHING * _bend_of_controls(),
        ACCELERATION_BOUND_MPS2,
    )
    before = speed[:, None] + (np.cumsum(acceleration, axis=1) - acceleration) * DT_S
    step_m = before * DT_S + acceleration * (DT_S**2 / 2)
    prior = _CURVATURE_SMOOTHING * _bend_of_controls() + _CURVATURE_RIDGE * np.eye(HORIZON_STEPS)
    sums = np.tril(np.ones((HORIZON_STEPS, HORIZON_STEPS)))
    curvature = _fit(sums * step_m[:, None, :], heading[:, 1:], prior, CURVATURE_BOUND_PER_M)
    return np.stack([acceleration, curvature], axis=-1)


def _driven(xy: Floats, heading: Floats) -> Floats:
    """Signed distance of each step [n, 64] of positions [n, 65, 2] and headings [n, 65].

    Exact for the trapezoid: both end directions have the same component along the mean heading.
    """
    middle, half_turn = (heading[:, 1:] + heading[:, :-1]) / 2, np.diff(heading, axis=1) / 2
    step = np.diff(xy, axis=1)
    along = step[..., 0] * np.cos(middle) + step[..., 1] * np.sin(middle)
    return along / np.maximum(np.cos(half_turn), 0.1)


def _fit(model: Floats, target: Floats, prior: Floats, bound: float) -> Floats:
    """Least squares within ±bound: controls [n, 64] with model [n, 64, 64] · controls = target [n, 64]."""
    normal = model.swapaxes(1, 2) @ model + prior
    right = (model.swapaxes(1, 2) @ target[..., None])[..., 0]
    controls = np.linalg.solve(normal, right[..., None])[..., 0]
    held = np.zeros_like(controls)
    for _ in range(_BOUND_PASSES):
        over = np.abs(controls) > bound * (1 + 1e-9)
        rows = np.flatnonzero(over.any(axis=1))
        if len(rows) == 0:
            break
        held[rows] = np.where(over[rows], np.sign(controls[rows]), held[rows])
        weight = np.abs(held[rows]) * _BOUND_WEIGHT
        fixed = normal[rows] + np.eye(HORIZON_STEPS) * weight[:, None, :]
        pulled = right[rows] + weight * held[rows] * bound
        controls[rows] = np.linalg.solve(fixed, pulled[..., None])[..., 0]
    return np.clip(controls, -bound, bound)
