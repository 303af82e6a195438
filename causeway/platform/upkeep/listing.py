"""What lies under a root, on a disk or on S3: files with size and time, and their removal.

Knows names and times. Does not know what an artifact is.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from causeway.artifacts.store import is_s3, join


@dataclass(frozen=True)
class File:
    """One file below a root; `name` is relative to it, with slashes."""

    name: str
    size: int
    modified_us: int


def files(root: str) -> Iterator[File]:
    """Every file below a root, in the order of names; none where the root is not there."""
    if not is_s3(root):
        here = Path(root)
        for path in sorted(here.rglob("*")):
            if path.is_file() and not path.is_symlink():
                stat = path.stat()
                yield File(path.relative_to(here).as_posix(), stat.st_size, stat.st_mtime_ns // 1000)
        return
    from causeway.artifacts.store_s3 import answering, client, split

    bucket, prefix = split(root)
    prefix = f"{prefix}/" if prefix else ""
    with answering(root):
        for found in client().list_objects(bucket, prefix=prefix, recursive=True):
            modified_us = int(found.last_modified.timestamp() * 1e6) if found.last_modified else 0
            yield File(str(found.object_name)[len(prefix) :], found.size or 0, modified_us)


def remove(root: str, names: Iterable[str]) -> None:
    """Remove files below a root, in this order; what is gone already is passed over."""
    if not is_s3(root):
        for name in names:
            path = Path(root, name)
            path.unlink(missing_ok=True)
            _remove_empty(path.parent, Path(root))
        return
    from causeway.artifacts.store_s3 import answering, client, split

    for name in names:
        bucket, key = split(join(root, name))
        with answering(join(root, name)):
            client().remove_object(bucket, key)


def _remove_empty(folder: Path, root: Path) -> None:
    while folder != root and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
