"""The model server of this machine: a policy artifact behind REST and gRPC until it is told to stop.

Knows ports, signals and which files a policy may hold. Does not know requests (`predictor.py`) or how it is run in a
process of its own (`process.py`). Everything heavy is imported when the server starts. Also a program:
`python -m causeway.serving.server --policy POLICY --http-port 8080 --grpc-port 8081`.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

from causeway.errors import EXIT_INTERRUPTED, CausewayError, UnusableInput, UsageError

if TYPE_CHECKING:
    from causeway.model import ObservationSpec
    from causeway.serving.answering import Predicts
    from causeway.serving.rigs import RigOf

LOOPBACK = "127.0.0.1"
_PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".bin", ".ckpt")


def serve(
    policy_location: str, http_port: int = 8080, grpc_port: int = 8081, host: str = LOOPBACK, rig_store: str = ""
) -> None:
    """Serve a policy artifact (folder or s3://) until SIGTERM or Ctrl-C, finishing the requests that are inside.

    Raises UsageError when a port is in use, UnusableInput when the policy cannot be used or is a pickle,
    KeyboardInterrupt when Ctrl-C ended it. `host` 0.0.0.0 = every address of this machine, as in a container.
    `rig_store`: folder of the online store in which the parameter rig_id is looked up ("" = not offered).
    """
    from causeway.serving.rigs import rigs_in

    check_ports(host, http_port, grpc_port)
    policy, spec, version = load_policy(policy_location)
    serve_policy(policy, spec, version, http_port, grpc_port, host, rigs_in(rig_store) if rig_store else None)


def load_policy(location: str) -> tuple[Predicts, ObservationSpec, str]:
    """A policy, the pictures it asks for, its version (content hash); UnusableInput for anything but safetensors."""
    from causeway.artifacts import Artifact

    artifact = Artifact.open(location)
    if artifact.manifest.kind != "policy":
        raise UnusableInput(f"{location}: is a {artifact.manifest.kind} artifact; name a policy")
    pickles = [name for name in artifact.manifest.files if name.endswith(_PICKLES)]
    if pickles:
        raise UnusableInput(f"{location}: {pickles[0]} may hold a pickle; policies are safetensors only")
    from causeway.model import ObservationSpec, Policy  # torch comes now, when the location is known to be good

    policy = Policy.load(artifact.folder())
    scale, cameras = policy.config.scale, policy.config.cameras
    spec = ObservationSpec(cameras, height=scale.image_height, width=scale.image_width)
    return policy, spec, artifact.manifest.content_hash


def serve_policy(
    policy: Predicts,
    spec: ObservationSpec,
    version: str,
    http_port: int,
    grpc_port: int,
    host: str = LOOPBACK,
    rig_of: RigOf | None = None,
) -> None:
    """Serve a policy that is in memory already; the ports open after it has answered once."""
    arguments, sys.argv = sys.argv, sys.argv[:1]  # KServe reads the command line for itself when it is imported
    from causeway.serving.kserve_server import Server
    from causeway.serving.predictor import CausewayModel

    sys.argv = arguments
    model = CausewayModel(policy, spec, version, rig_of)
    model.load()
    server = Server(host, http_port, grpc_port)
    where = f"http://{host}:{http_port} and gRPC {host}:{grpc_port}"
    print(f"serving {version[:12]} on {where}", file=sys.stderr, flush=True)
    server.start([model])
    if server.stopped_by == signal.SIGINT:
        raise KeyboardInterrupt


def check_ports(host: str, *ports: int) -> None:
    """UsageError when a port cannot be had on this address."""
    with ExitStack() as stack:
        for port in ports:
            probe = stack.enter_context(socket.socket())
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except (OSError, OverflowError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                raise UsageError(f"port {port} of {host}: {reason}; name another") from error


def _stop_with_parent() -> None:
    """End this process when the one that started it is gone: its end of our stdin closes."""

    def wait() -> None:
        sys.stdin.read()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="parent", daemon=True).start()


def main() -> int:
    """The program; returns the exit code of the command line's contract."""
    parser = argparse.ArgumentParser(prog="python -m causeway.serving.server", description="Serve a policy.")
    parser.add_argument("--policy", required=True, help="policy artifact: a folder or s3://bucket/prefix")
    parser.add_argument("--http-port", type=int, default=8080)
    parser.add_argument("--grpc-port", type=int, default=8081)
    parser.add_argument("--host", default=LOOPBACK, help="0.0.0.0 = every address, as in a container")
    parser.add_argument("--rig-store", default="", help="folder of the online store, for requests with a rig_id")
    parser.add_argument("--with-parent", action="store_true", help="stop when stdin is closed")
    options = parser.parse_args()
    if options.with_parent:
        _stop_with_parent()
    try:
        serve(options.policy, options.http_port, options.grpc_port, options.host, options.rig_store)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except CausewayError as error:
        print(f"causeway: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
