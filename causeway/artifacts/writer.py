"""Writing an artifact into a staging folder, shard by shard, so that a killed run loses one shard at most.

Knows tables, shards, quarantine and counts. Does not know where the artifact will stand or when it is current:
that is `steps.run`.
"""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from causeway.artifacts.hashing import file_hash, table_hash, text_hash
from causeway.artifacts.manifest import FILE_NAME
from causeway.artifacts.schemas import SCHEMA_VERSION, TableSchema, tables_of
from causeway.errors import CausewayError

Rows: TypeAlias = pa.Table | list[dict]
_PARTS, _STATE = ".parts", "state.json"
_GROUP_ROWS, _GROUP_BYTES = 2**20, 2**23
_LONGEST_NAME = 180  # bytes; file systems take 255


def _conform(rows: Rows, name: str, spec: TableSchema) -> pa.Table:
    """Cast rows to a table's schema and order; a column that is missing or unknown is an error."""
    if isinstance(rows, list):
        unknown = {key for row in rows for key in row} - set(spec.schema.names)
        rows = pa.Table.from_pylist(rows, schema=spec.schema)
    else:
        unknown = set(rows.column_names) - set(spec.schema.names)
        missing = set(spec.schema.names) - set(rows.column_names)
        if missing:
            raise CausewayError(f"table {name}: columns {sorted(missing)} are missing")
    if unknown:
        raise CausewayError(f"table {name}: columns {sorted(unknown)} are not in its schema")
    table = rows.select(spec.schema.names).cast(spec.schema)
    order = pc.sort_indices(table, sort_keys=[(key, "ascending") for key in spec.keys]).to_numpy()
    # taking rows copies them, and a clip's pictures are large: rows in order stay where they are
    return table if (order == np.arange(len(order))).all() else table.take(pa.array(order))


