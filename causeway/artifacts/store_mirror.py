"""Raw drives under an `s3://` prefix as a folder on this machine that follows what changes there.

Knows listings and times of change. Does not know layouts of drives.
"""

import os
from datetime import datetime
from pathlib import Path, PurePosixPath

from minio.datatypes import Object

from causeway.artifacts.locks import alone
from causeway.artifacts.store_s3 import answering, client, split
from causeway.artifacts.store_transfer import Shipment, again, download
from causeway.errors import UnusableInput

_LONGEST_NAME = 200  # bytes; file systems take 255


def mirror(location: str, root: Path) -> Path:
    """Make `root`/bucket/prefix the same as the prefix and return it; UnusableInput when nothing is there."""
    bucket, prefix = split(location)
    folder, below = root / bucket / prefix, f"{prefix}/" if prefix else ""
    root.mkdir(parents=True, exist_ok=True)
    # one process at a time: what another one is just fetching is no file that was taken away
    with alone(root / f".{bucket}.lock", location), answering(location):
        listed = again(lambda: list(client().list_objects(bucket, prefix=below, recursive=True)))
        found = {str(i.object_name)[len(below) :]: i for i in listed if not str(i.object_name).endswith("/")}
        _check_names(location, found)
        _forget_others(folder, found)
        stale = {n: i for n, i in found.items() if not _is(folder / n, i.size or 0, i.last_modified)}
        download(bucket, [Shipment(below + name, folder / name) for name in sorted(stale)])
        for name, item in stale.items():
            os.utime(folder / name, (_seconds(item.last_modified), _seconds(item.last_modified)))
    return folder


def _forget_others(folder: Path, found: dict[str, Object]) -> None:
    """Remove what was taken away from the prefix: it is no part of the drives any more."""
    for path in sorted(folder.rglob("*"), reverse=True):  # what is in a folder comes before it
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
        elif path.is_file() and path.relative_to(folder).as_posix() not in found:
            path.unlink()


def _check_names(location: str, found: dict[str, Object]) -> None:
    """Object names are any text; those must be refused that are no file names here, or one file's twice."""
    if not found:
        raise UnusableInput(f"{location}: nothing is there; check the bucket and prefix")
    for name in found:
        path = PurePosixPath(name)
        plain = str(path) == name and path.parts and path.parts[0] != "/" and ".." not in path.parts
        if not plain or max(len(part.encode()) for part in path.parts) > _LONGEST_NAME:
            raise UnusableInput(f"{location}: object name {name[:99]!r} is no name of a file in a folder; rename it")
        if any(str(parent) in found for parent in path.parents):
            raise UnusableInput(f"{location}: object {name!r} lies below another object; rename one of them")


def _seconds(modified: datetime | None) -> float:
    return modified.timestamp() if modified else 0.0


def _is(file: Path, size: int, modified: datetime | None) -> bool:
    """True when the copy has the object's size and its time, which a copy is given."""
    return file.is_file() and file.stat().st_size == size and abs(file.stat().st_mtime - _seconds(modified)) < 1e-3
