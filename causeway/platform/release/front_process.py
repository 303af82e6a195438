"""The process of a laptop's endpoint: the front, and the model servers that a file asks for, kept running.

Knows `wanted.json` (which policies, with which share) and makes it so in the safe order: new servers answer before
they get requests, old ones get none before they are stopped. Does not decide anything. A program:
`python -m causeway.platform.release.front_process --folder ENDPOINT`. It lives on when whoever started it is gone;
its servers end with it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import json
import os
import shlex
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from causeway.artifacts import store
from causeway.errors import EXIT_REFUSED, CausewayError
from causeway.platform.release.feedback import Spool
from causeway.platform.release.front import Front, Passing
from causeway.platform.release.front_rest import rest_app
from causeway.platform.release.slots import Slot, set_weights
from causeway.serving.contract import LOOPBACK, MAX_MESSAGE_BYTES
from causeway.serving.process import PROGRAM, ServerProcess

WANTED, HERE = "wanted.json", "front.json"
_TICK_S = 0.05
_STARTS = 3  # a server that does not come up so often in a row is told to whoever waits for it
_LONGEST_PAUSE_S = 30.0  # between its further starts


class Keeper:
    """Keeps the servers that `wanted.json` names."""

    def __init__(self, front: Front, folder: Path, program: Sequence[str]) -> None:
        self.front, self.applied, self.seen = front, -1, -1  # of the wishes: the one that holds, the one in work
        self._folder, self._program = folder, program
        self._kept: dict[str, asyncio.Task[None]] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    async def run(self, stopped: asyncio.Event) -> None:
        """Follow the file until told to stop; then stop every server."""
        while not stopped.is_set():
            self._follow(json.loads(store.read_bytes(str(self._folder / WANTED)) or b"{}"))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), _TICK_S)
        for task in self._kept.values():
            task.cancel()
        await asyncio.gather(*self._kept.values(), *self._leaving, return_exceptions=True)

    def _follow(self, wanted: dict[str, Any]) -> None:
        if not wanted or wanted["revision"] == self.applied:
            return
        weights = {slot["name"]: slot["weight"] for slot in wanted["slots"]}
        if wanted["revision"] != self.seen:
            self._start(wanted["slots"])
            self.seen = wanted["revision"]
        if not all(self.front.slots[name].ready for name in weights):
            return
        set_weights(self.front.slots.values(), lambda name: weights.get(name, 0))
        self.front.watch(wanted["shadow"])
        for name in set(self._kept) - set(weights):
            self._let_go(name)
        self.applied = wanted["revision"]

    def _start(self, slots: Sequence[dict[str, Any]]) -> None:
        """Start what is not there, and anew what did not start when it was asked for before."""
        for name, location, ready_s in ((slot["name"], slot["location"], slot["ready_s"]) for slot in slots):
            before = self.front.slots.get(name)
            if name in self._kept and (before is None or before.problem or self._kept[name].done()):
                self._let_go(name)
            if name not in self._kept:  # with the share it had: the others of this wish may take long
                self.front.slots[name] = Slot(name, weight=before.weight if before else 0)
                self._kept[name] = asyncio.create_task(self._keep(self.front.slots[name], location, ready_s))

    def _let_go(self, name: str) -> None:
        task = self._kept.pop(name)
        task.cancel()
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _keep(self, slot: Slot, location: str, ready_s: float) -> None:
        """One server: started, watched, started again when it dies; cancelled: drained and stopped.

        One that does not start is tried again for as long as it is wanted: what keeps it may pass (memory, a disk).
        """
        in_vain = 0
        log = self._folder / "logs" / f"{slot.name}.log"
        try:
            while True:
                server = ServerProcess(location, log=log, timeout_s=ready_s, program=self._program)
                try:
                    await _finish(asyncio.create_task(asyncio.to_thread(server.__enter__)), server.give_up)
                except (CausewayError, OSError) as error:
                    in_vain += 1
                    slot.problem = f"{in_vain} starts in vain: {error}" if in_vain >= _STARTS else ""
                    await asyncio.sleep(_pause_s(in_vain))
                    continue
                in_vain, slot.problem = 0, ""
                try:
                    await self._watch(slot, server)
                finally:
                    await _finish(asyncio.create_task(self._stop(slot, server)))
                slot.restarts += 1
        finally:
            if self.front.slots.get(slot.name) is slot and slot.name not in self._kept:
                del self.front.slots[slot.name]

    async def _watch(self, slot: Slot, server: ServerProcess) -> None:
        """Returns when the server has died."""
        slot.grpc, slot.http, slot.ready = server.grpc_url, server.http_url, True
        while server.runs:
            await asyncio.sleep(_TICK_S)

    async def _stop(self, slot: Slot, server: ServerProcess) -> None:
        """Requests inside are answered first; no new ones come, because it is ready no more."""
        slot.ready = False
        while slot.inside and server.runs:
            await asyncio.sleep(_TICK_S)
        await asyncio.to_thread(server.__exit__, None, None, None)


def _pause_s(in_vain: int) -> float:
    """How long to wait after so many starts in vain: the first ones follow at once, the others ever later."""
    return min(2.0 ** (in_vain - _STARTS), _LONGEST_PAUSE_S) if in_vain >= _STARTS else 0.0


async def _finish(task: asyncio.Task[Any], hurry: Callable[[], None] = lambda: None) -> Any:
    """Wait for a task to its end, also when this one is cancelled meanwhile: then it is told to hurry."""
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        hurry()
        with contextlib.suppress(Exception):
            result = await task
            if isinstance(result, ServerProcess):
                await asyncio.to_thread(result.__exit__, None, None, None)
        raise


async def run_front(folder: Path, ports: tuple[int, int], program: Sequence[str], feedback: Path | None) -> None:
    """Serve until SIGTERM or SIGINT. `ports` (REST, gRPC) are taken when they are free, others when they are not."""
    import grpc

    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    spool = Spool(feedback) if feedback else None
    front = Front(spool.keep if spool else None)
    keeper = Keeper(front, folder, program)
    limits = [(f"grpc.max_{way}_message_length", MAX_MESSAGE_BYTES) for way in ("send", "receive")]
    server = grpc.aio.server(options=[*limits, ("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((Passing(front),))
    grpc_port = _bind(server, ports[1])
    await server.start()
    rest = _socket(ports[0])
    here = {"pid": os.getpid(), "folder": str(folder), "http_port": rest.getsockname()[1], "grpc_port": grpc_port}

    def status() -> bytes:
        told = {"applied": keeper.applied, "seen": keeper.seen, "feedback_let_go": spool.let_go if spool else 0}
        return json.dumps(here | told | front.figures()).encode()

    web = _web(rest_app(front, status))
    serving = asyncio.create_task(web.serve(sockets=[rest]))
    store.write_bytes(str(folder / HERE), json.dumps(here).encode())
    await keeper.run(stopped)
    web.should_exit = True
    await asyncio.gather(serving, server.stop(5.0), front.close())


def _bind(server: Any, port: int) -> int:
    try:
        return int(server.add_insecure_port(f"{LOOPBACK}:{port}"))
    except RuntimeError:
        return int(server.add_insecure_port(f"{LOOPBACK}:0"))


def _socket(port: int) -> socket.socket:
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((LOOPBACK, port))
    except OSError:
        found.bind((LOOPBACK, 0))
    return found


def _web(app: Any) -> Any:
    """A uvicorn server that leaves signals to us."""
    import uvicorn

    from causeway.serving.patience import PatientProtocol

    class Web(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    config = uvicorn.Config(
        app, http=PatientProtocol, log_level="warning", lifespan="off", timeout_graceful_shutdown=5
    )
    return Web(config)


def main() -> int:
    """The program."""
    parser = argparse.ArgumentParser(prog="python -m causeway.platform.release.front_process")
    parser.add_argument("--folder", required=True, help="the endpoint's folder")
    parser.add_argument("--http-port", type=int, default=8080)
    parser.add_argument("--grpc-port", type=int, default=8081)
    parser.add_argument("--feedback", default="", help="keep consented requests in this folder")
    parser.add_argument("--server", default="", help="the command that serves one policy")
    options = parser.parse_args()
    program = shlex.split(options.server) or list(PROGRAM)
    feedback = Path(options.feedback) if options.feedback else None
    with (Path(options.folder) / ".front.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system lets go of it when this process ends
        except BlockingIOError:
            print(f"{options.folder}: its front runs already", file=sys.stderr)
            return EXIT_REFUSED
        asyncio.run(run_front(Path(options.folder), (options.http_port, options.grpc_port), program, feedback))
    return 0


if __name__ == "__main__":
    sys.exit(main())
