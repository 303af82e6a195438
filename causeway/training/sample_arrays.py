"""One shard on disk: named arrays of equal length in a safetensors file, every row of every array with a checksum.

Knows how rows are laid out, written, found again and proved to be what was written. Does not know what the arrays
mean. A shard is mapped, not read: a row costs its own bytes, in whatever order rows are asked for. The checksum of a
row covers its owner's id, its name, type and shape, so that no other row's numbers can be taken for it, and what the
header says of all of them.
"""

import json
import mmap
import os
import shutil
import zlib
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causeway.errors import UnusableInput

Arrays = dict[str, NDArray[Any]]

_SUMS = "crc32"
_OPEN_SHARDS = 64
_TYPES = {"U8": "<u1", "I32": "<i4", "U32": "<u4", "I64": "<i8", "F32": "<f4", "F64": "<f8"}


def write_arrays(rows: Sequence[Arrays], ids: Sequence[str], says: Mapping[str, str], path: Path) -> None:
    """Write rows that have the same names, types and shapes, in their order; `says` goes into the header.

    The same rows give the same bytes. The file is on the disk when this returns.
    """
    from safetensors.numpy import save_file

    names = sorted(rows[0])
    owners = [_owner(row_id, says) for row_id in ids]
    sums = [[checksum(owner, name, row[name]) for name in names] for owner, row in zip(owners, rows, strict=True)]
    stacked = {name: np.stack([row[name] for row in rows]) for name in names}
    # the library writes beside the file under a name of its own, which a kill leaves behind: a folder that whoever
    # writes this shard again finds, so that nothing stays
    beside = path.with_name(f".{path.name}")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    save_file(stacked | {_SUMS: np.array(sums, dtype=np.uint32)}, beside / path.name, metadata=dict(says))
    os.replace(beside / path.name, path)
    beside.rmdir()
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _owner(row_id: str, says: Mapping[str, str]) -> str:
    return f"{row_id}\n{json.dumps(says, sort_keys=True)}"


def checksum(owner: str, name: str, values: NDArray[Any]) -> int:
    """CRC-32 of one row of one array and of whose it is; it finds every flipped byte, and is no signature."""
    said = f"{owner}\n{name}\n{values.dtype.str}\n{values.shape}\n"
    data = np.ascontiguousarray(values).data.cast("B") if values.size else b""
    return zlib.crc32(data, zlib.crc32(said.encode()))


class Shard:
    """A shard, mapped into memory and read row by row."""

    def __init__(self, path: Path) -> None:
        """UnusableInput when the file is not whole."""
        self.path = path
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > size - 8:
                raise UnusableInput(f"{path}: {size} bytes are less than its header; the file was cut short")
            header = _header(file.read(length), path)
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.says: dict[str, str] = header.pop("__metadata__", {})
        self._arrays = {name: self._mapped(name, entry, 8 + length) for name, entry in header.items()}
        self.names = sorted(name for name in self._arrays if name != _SUMS)
        if _SUMS not in self._arrays or self._arrays[_SUMS].shape[1:] != (len(self.names),):
            raise UnusableInput(f"{path}: has no checksums of its rows; build the samples again")

    def _mapped(self, name: str, entry: Any, start: int) -> NDArray[Any]:
        try:
            kind, shape, (low, high) = _TYPES[entry["dtype"]], tuple(entry["shape"]), entry["data_offsets"]
            held = len(self._map) - start
            if not 0 <= low <= high <= held:
                raise UnusableInput(f"{self.path}: {name} ends at byte {start + high}, the file at {start + held}")
            flat = np.frombuffer(self._map, dtype=np.uint8, count=high - low, offset=start + low)
            return flat.view(kind).reshape(shape)
        except (KeyError, TypeError, ValueError) as error:
            raise UnusableInput(f"{self.path}: array {name!r} cannot be read ({error}); build it again") from error

    def row(self, number: int, row_id: str, names: Collection[str] | None = None) -> Arrays:
        """Copies of one row of the arrays named (None: all). UnusableInput when it is not what was written."""
        wanted = self.names if names is None else [name for name in self.names if name in names]
        if names is not None and len(wanted) < len(set(names)):
            missing = sorted(set(names) - set(wanted))
            raise UnusableInput(f"{self.path}: has no array {missing[0]!r}; build the samples again")
        if any(not 0 <= number < len(self._arrays[name]) for name in (*wanted, _SUMS)):
            raise UnusableInput(f"{self.path}: has no row {number}; the index is of other samples, build both again")
        found = {name: np.array(self._arrays[name][number]) for name in wanted}
        owner = _owner(row_id, self.says)
        for name, values in found.items():
            if checksum(owner, name, values) != self._arrays[_SUMS][number, self.names.index(name)]:
                raise UnusableInput(f"{self.path}: {name} of row {number} is not what was written; build it again")
        return found


def _header(text: bytes, path: Path) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnusableInput(f"{path}: its header cannot be read ({error}); build the samples again") from error
    if not isinstance(header, dict) or not isinstance(header.get("__metadata__", {}), dict):
        raise UnusableInput(f"{path}: its header is no table of arrays; build the samples again")
    return header


def open_shard(path: Path) -> Shard:
    """The shard at a path, opened once; those used last stay open. UnusableInput when it cannot be read."""
    try:
        known = path.stat()
    except OSError as error:
        raise UnusableInput(f"{path}: missing; the artifact is not complete, make it again") from error
    return _opened(path, known.st_ino, known.st_mtime_ns, known.st_size)


@lru_cache(maxsize=_OPEN_SHARDS)
def _opened(path: Path, inode: int, changed_ns: int, size: int) -> Shard:
    """What a file was when it was opened is part of its name: a shard that is made anew is another one."""
    return Shard(path)
