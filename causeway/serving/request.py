"""A request of the endpoint's contract becomes a `Question`: what a policy sees and how it is to answer.

Knows every input and parameter of the endpoint, their shapes and bounds, and refuses each fault by the field's name
before any picture is decoded. Does not know how requests travel (`tensors.py` reads their forms) or who answers.
Inputs and parameters are those of the contract, and one parameter more: `t0_us`, the time of the question (INT64
microseconds; without it the newest frame's), so that a picture's age reaches the policy.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causeway.errors import UnusableInput
from causeway.model.observation import HISTORY_POSES, RIG_NUMBERS, Observation, ObservationSpec, check_observation
from causeway.serving import pictures
from causeway.serving.rigs import RigOf
from causeway.serving.tensors import InvalidRequest, byte_strings, expect, finite, numbers

INPUTS = ("images", "frame_t_us", "ego_history", "speed", "rig", "route", "points")
OUTPUTS = ("trajectory", "controls", "reasoning", "decision", "timing_ms")
MAX_CAMERAS, MAX_FRAMES, MAX_ROUTE_POINTS, MAX_POINTS, MAX_SAMPLES = 16, 16, 1000, 65_536, 32
MAX_FRAME_AGE_US = 10_000_000
MAX_RIG_NAME = 256
MAX_SPEED_MPS, MAX_HISTORY, MAX_RIG, MAX_ROUTE_M, MAX_TEMPERATURE = 150.0, 1000.0, 1e4, 1e5, 2.0
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,63}")
_TRANSPORT = ("binary_data_output",)  # the protocol's own, obeyed by the server


@dataclass(frozen=True)
class Settings:
    """How to answer; only requests with equal settings can share a batch."""

    samples: int = 1
    seed: int = 0
    temperature: float = 0.6
    reasoning: bool = True


@dataclass(frozen=True, eq=False)
class Question:
    """One request, checked; `deadline_ms` counts from its arrival."""

    observation: Observation
    settings: Settings
    deadline_ms: int | None
    decode_ms: float


def read_question(request: Any, spec: ObservationSpec, rig_of: RigOf | None = None) -> Question:
    """A checked `Question` from a v2 inference request (REST or gRPC); InvalidRequest names the first bad field.

    Pictures are brought to the size of `spec`; its camera names stand in when `cameras` is not given.
    """
    parameters = _parameters(request)
    settings, deadline_ms = _settings(parameters), _deadline_ms(parameters)
    inputs = _inputs(request)
    frame_t_us = _frame_times(inputs["frame_t_us"])
    t0_us = _t0(parameters, frame_t_us)
    cameras = _cameras(parameters, len(frame_t_us), spec)
    ego_history, speed_mps = _motion(inputs)
    rig = _rig(inputs, parameters, cameras, rig_of)
    route, points = _route(inputs), _points(inputs)
    started = time.perf_counter()
    images = _images(inputs["images"], frame_t_us.shape, spec)
    decode_ms = (time.perf_counter() - started) * 1e3
    rig_id = _rig_name(parameters)
    observation = Observation(images, frame_t_us, cameras, rig, ego_history, speed_mps, t0_us, route, rig_id, points)
    try:
        return Question(check_observation(observation, "request"), settings, deadline_ms, decode_ms)
    except UnusableInput as error:
        raise InvalidRequest("inputs", str(error)) from error


def _inputs(request: Any) -> dict[str, Any]:
    """Inputs by name; none unknown, twice there or missing, no unknown output asked for."""
    inputs: dict[str, Any] = {}
    for tensor in request.inputs:
        if tensor.name not in INPUTS:
            raise InvalidRequest(tensor.name[:64], f"no such input; inputs are {', '.join(INPUTS)}")
        if tensor.name in inputs:
            raise InvalidRequest(tensor.name, "given twice")
        inputs[tensor.name] = tensor
    for name in ("images", "frame_t_us", "ego_history", "speed"):
        if name not in inputs:
            raise InvalidRequest(name, "missing")
    for output in request.request_outputs or ():
        if output.name not in OUTPUTS:
            raise InvalidRequest(output.name[:64], f"no such output; outputs are {', '.join(OUTPUTS)}")
    return inputs


def _parameters(request: Any) -> dict[str, Any]:
    """Parameters as plain values; gRPC wraps each in a message that holds one of three kinds."""
    known = ("samples", "seed", "deadline_ms", "reasoning", "temperature", "cameras", "rig_id", "t0_us")
    plain: dict[str, Any] = {}
    for name, value in dict(request.parameters or {}).items():
        if name not in known + _TRANSPORT:
            raise InvalidRequest(name[:64], f"no such parameter; parameters are {', '.join(known)}")
        plain[name] = _plain(value)
    return plain


def _plain(value: Any) -> Any:
    if not hasattr(value, "WhichOneof"):
        return value
    choice = value.WhichOneof("parameter_choice")
    return getattr(value, choice) if choice else None


def _settings(parameters: Mapping[str, Any]) -> Settings:
    reasoning = parameters.get("reasoning", "on")
    if reasoning not in ("on", "off"):
        raise InvalidRequest("reasoning", "expected on or off")
    samples = _integer(parameters, "samples", 1, 1, MAX_SAMPLES)
    seed = _integer(parameters, "seed", 0, 0, 2**32 - 1)
    return Settings(samples, seed, _temperature(parameters), reasoning == "on")


def _deadline_ms(parameters: Mapping[str, Any]) -> int | None:
    return _integer(parameters, "deadline_ms", 1, 1, 3_600_000) if "deadline_ms" in parameters else None


def _temperature(parameters: Mapping[str, Any]) -> float:
    given = parameters.get("temperature", Settings.temperature)
    try:
        value = float("nan" if isinstance(given, bool) else given)
    except (TypeError, ValueError):
        value = float("nan")
    if not 0.0 <= value <= MAX_TEMPERATURE:
        raise InvalidRequest("temperature", f"expected a decimal from 0 to {MAX_TEMPERATURE:g}, as text")
    return value


def _integer(parameters: Mapping[str, Any], name: str, default: int, low: int, high: int) -> int:
    value = parameters.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InvalidRequest(name, f"expected a whole number from {low} to {high}")
    return value


def _frame_times(tensor: Any) -> NDArray[np.int64]:
    cameras, frames = expect(tensor, "INT64", (None, None))
    if cameras > MAX_CAMERAS or frames > MAX_FRAMES:
        problem = f"{cameras} cameras with {frames} frames, at most {MAX_CAMERAS} with {MAX_FRAMES} are taken"
        raise InvalidRequest("frame_t_us", problem)
    times = numbers(tensor)
    if times.min() < 0 or (times[:, 1:] < times[:, :-1]).any():
        raise InvalidRequest("frame_t_us", "times must not be negative nor fall: oldest frame first")
    return times


def _t0(parameters: Mapping[str, Any], frame_t_us: NDArray[np.int64]) -> int:
    newest = int(frame_t_us.max())
    t0_us = _integer(parameters, "t0_us", newest, 0, 2**63 - 1)
    if t0_us < newest:
        raise InvalidRequest("t0_us", f"a frame at {newest} us is later than t0 {t0_us} us")
    if t0_us - int(frame_t_us.min()) > MAX_FRAME_AGE_US:
        raise InvalidRequest("frame_t_us", f"a frame is more than {MAX_FRAME_AGE_US // 1_000_000} s older than t0")
    return t0_us


def _cameras(parameters: Mapping[str, Any], count: int, spec: ObservationSpec) -> tuple[str, ...]:
    given = parameters.get("cameras", ",".join(spec.cameras))
    names = tuple(name.strip() for name in given.split(",")) if isinstance(given, str) else ()
    if len(names) != count or len(set(names)) != count:
        raise InvalidRequest("cameras", f"expected {count} different names, comma-separated, as frame_t_us has rows")
    if not all(_NAME.fullmatch(name) for name in names):
        raise InvalidRequest("cameras", "names are up to 64 letters, digits and _ . : -, the first none of . : -")
    return names


def _motion(inputs: Mapping[str, Any]) -> tuple[NDArray[np.float32], float]:
    expect(inputs["ego_history"], "FP32", (HISTORY_POSES, 3))
    history = finite("ego_history", numbers(inputs["ego_history"]), MAX_HISTORY)
    if np.abs(history[-1]).max() > 1e-3:
        raise InvalidRequest("ego_history", "the last pose must be zeros: poses are in the rig frame at t0")
    expect(inputs["speed"], "FP32", (1,))
    return history, float(finite("speed", numbers(inputs["speed"]), MAX_SPEED_MPS)[0])


def _rig(
    inputs: Mapping[str, Any], parameters: Mapping[str, Any], cameras: tuple[str, ...], rig_of: RigOf | None
) -> NDArray[np.float32]:
    """Calibration from the request itself, or looked up by the vehicle's rig_id; beside the first it is a name only."""
    if "rig" not in inputs and "rig_id" not in parameters:
        raise InvalidRequest("rig", "give the input rig or the parameter rig_id")
    if "rig" in inputs:
        expect(inputs["rig"], "FP32", (len(cameras), RIG_NUMBERS))
        return finite("rig", numbers(inputs["rig"]), MAX_RIG)
    rig_id = parameters["rig_id"]
    if rig_of is None or not isinstance(rig_id, str) or not _NAME.fullmatch(rig_id):
        raise InvalidRequest("rig_id", "not known to this server; send the input rig")
    return finite("rig_id", rig_of(rig_id, cameras), MAX_RIG)


