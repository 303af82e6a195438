"""Facts of columns: what each table of an artifact has, and what its schema promises.

Knows schemas and Parquet footers. Reads no rows but clip ids. A table that is not there or that cannot be read is
the caller's error, not a fact.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from causeway.artifacts import Artifact
from causeway.artifacts.schemas import tables_of
from causeway.errors import UnusableInput
from causeway.quality.facts.clips import TABLES

COLUMN_SCHEMA = pa.schema(
    [
        *[(name, pa.string()) for name in ("subject", "clip_id", "types")],
        *[(name, pa.bool_()) for name in ("table_there", "there", "known", "type_agrees")],
        *[(name, pa.float64()) for name in ("nulls", "strays")],
    ]
)
# beside the keys: columns that place a row in time, or in a clip
_PLACING = frozenset({"clip_id", "moment_id", "t_us", "t0_us", "event_us", "created_us"})
_SPAN = ("clips.start_us", "clips.end_us", "clips.ticks")


def column_facts(artifact: Artifact) -> pa.Table:
    """One row for each table, and for each column that a table of the artifact has or should have.

    UnusableInput for a file that cannot be read.
    """
    rows: list[dict] = []
    known = _known_clips(artifact)
    for name, spec in sorted(tables_of(artifact.manifest.kind).items()):
        there = f"{name}.parquet" in artifact.manifest.files
        table: dict = {"subject": name, "table_there": there}
        rows.append(table)
        if there:
            file = _open(artifact, name)
            rows += _columns(name, spec.schema, file.schema_arrow)
            placing = [c for c in spec.schema.names if c in file.schema_arrow.names and _places(name, c, spec.keys)]
            of_clips = known if name in TABLES and _names_clips(file.schema_arrow) else None
            try:
                nulls, strays = _missing(file, placing, of_clips)
            except (pa.ArrowInvalid, OSError) as error:
                raise _unreadable(artifact.path(f"{name}.parquet"), error) from error
            table |= {"nulls": float(nulls), "strays": None if of_clips is None else float(strays)}
    return pa.Table.from_pylist(rows, schema=COLUMN_SCHEMA)


def _known_clips(artifact: Artifact) -> pa.Array | None:
    """Ids of the clips of a clips artifact; None for another kind, or where they have none."""
    if artifact.manifest.kind != "clips" or "clips.parquet" not in artifact.manifest.files:
        return None
    if not _names_clips(_open(artifact, "clips").schema_arrow):
        return None
    return artifact.table("clips", ["clip_id"]).column("clip_id").combine_chunks()


def _names_clips(schema: pa.Schema) -> bool:
    """A clip_id that is no text is told by its type, and cannot be looked for."""
    return "clip_id" in schema.names and pa.types.is_string(schema.field("clip_id").type)


def _open(artifact: Artifact, name: str) -> pq.ParquetFile:
    path = artifact.path(f"{name}.parquet")
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> UnusableInput:
    reason = str(error).splitlines()[0]
    return UnusableInput(f"{path}: not a readable Parquet file ({reason}); remove the artifact and make it again")


def _places(table: str, column: str, keys: tuple[str, ...]) -> bool:
    return column in keys or column in _PLACING or f"{table}.{column}" in _SPAN


def _missing(file: pq.ParquetFile, columns: list[str], known: pa.Array | None) -> tuple[int, int]:
    """How many values of columns are null, and how many rows are of a clip that is not among those known (None: any).

    The file is read once from end to end, some rows at a time.
    """
    nulls = strays = 0
    for batch in file.iter_batches(columns=columns) if columns else ():
        nulls += sum(column.null_count for column in batch.columns)
        if known is not None:
            strays += batch.num_rows - (pc.sum(pc.is_in(batch.column("clip_id"), known)).as_py() or 0)
    return nulls, strays


def _columns(name: str, wanted: pa.Schema, found: pa.Schema) -> list[dict]:
    rows = []
    for column in dict.fromkeys([*wanted.names, *found.names]):
        row: dict = {"subject": f"{name}.{column}", "there": column in found.names, "known": column in wanted.names}
        if row["there"] and row["known"]:
            told, is_ = wanted.field(column).type, found.field(column).type
            row |= {"type_agrees": _same(told, is_), "types": f"{name}.{column} is {is_}, promised {told}"}
        rows.append(row)
    return rows


def _same(one: pa.DataType, other: pa.DataType) -> bool:
    """Equal but for the names that Parquet gives to the items of lists."""
    if pa.types.is_list(one) and pa.types.is_list(other):
        return _same(one.value_type, other.value_type)
    return one.equals(other)
