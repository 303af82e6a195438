"""An endpoint on this machine: a folder with its record, and a front process that serves what the folder asks for.

Knows how the front is started, told and asked. Does not know how it works (`front_process.py`) or what a release
decides.
"""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from causeway.artifacts import store
from causeway.errors import CausewayError, Refused
from causeway.platform.release.endpoint import Addresses, Moved, NotReady, Traffic
from causeway.platform.release.record import Record, Served, from_json, to_json
from causeway.serving.process import asked_here

RECORD, WANTED, HERE = "release.json", "wanted.json", "front.json"
_FRONT = (sys.executable, "-m", "causeway.platform.release.front_process")
_UP_S = 60.0
_DOWN_S = 60.0


class LaptopEndpoint:
    """The endpoint of a folder. `ports` (REST, gRPC) are taken when they are free; `program` serves one policy."""

    def __init__(self, folder: Path, ports: tuple[int, int] = (8080, 8081), program: Sequence[str] = ()) -> None:
        self.folder = folder.resolve()  # one folder, one front, by whichever way it is named
        self._ports, self._program = ports, program

    # --- the record ---

    def load(self) -> Record:
        """The record; an empty one where nothing was released yet."""
        data = store.read_bytes(str(self.folder / RECORD))
        if data is None:
            return Record(str(self.folder))
        return from_json(data.decode(errors="replace"), str(self.folder / RECORD))

    def save(self, record: Record) -> Record:
        """Write the record; Moved when somebody else did meanwhile."""
        with self._alone():
            if self.load().revision != record.revision:
                raise Moved(f"{self.folder}: another process is at this release; run the same command again")
            record = replace(record, revision=record.revision + 1)
            store.write_bytes(str(self.folder / RECORD), to_json(record).encode())
        return record

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    # --- serving ---

    def show(self, champion: Served | None, candidate: Served | None, percent: int, ready_s: float) -> None:
        """Ask the front for these servers and shares, and wait until it is so."""
        slots = [(served, share) for served, share in ((champion, 100 - percent), (candidate, percent)) if served]
        wanted = {
            "slots": [
                {"name": s.name, "location": s.location, "weight": share, "ready_s": ready_s} for s, share in slots
            ],
            "shadow": candidate.name if champion and candidate and percent == 0 else "",
        }
        with self._alone():
            revision = self._want(wanted)
            self._start_front()
        until = time.monotonic() + ready_s
        while (figures := self.figures())["applied"] < revision:
            problem = _problem(figures, [served for served, _ in slots]) if figures["seen"] >= revision else ""
            if problem or time.monotonic() > until:
                raise NotReady(problem or f"no answer within {ready_s:g} s; its log is in {self.folder / 'logs'}")
            time.sleep(0.1)

    def _want(self, wanted: dict[str, Any]) -> int:
        """Write what is wanted; the number of the wish, a new one also when it is the same: what does not start is then
        tried anew."""
        before = json.loads(store.read_bytes(str(self.folder / WANTED)) or b'{"revision": 0}')
        revision = int(before["revision"]) + 1
        store.write_bytes(str(self.folder / WANTED), json.dumps(wanted | {"revision": revision}).encode())
        return revision

    def _start_front(self) -> None:
        """Start the front unless it runs. It outlives this process."""
        if self._find() is not None:
            return
        here = self._here()
        ports = (here["http_port"], here["grpc_port"]) if here else self._ports
        command = [*_FRONT, "--folder", str(self.folder), "--http-port", str(ports[0]), "--grpc-port", str(ports[1])]
        command += ["--server", shlex.join(self._program)] if self._program else []
        command += ["--feedback", str(self.folder / "feedback")] if (self.folder / "feedback").is_dir() else []
        (self.folder / "logs").mkdir(parents=True, exist_ok=True)
        with (self.folder / "logs" / "front.log").open("ab") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        until = time.monotonic() + _UP_S
        while (found := self._find()) is None or found["pid"] != process.pid:
            if process.poll() is not None or time.monotonic() > until:
                raise CausewayError(f"the front did not start; its log is {self.folder / 'logs' / 'front.log'}")
            time.sleep(0.05)

    def _here(self) -> dict[str, Any] | None:
        data = store.read_bytes(str(self.folder / HERE))
        return json.loads(data) if data else None

    def _find(self) -> dict[str, Any] | None:
        """What the front says of itself, None when it does not run."""
        here = self._here()
        if here is None:
            return None
        try:
            with asked_here(f"http://127.0.0.1:{here['http_port']}/front", 10.0) as answer:
                found = json.load(answer)
        except (OSError, ValueError):
            return None
        return found if found.get("folder") == str(self.folder) else None

    def figures(self) -> dict[str, Any]:
        """What the front counts; Refused when it does not run."""
        found = self._find()
        if found is None:
            raise Refused(f"{self.folder}: its front does not run; causeway release resume --endpoint {self.folder}")
        return found

    def stop(self) -> bool:
        """Stop the front and its servers, requests inside first; False when it did not run."""
        found = self._find()
        if found is None:
            return False
        os.kill(found["pid"], signal.SIGTERM)
        until = time.monotonic() + _DOWN_S
        while _runs(found["pid"]):
            if time.monotonic() > until:
                raise CausewayError(f"{self.folder}: the front (process {found['pid']}) does not stop")
            time.sleep(0.05)
        return True

    # --- asking ---

    def addresses(self, champion: Served | None, candidate: Served | None) -> Addresses:
        """Loopback addresses."""
        found = self.figures()
        slots: Mapping[str, Any] = found["slots"]

        def at(served: Served | None) -> str:
            return str(slots[served.name]["grpc"]) if served and served.name in slots else ""

        return Addresses(f"127.0.0.1:{found['grpc_port']}", at(champion), at(candidate))

    def traffic(self) -> Traffic:
        """What the front counted."""
        found = self.figures()
        shadow = found["shadow"] or {"path_m": [], "failed": 0}
        restarts = {name: int(slot["restarts"]) for name, slot in found["slots"].items()}
        return Traffic(int(found["lost"]), restarts, tuple(shadow["path_m"]), int(shadow["failed"]))


def _problem(figures: Mapping[str, Any], wanted: Sequence[Served]) -> str:
    """Why a wanted server does not start, "" as long as it may."""
    slots = figures["slots"]
    return next((p for served in wanted if served.name in slots and (p := slots[served.name]["problem"])), "")


def _runs(pid: int) -> bool:
    """Whether a process runs; one that ended and that nobody waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
