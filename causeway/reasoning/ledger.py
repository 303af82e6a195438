"""The record of every request to an endpoint, and what makes that nothing is paid twice.

A folder of JSON-lines files that are only appended to, one file for each process; a line is a request that was sent
or its outcome. An answer stands on the disk before it is used; whoever asks the same question again is given that
answer, also while another process is asking it: a lock, which ends with its process, says who asks. What a kill tore
off is passed over. Knows lines and keys. Does not know endpoints or labels.
"""

import asyncio
import fcntl
import json
import os
import re
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from causeway.artifacts.store import cache_folder, is_s3
from causeway.errors import UsageError

_SENT, _ANSWERED, _FAILED = "sent", "answered", "failed"
_FREE = "unpaid"  # a failure that cannot have cost anything
_SENDS = re.compile(rb'\{"when_us": \d+, "event": "(sent|unpaid)", "key": "([0-9a-f]{64})"')
_CLAIMS = "claims.lock"
_LOOKS_AGAIN_S = 0.1


@dataclass(frozen=True)
class Answer:
    """What an endpoint answered: its text, or why there is none that can be used; and what it cost."""

    text: str | None
    problem: str = ""
    served_model: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    replayed: bool = False  # known from the ledger, not paid now


def ledger_folder(setting: str) -> Path:
    """Where requests are recorded: the folder named, else `answers` in the cache of this machine."""
    if is_s3(setting):
        raise UsageError(f"{setting}: the ledger is appended to after each answer; name a folder")
    folder = Path(setting) if setting else cache_folder() / "answers"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Ledger:
    """Requests and answers in one folder; several processes may write at once, each into its own file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._places: dict[bytes, tuple[Path, int]] = {}
        self._lost: Counter[bytes] = Counter()  # sent by others, and perhaps paid, but no answer came
        self._read: dict[Path, int] = {}  # how far each file of others was read
        self._claims: int | None = None
        begun = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        self._name = folder / f"{begun}-{os.getpid()}-{uuid.uuid4().hex[:8]}.jsonl"
        self._file: int | None = None
        self._written = self._durable = 0
        self._syncing = asyncio.Lock()
        self._look()

    def find(self, key: str) -> Answer | None:
        """The answer to a question that was answered before; None for one that was not."""
        place = self._places.get(bytes.fromhex(key))
        if place is None:
            return None
        file, start = place
        with file.open("rb") as lines:
            lines.seek(start)
            row = json.loads(lines.readline())
        return replace(Answer(**row["answer"]), replayed=True)

    def lost(self, key: str) -> int:
        """How often earlier runs sent this question, perhaps paid for it and got nothing."""
        return self._lost[bytes.fromhex(key)]

    async def claim(self, key: str) -> Answer | None:
        """The answer of another process that was asking this; None: it is this process's to ask until `release`."""
        while not self._claimed(key):
            await asyncio.sleep(_LOOKS_AGAIN_S)
        self._look()
        answer = self.find(key)
        if answer is not None:
            self.release(key)
        return answer

    def release(self, key: str) -> None:
        """Let other processes ask this question, or find its answer."""
        assert self._claims is not None
        fcntl.lockf(self._claims, fcntl.LOCK_UN, 1, _byte_of(key))

    def _claimed(self, key: str) -> bool:
        if self._claims is None:
            self._claims = os.open(self._folder / _CLAIMS, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.lockf(self._claims, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _byte_of(key))
        except (BlockingIOError, PermissionError):  # what the system says of a lock that another process holds
            return False
        return True

    def sent(self, key: str, about: Mapping[str, Any], request: Any) -> None:
        """Put a request on record before it goes out; `request` without pictures."""
        self._append({"event": _SENT, "key": key, **about, "request": request})

    def failed(self, key: str, problem: str, took_s: float, perhaps_paid: bool) -> None:
        """Put on record that a request brought nothing."""
        event = _FAILED if perhaps_paid else _FREE
        self._append({"event": event, "key": key, "problem": problem, "took_s": round(took_s, 3)})

    async def answered(self, key: str, answer: Answer, took_s: float) -> None:
        """Put an answer on record; it is on the disk when this returns."""
        told = {name: value for name, value in asdict(answer).items() if name != "replayed"}
        start = self._append({"event": _ANSWERED, "key": key, "took_s": round(took_s, 3), "answer": told})
        self._places[bytes.fromhex(key)] = (self._name, start)
        await self._sync()

    def close(self) -> None:
        """Put everything on the disk and close the file."""
        if self._file is not None:
            os.fsync(self._file)
            os.close(self._file)
            self._file = None
        if self._claims is not None:
            os.close(self._claims)
            self._claims = None

    def _append(self, row: dict[str, Any]) -> int:
        """Write one line in one call; returns where it begins."""
        if self._file is None:
            self._file = os.open(self._name, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_EXCL, 0o600)
            _sync_folder(self._folder)
        line = json.dumps({"when_us": time.time_ns() // 1000, **row}).encode() + b"\n"
        start = self._written
        try:
            while line:
                done = os.write(self._file, line)
                self._written, line = self._written + done, line[done:]
        except OSError:  # a full disk: half a line would spoil the next one
            os.ftruncate(self._file, start)
            self._written = start
            raise
        return start

    async def _sync(self) -> None:
        """One call to the disk serves everything that was written before it began."""
        mine = self._written
        async with self._syncing:
            if self._durable < mine and self._file is not None:
                upto = self._written
                await asyncio.to_thread(os.fsync, self._file)
                self._durable = upto

    def _look(self) -> None:
        """Read what others wrote since the last look; half a line, as a kill leaves it, is passed over."""
        for file in sorted(self._folder.glob("*.jsonl")):
            start = self._read.get(file, 0)
            if file == self._name or file.stat().st_size <= start:
                continue
            with file.open("rb") as lines:
                lines.seek(start)
                for line in lines:
                    if not line.endswith(b"\n"):
                        break
                    self._take(line, (file, start))
                    start += len(line)
            self._read[file] = start

    def _take(self, line: bytes, place: tuple[Path, int]) -> None:
        send = _SENDS.match(line)
        if send is not None:
            self._lost[bytes.fromhex(send[2].decode())] += 1 if send[1].decode() == _SENT else -1
            return
        key = _key_if_answered(line)
        if key is not None:
            self._places[key] = place
            self._lost[key] -= 1


def _byte_of(key: str) -> int:
    """The byte of the file of claims that stands for a question; 2**56 of them do not meet."""
    return int(key[:14], 16)


def _sync_folder(folder: Path) -> None:
    """Put a new file's name on the disk, as its answers will be."""
    entry = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)


def _key_if_answered(line: bytes) -> bytes | None:
    if b'"answered"' not in line:
        return None
    try:
        row = json.loads(line)
        Answer(**row["answer"])
        return bytes.fromhex(row["key"]) if row["event"] == _ANSWERED else None
    except (ValueError, KeyError, TypeError):
        return None
