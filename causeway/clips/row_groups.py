"""Reading the rows of some clips out of a long Parquet table, row group by row group.

Knows Parquet's statistics of `clip_id`. Does not know what the tables hold. The row group read last is kept, so that
clips asked for in the order of the table are decoded once, however the groups were cut.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from causeway.errors import UnusableInput


def clip_rows(path: Path, columns: Sequence[str] | None = None) -> Callable[[Sequence[str]], pa.Table]:
    """A function (clip ids) -> their rows as the file orders them, in clip_id and the columns named (None: all).

    It holds one row group and what it returned last. UnusableInput when it cannot be read or a page has changed.
    """
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True)
        spans = list(spans_of(file))
    except (pa.ArrowInvalid, OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    names = None if columns is None else ["clip_id", *(name for name in columns if name != "clip_id")]
    schema = file.schema_arrow if names is None else pa.schema([file.schema_arrow.field(name) for name in names])
    lows, highs = [low for _, low, _ in spans], [high for _, _, high in spans]
    in_order = lows == sorted(lows) and highs == sorted(highs)
    group = _groups(file, path, schema.names)

    def read(clip_ids: Sequence[str]) -> pa.Table:
        wanted, parts = sorted(set(clip_ids)), [schema.empty_table()]
        if not wanted:
            return parts[0]
        near = slice(bisect_left(highs, wanted[0]), bisect_right(lows, wanted[-1])) if in_order else slice(None)
        for number, low, high in spans[near]:
            some = set(wanted[bisect_left(wanted, low) : bisect_right(wanted, high)])
            if some:
                parts += [rows for clip_id, rows in group(number).items() if clip_id in some]
        return pa.concat_tables(parts)

    return read


def _groups(file: pq.ParquetFile, path: Path, names: Sequence[str]) -> Callable[[int], dict[str, pa.Table]]:
    """A function (number of a row group) -> the rows of each of its clips; the group asked for last is kept."""

    @lru_cache(maxsize=1)
    def group(number: int) -> dict[str, pa.Table]:
        try:
            return rows_of_each(file.read_row_group(number, columns=names).select(names))
        except (pa.ArrowInvalid, OSError) as error:
            raise _unreadable(path, error) from error

    return group


def rows_of_each(table: pa.Table) -> dict[str, pa.Table]:
    """The rows of each clip among those of several, in their order, clips in the order of their first row."""
    ids = table.column("clip_id").to_numpy(zero_copy_only=False)
    found: dict[str, list[pa.Table]] = {}
    for start, stop in pairwise([0, *(np.flatnonzero(ids[1:] != ids[:-1]) + 1).tolist(), len(ids)]):
        if stop > start:
            found.setdefault(ids[start], []).append(table.slice(start, stop - start))
    return {clip_id: pa.concat_tables(parts) for clip_id, parts in found.items()}


_LAST_TEXT = "\U0010ffff"  # sorts after every id


def spans_of(file: pq.ParquetFile) -> Iterator[tuple[int, str, str]]:
    """Each row group that has rows with its first and last clip id; every id where the file does not say."""
    leaf = [file.metadata.schema.column(i).path for i in range(file.metadata.num_columns)].index("clip_id")
    for number in range(file.metadata.num_row_groups):
        if file.metadata.row_group(number).num_rows == 0:
            continue
        known = file.metadata.row_group(number).column(leaf).statistics
        yield (number, known.min, known.max) if known is not None and known.has_min_max else (number, "", _LAST_TEXT)


def _unreadable(path: Path, error: Exception) -> UnusableInput:
    reason = str(error).splitlines()[0]
    return UnusableInput(f"{path}: not a readable Parquet file ({reason}); remove the artifact and make it again")
