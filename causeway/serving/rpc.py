"""KServe's gRPC side and its list of models, narrowed to what the endpoint offers.

Knows message sizes, how many calls are taken at once, the address, tokens, and that callers neither load nor unload
models. Does not know the endpoint's inputs. Imports kserve: import this module inside functions only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from kserve.errors import InvalidInput
from kserve.model_repository import ModelRepository
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.grpc import grpc_predict_v2_pb2
from kserve.protocol.grpc.interceptors import ExceptionToStatusInterceptor
from kserve.protocol.grpc.server import GRPCServer
from kserve.protocol.grpc.servicer import InferenceServicer
from kserve.protocol.model_repository_extension import ModelRepositoryExtension
from kserve.utils.numpy_codec import to_np_dtype

from causeway.errors import UsageError
from causeway.serving.access import OPEN_METHODS, Tokens
from causeway.serving.arrival import VEHICLE
from causeway.serving.contract import MAX_MESSAGE_BYTES
from causeway.serving.front import AT_ONCE
from causeway.serving.intake import Intake
from causeway.serving.predictor import LONGEST_ID, CausewayModel, Refusal, invalid

_SERVICE = grpc_predict_v2_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"]
_OPTIONS = [
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.so_reuseport", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),  # vehicles on a radio ask often whether we are there
]


class KeptRepository(ModelRepository):
    """Models stay listed while they are stopped, so that late callers hear `stopping`, not `no such model`."""

    def unload(self, name: str) -> None:
        """Stop the model without forgetting it."""
        model = self.get_model(name)
        if model is not None:
            model.stop()


class FixedRepository(ModelRepositoryExtension):
    """What is served is decided by releases, not by callers."""

    async def load(self, model_name: str) -> None:
        """Refused."""
        raise Refusal("loading is not offered; release a policy instead", 404, grpc.StatusCode.PERMISSION_DENIED)

    async def unload(self, model_name: str) -> None:
        """Refused."""
        raise Refusal("unloading is not offered; release a policy instead", 404, grpc.StatusCode.PERMISSION_DENIED)


class Servicer(InferenceServicer):
    """KServe's gRPC servicer; a datatype it does not know is refused by the input's name.

    What is wrong with a request is said to its caller: KServe would also log it, with the stack, each time.
    """

    @classmethod
    def validate_grpc_request(cls, request: Any) -> None:
        """Refuse raw contents that do not belong to the inputs."""
        try:
            super().validate_grpc_request(request)
        except InvalidInput as error:
            raise invalid(f"inputs: {error.reason}") from error

    async def ModelInfer(self, request: Any, context: Any) -> Any:  # noqa: N802
        """One inference."""
        model = self._data_plane.model_registry.get_model(request.model_name)
        if isinstance(model, CausewayModel):
            model.refuse_when_full(request.id[:LONGEST_ID])
        for tensor in request.inputs:
            if to_np_dtype(tensor.datatype) is None:
                raise invalid(f"{tensor.name[:64]}: datatype {tensor.datatype[:16]!r} is not known")
        return await super().ModelInfer(request, context)


class Doorkeeper(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """Calls without a known token end before their message is read; questions for readiness need none."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._refusal: Any = grpc.stream_unary_rpc_method_handler(_refuse_stranger)

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """The handler of a call, or one that refuses it."""
        if handler_call_details.method.rpartition("/")[2] in OPEN_METHODS:
            return await continuation(handler_call_details)
        sent = dict(handler_call_details.invocation_metadata or ())
        vehicle = self._tokens.vehicle(str(sent.get("authorization", "")))
        if vehicle is None:
            return self._refusal
        VEHICLE.set(vehicle)
        return await continuation(handler_call_details)


async def _refuse_stranger(_: Any, context: Any) -> None:
    await context.abort(grpc.StatusCode.UNAUTHENTICATED, "authorization: expected Bearer and a token of a vehicle")


class GrpcFront(GRPCServer):
    """KServe's gRPC server on one address of ours, for messages of up to 64 MiB, without a log line per call."""

    def __init__(
        self,
        host: str,
        port: int,
        data_plane: DataPlane,
        models: ModelRepositoryExtension,
        tokens: Tokens | None = None,
    ) -> None:
        super().__init__(port, data_plane, models, kwargs={})
        self._host, self._tokens = host, tokens

    async def start(self, max_workers: int) -> None:
        """Serve until stopped; UsageError when the port is taken (gRPC would share it without a word)."""
        door = (Doorkeeper(self._tokens),) if self._tokens else ()
        self._server = grpc.aio.server(
            interceptors=(*door, ExceptionToStatusInterceptor()), options=_OPTIONS, maximum_concurrent_rpcs=AT_ONCE
        )
        servicer = Servicer(self._data_plane, self._model_repository_extension)
        self._server.add_registered_method_handlers(f"inference.{_SERVICE.name}", _handlers(servicer))
        try:
            self._server.add_insecure_port(f"{self._host}:{self._port}")
        except RuntimeError as error:
            raise UsageError(f"gRPC port {self._port} of {self._host} is in use; name another") from error
        await self._server.start()
        await self._server.wait_for_termination()


def _handlers(servicer: Servicer) -> dict[str, Any]:
    """Every method of the service, its message read by us: gRPC answers what is no message with a server error.

    To gRPC they are streams (of one message: the same bytes), whose messages it leaves where they are until we ask.
    """
    handlers, intake = {}, Intake()  # type: dict[str, Any], Intake
    for method in _SERVICE.methods:
        read = _reading(intake, getattr(servicer, method.name), GetMessageClass(method.input_type))
        write = GetMessageClass(method.output_type).SerializeToString
        handlers[method.name] = grpc.stream_unary_rpc_method_handler(read, response_serializer=write)
    return handlers


def _reading(
    intake: Intake, answer: Callable[[Any, Any], Awaitable[Any]], kind: Any
) -> Callable[[Any, Any], Awaitable[Any]]:
    async def read_and_answer(_: Any, context: Any) -> Any:
        async with intake.message(context) as sent:
            try:
                message = kind.FromString(sent)
            except DecodeError as error:
                raise invalid(f"request: is no {kind.DESCRIPTOR.name} message") from error
            return await answer(message, context)

    return read_and_answer
