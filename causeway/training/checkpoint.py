"""Checkpoints of a run in progress: written beside each other, renamed when whole, checked when read.

Knows folders `step-00000120` below one checkpoint folder and the checksum of what they hold. Does not know what is in
them: an engine writes and reads its own state.
"""

import hashlib
import json
import os
import shutil
from pathlib import Path

from causeway.errors import UnusableInput
from causeway.training.engine import Engine

_SUMS = "sums.json"


def save_checkpoint(folder: Path, step: int, engine: Engine) -> None:
    """Let every process write its share of `step` into a new folder; the first one then renames it into place."""
    target, part = folder / f"step-{step:08d}", folder / f".step-{step:08d}"
    if engine.rank == 0:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
    engine.barrier()
    engine.save(part)
    engine.barrier()
    if engine.rank == 0:
        _make_current(part, target)
    engine.barrier()


def _make_current(part: Path, target: Path) -> None:
    files = sorted(file for file in part.rglob("*") if file.is_file())
    sums = {file.relative_to(part).as_posix(): _sha256(file) for file in files}
    (part / _SUMS).write_text(json.dumps(sums))
    for file in (*files, part / _SUMS):
        _fsync(file)
    older = _finished(target.parent)
    os.rename(part, target)
    _fsync(target.parent)
    for path in older:
        shutil.rmtree(path)


def latest_checkpoint(folder: Path) -> tuple[int, Path] | None:
    """(step, folder) of the newest whole checkpoint, or None. UnusableInput when its bytes have changed."""
    finished = _finished(folder)
    if not finished:
        return None
    path = finished[-1]
    for name, wanted in json.loads((path / _SUMS).read_text()).items():
        if not (path / name).is_file() or _sha256(path / name) != wanted:
            raise UnusableInput(f"{path / name}: bytes differ from what was saved; remove {path} to start over")
    return int(path.name.removeprefix("step-")), path


def _finished(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*")) if folder.is_dir() else []


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
