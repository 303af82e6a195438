"""Tables from Parquet, CSV or JSON (gzip or not), whole or in parts.

Knows file formats. Does not know what a column means.
"""

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from causeway.clips.readers.parquet import PART_ROWS, parquet_parts, read_parquet
from causeway.errors import UnusableInput

MOST_BYTES = 2**30  # of an unpacked text file
_FAULTS = (pa.ArrowException, OSError, EOFError, ValueError, zlib.error, TypeError, AttributeError, RecursionError)


def read_table(path: Path) -> pa.Table:
    """A table by its file name's ending; UnusableInput when it is not there or cannot be read.

    A `.txt` file holds one number a line; so may a JSON file (a list). Their column is called `value`.
    """
    if not path.is_file():
        raise UnusableInput(f"{path}: not there, but the mapping file names it")
    if path.name.endswith(".parquet"):
        return read_parquet(path, str(path))
    try:
        table = _text_table(path, path.name.removesuffix(".gz"))
        table.validate(full=True)
        if len(set(table.column_names)) < table.num_columns:
            raise ValueError("two columns have one name")
        return table
    except (*_FAULTS, KeyError) as error:
        raise UnusableInput(f"{path}: cannot be read ({' '.join(str(error).split())[:160]})") from error


def table_parts(path: Path) -> Iterator[pa.Table]:
    """A table in parts of some rows, at least one; as `read_table` else. Text files are in memory as a whole."""
    if path.name.endswith(".parquet") and path.is_file():
        yield from parquet_parts(path, str(path))
        return
    table = read_table(path)
    for low in range(0, max(table.num_rows, 1), PART_ROWS):
        yield table.slice(low, PART_ROWS)


def _text_table(path: Path, name: str) -> pa.Table:
    if name.endswith(".csv"):
        return pa_csv.read_csv(io.BytesIO(_bytes(path)))
    if name.endswith(".txt"):
        return pa.table({"value": [float(line) for line in _bytes(path).decode().split()]})
    if name.endswith((".json", ".jsonl")):
        return _json_table(path)
    raise ValueError("tables are Parquet, CSV, JSON or TXT files")


def read_json(path: Path) -> Any:
    """A JSON document; UnusableInput when it is not there or is none."""
    if not path.is_file():
        raise UnusableInput(f"{path}: not there, but the mapping file names it")
    try:
        return json.loads(_bytes(path))
    except _FAULTS as error:
        raise UnusableInput(f"{path}: not readable JSON ({' '.join(str(error).split())[:160]})") from error


def _bytes(path: Path) -> bytes:
    """What a file holds, unpacked; ValueError for one that is larger than memory should hold."""
    with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES} bytes unpacked")
    return data


def _json_table(path: Path) -> pa.Table:
    data = _bytes(path)
    lines = path.name.removesuffix(".gz").endswith(".jsonl")
    rows = [json.loads(line) for line in data.splitlines() if line.strip()] if lines else json.loads(data)
    if isinstance(rows, list) and rows and not isinstance(rows[0], dict):
        return pa.table({"value": rows})
    return pa.Table.from_pylist(rows) if isinstance(rows, list) else pa.table(rows)
