"""Reading artifacts: a manifest at once, tables and files lazily.

Knows how a location (folder, `s3://` prefix or a manifest file) becomes an `Artifact`, downloads single files with
their checksum verified, and looks into tables where they lie. Does not know how artifacts are made.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from causeway.artifacts import store
from causeway.artifacts.lookup import read_manifest
from causeway.artifacts.manifest import Manifest
from causeway.errors import UnusableInput


@dataclass(frozen=True)
class Artifact:
    """A finished artifact: its manifest, and its bytes when they are asked for."""

    manifest: Manifest

    @staticmethod
    def open(location: str | Path) -> "Artifact":
        """Open a folder, an `s3://` prefix or a manifest file; UnusableInput when none is there."""
        return Artifact(read_manifest(str(location)))

    @property
    def location(self) -> str:
        """Where the bytes are."""
        return self.manifest.location

    def path(self, name: str) -> Path:
        """A local path of one file; downloaded once, checksum verified. UnusableInput when it is not there."""
        if name not in self.manifest.files:
            raise UnusableInput(f"{self.location}: holds no {name}; is it the kind of artifact that is meant?")
        if not store.is_s3(self.location):
            path = Path(self.location, name)
            if not path.is_file():
                raise UnusableInput(f"{path}: missing; the artifact is not complete, make it again")
            return path
        store.fetch(self.location, {name: self.manifest.files[name]}, self._cached())
        return self._cached() / name

    def _cached(self) -> Path:
        """Where the files of an artifact on S3 are kept on this machine; other bytes have another folder."""
        return store.cache_folder() / "artifacts" / self.manifest.content_hash

    def folder(self) -> Path:
        """A local folder that holds every file of the artifact."""
        if store.is_s3(self.location):
            store.fetch(self.location, self.manifest.files, self._cached())
            return self._cached()
        for name in self.manifest.files:
            self.path(name)
        return Path(self.location)

    def table(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """A whole table in memory; UnusableInput when the file cannot be read or lacks a column."""
        with self._parquet(self.path(f"{name}.parquet"), name, columns) as file:
            return file.read(columns=list(columns) if columns else None)

    def batches(self, name: str, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """A table row group by row group, so that memory does not grow with its length."""
        with self._parquet(self.path(f"{name}.parquet"), name, columns) as file:
            for group in range(file.num_row_groups):
                yield from file.read_row_group(group, columns=list(columns) if columns else None).to_batches()

    def look(self, name: str, columns: Sequence[str] | None = None, **among: Collection) -> Iterator[pa.Table]:
        """The rows that are looked for, row group by row group; one table at least, perhaps without rows.

        `among` names columns and the values wanted, as in `clip_id=["a"]`. Of a table on S3 only these columns of the
        row groups that may hold them are fetched, and nothing is kept; pages have checksums. UnusableInput as in
        `table`.
        """
        names = list(dict.fromkeys([*columns, *among])) if columns else None
        with self._parquet(self._in_place(f"{name}.parquet"), name, [*(names or ()), *among]) as file:
            yield file.read_row_groups([], columns=names).select(names or file.schema_arrow.names)
            for group in range(file.num_row_groups):
                if _may_hold(file.metadata.row_group(group), among):
                    rows = file.read_row_group(group, columns=names).select(names or file.schema_arrow.names)
                    for column, values in among.items():
                        wanted = pa.array(list(values), rows.schema.field(column).type)
                        rows = rows.filter(pc.is_in(rows.column(column), wanted))
                    yield rows

    def _in_place(self, file: str) -> Path | BinaryIO:
        """A file to look into: the one on this machine where there is one, else the object itself."""
        if store.is_s3(self.location) and file in self.manifest.files and not (self._cached() / file).is_file():
            opened = store.open_to_read(store.join(self.location, file), self.manifest.files[file])
            if opened is not None:
                return opened
        return self.path(file)

    @contextmanager
    def _parquet(self, source: Path | BinaryIO, name: str, columns: Sequence[str] | None) -> Iterator[pq.ParquetFile]:
        """An open Parquet file that has the columns; what it cannot give is one line."""
        where = source if isinstance(source, Path) else store.join(self.location, f"{name}.parquet")
        try:
            # not pq.read_table: that brings pyarrow.dataset in, and with it pandas, which takes longer than the reading
            with pq.ParquetFile(source, page_checksum_verification=True, pre_buffer=source is not where) as file:
                missing = sorted(set(columns or ()) - set(file.schema_arrow.names))
                if missing:
                    raise UnusableInput(f"{where}: lacks column {missing[0]}; an older artifact? make it again")
                yield file
        except (pa.ArrowInvalid, OSError) as error:
            reason = str(error).splitlines()[0]
            text = f"{where}: not a readable Parquet file ({reason}); remove the artifact and make it again"
            raise UnusableInput(text) from error


def _may_hold(group: pq.RowGroupMetaData, among: Mapping[str, Collection]) -> bool:
    """False when a row group says by its smallest and largest value that it has none of those wanted in a column."""
    for column in (group.column(i) for i in range(group.num_columns)):
        known, wanted = column.statistics, among.get(column.path_in_schema)
        ranged = wanted is not None and known is not None and known.has_min_max
        if ranged and not any(known.min <= value <= known.max for value in wanted or ()):
            return False
    return True