def _write_parquet(table: pa.Table, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with _parquet_writer(path, table.schema) as writer:
        writer.write_table(table, row_group_size=_group_rows(table))


@contextmanager
def _parquet_writer(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """A Parquet file that is on the disk, not on its way there, when it is closed."""
    with path.open("wb") as file:
        with pq.ParquetWriter(file, schema, compression="zstd", write_page_checksum=True) as writer:
            yield writer
        file.flush()
        os.fsync(file.fileno())


def _group_rows(table: pa.Table) -> int:
    """Rows of a row group so that it stays small in memory: pictures are large, numbers are not."""
    return max(1, min(_GROUP_ROWS, _GROUP_BYTES * table.num_rows // max(table.nbytes, 1)))


class _Part:
    """Rows, quarantine and counts of one shard (or of the artifact as a whole)."""

    def __init__(self, kind: str, folder: Path) -> None:
        self._tables = tables_of(kind)
        self._folder = folder
        self._quarantined: list[dict] = []
        self._counts: dict[str, int] = {}

    def table(self, name: str, rows: Rows) -> None:
        """Write one table of this part; calling it again replaces the rows."""
        _write_parquet(_conform(rows, name, self._tables[name]), self._folder / f"{name}.parquet")

    def quarantine(self, source: str, where: str, reason: str, detail: str = "") -> None:
        """Put one unusable row, file or drive on record."""
        self._quarantined.append({"source": source, "where": where, "reason": reason, "detail": detail})

    def count(self, **counts: int) -> None:
        """Add to the manifest's counts; with `read` given, read == kept + quarantined is asserted."""
        for name, value in counts.items():
            self._counts[name] = self._counts.get(name, 0) + int(value)

    def close(self) -> None:
        """Put the quarantine and the counts on disk."""
        if self._quarantined:
            self.table("quarantine", self._quarantined)
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / _STATE).write_text(json.dumps({"counts": self._counts}))


class Writer(_Part):
    """What a step writes through; everything lands in a staging folder until the step is whole."""

    def __init__(self, kind: str, staging: Path) -> None:
        self.kind, self.staging = kind, staging
        super().__init__(kind, staging / _PARTS / "=whole")  # "=" sorts and never is a shard's name
        self.sources: dict[str, str] = {}

    def path(self, name: str) -> Path:
        """A path for any other file of the artifact; its folder exists."""
        path = self.staging / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def source(self, name: str, licence: str) -> None:
        """Name data that the artifact holds or was made from, and its licence."""
        self.sources[name] = licence

    @contextmanager
    def shard(self, shard_id: str) -> Iterator["_Part | None"]:
        """One resumable unit of work: yields None when an earlier run finished it."""
        safe = _file_name(shard_id)
        done = self.staging / _PARTS / safe
        if done.is_dir():
            yield None
            return
        temporary = self.staging / _PARTS / f".{safe}"
        shutil.rmtree(temporary, ignore_errors=True)
        part = _Part(self.kind, temporary)
        yield part
        part.close()
        os.rename(temporary, done)

    def finish(self) -> tuple[str, dict[str, int], dict[str, str]]:
        """Join the parts, which stay until `forget_parts`; returns (content hash, counts, {file: sha256})."""
        self.close()
        parts = sorted(p for p in (self.staging / _PARTS).iterdir() if not p.name.startswith("."))
        hashes, counts = [], {}
        for name, spec in sorted(tables_of(self.kind).items()):
            rows, digest = _join_parts(name, spec, parts, self.staging)
            counts[name] = rows
            hashes.append(f"{name}={digest}")
        for part in parts:
            for name, value in json.loads((part / _STATE).read_text())["counts"].items():
                counts[name] = counts.get(name, 0) + value
        _assert_nothing_lost(counts)
        files = _file_hashes(self.staging)
        hashes += [f"{n}={_content_of(self.staging / n, h)}" for n, h in files.items() if "/" in n or not _is_table(n)]
        return text_hash(f"{self.kind};{SCHEMA_VERSION};" + ";".join(hashes)), counts, files


def forget_parts(staging: Path) -> None:
    """Remove the parts of a folder whose manifest stands: only then can a kill no longer need them."""
    shutil.rmtree(staging / _PARTS, ignore_errors=True)


def _file_name(shard_id: str) -> str:
    """One file name for each shard id; "." marks unfinished shards and "=" the whole, so no id begins so."""
    safe = shard_id.replace("%", "%25").replace("/", "%2F")
    if safe[:1] in (".", "="):
        safe = f"%{ord(safe[0]):02X}{safe[1:]}"
    if len(safe.encode()) > _LONGEST_NAME:
        safe = f"{safe[: _LONGEST_NAME // 4]}-{text_hash(shard_id)}"
    return safe


def _assert_nothing_lost(counts: dict[str, int]) -> None:
    if "read" in counts and counts["read"] != counts.get("kept", 0) + counts["quarantine"]:
        kept, quarantined = counts.get("kept", 0), counts["quarantine"]
        raise CausewayError(f"rows were lost: read {counts['read']} but kept {kept} + quarantined {quarantined}")


def _file_hashes(folder: Path) -> dict[str, str]:
    inside = (f.relative_to(folder) for f in folder.rglob("*") if f.is_file())
    names = sorted(f.as_posix() for f in inside if f.parts[0] != _PARTS and f.as_posix() != FILE_NAME)
    return {name: file_hash(folder / name) for name in names}


def _is_table(name: str) -> bool:
    return name.endswith(".parquet")


def _content_of(file: Path, digest: str) -> str:
    """A file's digest, but of a table that of its values: the last bits of a sum are the processor's."""
    if not _is_table(file.name):
        return digest
    return table_hash(pq.read_schema(file), (batch for group in _groups(file) for batch in group.to_batches()))


def _join_parts(name: str, spec: TableSchema, parts: list[Path], staging: Path) -> tuple[int, str]:
    """Concatenate one table's parts in canonical order; returns (rows, hash of the values)."""
    files = [p / f"{name}.parquet" for p in parts if (p / f"{name}.parquet").is_file()]
    spans = sorted((_span(file, spec.keys) for file in files if _rows(file)), key=lambda span: (span.first, span.file))
    target = staging / f"{name}.parquet"
    with _parquet_writer(target, spec.schema) as writer:
        if all(before.last <= after.first for before, after in pairwise(spans)):
            for table in _grown(group for span in spans for group in _groups(span.file)):
                writer.write_table(table)
        else:
            whole = pa.concat_tables([group for file in files for group in _groups(file)])
            whole = whole.sort_by([(key, "ascending") for key in spec.keys])
            writer.write_table(whole, row_group_size=_group_rows(whole))
    return _rows(target), table_hash(spec.schema, (batch for group in _groups(target) for batch in group.to_batches()))


def _rows(file: Path) -> int:
    return int(pq.read_metadata(file).num_rows)


def _groups(file: Path) -> Iterator[pa.Table]:
    """A table's row groups, one in memory at a time."""
    with pq.ParquetFile(file) as table:
        for number in range(table.num_row_groups):
            yield table.read_row_group(number)


def _grown(groups: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables of about `_GROUP_BYTES`: many small shards make no table of many small row groups."""
    kept: list[pa.Table] = []
    size = 0
    for group in groups:
        if kept and size + group.nbytes > _GROUP_BYTES:
            yield pa.concat_tables(kept)
            kept, size = [], 0
        kept.append(group)
        size += group.nbytes
    if kept:
        yield pa.concat_tables(kept)


class _Span(NamedTuple):
    """A part's first and last key; each value goes after whether it is null, for nulls come last."""

    first: tuple
    last: tuple
    file: Path


def _span(file: Path, keys: Sequence[str]) -> _Span:
    """From where to where a table goes that has rows."""
    with pq.ParquetFile(file) as table:
        first = table.read_row_group(0, columns=list(keys))
        last = table.read_row_group(table.num_row_groups - 1, columns=list(keys))
    return _Span(_key(first, 0, keys), _key(last, last.num_rows - 1, keys), file)


def _key(table: pa.Table, row: int, keys: Sequence[str]) -> tuple:
    values = (table.column(name)[row].as_py() for name in keys)
    return tuple((value is None, value) for value in values)
