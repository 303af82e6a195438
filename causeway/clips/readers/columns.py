"""Columns of a table as arrays, and JSON documents, out of files that may hold something else.

Knows types and units of time. Does not know what a column means. What does not fit is an UnusableInput that names the
file.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from causeway.errors import UnusableInput

NO_TIME = np.iinfo(np.int64).min  # a time that is no number or out of range
US_OF = {"s": 10**6, "ms": 10**3, "us": 1, "ns": 1e-3}  # microseconds in one of each unit
_FARTHEST_US = 10**17
_MOST_JSON_BYTES = 2**28

Column = str | float  # the name of a column, or one value for every row


def reals(table: pa.Table, names: tuple[str, ...], path: Path | str) -> NDArray[np.float64]:
    """Columns as float64 [n, columns]; what is null is NaN."""
    return np.stack([_cast(table, name, pa.float64(), path).to_numpy() for name in names], axis=-1)


def whole_numbers(table: pa.Table, name: str, path: Path, null: int) -> NDArray[np.int64]:
    """A column as int64 [n] with `null` for what is null."""
    column = _cast(table, name, pa.int64(), path).combine_chunks()
    known = column.is_valid().to_numpy(zero_copy_only=False)
    values = np.full(len(column), null, dtype=np.int64)
    values[known] = column.drop_null().to_numpy()
    return values


def texts(table: pa.Table, name: str, path: Path | str) -> pa.DictionaryArray:
    """A column as strings, each different one stored once."""
    return _cast(table, name, pa.string(), path).combine_chunks().dictionary_encode()


def _cast(table: pa.Table, name: str, kind: pa.DataType, path: Path | str) -> pa.ChunkedArray:
    try:
        return table.column(name).cast(kind)
    except pa.ArrowException as error:
        raise UnusableInput(f"{path}: column {name} is not {kind} ({_brief(error)})") from error


def read_json(path: Path) -> Any:
    """A JSON document; UnusableInput when it is not there or is none."""
    if not path.is_file():
        raise UnusableInput(f"{path}: missing; the drive cannot be used without it")
    try:
        size = path.stat().st_size
        if size > _MOST_JSON_BYTES:
            raise UnusableInput(f"{path}: {size} bytes, too large to be what it is")
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise UnusableInput(f"{path}: not readable JSON ({_brief(error)}); copy it again") from error


def column(table: pa.Table, name: str, where: Path | str) -> pa.ChunkedArray:
    """A column by name; UnusableInput, with the names there are, when it is missing."""
    if name not in table.column_names:
        raise UnusableInput(f"{where}: column {name} is missing; it has {', '.join(table.column_names)}"[:400])
    return table.column(name)


def numbers(table: pa.Table, name: Column, where: Path | str) -> NDArray[np.float64]:
    """A column (or one value for all rows) as float64 [n], NaN where it is empty; UnusableInput for something else."""
    if not isinstance(name, str):
        return np.full(table.num_rows, float(name))
    values = column(table, name, where)
    try:
        if pa.types.is_integer(values.type):
            return np.asarray(values.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
        return np.asarray(values.cast(pa.float64()).to_numpy(), dtype=np.float64)
    except pa.ArrowException as error:
        reason = " ".join(str(error).split())[:120]
        raise UnusableInput(f"{where}: column {name} is not numbers ({reason})") from error


def times_us(table: pa.Table, name: Column, unit: str, where: Path | str) -> NDArray[np.int64]:
    """A column of times in integer microseconds [n]; NO_TIME where there is none.

    Dates and times are taken as they are (UTC where they name no zone); `unit` is that of plain numbers, and whole
    numbers stay exact.
    """
    if isinstance(name, str):
        values = column(table, name, where)
        if pa.types.is_timestamp(values.type):
            stamps = values.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
            return np.asarray(pc.fill_null(stamps, NO_TIME).to_numpy(), dtype=np.int64)
        if pa.types.is_integer(values.type):
            return _whole_us(values, unit)
    with np.errstate(all="ignore"):
        stamps = numbers(table, name, where) * US_OF[unit]
        known = np.abs(stamps) <= _FARTHEST_US  # False for NaN too
    return np.where(known, np.round(np.where(known, stamps, 0.0)), NO_TIME).astype(np.int64)


def _whole_us(values: pa.ChunkedArray, unit: str) -> NDArray[np.int64]:
    whole = pc.fill_null(values.cast(pa.int64(), safe=False), NO_TIME).to_numpy().astype(np.int64)
    if unit == "ns":
        return np.where(whole == NO_TIME, NO_TIME, (whole + 500) // 1000)
    known = np.abs(whole) <= _FARTHEST_US // US_OF[unit]
    known &= whole != NO_TIME  # whose absolute value is itself
    return np.where(known, np.where(known, whole, 0) * US_OF[unit], NO_TIME)


def names(table: pa.Table, name: Column, where: Path | str) -> pa.Array:
    """A column (or one value for all rows) as text."""
    if not isinstance(name, str):
        return pa.array([f"{name:g}"] * table.num_rows, pa.string())
    try:
        return column(table, name, where).cast(pa.string()).combine_chunks()
    except pa.ArrowException as error:
        raise UnusableInput(f"{where}: column {name} cannot be read as names") from error


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:160]
