"""The rows of a table that a drive has, with their numbers in the file, and names of the table as ours.

Knows row conditions. Does not know what a column means.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from causeway.clips.readers.columns import column
from causeway.clips.readers.tables.drives import filled
from causeway.clips.readers.tables.files import table_parts
from causeway.clips.readers.tables.mapping import DriveEntry
from causeway.clips.readers.tables.mapping_rows import ANY, EgoTable, SignalTable, TrackTable, Values
from causeway.errors import UnusableInput

ROW = "row of the file"


def rows_of(spec: EgoTable | TrackTable | SignalTable, path: Path, entry: DriveEntry) -> Iterator[pa.Table]:
    """The drive's rows in parts, at least one, with a column `ROW` of their numbers."""
    wanted, without = _values(spec.rows, entry), _values(spec.without, entry)
    first = 0
    for part in table_parts(path):
        numbered = part.append_column(ROW, pa.array(np.arange(first, first + part.num_rows)))
        first += part.num_rows
        yield _where(numbered, wanted, without, path)


def _values(values: Values, entry: DriveEntry) -> Values:
    """The drive's id and names put into the texts of a row condition."""
    return {name: _filled(value, entry) for name, value in values.items()}


def _filled(value: Any, entry: DriveEntry) -> Any:
    if isinstance(value, list):
        return [_filled(item, entry) for item in value]
    return filled(value, entry) if isinstance(value, str) else value


def _where(table: pa.Table, wanted: Values, without: Values, path: Path) -> pa.Table:
    """The rows whose columns have one of the wanted values, less those that have one of the unwanted ones."""
    for conditions, invert in ((wanted, False), (without, True)):
        for name, value in conditions.items():
            values = column(table, name, path)
            if pa.types.is_dictionary(values.type):
                values = values.cast(values.type.value_type)
            among = pc.is_in(values, value_set=_like(value, values.type, name, path))
            table = table.filter(pc.invert(among) if invert else among)
    return table


def _like(value: Any, kind: pa.DataType, name: str, path: Path) -> pa.Array:
    listed = list(value) if isinstance(value, (list, tuple)) else [value]
    try:
        return pa.array(listed).cast(kind)
    except pa.ArrowException as error:
        raise UnusableInput(f"{path}: rows: column {name} holds {kind} and cannot be {value!r}") from error


def renamed(values: pa.Array, known: dict[str, str], key: str, path: Path) -> pa.Array:
    """Names of the table as ours; UnusableInput for one that the mapping does not know."""
    encoded = values.dictionary_encode()
    found = encoded.dictionary.to_pylist()
    foreign = sorted(str(name) for name in found if name not in known)
    if foreign and ANY not in known:
        raise UnusableInput(f'{path}: {foreign[0]!r} is not in `{key}` of the mapping file; add it or "{ANY}"')
    ours = pa.array([known.get(name, known.get(ANY)) for name in found], pa.string())
    return ours.take(encoded.indices)
