"""Requests that are wrong in one or several places, made from a good one by a seeded random generator."""

import copy
import http.client
import io
import json
import random
import struct
from dataclasses import replace
from functools import cache

import grpc
import numpy as np
from PIL import Image

from causeway.serving import inference_pb2 as pb
from tests.serving.questions import Output, Request, Tensor, good, jpeg, json_body, with_jpegs

REST_ALLOWED = {200, 400, 401, 404, 405, 408, 411, 413, 415, 422, 429, 431}
GRPC_ALLOWED = {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "RESOURCE_EXHAUSTED", "PERMISSION_DENIED", "UNIMPLEMENTED"}
NAMES = ("images", "frame_t_us", "ego_history", "speed", "rig", "route", "", "x" * 300, "imäges", "\x00")
DATATYPES = ("FP32", "INT64", "UINT8", "BYTES", "BOOL", "FP64", "FP16", "INT8", "", "fp32", "🚗")
SIZES = (-1, 0, 1, 2, 3, 4, 15, 16, 17, 24, 64, 1000, 2**31, 2**62, -(2**63))
NUMBERS = (float("nan"), float("inf"), -float("inf"), 0.0, -1.0, 1e-40, 1e38, 3.0, 150.1)
VALUES = ("on", "off", "", "yes", "nan", "1e999", "0.5", "front_wide,front_tele", "a,b", "a,a", ",", "x" * 5000, "∞")
WHOLE = (-1, 0, 1, 2, 31, 33, 2**31, 2**32, 2**63 - 1, -(2**63))
PARAMETERS = ("samples", "seed", "deadline_ms", "reasoning", "temperature", "cameras", "rig_id", "t0_us", "unknown", "")
JUNK = (None, True, False, 0, -1, 1e308, "", "x", [], {}, [[]], [[1], [2, 3]], {"a": {}}, "\ud800", 2**70, [None], "NaN")
METHODS = ("ModelInfer", "ModelMetadata", "ModelReady", "ServerReady", "RepositoryModelLoad", "RepositoryModelUnload")
PATHS = ("/v2/models/causeway", "/v2/models/x/infer", "/v2/health/ready", "/v2/models//infer", "/%00", "/..", "/v1/models")


def bomb(width: int, height: int) -> bytes:
    """A small JPEG file whose header promises so many pixels."""
    data = bytearray(jpeg())
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


@cache
def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (24, 16)).save(file, "PNG")
    return file.getvalue()


def damaged(rng: random.Random, data: bytes) -> bytes:
    """Bytes with some of them cut off, changed, repeated or put in."""
    if not data:
        return rng.randbytes(3)
    at, how = rng.randrange(len(data)), rng.randrange(5)
    if how == 0:
        return data[:at]
    if how == 1:
        return data[:at] + rng.randbytes(rng.randrange(1, 9)) + data[at:]
    if how == 2:
        return data + data[at:]
    changed = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def picture(rng: random.Random) -> bytes:
    kind = rng.randrange(8)
    if kind < 3:
        return damaged(rng, jpeg())
    if kind == 3:
        return bomb(rng.choice((0, 1, 7680, 65535)), rng.choice((0, 1, 4320, 65535)))
    return rng.choice((png(), b"", rng.randbytes(40), jpeg(mode="L"), jpeg(mode="CMYK"), jpeg(33, 7), jpeg()))


def wrong(rng: random.Random) -> Request:
    """A request with one to three faults (or, by chance, none that matters)."""
    request = with_jpegs([picture(rng) for _ in range(4)]) if rng.random() < 0.3 else good()
    for _ in range(rng.randrange(1, 4)):
        request = _fault(rng, request)
    return request


def _fault(rng: random.Random, request: Request) -> Request:
    how = rng.randrange(9)
    if how < 3:
        name, kind = rng.choice(PARAMETERS), rng.randrange(3)
        return request.plus(**{name: (rng.choice(VALUES), rng.choice(WHOLE), rng.random() < 0.5)[kind]})
    if how == 3:
        return replace(request, request_outputs=[Output(rng.choice(("decision", "trajectory", "x", "", "speed")))])
    inputs = list(request.inputs)
    at = rng.randrange(len(inputs)) if inputs else 0
    if how == 4 or not inputs:
        inputs.insert(at, _tensor(rng))
    elif how == 5:
        inputs.pop(at)
    else:
        inputs[at] = _changed(rng, inputs[at])
    return replace(request, inputs=inputs)


