"""KServe's model server, put together as the endpoint wants it: one address, our front, our gRPC side, quiet logs.

Knows the places where KServe 0.21 can be given something else than its own. Does not know policies. Imports kserve:
import this module inside functions only.
"""

from __future__ import annotations

import logging
import warnings

from kserve import model_server

from causeway.serving.access import Tokens
from causeway.serving.binary import BinaryDataPlane
from causeway.serving.front import prepare_app
from causeway.serving.patience import PatientProtocol
from causeway.serving.rpc import FixedRepository, GrpcFront, KeptRepository


class Server(model_server.ModelServer):
    """One process serves once: KServe's web application is a global of its module."""

    def __init__(self, host: str, http_port: int, grpc_port: int, tokens: Tokens | None = None) -> None:
        super().__init__(
            http_port,
            grpc_port,
            registered_models=KeptRepository(),
            enable_grpc=False,  # ours is put in its place below
            enable_latency_logging=False,
        )
        _quiet_logs()
        prepare_app(model_server.app, tokens)
        self._host = host
        self.stopped_by = 0  # the signal
        self.dataplane = BinaryDataPlane(model_registry=self.registered_models)
        self.model_repository_extension = FixedRepository(model_registry=self.registered_models)
        self._grpc_server = GrpcFront(host, grpc_port, self.dataplane, self.model_repository_extension, tokens)
        self.servers.append(self._grpc_server.start(0))

    def register_signal_handler(self) -> None:
        """KServe binds every address and waits for ever; this hook runs when its REST server is made, not yet bound."""
        self._rest_server.config.host = self._host
        self._rest_server.config.http = PatientProtocol
        super().register_signal_handler()

    def stop(self, sig: int) -> None:
        """Stop taking requests, finish those inside, and remember what asked for it."""
        self.stopped_by = sig
        super().stop(sig)


def _quiet_logs() -> None:
    """Warnings and worse only; KServe and uvicorn would write a line for every request."""
    warnings.filterwarnings("ignore", module=r"fastapi\.")
    for name in ("kserve", "kserve.trace", "uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.WARNING)
