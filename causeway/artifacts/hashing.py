"""Content hashes: the same values give the same hash on every machine, thread count, locale and time zone.

Knows how Arrow columns and files turn into SHA-256. Floats are rounded to `FLOAT_QUANTUM` first, so that the last
bit of a sum cannot change an artifact's name. Hashes do not depend on how rows are cut into chunks.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from causeway.errors import UnusableInput

FLOAT_QUANTUM = 1e-6
_LARGEST_ROUNDED = 1e12  # beyond this, value / quantum no longer fits an int64: the bits are hashed as they are
_NAN_MARK = np.iinfo(np.int64).min


def _quantised(values: np.ndarray) -> bytes:
    values = values.astype(np.float64)
    small = np.abs(values) < _LARGEST_ROUNDED
    rounded = np.full(values.shape, _NAN_MARK, dtype=np.int64)
    rounded[small] = np.rint(values[small] / FLOAT_QUANTUM).astype(np.int64)
    large = ~small & ~np.isnan(values)
    rounded[large] = values[large].view(np.int64)
    return rounded.tobytes()


class _ColumnHash:
    """A running hash of one column, fed chunk by chunk, one stream for each nested buffer."""

    def __init__(self) -> None:
        self.streams: dict[str, Any] = {}

    def _feed(self, path: str, data: bytes) -> None:
        self.streams.setdefault(path, hashlib.sha256()).update(data)

    def update(self, array: pa.Array, path: str = "") -> None:
        self._feed(path + "?", np.asarray(array.is_null(), dtype=np.uint8).tobytes())
        kind = array.type
        if pa.types.is_list(kind):
            self._feed(path + "#", self._numbers(array.value_lengths()))
            self.update(array.flatten(), path + "[]")
        elif pa.types.is_struct(kind):
            for field, child in zip(kind, array.flatten(), strict=True):
                self.update(child, f"{path}.{field.name}")
        elif pa.types.is_string(kind) or pa.types.is_binary(kind):
            present = array.drop_null().cast(pa.binary()).to_pylist()
            self._feed(path + "#", np.array([len(item) for item in present], dtype=np.int64).tobytes())
            self._feed(path, b"".join(present))
        elif pa.types.is_floating(kind):
            self._feed(path, _quantised(array.drop_null().to_numpy(zero_copy_only=False)))
        else:
            self._feed(path, self._numbers(array))

    @staticmethod
    def _numbers(array: pa.Array) -> bytes:
        return array.drop_null().cast(pa.int64()).to_numpy(zero_copy_only=False).tobytes()

    def digest(self) -> str:
        whole = hashlib.sha256()
        for path in sorted(self.streams):
            whole.update(f"{path}={self.streams[path].hexdigest()};".encode())
        return whole.hexdigest()


def table_hash(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> str:
    """SHA-256 of a table's schema and values, rows in the order given, however they are batched."""
    columns = [_ColumnHash() for _ in schema]
    for batch in batches:
        for column, array in zip(columns, batch.columns, strict=True):
            column.update(array)
    whole = hashlib.sha256()
    for field, column in zip(schema, columns, strict=True):
        whole.update(f"{field.name}:{field.type}={column.digest()};".encode())
    return whole.hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, read in pieces."""
    whole = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            whole.update(piece)
    return whole.hexdigest()


def text_hash(text: str) -> str:
    """SHA-256 of a string."""
    return hashlib.sha256(text.encode()).hexdigest()


def fingerprint(paths: Iterable[Path]) -> str:
    """One hash over the names and bytes of files and of all files in folders; names are relative to each path.

    UnusableInput for a path that is neither: a pipe would never end, a link that leads nowhere has no bytes.
    """
    whole = hashlib.sha256()
    for path in paths:
        if not path.is_dir() and not path.is_file():
            raise UnusableInput(f"{path}: neither a file nor a folder; put the file itself there")
        files = sorted(f for f in path.rglob("*") if f.is_file()) if path.is_dir() else [path]
        for file in files:
            name = file.relative_to(path).as_posix() if path.is_dir() else file.name
            whole.update(f"{name}={file_hash(file)};".encode())
    return whole.hexdigest()
