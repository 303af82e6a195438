"""Parquet tables from strangers: read when their size is sane, refused in one line otherwise.

Knows Parquet files. Does not know what columns mean. A file of a few bytes can announce a thousand million rows, so
rows and values are looked at before any is decoded.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from causeway.errors import UnusableInput

PART_ROWS = 16_384  # some MB: what is made of them is in memory several times over
_READ_BYTES = 2**20  # of a column at a time
MOST_VALUES = 400_000_000  # 3 GB of numbers; an hour at 100 Hz with 100 agents is a tenth of it


def read_parquet(source: Path | IO[bytes], where: str, columns: Sequence[str] = ()) -> pa.Table:
    """The table, which must have these columns.

    UnusableInput, naming `where`, when it cannot be read, lacks a column or is larger than memory should hold.
    """
    with _readable(where), pq.ParquetFile(source) as file:
        _check_names(file.schema_arrow.names, columns, where)
        _check_size(file.metadata, where)
        table = file.read()
        table.validate(full=True)
        return table


def parquet_parts(path: Path, where: str) -> Iterator[pa.Table]:
    """The table in parts of some rows, at least one, however it was written; raises as `read_parquet` does."""
    with _readable(where), pq.ParquetFile(path, buffer_size=_READ_BYTES) as file:
        _check_names(file.schema_arrow.names, (), where)
        _check_size(file.metadata, where)
        yield file.schema_arrow.empty_table()
        for batch in file.iter_batches(batch_size=PART_ROWS):
            batch.validate(full=True)
            yield pa.Table.from_batches([batch])


@contextmanager
def _readable(where: str) -> Iterator[None]:
    """What Arrow raises for a file that is none, as one line."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, MemoryError, OverflowError, TypeError, KeyError) as error:
        reason = " ".join(str(error).split())[:160]
        raise UnusableInput(f"{where}: not a readable Parquet file ({reason})") from error


def _check_names(names: Sequence[str], columns: Sequence[str], where: str) -> None:
    if len(set(names)) < len(names):
        raise UnusableInput(f"{where}: two columns have one name")
    missing = [name for name in columns if name not in names]
    if missing:
        raise UnusableInput(f"{where}: column {missing[0]} is missing")


def _check_size(metadata: pq.FileMetaData, where: str) -> None:
    # not `row_group.column(i)`: of a damaged column chunk Arrow throws where nothing can catch it, and the process dies
    values = metadata.num_rows * max(len(metadata.schema.names), 1)
    announced = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    values = max(values, announced // 8)
    if values > MOST_VALUES:
        raise UnusableInput(f"{where}: announces {values} values; more than {MOST_VALUES} are not read from one table")
