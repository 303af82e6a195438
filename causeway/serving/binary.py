"""REST requests with binary data after their JSON part (an extension of the Open Inference Protocol v2).

Knows how header and data lie in a body. KServe 0.21 turns such data into Python lists, and bytes into text, which no
JPEG survives: here they stay bytes. Also says which model names are served. Imports kserve: import this module inside
functions only.
"""

from __future__ import annotations

from typing import Any

from grpc import StatusCode
from kserve import InferInput, InferRequest
from kserve.constants.constants import INFERENCE_CONTENT_LENGTH_HEADER
from kserve.errors import InvalidInput
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.infer_type import RequestedOutput
from pydantic import BaseModel, ValidationError

from causeway.serving.front import first_fault
from causeway.serving.predictor import Refusal, invalid

_DIGITS = 12  # of a length; Python refuses to read thousands of them


class _Tensor(BaseModel):
    """One input of a JSON header whose data may follow it in binary form."""

    name: str
    shape: list[int]
    datatype: str
    parameters: dict[str, Any] | None = None
    data: list[Any] | None = None


class _Output(BaseModel):
    name: str
    parameters: dict[str, Any] | None = None


class _Header(BaseModel):
    """The JSON part of a request with binary data."""

    id: str | None = None
    parameters: dict[str, Any] | None = None
    inputs: list[_Tensor]
    outputs: list[_Output] | None = None


class BinaryDataPlane(DataPlane):
    """KServe's data plane, with binary REST tensors kept as bytes: its own turns them into Python lists and text."""

    def get_model_from_registry(self, name: str) -> Any:
        """A model that is served; Refusal for another name (KServe would log each with its stack)."""
        self._check_served(name)
        return super().get_model_from_registry(name)

    async def get_model(self, name: str) -> Any:
        """A model that is served, loaded when it must be."""
        self._check_served(name)
        return await super().get_model(name)

    async def model_ready(self, model_name: str, disable_predictor_health_check: bool = False) -> bool:
        """Whether a model that is served can answer."""
        self._check_served(model_name)
        return bool(await super().model_ready(model_name, disable_predictor_health_check))

    def _check_served(self, name: str) -> None:
        if self.model_registry.get_model(name) is None:
            raise Refusal(f"model {name[:64]!r}: not served here", 404, StatusCode.NOT_FOUND)

    def decode_inference_request(self, body: Any, headers: Any, model_name: str) -> InferRequest:
        """JSON bodies as KServe reads them; `body` in bytes = JSON header and binary data after it."""
        if not isinstance(body, bytes):
            try:
                return super().decode_inference_request(body, headers, model_name)
            except InvalidInput as error:
                raise invalid(f"inputs: {error.reason}") from error
        length = headers.get(INFERENCE_CONTENT_LENGTH_HEADER, "")
        digits = length.isascii() and length.isdigit() and len(length) <= _DIGITS
        if not digits or int(length) > len(body):
            message = f"{INFERENCE_CONTENT_LENGTH_HEADER}: expected the length of the JSON part of the body"
            raise invalid(f"{message}, or content-type application/json")
        try:
            header = _Header.model_validate_json(body[: int(length)])
        except ValidationError as error:
            raise invalid(first_fault(list(error.errors()))) from error
        return _with_binary(header, memoryview(body)[int(length) :], model_name)


def _with_binary(header: _Header, data: memoryview, model_name: str) -> InferRequest:
    inputs, at = [], 0
    for tensor in header.inputs:
        item = InferInput(tensor.name, tensor.shape, tensor.datatype, tensor.data, tensor.parameters)
        if tensor.data is None:
            size = (tensor.parameters or {}).get("binary_data_size")
            if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= len(data) - at:
                raise invalid(f"{tensor.name}: no data, and binary_data_size does not fit to the body")
            item._raw_data = bytes(data[at : at + size])
            at += size
        inputs.append(item)
    if at != len(data):
        raise invalid(f"inputs: {len(data) - at} bytes of binary data belong to no input")
    outputs = [RequestedOutput(output.name, output.parameters) for output in header.outputs or ()]
    return InferRequest(
        model_name, inputs, request_id=header.id, parameters=header.parameters, request_outputs=outputs or None
    )
