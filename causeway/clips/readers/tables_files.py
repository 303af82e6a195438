"""Tables from Parquet, CSV or JSON (gzip or not), and their columns as numbers.

Knows file formats. Does not know what a column means.
"""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from causeway.errors import UnusableInput


def read_table(path: Path) -> pa.Table:
    """A table by its file name's ending; UnusableInput when it is not there or cannot be read."""
    if not path.is_file():
        raise UnusableInput(f"{path}: not there, but the mapping file names it")
    name = path.name.removesuffix(".gz")
    try:
        if name.endswith(".parquet"):
            return pq.read_table(path)
        if name.endswith(".csv"):
            return pa_csv.read_csv(path)
        if name.endswith((".json", ".jsonl")):
            return _json_table(path)
    except (pa.ArrowInvalid, OSError, ValueError) as error:
        raise UnusableInput(f"{path}: cannot be read ({' '.join(str(error).split())[:160]})") from error
    raise UnusableInput(f"{path}: tables are Parquet, CSV or JSON files")


def read_json(path: Path) -> Any:
    """A JSON document; UnusableInput when it is not there or is none."""
    if not path.is_file():
        raise UnusableInput(f"{path}: not there, but the mapping file names it")
    try:
        return json.loads(_text(path))
    except (OSError, EOFError, ValueError) as error:
        raise UnusableInput(f"{path}: not readable JSON ({error})") from error


def _text(path: Path) -> str:
    data = path.read_bytes()
    return (gzip.decompress(data) if path.name.endswith(".gz") else data).decode()


def _json_table(path: Path) -> pa.Table:
    text = _text(path)
    lines = path.name.removesuffix(".gz").endswith(".jsonl")
    rows = [json.loads(line) for line in text.splitlines() if line.strip()] if lines else json.loads(text)
    return pa.Table.from_pylist(rows) if isinstance(rows, list) else pa.table(rows)


def _column(table: pa.Table, name: str, path: Path) -> pa.ChunkedArray:
    if name not in table.column_names:
        raise UnusableInput(f"{path}: column {name} is missing; it has {', '.join(table.column_names)}")
    return table.column(name)


def numbers(table: pa.Table, name: str, path: Path) -> np.ndarray:
    """A column as float64 [n]; UnusableInput when it is missing or holds something else."""
    try:
        return np.asarray(_column(table, name, path).cast(pa.float64()).to_numpy(), dtype=np.float64)
    except pa.ArrowInvalid as error:
        raise UnusableInput(f"{path}: column {name} is not numbers ({error})") from error


def rows_where(table: pa.Table, values: dict[str, Any], path: Path) -> pa.Table:
    """The rows whose columns have these values."""
    for name, value in values.items():
        column = _column(table, name, path)
        table = table.filter(pc.equal(column, pa.scalar(value).cast(_plain(column.type))))
    return table


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind
