"""The model server of this machine: policy artifacts behind REST and gRPC until it is told to stop.

Knows ports, signals, who must bring tokens and which files a policy may hold. Does not know requests (`predictor.py`)
or how it is run in a process of its own (`process.py`). Everything heavy is imported when the server starts. Also a
program: `python -m causeway.serving.server --policy POLICY --http-port 8080 --grpc-port 8081`.
"""

from __future__ import annotations

import argparse
import gc
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from causeway.errors import UnusableInput, UsageError
from causeway.serving.access import Tokens, read_tokens
from causeway.serving.contract import LOOPBACK, MODEL
from causeway.serving.program import exit_code_of

if TYPE_CHECKING:
    from causeway.model import ObservationSpec, Policy
    from causeway.serving.answering import Predicts
    from causeway.serving.rigs import RigOf

_MODEL_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_SWITCH_S = 0.001  # a policy's thread lets the one that refuses callers have its turn sooner than Python's 5 ms
_PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".bin", ".ckpt")


@dataclass(frozen=True)
class Place:
    """Where a server listens and what it asks of callers. tokens None = everybody may ask."""

    http_port: int = 8080
    grpc_port: int = 8081
    host: str = LOOPBACK
    tokens: Tokens | None = None


def serve(
    policy_location: str,
    http_port: int = 8080,
    grpc_port: int = 8081,
    host: str = LOOPBACK,
    rig_store: str = "",
    *,
    also: Sequence[str] = (),
    tokens: str = "",
    without_tokens: bool = False,
    request_log: str = "",
) -> None:
    """Serve a policy artifact (folder or s3://) until SIGTERM or Ctrl-C, finishing the requests that are inside.

    Raises UsageError when a port is in use, UnusableInput when the policy cannot be used or is a pickle,
    KeyboardInterrupt when Ctrl-C ended it. `host` 0.0.0.0 = every address of this machine, as in a container; it needs
    tokens, or the word that it goes without. `rig_store`: folder of the online store in which the parameter rig_id is
    looked up ("" = not offered). also: `NAME=POLICY` of further policies, each a model of its own. tokens: file with a
    line `VEHICLE TOKEN` for each vehicle ("" = those of CAUSEWAY_TOKENS). request_log: file, or - for stderr.
    """
    from causeway.serving.rigs import rigs_in

    policies = named_policies(policy_location, also)
    place = Place(http_port, grpc_port, host, _tokens(host, tokens, without_tokens))
    check_ports(host, http_port, grpc_port)
    if request_log:
        from causeway.serving.request_log import log_to

        log_to(request_log)
    loaded = {name: load_policy(location) for name, location in policies.items()}
    _serve(loaded, place, rigs_in(rig_store) if rig_store else None)


def named_policies(policy_location: str, also: Sequence[str]) -> dict[str, str]:
    """Locations by model name, the first `causeway`; UsageError for a name that is none or is taken."""
    policies = {MODEL: policy_location}
    for pair in also:
        name, sign, location = pair.partition("=")
        if not sign or not location or not _MODEL_NAME.fullmatch(name) or name in policies:
            raise UsageError(f"--also {pair}: expected NAME=POLICY with a new name of small letters, digits and -")
        policies[name] = location
    return policies


def _tokens(host: str, path: str, without: bool) -> Tokens | None:
    """Who may ask. Beyond this machine it must be said when nobody has to bring a token."""
    tokens = read_tokens(path)
    if tokens is not None and without:
        raise UsageError("tokens are given and refused at once; leave out --without-tokens or the tokens")
    if tokens is None and not without and host not in (LOOPBACK, "localhost", "::1"):
        raise UsageError(
            f"host {host} answers other machines: give --tokens FILE, or --without-tokens when a gateway checks callers"
        )
    return tokens


_EXAMPLE_POINTS = 256  # of an observation that a policy is tried with


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

    policy = _placed(Policy.load(artifact.folder()))
    config, scale = policy.config, policy.config.scale
    spec = ObservationSpec(
        config.cameras,
        height=scale.image_height,
        width=scale.image_width,
        points=_EXAMPLE_POINTS if config.point_blocks else 0,
        rig_id=config.rigs[0] if config.rigs else "",
    )
    return policy, spec, artifact.manifest.content_hash


def _placed(policy: Policy) -> Policy:
    """The policy on this machine's accelerator when there is one, remembering the pictures it sees one by one."""
    import torch

    from causeway.serving.seen_pictures import ACCELERATOR_BYTES, HOST_BYTES, SeenPictures

    accelerated = torch.cuda.is_available()
    policy = policy.to("cuda" if accelerated else "cpu")
    if policy.sight.tokenizer.moments == 1:  # of pairs only whole ones could come again, and at ten a second none does
        policy.backbone.look = SeenPictures(policy.backbone.look, ACCELERATOR_BYTES if accelerated else HOST_BYTES)
    return policy


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
    _serve({MODEL: (policy, spec, version)}, Place(http_port, grpc_port, host), rig_of)


def _serve(loaded: Mapping[str, tuple[Predicts, ObservationSpec, str]], place: Place, rig_of: RigOf | None) -> None:
    arguments, sys.argv = sys.argv, sys.argv[:1]  # KServe reads the command line for itself when it is imported
    from causeway.serving.kserve_server import Server
    from causeway.serving.predictor import CausewayModel, Served
    from causeway.serving.tracing import trace_if_asked

    sys.argv = arguments
    trace_if_asked()
    sys.setswitchinterval(_SWITCH_S)
    models = [CausewayModel(Served(*policy, name), rig_of) for name, policy in loaded.items()]
    for model in models:
        model.load()
    server = Server(place.host, place.http_port, place.grpc_port, place.tokens)
    what = ", ".join(f"{name} {version[:12]}" for name, (_, _, version) in loaded.items())
    where = f"http://{place.host}:{place.http_port} and gRPC {place.host}:{place.grpc_port}"
    print(f"serving {what} on {where}", file=sys.stderr, flush=True)
    gc.collect()
    gc.freeze()  # what is loaded stays: going through all of it now and then would hold every request back
    server.start(models)
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
    parser.add_argument("--also", action="append", default=[], metavar="NAME=POLICY", help="a further policy")
    parser.add_argument("--tokens", default="", help="file with a line `VEHICLE TOKEN` for each vehicle")
    parser.add_argument("--without-tokens", action="store_true", help="answer other machines without tokens")
    parser.add_argument("--request-log", default="", help="file for a line of JSON for each request; - = stderr")
    parser.add_argument("--with-parent", action="store_true", help="stop when stdin is closed")
    options = parser.parse_args()
    if options.with_parent:
        _stop_with_parent()
    return exit_code_of(
        lambda: serve(
            options.policy,
            options.http_port,
            options.grpc_port,
            options.host,
            options.rig_store,
            also=options.also,
            tokens=options.tokens,
            without_tokens=options.without_tokens,
            request_log=options.request_log,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
