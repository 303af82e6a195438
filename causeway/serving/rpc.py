"""KServe's gRPC side and its list of models, narrowed to what the endpoint offers.

Knows message sizes, the address, and that callers neither load nor unload models. Does not know the endpoint's
inputs. Imports kserve: import this module inside functions only.
"""

from __future__ import annotations

from typing import Any

import grpc
from kserve.model_repository import ModelRepository
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.grpc import grpc_predict_v2_pb2_grpc
from kserve.protocol.grpc.interceptors import ExceptionToStatusInterceptor
from kserve.protocol.grpc.server import GRPCServer
from kserve.protocol.grpc.servicer import InferenceServicer
from kserve.protocol.model_repository_extension import ModelRepositoryExtension
from kserve.utils.numpy_codec import to_np_dtype

from causeway.errors import UsageError
from causeway.serving.contract import MAX_MESSAGE_BYTES
from causeway.serving.predictor import Refusal, invalid


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
    """KServe's gRPC servicer; a datatype it does not know is refused by the input's name."""

    async def ModelInfer(self, request: Any, context: Any) -> Any:  # noqa: N802
        """One inference."""
        for tensor in request.inputs:
            if to_np_dtype(tensor.datatype) is None:
                raise invalid(f"{tensor.name[:64]}: datatype {tensor.datatype[:16]!r} is not known")
        return await super().ModelInfer(request, context)


class GrpcFront(GRPCServer):
    """KServe's gRPC server on one address of ours, for messages of up to 64 MiB, without a log line per call."""

    def __init__(self, host: str, port: int, data_plane: DataPlane, models: ModelRepositoryExtension) -> None:
        super().__init__(port, data_plane, models, kwargs={})
        self._host = host

    async def start(self, max_workers: int) -> None:
        """Serve until stopped; UsageError when the port is taken (gRPC would share it without a word)."""
        options = [
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.so_reuseport", 0),
        ]
        self._server = grpc.aio.server(interceptors=(ExceptionToStatusInterceptor(),), options=options)
        servicer = Servicer(self._data_plane, self._model_repository_extension)
        grpc_predict_v2_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(servicer, self._server)
        try:
            self._server.add_insecure_port(f"{self._host}:{self._port}")
        except RuntimeError as error:
            raise UsageError(f"gRPC port {self._port} of {self._host} is in use; name another") from error
        await self._server.start()
        await self._server.wait_for_termination()