def _tensor(rng: random.Random) -> Tensor:
    shape = [rng.choice(SIZES) for _ in range(rng.randrange(0, 6))]
    return Tensor(rng.choice(NAMES), rng.choice(DATATYPES), shape, None, rng.randbytes(rng.choice((0, 1, 4, 64))))


def _changed(rng: random.Random, tensor: Tensor) -> Tensor:
    how = rng.randrange(5)
    if how == 0:
        return replace(tensor, datatype=rng.choice(DATATYPES))
    if how == 1:
        shape = list(tensor.shape) or [1]
        shape[rng.randrange(len(shape))] = rng.choice(SIZES)
        return replace(tensor, shape=rng.choice((shape, shape[1:], [*shape, 1], shape[::-1])))
    if how == 2:
        return replace(tensor, _raw_data=damaged(rng, tensor._raw_data or b""))
    if how == 3 and tensor.datatype == "FP32" and len(tensor._raw_data or b"") >= 4:
        values = np.frombuffer(tensor._raw_data[: len(tensor._raw_data) // 4 * 4], "<f4").copy()
        values[rng.randrange(len(values))] = rng.choice(NUMBERS)
        return replace(tensor, _raw_data=values.tobytes())
    return replace(tensor, name=rng.choice(NAMES))


def grpc_message(rng: random.Random, request: Request) -> bytes:
    """The request as bytes, one time in four damaged on the way."""
    message = pb.ModelInferRequest(model_name="causeway" if rng.random() < 0.97 else rng.choice(NAMES))
    for tensor in request.inputs:
        message.inputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        if rng.random() < 0.98:
            message.raw_input_contents.append(tensor._raw_data or b"")
        else:
            message.inputs[-1].contents.fp32_contents.extend([0.0, float("nan")])
    for name, value in request.parameters.items():
        kind = {str: "string_param", bool: "bool_param", int: "int64_param"}[type(value)]
        setattr(message.parameters[name], kind, value)
    for output in request.request_outputs or []:
        message.outputs.add(name=output.name)
    sent = message.SerializeToString()
    return damaged(rng, sent) if rng.random() < 0.25 else sent


def fuzz_grpc(channel: grpc.Channel, rng: random.Random) -> str:
    """Send one wrong request; its status."""
    method = "ModelInfer" if rng.random() < 0.95 else rng.choice(METHODS)
    call = channel.unary_unary(f"/inference.GRPCInferenceService/{method}")
    try:
        call(grpc_message(rng, wrong(rng)), timeout=60)
    except grpc.RpcError as error:
        return error.code().name
    return "OK"


def fuzz_rest(connection: http.client.HTTPConnection, rng: random.Random) -> int:
    """Send one wrong request; its status."""
    body, headers = _rest_body(rng, wrong(rng))
    path = "/v2/models/causeway/infer" if rng.random() < 0.95 else rng.choice(PATHS)
    method = "POST" if rng.random() < 0.97 else rng.choice(("GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"))
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    response.read()
    return response.status


def _rest_body(rng: random.Random, request: Request) -> tuple[bytes, dict[str, str]]:
    if rng.random() < 0.4:
        return _binary_body(rng, request)
    try:
        tree = json_body(request)
    except ValueError:  # raw bytes that no list of numbers stands for
        tree = json_body(good())
    for _ in range(rng.randrange(3)):
        _plant(rng, tree)
    body = json.dumps(tree).encode("utf-8", "surrogatepass")
    content = rng.choice(("application/json",) * 8 + ("text/plain", ""))
    return (damaged(rng, body) if rng.random() < 0.2 else body), {"Content-Type": content}


def _binary_body(rng: random.Random, request: Request) -> tuple[bytes, dict[str, str]]:
    described, data = [], b""
    for tensor in request.inputs:
        raw = tensor._raw_data or b""
        size = len(raw) if rng.random() < 0.9 else rng.choice((*SIZES, None, "4", True))
        sizes = {"binary_data_size": size}
        about = {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape, "parameters": sizes}
        described.append(about)
        data += raw
    header = json.dumps({"inputs": described, "parameters": request.parameters}).encode()
    length = str(len(header)) if rng.random() < 0.9 else rng.choice(("0", "-1", "x", "9" * 400, "1e3", ""))
    body = header + data
    sent = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": length}
    return (damaged(rng, body) if rng.random() < 0.15 else body), sent


def _plant(rng: random.Random, tree: dict) -> None:
    """Put something senseless at a random place of a JSON tree."""
    node = tree
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = rng.choice(keys)
        if not isinstance(node[key], (dict, list)) or not node[key] or rng.random() < 0.3:
            node[key] = copy.deepcopy(rng.choice(JUNK))
            return
        node = node[key]
