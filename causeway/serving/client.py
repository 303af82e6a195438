"""One question to an endpoint and its answer, over gRPC or REST. Light: numpy and grpc, no torch, no kserve.

Knows the Open Inference Protocol v2 as far as an inference needs it, and which error of ours each refusal becomes.
Does not know what answers: any server of the protocol with the endpoint's contract will do.
"""

from __future__ import annotations

import http.client
import json
import struct
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from causeway.errors import CausewayError, Refused, UnusableInput, UsageError
from causeway.model.observation import Observation, check_observation
from causeway.serving.contract import MAX_MESSAGE_BYTES, MODEL, TIMING

_METHOD = "/inference.GRPCInferenceService/ModelInfer"
_LENGTH_HEADER = "Inference-Header-Content-Length"
_DTYPES: dict[str, np.dtype[Any]] = {"FP32": np.dtype("<f4"), "INT64": np.dtype("<i8"), "UINT8": np.dtype("u1")}

Parameters = Mapping[str, str | int]
_BROKEN = (KeyError, ValueError, TypeError, AttributeError, struct.error)  # what reading a foreign answer raises


@dataclass(frozen=True, eq=False)
class Answer:
    """What an endpoint answered: n samples."""

    decision: list[tuple[str, str]]  # (longitudinal, lateral) of each sample
    reasoning: list[str]
    trajectory: NDArray[np.float32]  # [n, 64, 3] x, y, yaw in the rig frame at t0, at 0.1 … 6.4 s
    controls: NDArray[np.float32]  # [n, 64, 2] acceleration m/s², curvature 1/m
    timing_ms: dict[str, float]
    policy_version: str
    degraded: str  # what was cut to meet the deadline, "" = nothing
    lacked: str  # what is not there for another reason (`missing=front_tele`), "" = nothing


class _Input(NamedTuple):
    name: str
    datatype: str
    shape: tuple[int, ...]
    data: bytes


def ask(
    url: str,
    observation: Observation,
    samples: int = 1,
    seed: int = 0,
    *,
    deadline_ms: int | None = None,
    reasoning: bool = True,
    temperature: float | None = None,
    timeout_s: float = 60.0,
) -> Answer:
    """Ask `host:port` (gRPC) or `http://host:port` (REST); pictures travel raw, so nothing is lost on the way.

    temperature None = the endpoint's own. Raises UnusableInput when the observation or the request is refused as
    malformed, Refused when the server is full or stopping, UsageError when nobody answers at `url`, and
    CausewayError for anything else the server says; each with the server's message in one line.
    """
    check_observation(observation)
    parameters: dict[str, str | int] = {
        "samples": samples,
        "seed": seed,
        "reasoning": "on" if reasoning else "off",
        "cameras": ",".join(observation.cameras),
        "t0_us": observation.t0_us,
    }
    if deadline_ms is not None:
        parameters["deadline_ms"] = deadline_ms
    if temperature is not None:
        parameters["temperature"] = repr(float(temperature))
    for name, value in parameters.items():
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise UnusableInput(f"{name}: {value} is more than 64 bits hold")
    over = _over_rest if url.startswith(("http://", "https://")) else _over_grpc
    inputs = _inputs(observation)
    try:
        return _answer(*over(url, inputs, parameters, timeout_s))
    except _BROKEN as error:
        problem = f"{type(error).__name__}: {_line(str(error))}"
        raise CausewayError(f"{url}: the answer does not keep the contract ({problem}); is it causeway?") from error


def _inputs(observation: Observation) -> list[_Input]:
    arrays: dict[str, tuple[str, NDArray[Any]]] = {
        "images": ("UINT8", observation.images),
        "frame_t_us": ("INT64", observation.frame_t_us),
        "ego_history": ("FP32", observation.ego_history),
        "speed": ("FP32", np.array([observation.speed_mps])),
        "rig": ("FP32", observation.rig),
    }
    if observation.route is not None:
        arrays["route"] = ("FP32", observation.route)
    return [
        _Input(name, datatype, array.shape, np.ascontiguousarray(array, dtype=_DTYPES[datatype]).tobytes())
        for name, (datatype, array) in arrays.items()
    ]


def _answer(outputs: Mapping[str, Any], about: Mapping[str, Any]) -> Answer:
    """An `Answer` from outputs by name: arrays, or lists of bytes."""
    decision = [text.decode() for text in outputs["decision"]]
    return Answer(
        decision=list(zip(decision[::2], decision[1::2], strict=True)),
        reasoning=[text.decode() for text in outputs["reasoning"]],
        trajectory=outputs["trajectory"],
        controls=outputs["controls"],
        timing_ms=dict(zip(TIMING, (float(ms) for ms in outputs["timing_ms"]), strict=True)),
        policy_version=str(about["policy_version"]),
        degraded=str(about["degraded"]),
        lacked=str(about.get("lacked", "")),
    )


