"""Where a reviewer's events go: one file for each reviewer and session, appended to and never rewritten.

Knows bytes on a disk: a line is in the file, whole and synced, when `append` returns, or it is not there at all. Does
not know what a line means.
"""

import json
import os
import re
import secrets
from hashlib import sha256
from pathlib import Path
from typing import Any


def new_file(folder: Path, who: str) -> Path:
    """A file name of its own for a session of a person, whatever the name is made of."""
    plain = re.sub(r"[^a-z0-9]+", "-", who.lower()).strip("-")[:24] or "reviewer"
    return folder / f"{plain}-{sha256(who.encode('utf-8', 'replace')).hexdigest()[:8]}-{secrets.token_hex(4)}.jsonl"


def append(file: Path, event: dict[str, Any]) -> None:
    """Write one event as a line; OSError when it could not be stored, and then nothing is."""
    line = json.dumps(event, ensure_ascii=True, sort_keys=True)
    handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    try:
        before = os.fstat(handle).st_size
        if before == 0:
            _sync_folder(file.parent)  # before the line: what fails must not leave one
        try:
            _write_all(handle, f"{line}\n".encode())
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, before)  # this file is this session's alone
            raise
    finally:
        os.close(handle)


def _write_all(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]


def _sync_folder(folder: Path) -> None:
    """Without this a new file may be gone after a power cut, however well its bytes were synced."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
