"""What a policy may see at t0 (`Observation`), and that together with what it should answer (`Sample`).

Knows shapes, units and what makes an observation unusable. Does not know tokens, tensors, files or labels'
meaning; numpy only, so that readers, the world and the server can build one without torch.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from causeway.errors import UnusableInput
from causeway.model.action_space import ACCELERATION_BOUND_MPS2, CURVATURE_BOUND_PER_M, HORIZON_STEPS
from causeway.model.ahead import Ahead, check_ahead
from causeway.model.surroundings import Surroundings, check_surroundings

HISTORY_POSES = 16  # 1.5 s at 10 Hz, last pose = t0
RIG_NUMBERS = 16  # fx/width, fy/height, cx/width, cy/height, then rows 0..2 of rig_from_camera


@dataclass(frozen=True)
class ObservationSpec:
    """Which pictures an observation carries: a default for whoever builds observations."""

    cameras: tuple[str, ...] = ("front_wide", "front_tele")
    frame_offsets_s: tuple[float, ...] = (-0.3, 0.0)  # relative to t0, oldest first
    height: int = 128
    width: int = 192
    route_points: int = 0  # at most so many of the way ahead; 0 = no route
    points: int = 0  # at most so many of a depth sensor's; 0 = none
    rig_id: str = ""  # whose rig it is, for a policy that tells rigs apart


@dataclass(frozen=True, eq=False)
class Observation:
    """Everything a policy may see at t0. The rig frame is x forward, y left, z up at the rear axle."""

    images: NDArray[np.uint8]  # [cameras, frames, height, width, 3] RGB, oldest first
    frame_t_us: NDArray[np.int64]  # [cameras, frames]
    cameras: tuple[str, ...]
    rig: NDArray[np.float32]  # [cameras, 16]
    ego_history: NDArray[np.float32]  # [16, 3] x, y, yaw in the rig frame at t0, 0.1 s apart
    speed_mps: float  # measured, signed
    t0_us: int
    route: NDArray[np.float32] | None = None  # [n, 2] in the rig frame at t0
    rig_id: str = ""  # whose rig this is, where it is known
    points: NDArray[np.float32] | None = None  # [n, 3] what a depth sensor saw at t0 or before, rig frame at t0


@dataclass(frozen=True, eq=False)
class Sample:
    """One training or evaluation example: an observation, its reasoning and what was driven."""

    sample_id: str
    clip_id: str
    t0_us: int
    split: str
    scenario: str
    observation: Observation
    reasoning: str  # "" = masked: trains the action stages, never coc
    decision: tuple[str, str]  # longitudinal, lateral; ("none", "none") when masked
    controls: NDArray[np.float32]  # [64, 2] acceleration m/s², curvature 1/m
    trajectory_rig: NDArray[np.float32]  # [64, 3] x, y, yaw at 0.1 … 6.4 s
    around: Surroundings | None = None  # truth for rewards and evaluation, only there when it was asked for
    ahead: Ahead | None = None  # frames after t0: a training target, only there when it was asked for


def _shape(what: str, name: str, array: NDArray[np.generic], expected: tuple[int | None, ...]) -> None:
    """Refuse an array whose shape differs from `expected` (None = any length)."""
    shape = np.shape(array)
    fits = len(shape) == len(expected) and all(e is None or s == e for s, e in zip(shape, expected, strict=True))
    if not fits:
        wanted = ", ".join("any" if e is None else str(e) for e in expected)
        raise UnusableInput(f"{what}: {name} has shape {list(shape)}, expected [{wanted}]")


def _finite(what: str, name: str, array: NDArray[np.generic] | float) -> None:
    """Refuse NaN and infinity."""
    if not np.isfinite(np.asarray(array, dtype=np.float64)).all():
        raise UnusableInput(f"{what}: {name} holds NaN or infinity; drop the sample or repair its source")


def _within(what: str, values: NDArray[np.floating], bound: float, name: str, unit: str) -> None:
    """Refuse a label beyond ±bound (but for the rounding of single precision)."""
    step = int(np.argmax(np.abs(values)))
    if abs(float(values[step])) > bound * (1 + 1e-6):
        raise UnusableInput(
            f"{what}: {name} {float(values[step]):.3g} {unit} at step {step} is beyond ±{bound}; "
            "find labels by controls_from_trajectory"
        )


def check_observation(observation: Observation, what: str = "observation") -> Observation:
    """Return the observation unchanged, or raise UnusableInput naming the field that cannot be used."""
    cameras = len(observation.cameras)
    if cameras == 0 or len(set(observation.cameras)) != cameras:
        raise UnusableInput(f"{what}: cameras {observation.cameras} must be one or more different names")
    _shape(what, "images", observation.images, (cameras, None, None, None, 3))
    if observation.images.dtype != np.uint8:
        raise UnusableInput(f"{what}: images are {observation.images.dtype}, expected uint8")
    if 0 in observation.images.shape:
        raise UnusableInput(f"{what}: images are empty, shape {list(observation.images.shape)}")
    _shape(what, "frame_t_us", observation.frame_t_us, (cameras, observation.images.shape[1]))
    _shape(what, "rig", observation.rig, (cameras, RIG_NUMBERS))
    _shape(what, "ego_history", observation.ego_history, (HISTORY_POSES, 3))
    for name in ("rig", "ego_history", "speed_mps"):
        _finite(what, name, getattr(observation, name))
    for camera, focal in zip(observation.cameras, observation.rig[:, :2], strict=True):
        if focal.min() <= 0:
            raise UnusableInput(f"{what}: camera {camera} has focal lengths {focal.tolist()}, expected more than 0")
    if observation.route is not None:
        _shape(what, "route", observation.route, (None, 2))
        _finite(what, "route", observation.route)
    if observation.points is not None:
        _shape(what, "points", observation.points, (None, 3))
        _finite(what, "points", observation.points)
    if int(np.max(observation.frame_t_us)) > observation.t0_us:
        raise UnusableInput(f"{what}: a frame is later than t0 {observation.t0_us} us; a policy sees no future")
    return observation


def check_sample(sample: Sample) -> Sample:
    """Return the sample unchanged, or raise UnusableInput with its id and the field that cannot be used."""
    what = f"sample {sample.sample_id}"
    check_observation(sample.observation, what)
    _shape(what, "controls", sample.controls, (HORIZON_STEPS, 2))
    _shape(what, "trajectory_rig", sample.trajectory_rig, (HORIZON_STEPS, 3))
    _finite(what, "controls", sample.controls)
    _finite(what, "trajectory_rig", sample.trajectory_rig)
    _within(what, sample.controls[:, 0], ACCELERATION_BOUND_MPS2, "acceleration", "m/s²")
    _within(what, sample.controls[:, 1], CURVATURE_BOUND_PER_M, "curvature", "1/m")
    if sample.around is not None:
        check_surroundings(sample.around, what)
    if sample.ahead is not None:
        check_ahead(sample.ahead, sample.t0_us, what)
    return sample


def without_cameras(observation: Observation, cameras: Collection[str]) -> Observation:
    """The observation as if these cameras had delivered nothing. UnusableInput when none would be left."""
    left = [i for i, name in enumerate(observation.cameras) if name not in cameras]
    if not left:
        raise UnusableInput(f"without {', '.join(sorted(cameras))} no camera is left; keep one of them")
    return replace(
        observation,
        images=observation.images[left],
        frame_t_us=observation.frame_t_us[left],
        cameras=tuple(observation.cameras[i] for i in left),
        rig=observation.rig[left],
    )


def dropped_cameras(cameras: Sequence[str], rate: float, uniform: Sequence[float]) -> tuple[str, ...]:
    """The cameras that fail at a rate, by one uniform number each (by name, so that their order changes nothing).

    Never all of them: of cameras that would all fail, the one with the largest number stays.
    """
    number = dict(zip(sorted(cameras), uniform, strict=True))
    survivor = max(number, key=lambda name: (number[name], name))
    return tuple(name for name in cameras if number[name] < rate and name != survivor)


def frame_age_s(observation: Observation) -> NDArray[np.float32]:
    """Age of each picture at t0 in seconds, [cameras, frames], not negative."""
    return ((observation.t0_us - observation.frame_t_us) / 1e6).astype(np.float32)


def observation_of(item: Observation | Sample) -> Observation:
    """The observation of a sample, or the observation itself."""
    return item.observation if isinstance(item, Sample) else item


def example_observation(seed: int = 0, spec: ObservationSpec | None = None, speed_mps: float = 8.0) -> Observation:
    """A valid observation of noise on a straight road: for tests and for warming a server up."""
    spec = spec or ObservationSpec()
    rng = np.random.default_rng(seed)
    cameras, frames = len(spec.cameras), len(spec.frame_offsets_s)
    t0_us = 10_000_000
    offsets_us = np.round(np.asarray(spec.frame_offsets_s) * 1e6).astype(np.int64)
    forward = [1.0, 1.5, 0.5, 0.5, 0, 0, 1, 1.5, -1, 0, 0, 0, 0, -1, 0, 1.4]  # a camera that looks ahead
    rig = np.tile(np.array(forward, dtype=np.float32), (cameras, 1))
    rig[:, :2] *= 1.0 + np.arange(cameras, dtype=np.float32)[:, None]
    history = np.zeros((HISTORY_POSES, 3), dtype=np.float32)
    history[:, 0] = np.arange(1 - HISTORY_POSES, 1) * 0.1 * speed_mps
    return Observation(
        images=rng.integers(0, 256, (cameras, frames, spec.height, spec.width, 3), dtype=np.uint8),
        frame_t_us=np.tile(t0_us + offsets_us, (cameras, 1)),
        cameras=spec.cameras,
        rig=rig,
        ego_history=history,
        speed_mps=speed_mps,
        t0_us=t0_us,
        rig_id=spec.rig_id,
        points=rng.uniform(-20.0, 20.0, (spec.points, 3)).astype(np.float32) if spec.points else None,
    )