def _over_grpc(
    url: str, inputs: Sequence[_Input], parameters: Parameters, timeout_s: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    import grpc

    from causeway.serving import inference_pb2 as pb

    request = pb.ModelInferRequest(model_name=MODEL)
    for item in inputs:
        request.inputs.add(name=item.name, datatype=item.datatype, shape=item.shape)
        request.raw_input_contents.append(item.data)
    for name, value in parameters.items():
        kind = "string_param" if isinstance(value, str) else "int64_param"
        setattr(request.parameters[name], kind, value)
    limits = [(f"grpc.max_{way}_message_length", MAX_MESSAGE_BYTES) for way in ("send", "receive")]
    with grpc.insecure_channel(url, options=limits) as channel:
        call = channel.unary_unary(
            _METHOD,
            request_serializer=pb.ModelInferRequest.SerializeToString,
            response_deserializer=pb.ModelInferResponse.FromString,
        )
        try:
            response = call(request, timeout=timeout_s)
        except grpc.RpcError as error:
            raise _grpc_error(url, error) from error
    if len(response.raw_output_contents) != len(response.outputs):
        raise CausewayError(f"{url}: the server answers without raw outputs; ask it over REST")
    outputs = {
        output.name: _from_raw(output.datatype, list(output.shape), raw)
        for output, raw in zip(response.outputs, response.raw_output_contents, strict=True)
    }
    return outputs, {name: value.string_param for name, value in response.parameters.items()}


def _grpc_error(url: str, error: Any) -> CausewayError:
    import grpc

    code, details = error.code(), _line(error.details() or "")
    if code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.OUT_OF_RANGE):
        return UnusableInput(f"{url} refuses the request: {details}")
    if code == grpc.StatusCode.UNAVAILABLE and "stopping" not in details:
        return UsageError(f"{url}: no server answers there; start one with causeway serve ({details})")
    if code in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE):
        return Refused(f"{url}: {details}")
    return CausewayError(f"{url}: {code.name}: {details}")


def _from_raw(datatype: str, shape: Sequence[int], raw: bytes) -> Any:
    if datatype in _DTYPES:
        return np.frombuffer(raw, dtype=_DTYPES[datatype]).reshape(shape)
    elements, at = [], 0
    while at < len(raw):
        (length,) = struct.unpack_from("<I", raw, at)
        elements.append(raw[at + 4 : at + 4 + length])
        at += 4 + length
    return elements


def _over_rest(
    url: str, inputs: Sequence[_Input], parameters: Parameters, timeout_s: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    sizes = [{"binary_data_size": len(i.data)} for i in inputs]
    described = [
        {"name": i.name, "datatype": i.datatype, "shape": list(i.shape), "parameters": size}
        for i, size in zip(inputs, sizes, strict=True)
    ]
    header = json.dumps({"parameters": dict(parameters), "inputs": described}).encode()
    request = urllib.request.Request(
        f"{url.rstrip('/')}/v2/models/{MODEL}/infer",
        data=b"".join([header, *(i.data for i in inputs)]),
        headers={"Content-Type": "application/octet-stream", _LENGTH_HEADER: str(len(header))},
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as response:
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        raise _http_error(url, error) from error
    except (OSError, http.client.HTTPException) as error:
        raise UsageError(f"{url}: no server answers there; start one with causeway serve ({error})") from error
    return {o["name"]: _from_json(o) for o in answer["outputs"]}, answer.get("parameters", {})


def _http_error(url: str, error: urllib.error.HTTPError) -> CausewayError:
    body = error.read(4096).decode(errors="replace")
    try:
        message = _line(str(json.loads(body)["error"]))
    except (ValueError, KeyError, TypeError):
        message = _line(body) or error.reason
    if error.code in (429, 503):
        return Refused(f"{url}: {message}")
    if 400 <= error.code < 500 and error.code != 404:
        return UnusableInput(f"{url} refuses the request: {message}")
    return CausewayError(f"{url}: HTTP {error.code}: {message}")


def _from_json(output: Mapping[str, Any]) -> Any:
    if output["datatype"] in _DTYPES:
        return np.asarray(output["data"], dtype=_DTYPES[output["datatype"]]).reshape(output["shape"])
    return [text.encode() for text in output["data"]]


def _line(text: str) -> str:
    return " ".join(text.split())[:500]
