"""Columns of facts: made from values or from whole columns at once; rows that must be looked at come in blocks.

Knows Arrow. Does not know any table: what a column means is in the modules beside this one.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_BLOCK_ROWS = 20_000  # rows as Python values take a hundred times the room of their columns
_FAR_US = 2**62  # differences of times beyond this do not fit into 64 bits


def with_columns(table: pa.Table, **columns: Any) -> pa.Table:
    """The table with further columns, given as Arrow arrays, or lists of text or flags."""
    for name, values in columns.items():
        table = table.append_column(name, values if isinstance(values, pa.Array) else pa.array(values))
    return table


def texts(values: Iterable[Any]) -> pa.Array:
    """Text, null for None."""
    return pa.array([None if v is None else str(v) for v in values], pa.string())


def flags(values: Iterable[bool | None]) -> pa.Array:
    """Flags, null for None."""
    return pa.array(list(values), pa.bool_())


def reals(values: Iterable[float | None]) -> pa.Array:
    """Numbers, null for None and NaN."""
    return pa.array([None if v is None or not np.isfinite(v) else float(v) for v in values], pa.float64())


def in_blocks(table: pa.Table, facts: Callable[[pa.Table], pa.Table]) -> pa.Table:
    """`facts` of a table whose rows do not know each other, a block of rows at a time."""
    starts = range(0, max(table.num_rows, 1), _BLOCK_ROWS)
    return pa.concat_tables([facts(table.slice(start, _BLOCK_ROWS)) for start in starts]).combine_chunks()


def whole(table: pa.Table, name: str) -> pa.Array:
    """A column in one piece."""
    column = table.column(name)
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks or [pa.nulls(0, column.type)])


def real_column(values: NDArray[np.float64]) -> pa.Array:
    """Numbers as a column, null where they are not finite."""
    return pa.array(values, pa.float64(), mask=~np.isfinite(values))


def missing(table: pa.Table, name: str) -> NDArray[np.bool_]:
    """Which rows have null [n]."""
    return pc.is_null(whole(table, name)).to_numpy(zero_copy_only=False)


def real_values(table: pa.Table, name: str) -> NDArray[np.float64]:
    """Numbers [n], NaN for null."""
    return whole(table, name).cast(pa.float64()).to_numpy(zero_copy_only=False)


def after_s(table: pa.Table, name: str, since: str) -> NDArray[np.float64]:
    """Seconds from the time `since` to the time `name` (both in microseconds) [n]; NaN where one is null."""
    first, last = (pc.fill_null(whole(table, n), 0).to_numpy(zero_copy_only=False) for n in (since, name))
    far = (np.abs(first.astype(np.float64)) > _FAR_US) | (np.abs(last.astype(np.float64)) > _FAR_US)
    apart = np.where(far, last.astype(np.float64) - first, (last - first).astype(np.float64)) / 1e6
    return np.where(missing(table, name) | missing(table, since), np.nan, apart)


def in_words(*parts: pa.Array | str) -> pa.Array:
    """Columns and words written one after the other, row by row; a value that is null is written None."""
    pieces = [part if isinstance(part, str) else part.cast(pa.string()) for part in parts]
    return pc.binary_join_element_wise(*pieces, "", null_handling="replace", null_replacement="None")
