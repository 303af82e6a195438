"""Requests for tests: one good request as plain tensors, and the same on the wire."""

import base64
import io
import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field, replace
from functools import cache

import grpc
import numpy as np
from PIL import Image

from causeway.model.observation import example_observation
from causeway.serving import inference_pb2 as pb
from tests.serving.stub_policy import StubPolicy

OBSERVATION = example_observation(spec=StubPolicy.spec)  # 2 cameras × 2 frames of 16 × 24


@dataclass
class Tensor:
    """What the server's own tensor class has."""

    name: str
    datatype: str
    shape: list[int]
    data: list | None = None
    _raw_data: bytes | None = None


@dataclass
class Output:
    name: str


@dataclass
class Request:
    """What the server's own request class has."""

    inputs: list[Tensor]
    parameters: dict = field(default_factory=dict)
    request_outputs: list[Output] | None = None
    id: str = ""

    def but(self, which: str, **changes) -> "Request":
        """The same request with one input changed, or taken away (no changes)."""
        inputs = [replace(t, **changes) if t.name == which else t for t in self.inputs]
        return replace(self, inputs=inputs if changes else [t for t in self.inputs if t.name != which])

    def plus(self, **parameters) -> "Request":
        return replace(self, parameters={**self.parameters, **parameters})


def good(observation=OBSERVATION) -> Request:
    return Request(
        [
            Tensor("images", "UINT8", list(observation.images.shape), None, observation.images.tobytes()),
            Tensor("frame_t_us", "INT64", [2, 2], None, observation.frame_t_us.tobytes()),
            Tensor("ego_history", "FP32", [16, 3], None, observation.ego_history.tobytes()),
            Tensor("speed", "FP32", [1], None, np.float32([observation.speed_mps]).tobytes()),
            Tensor("rig", "FP32", [2, 16], None, observation.rig.tobytes()),
        ],
        {"cameras": "front_wide,front_tele"},
    )


@cache
def jpeg(height: int = 16, width: int = 24, mode: str = "RGB") -> bytes:
    """A smooth picture, so that JPEG changes it little."""
    ramp = np.linspace(0, 255, width, dtype=np.float32)[None, :].repeat(height, 0).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(ramp).convert(mode).save(file, "JPEG", quality=95)
    return file.getvalue()


def with_jpegs(pictures: list[bytes]) -> Request:
    raw = b"".join(len(p).to_bytes(4, "little") + p for p in pictures)
    return good().but("images", datatype="BYTES", shape=[len(pictures)], _raw_data=raw)


def over_grpc(channel: grpc.Channel, request: Request, model: str = "causeway") -> tuple[str, str]:
    """(status name, message) of one call."""
    message = pb.ModelInferRequest(model_name=model)
    for tensor in request.inputs:
        message.inputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        message.raw_input_contents.append(tensor._raw_data or b"")
    for name, value in request.parameters.items():
        kind = {str: "string_param", bool: "bool_param", int: "int64_param"}[type(value)]
        setattr(message.parameters[name], kind, value)
    for output in request.request_outputs or []:
        message.outputs.add(name=output.name)
    return call_grpc(channel, message.SerializeToString())


def call_grpc(channel: grpc.Channel, message: bytes, method: str = "ModelInfer") -> tuple[str, str]:
    call = channel.unary_unary(f"/inference.GRPCInferenceService/{method}")
    try:
        call(message, timeout=20)
    except grpc.RpcError as error:
        return error.code().name, error.details()
    return "OK", ""


def json_body(request: Request) -> dict:
    """The request as plain JSON; pictures in base64, numbers as flat lists."""
    dtypes = {"FP32": "<f4", "INT64": "<i8", "UINT8": "u1"}
    inputs = []
    for tensor in request.inputs:
        raw = tensor._raw_data or b""
        if tensor.datatype in dtypes:
            data = np.frombuffer(raw, dtypes[tensor.datatype]).tolist()
        else:
            data, at = [], 0
            while at < len(raw):
                size = int.from_bytes(raw[at : at + 4], "little")
                data.append(base64.b64encode(raw[at + 4 : at + 4 + size]).decode())
                at += 4 + size
        inputs.append({"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape, "data": data})
    outputs = [{"name": o.name} for o in request.request_outputs or []]
    return {"parameters": request.parameters, "inputs": inputs, **({"outputs": outputs} if outputs else {})}


def over_rest(url: str, request: Request) -> tuple[int, dict]:
    return post(url, json.dumps(json_body(request)).encode())


def post(url: str, body: bytes, path: str = "/v2/models/causeway/infer", **headers: str) -> tuple[int, dict]:
    """(HTTP status, JSON answer) of one call."""
    sent = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
    try:
        with urllib.request.urlopen(urllib.request.Request(url + path, body, sent), timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())
