"""Feather tables from strangers: read when they are whole and of a sane size, refused in one line otherwise.

Knows Feather version 2, which is the Arrow IPC file format. Does not know what columns mean. A compressed file of a
few bytes can announce more than memory holds, so what its buffers say of their sizes is looked at before any is
decoded (Arrow columnar format, "Compression": each buffer begins with its size as an int64).
"""

import struct
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from causeway.clips.readers.parquet import PART_ROWS
from causeway.errors import UnusableInput

_MAGIC = b"ARROW1\0\0"
_MOST_BYTES = 4 * 2**30  # a log of minutes is below a thousandth of it


def read_feather(path: Path, columns: tuple[str, ...]) -> pa.Table:
    """The table, which has at least these columns; UnusableInput, naming the file, otherwise."""
    return pa.concat_tables(feather_parts(path, columns))


def feather_parts(path: Path, columns: tuple[str, ...]) -> Iterator[pa.Table]:
    """The table in parts of some rows, at least one; raises as `read_feather` does. Its batches are decoded singly."""
    if not path.is_file():
        raise UnusableInput(f"{path}: missing; the drive cannot be used without it")
    try:
        announced = _announced_bytes(path)
        if announced > _MOST_BYTES:
            raise UnusableInput(f"{path}: announces {announced} bytes; more than {_MOST_BYTES} are not read")
        with pa.OSFile(str(path)) as source, pa.ipc.open_file(source) as file:
            _check_names(file.schema.names, columns, path)
            yield file.schema.empty_table()
            for number in range(file.num_record_batches):
                batch = file.get_batch(number)
                batch.validate(full=True)
                for low in range(0, batch.num_rows, PART_ROWS):
                    yield pa.Table.from_batches([batch.slice(low, PART_ROWS)])
    except (pa.ArrowException, OSError, ValueError, MemoryError, OverflowError, struct.error) as error:
        reason = " ".join(str(error).split())[:160]
        raise UnusableInput(f"{path}: not a whole Feather file ({reason}); copy it again") from error


def _check_names(names: list[str], columns: tuple[str, ...], path: Path) -> None:
    for name in columns:
        if names.count(name) != 1:
            raise UnusableInput(f"{path}: column {name} is missing; it has {', '.join(names)[:160]}")


def _announced_bytes(path: Path) -> int:
    """What all buffers of the file's batches say they hold once decoded."""
    total = 0
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise ValueError("it does not begin as one")
        for message in pa.ipc.MessageReader.open_stream(file):
            total += max(0, message.body.size if message.body is not None else 0)
            if message.type == "record batch":
                total += sum(_decoded_sizes(message.metadata.to_pybytes(), memoryview(message.body)))
    return total


def _decoded_sizes(metadata: bytes, body: memoryview) -> list[int]:
    """The sizes of a batch's compressed buffers; none when it is not compressed.

    `metadata` is the flatbuffer table Message {version, header type, header, body length}, whose header is RecordBatch
    {length, nodes, buffers, compression}; a buffer is (offset, length) in the body.
    """
    header = _field(metadata, struct.unpack_from("<I", metadata)[0], 2)
    batch = header + struct.unpack_from("<I", metadata, header)[0]
    if not _field(metadata, batch, 3):
        return []
    vector = _field(metadata, batch, 2)
    vector += struct.unpack_from("<I", metadata, vector)[0]
    sizes = []
    for number in range(struct.unpack_from("<I", metadata, vector)[0]):
        offset, length = struct.unpack_from("<qq", metadata, vector + 4 + 16 * number)
        if length >= 8:
            sizes.append(max(0, struct.unpack_from("<q", body, offset)[0]))  # -1: this buffer is not compressed
    return sizes


def _field(data: bytes, table: int, number: int) -> int:
    """Where a flatbuffer table has its field; 0 when it has none."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    if 4 + 2 * number >= struct.unpack_from("<H", data, vtable)[0]:
        return 0
    offset: int = struct.unpack_from("<H", data, vtable + 4 + 2 * number)[0]
    return table + offset if offset else 0
