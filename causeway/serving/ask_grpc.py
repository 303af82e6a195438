"""One question over gRPC, on a channel that may be kept for many.

Light: numpy and grpc. Knows the messages of the Open Inference Protocol v2 and gRPC's statuses. Does not know what the
tensors mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc
import numpy as np

from causeway.errors import CausewayError, Refused, UnusableInput
from causeway.serving import inference_pb2 as pb
from causeway.serving.contract import MAX_MESSAGE_BYTES
from causeway.serving.wire import DTYPES, Answered, Input, Parameters, nobody_there, one_line, stranger, unpacked

_METHOD = "/inference.GRPCInferenceService/ModelInfer"
_OPTIONS = [
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.initial_reconnect_backoff_ms", 100),  # a server that was killed is back in seconds
    ("grpc.max_reconnect_backoff_ms", 1000),
]


def channel_to(url: str, authority: str = "") -> grpc.Channel:
    """A channel to `host:port`, or with TLS to `grpcs://host:port`; `authority` is the host name that a gateway's route
    has, where that is not the address's own."""
    named = [("grpc.default_authority", authority)] if authority else []
    if url.startswith("grpcs://"):
        return grpc.secure_channel(url.removeprefix("grpcs://"), grpc.ssl_channel_credentials(), [*_OPTIONS, *named])
    return grpc.insecure_channel(url, [*_OPTIONS, *named])


def over_grpc(
    channel: grpc.Channel,
    url: str,
    model: str,
    inputs: Sequence[Input],
    parameters: Parameters,
    token: str,
    timeout_s: float,
) -> Answered:
    """Outputs by name and parameters of one answer; errors as `causeway.serving.client.ask`."""
    call = channel.unary_unary(
        _METHOD,
        request_serializer=pb.ModelInferRequest.SerializeToString,
        response_deserializer=pb.ModelInferResponse.FromString,
    )
    carried = (("authorization", f"Bearer {token}"),) if token else ()
    try:
        response = call(message(model, inputs, parameters), timeout=timeout_s, metadata=carried)
    except grpc.RpcError as error:
        raise _error(url, error) from error
    if len(response.raw_output_contents) != len(response.outputs):
        raise CausewayError(f"{url}: the server answers without raw outputs; ask it over REST")
    outputs = {
        output.name: _from_raw(output.datatype, list(output.shape), raw)
        for output, raw in zip(response.outputs, response.raw_output_contents, strict=True)
    }
    return outputs, {name: value.string_param for name, value in response.parameters.items()}


def message(model: str, inputs: Sequence[Input], parameters: Parameters) -> pb.ModelInferRequest:
    """A request as it travels."""
    request = pb.ModelInferRequest(model_name=model)
    for item in inputs:
        request.inputs.add(name=item.name, datatype=item.datatype, shape=item.shape)
        request.raw_input_contents.append(item.data)
    for name, value in parameters.items():
        kind = "string_param" if isinstance(value, str) else "int64_param"
        setattr(request.parameters[name], kind, value)
    return request


def _error(url: str, error: Any) -> CausewayError:
    code, details = error.code(), one_line(error.details() or "")
    if code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.OUT_OF_RANGE):
        return UnusableInput(f"{url} refuses the request: {details}")
    if code == grpc.StatusCode.UNAUTHENTICATED:
        return stranger(url, details)
    if code == grpc.StatusCode.UNAVAILABLE and "stopping" not in details and "rig_id" not in details:
        return nobody_there(url, details)
    if code in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE):
        return Refused(f"{url}: {details}")
    return CausewayError(f"{url}: {code.name}: {details}")


def _from_raw(datatype: str, shape: Sequence[int], raw: bytes) -> Any:
    if datatype in DTYPES:
        return np.frombuffer(raw, dtype=DTYPES[datatype]).reshape(shape)
    return unpacked(raw)
