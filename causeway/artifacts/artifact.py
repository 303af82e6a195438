"""Reading artifacts: a manifest at once, tables and files lazily.

Knows how a location (folder, `s3://` prefix or a manifest file) becomes an `Artifact`, and downloads single files
with their checksum verified. Does not know how artifacts are made.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from causeway.artifacts import store
from causeway.artifacts.hashing import file_hash
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
        target = store.cache_folder() / "artifacts" / self.manifest.content_hash / name
        if not target.is_file():
            part = target.with_name(f".{target.name}.{uuid4().hex}")  # another process may fetch the same file
            fresh = store.fetch(store.join(self.location, name), part)
            if file_hash(fresh) != self.manifest.files[name]:
                fresh.unlink()
                raise UnusableInput(f"{store.join(self.location, name)}: bytes differ from the manifest's")
            fresh.replace(target)
        return target

    def folder(self) -> Path:
        """A local folder that holds every file of the artifact."""
        paths = [self.path(name) for name in self.manifest.files]
        if not paths or not store.is_s3(self.location):
            return Path(self.location)
        return store.cache_folder() / "artifacts" / self.manifest.content_hash

    def table(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """A whole table in memory; UnusableInput when the file cannot be read."""
        path = self.path(f"{name}.parquet")
        try:
            return pq.read_table(path, columns=list(columns) if columns else None)
        except (pa.ArrowInvalid, OSError) as error:
            raise _unreadable(path, error) from error

    def batches(self, name: str, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """A table row group by row group, so that memory does not grow with its length."""
        path, names = self.path(f"{name}.parquet"), list(columns) if columns else None
        for group in range(_row_groups(path)):
            yield from _row_group(path, group, names)


def _row_groups(path: Path) -> int:
    try:
        return int(pq.read_metadata(path).num_row_groups)
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(path, error) from error


def _row_group(path: Path, group: int, columns: list[str] | None) -> list[pa.RecordBatch]:
    try:
        with pq.ParquetFile(path) as file:
            return file.read_row_group(group, columns=columns).to_batches()
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> UnusableInput:
    reason = str(error).splitlines()[0]
    return UnusableInput(f"{path}: not a readable Parquet file ({reason}); remove the artifact and make it again")
