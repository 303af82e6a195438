"""Checkpoints of a run in progress: written beside each other, renamed when whole, checked when read.

Knows folders `step-00000120` below one checkpoint folder: tensors in safetensors files by the parameters' own names,
what the run was at in `state.json`, its losses, and the checksum of all of it. Nothing is pickled. How many processes
wrote one does not matter. Does not know how an engine shares tensors, nor object stores (`checkpoint_store`).
"""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from causeway.errors import CausewayError, UnusableInput
from causeway.training.engine import Engine, Read

SCHEMA_VERSION = 1
STATE, _SUMS = "state.json", "sums.json"
_FILE_BYTES = 2**31  # a file of tensors takes no more, so that memory stays bounded

State = dict[str, Any]


def save_checkpoint(folder: Path, step: int, engine: Engine, state: Mapping[str, Any], keep: int, losses: Path) -> None:
    """Gather everything of `step` into a new folder, rename it into place, and keep the newest `keep`.

    Every process calls this; the first one writes. `losses` is the run's record so far.
    """
    target, part = folder / name_of(step), folder / f".{name_of(step)}"
    if engine.rank == 0:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        _write_tensors(part, engine.tensors())
        whole = {"schema_version": SCHEMA_VERSION, "step": step, "updates": engine.updates, **state}
        (part / STATE).write_text(json.dumps(whole, indent=1, sort_keys=True) + "\n")
        shutil.copyfile(losses, part / losses.name)
        _make_current(part, target, keep)
    else:
        for _ in engine.tensors():
            pass
    engine.barrier()


def name_of(step: int) -> str:
    """The folder's name of a step."""
    return f"step-{step:08d}"


def newest_checkpoint(folder: Path, wanted: Mapping[str, Any]) -> tuple[State, Path] | None:
    """(state, folder) of the newest whole checkpoint, or None where there is none.

    One whose bytes have changed is passed over with a line on stderr. UnusableInput when all are damaged, or when the
    newest whole one is of another run: its state differs from `wanted`.
    """
    finished = _finished(folder)
    for path in reversed(finished):
        try:
            state = _checked(path)
        except UnusableInput as error:
            print(f"{error}; it is passed over", file=sys.stderr)
            continue
        for key, value in wanted.items():
            if state.get(key) != value:
                raise UnusableInput(f"{path}: is of a run with {key} {state.get(key)}, not {value}; remove {folder}")
        return state, path
    if finished:
        raise UnusableInput(f"{folder}: no checkpoint is as it was saved; remove the folder to start over")
    return None


def _checked(path: Path) -> State:
    """The state of a checkpoint whose every byte is as it was saved."""
    try:
        sums: dict[str, str] = json.loads((path / _SUMS).read_text())
        if STATE not in sums:
            raise UnusableInput(f"{path / _SUMS}: names no {STATE}")
        for name, wanted in sums.items():
            if _sha256(path / name) != wanted:
                raise UnusableInput(f"{path / name}: bytes differ from what was saved")
        state: State = json.loads((path / STATE).read_text())
    except (OSError, ValueError, AttributeError) as error:
        raise UnusableInput(f"{path}: cannot be read ({type(error).__name__})") from None
    if state.get("schema_version") != SCHEMA_VERSION:
        raise UnusableInput(f"{path}: schema {state.get('schema_version')}, this code reads {SCHEMA_VERSION}")
    return state


def reader_of(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> Read:
    """How to read a checkpoint's tensors; UnusableInput when they are not those of parameters `shapes` exactly."""
    from safetensors import safe_open

    places: dict[tuple[str, str], Path] = {}
    for file in sorted(path.glob("*.safetensors")):
        with safe_open(str(file), framework="pt") as opened:
            places |= {tuple(key.split("/", 1)): file for key in opened.keys()}  # noqa: SIM118 (not a dict)
    for name in sorted({name for _, name in places} ^ shapes.keys()):
        what = "missing from" if name in shapes else "unexpected in"
        raise UnusableInput(f"{path}: parameter {name} is {what} the checkpoint: another scale, stage or version")

    def read(kind: str, name: str) -> Tensor:
        if (kind, name) not in places:
            raise UnusableInput(f"{path}: {kind} of {name} are missing from the checkpoint")
        with safe_open(str(places[kind, name]), framework="pt") as opened:
            tensor: Tensor = opened.get_tensor(f"{kind}/{name}")
        if tuple(tensor.shape) != shapes[name]:
            found = f"{list(tensor.shape)}, expected {list(shapes[name])}"
            raise UnusableInput(f"{path}: {kind} of {name} have shape {found}: another scale or version")
        return tensor

    return read


def _write_tensors(folder: Path, tensors: Iterator[tuple[str, str, Tensor]]) -> None:
    from safetensors.torch import save_file

    held: dict[str, Tensor] = {}
    size = number = 0
    for kind, name, tensor in tensors:
        if tensor is None:
            raise CausewayError(f"checkpoint: no {kind} of {name} could be gathered")
        held[f"{kind}/{name}"] = tensor.detach().cpu().contiguous()
        size += tensor.numel() * tensor.element_size()
        if size >= _FILE_BYTES:
            save_file(held, str(folder / f"{number:05d}.safetensors"))
            held, size, number = {}, 0, number + 1
    if held:
        save_file(held, str(folder / f"{number:05d}.safetensors"))


def _make_current(part: Path, target: Path, keep: int) -> None:
    files = sorted(file for file in part.iterdir() if file.is_file())
    (part / _SUMS).write_text(json.dumps({file.name: _sha256(file) for file in files}))
    for file in (*files, part / _SUMS):
        _fsync(file)
    shutil.rmtree(target, ignore_errors=True)
    os.rename(part, target)
    _fsync(target.parent)
    for path in _finished(target.parent)[: -max(1, keep)]:
        shutil.rmtree(path)


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
