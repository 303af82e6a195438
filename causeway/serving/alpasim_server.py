"""The AlpaSim driver of this machine: a policy artifact behind one gRPC port until it is told to stop.

Knows ports, signals and message sizes. Does not know the calls (`alpasim_driver`). Everything heavy is imported when
the server starts. Also a program: `python -m causeway.serving.alpasim_server --policy POLICY --port 6789`.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from causeway.errors import UsageError
from causeway.serving.contract import LOOPBACK, MAX_MESSAGE_BYTES
from causeway.serving.program import exit_code_of

if TYPE_CHECKING:
    import grpc

    from causeway.serving.alpasim_driver import Driver

PORT = 6789  # AlpaSim's own for drivers
THREADS = 32  # calls at a time; the policy answers one drive after the other
STOP_S = 30.0


def serve_driver(
    policy_location: str, port: int = PORT, host: str = LOOPBACK, samples: int = 1, temperature: float = 0.6
) -> None:
    """Drive for AlpaSim with a policy artifact (folder or s3://) until SIGTERM or Ctrl-C; calls inside are finished.

    `samples`: plans for each question; all are reported, the first is driven. Raises UsageError for a port in use and
    settings that cannot be, UnusableInput for a policy that cannot be used, KeyboardInterrupt after Ctrl-C.
    """
    from causeway.serving.server import check_ports, load_policy

    check_ports(host, port)
    from causeway.serving.alpasim_driver import Driver, Noise

    noise = Noise(samples, temperature)
    policy, spec, version = load_policy(policy_location)
    from causeway.model.observation import example_observation

    policy.predict([example_observation(spec=spec)], samples, 0)  # what is made once is made before the port opens
    server = start(Driver(policy, spec, version, noise), port, host)
    print(f"driving for AlpaSim with {version[:12]} on gRPC {host}:{port}", file=sys.stderr, flush=True)
    stopped_by = _wait_for_signal()
    server.stop(STOP_S).wait()
    if stopped_by == signal.SIGINT:
        raise KeyboardInterrupt


def start(driver: Driver, port: int, host: str = LOOPBACK) -> grpc.Server:
    """A started gRPC server with the driver on a port. UsageError when the port cannot be had."""
    import grpc

    from causeway.serving.alpasim_driver import handlers_of

    options = [
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.so_reuseport", 0),
    ]
    server = grpc.server(ThreadPoolExecutor(THREADS, thread_name_prefix="alpasim"), options=options)
    server.add_generic_rpc_handlers((handlers_of(driver),))
    try:
        server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise UsageError(f"gRPC port {port} of {host} is in use; name another") from error
    server.start()
    return server


def _wait_for_signal() -> int:
    """Wait until SIGTERM or SIGINT comes; which of them."""
    told, came = threading.Event(), []

    def take(number: int, _: Any) -> None:
        came.append(number)
        told.set()

    before = {number: signal.signal(number, take) for number in (signal.SIGTERM, signal.SIGINT)}
    told.wait()
    for number, handler in before.items():
        signal.signal(number, handler)
    return int(came[0])


def main() -> int:
    """The program; returns the exit code of the command line's contract."""
    parser = argparse.ArgumentParser(prog="python -m causeway.serving.alpasim_server", description="Drive for AlpaSim.")
    environment = os.environ.get
    parser.add_argument("--policy", required=True, help="policy artifact: a folder or s3://bucket/prefix")
    parser.add_argument("--port", type=int, default=int(environment("ALPASIM_DRIVER_PORT", PORT)))
    parser.add_argument("--host", default=environment("ALPASIM_DRIVER_HOST", LOOPBACK), help="0.0.0.0 = every address")
    parser.add_argument("--samples", type=int, default=1, help="plans for each question; the first is driven")
    parser.add_argument("--temperature", type=float, default=0.6)
    options = parser.parse_args()
    driving = (options.policy, options.port, options.host, options.samples, options.temperature)
    return exit_code_of(lambda: serve_driver(*driving))


if __name__ == "__main__":
    sys.exit(main())
