"""A model server in a process of its own on this machine, for a demo, a test or a measurement.

Knows how to start it on free loopback ports, wait until it answers on both, and stop it by its process id. Does not
know what it serves.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from causeway.errors import CausewayError, UnusableInput, UsageError

PROGRAM = (sys.executable, "-m", "causeway.serving.server")
_LAST_LINES = 5
_STOP_S = 40.0  # a little more than the server gives to the requests inside


class ServerProcess:
    """Context manager: inside it a server answers at `http_url` and `grpc_url`.

    Raises the server's own error (wrong usage, a policy that cannot be used) or a CausewayError with the last lines
    of its log when it does not get ready within `timeout_s`. The log is at `log`, or nowhere after the end. options:
    more of the program's, such as `("--also", "canary=LOCATION")`.
    """

    def __init__(
        self,
        policy_location: str,
        *,
        log: Path | None = None,
        timeout_s: float = 120.0,
        program: Sequence[str] = PROGRAM,
        options: Sequence[str] = (),
    ) -> None:
        self._policy_location, self._program = policy_location, (*program, *options)
        self._log_path, self._timeout_s = log, timeout_s
        self._resources = ExitStack()
        self._given_up = False
        self.http_port, self.grpc_port = free_ports(2)
        self.http_url = f"http://127.0.0.1:{self.http_port}"
        self.grpc_url = f"127.0.0.1:{self.grpc_port}"

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether a server that was started has not ended."""
        return self._process.poll() is None

    def wait(self, timeout_s: float) -> int:
        """The exit code of a server that was told to stop; subprocess.TimeoutExpired when it is still there."""
        return self._process.wait(timeout_s)

    def give_up(self) -> None:
        """End a start that is under way in another thread: there `__enter__` stops the server and raises soon."""
        self._given_up = True

    def __enter__(self) -> ServerProcess:
        """Start the server and wait until it is ready."""
        ports = ("--http-port", str(self.http_port), "--grpc-port", str(self.grpc_port))
        command = [*self._program, "--policy", self._policy_location, *ports, "--with-parent"]
        with ExitStack() as resources:
            self._log = self._open_log(resources)
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=self._log, stderr=self._log, start_new_session=True
            )
            resources.callback(self._stop)
            self._wait_until_ready()
            self._resources = resources.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server; requests inside it are finished first."""
        self._resources.close()

    def _open_log(self, resources: ExitStack) -> tempfile._TemporaryFileWrapper[bytes]:
        if self._log_path is None:
            return resources.enter_context(tempfile.NamedTemporaryFile(prefix="causeway-serve-", suffix=".log"))
        self._log_path.parent.mkdir(parents=True, exist_ok=True)
        return resources.enter_context(self._log_path.open("w+b"))  # type: ignore[arg-type]

    def _wait_until_ready(self) -> None:
        until = time.monotonic() + self._timeout_s
        while not self._is_ready():
            code = self._process.poll()
            if code is not None:
                kinds = {kind.exit_code: kind for kind in (UsageError, UnusableInput)}
                raise kinds.get(code, CausewayError)(f"the server ended with code {code}: {self._last_lines()}")
            if self._given_up:
                raise CausewayError("the start was given up")
            if time.monotonic() > until:
                raise CausewayError(f"the server was not ready after {self._timeout_s:g} s: {self._last_lines()}")
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        try:
            with asked_here(f"{self.http_url}/v2/models/causeway/ready", 5.0) as answer:
                ready = answer.status == 200
            socket.create_connection(("127.0.0.1", self.grpc_port), 5.0).close()  # it opens a moment after REST
            return bool(ready)
        except (urllib.error.URLError, OSError):
            return False

    def _last_lines(self) -> str:
        self._log.seek(0)
        lines = [line.strip() for line in self._log.read().decode(errors="replace").splitlines() if line.strip()]
        return " | ".join(lines[-_LAST_LINES:]) or "it wrote nothing"

    def _stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()


def asked_here(url: str, timeout_s: float) -> Any:
    """The answer to a GET on loopback, to be closed; past any proxy that the environment names."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=timeout_s)


def free_ports(count: int) -> list[int]:
    """Different loopback ports that nobody listens on at this moment."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for item in sockets:
            item.bind(("127.0.0.1", 0))
        return [int(item.getsockname()[1]) for item in sockets]