def _rig_name(parameters: Mapping[str, Any]) -> str:
    """Whose rig it is, for policies that tell rigs apart."""
    name = parameters.get("rig_id", "")
    if not isinstance(name, str) or len(name) > MAX_RIG_NAME or not name.isprintable():
        raise InvalidRequest("rig_id", f"expected up to {MAX_RIG_NAME} printable characters")
    return name


def _route(inputs: Mapping[str, Any]) -> NDArray[np.float32] | None:
    if "route" not in inputs:
        return None
    points, _ = expect(inputs["route"], "FP32", (None, 2))
    if points > MAX_ROUTE_POINTS:
        raise InvalidRequest("route", f"{points} points, at most {MAX_ROUTE_POINTS} are taken")
    return finite("route", numbers(inputs["route"]), MAX_ROUTE_M)


def _points(inputs: Mapping[str, Any]) -> NDArray[np.float32] | None:
    if "points" not in inputs:
        return None
    count, _ = expect(inputs["points"], "FP32", (None, 3))
    if count > MAX_POINTS:
        raise InvalidRequest("points", f"{count} points, at most {MAX_POINTS} are taken")
    return finite("points", numbers(inputs["points"]), MAX_ROUTE_M)


def _images(tensor: Any, shape: tuple[int, ...], spec: ObservationSpec) -> NDArray[np.uint8]:
    """uint8 [cameras, frames, height, width, 3] from JPEG bytes or raw pictures."""
    cameras, frames = shape
    if tensor.datatype == "BYTES":
        expect(tensor, "BYTES", (cameras * frames,))
        flat = pictures.from_jpegs(byte_strings(tensor), spec.height, spec.width)
    elif tensor.datatype == "UINT8":
        _, _, height, width, _ = expect(tensor, "UINT8", (cameras, frames, None, None, 3))
        pictures.check_sizes([(height, width)] * (cameras * frames))
        raw = numbers(tensor).reshape(cameras * frames, height, width, 3)
        flat = pictures.from_raw(raw, spec.height, spec.width)
    else:
        raise InvalidRequest("images", f"datatype is {tensor.datatype}, expected BYTES (JPEG) or UINT8")
    return flat.reshape(cameras, frames, spec.height, spec.width, 3)
