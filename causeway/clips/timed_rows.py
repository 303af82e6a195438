"""Rows of a drive on disk, read back a stretch of time at once: memory does not grow with the drive's length.

Knows times and names. Does not know what the rows are. The file has no name, so it is gone with the process that
made it, however that ends.
"""

import tempfile
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import IO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_PIECE_US = 20_000_000
_MOST_ROWS = 16_384  # read at once, however dense the rows are


class TimedRows:
    """Rows in order of their time `t_us`; `repeated` counts those left out as one of that name and time was there."""

    def __init__(self, tables: Iterable[pa.Table], schema: pa.Schema, name: str) -> None:
        """Take rows of any order, table by table.

        `schema` has `t_us` (int64) and `name`, both never null. Of rows that agree in both the first is kept.
        """
        self.schema = schema
        self.num_rows = self.repeated = 0
        self._pieces = _Pieces(schema)
        spans = []
        for rows in _in_order(tables, schema):
            single = rows.filter(pa.array(~_repeats(rows, name)))
            self.num_rows += single.num_rows
            self.repeated += rows.num_rows - single.num_rows
            for low in range(0, single.num_rows, _MOST_ROWS):
                piece = single.slice(low, _MOST_ROWS)
                self._pieces.add(piece)
                spans.append(_times(piece)[[0, -1]])
        self._first_us, self._last_us = np.array(spans, dtype=np.int64).reshape(-1, 2).T

    def between(self, start_us: int, end_us: int) -> pa.Table:
        """The rows from `start_us` to `end_us`, both included."""
        low = int(np.searchsorted(self._last_us, start_us, side="left"))
        high = int(np.searchsorted(self._first_us, end_us, side="right"))
        parts = [self.schema.empty_table(), *(self._pieces.get(index) for index in range(low, high))]
        return rows_between(pa.concat_tables(parts), start_us, end_us)


def rows_between(rows: pa.Table, start_us: int, end_us: int) -> pa.Table:
    """The rows of a table with `start_us` <= t_us <= `end_us`."""
    times = _times(rows)
    return rows.filter(pa.array((times >= start_us) & (times <= end_us)))


class _Pieces:
    """Tables in a file, by the number at which they were added."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as this does)
        self._places: list[tuple[int, int]] = []

    def add(self, rows: pa.Table) -> int:
        (batch,) = rows.combine_chunks().to_batches()
        data = batch.serialize()
        self._places.append((self._file.seek(0, 2), data.size))
        self._file.write(data)
        return len(self._places) - 1

    def get(self, index: int) -> pa.Table:
        start, size = self._places[index]
        self._file.seek(start)
        batch = pa.ipc.read_record_batch(pa.py_buffer(self._file.read(size)), self._schema)
        return pa.Table.from_batches([batch])


def _in_order(tables: Iterable[pa.Table], schema: pa.Schema) -> Iterator[pa.Table]:
    """The rows of each stretch of `_PIECE_US` in order of time, equal times in the order in which they came."""
    pieces, numbers = _Pieces(schema), dict[int, list[int]]()
    for table in tables:
        for number, rows in _by_stretch(table.select(schema.names).cast(schema)):
            numbers.setdefault(number, []).append(pieces.add(rows))
    for number in sorted(numbers):
        rows = pa.concat_tables([pieces.get(index) for index in numbers[number]])
        yield rows.take(pa.array(np.argsort(_times(rows), kind="stable")))


def _by_stretch(rows: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """(number of a stretch of time, its rows in their order), for each that has some."""
    numbers = _times(rows) // _PIECE_US
    order = np.argsort(numbers, kind="stable")
    numbers, rows = numbers[order], rows.take(pa.array(order))
    edges = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
    for low, high in pairwise(edges):
        if high > low:
            yield int(numbers[low]), rows.slice(low, high - low)


def _repeats(rows: pa.Table, name: str) -> NDArray[np.bool_]:
    """Rows [n] before which there is one of the same name and time."""
    names = rows.column(name).combine_chunks().dictionary_encode().indices.to_numpy()
    times = _times(rows)
    order = np.lexsort((times, names))
    same = (np.diff(names[order]) == 0) & (np.diff(times[order]) == 0)
    repeated = np.zeros(len(times), dtype=bool)
    repeated[order[1:][same]] = True
    return repeated


def _times(rows: pa.Table) -> NDArray[np.int64]:
    return rows.column("t_us").to_numpy()
