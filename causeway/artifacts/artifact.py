"""Reading artifacts: a manifest at once, tables and files lazily.

Knows how a location (folder, `s3://` prefix or a manifest file) becomes an `Artifact`, and downloads single files
with their checksum verified. Does not know how artifacts are made.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

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
            raise UnusableInput(f"{self.location}: holds no {name}; make the artifact again")
        if not store.is_s3(self.location):
            path = Path(self.location, name)
            if not path.is_file():
                raise UnusableInput(f"{path}: missing; the artifact is not complete, make it again")
            return path
        target = store.cache_folder() / "artifacts" / self.manifest.content_hash / name
        if not target.is_file():
            fresh = store.fetch(store.join(self.location, name), target.with_name(f".{target.name}.part"))
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
            raise UnusableInput(f"{path}: not a readable Parquet file ({error}); make it again") from error

    def batches(self, name: str, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """A table row group by row group, so that memory does not grow with its length."""
        with pq.ParquetFile(self.path(f"{name}.parquet")) as file:
            for group in range(file.num_row_groups):
                yield from file.read_row_group(group, columns=list(columns) if columns else None).to_batches()
