"""Where artifacts live: a local folder or any S3 endpoint, behind a handful of functions on location strings.

Knows `s3://bucket/prefix` and local paths, and how an artifact appears on a local disk: renamed into place, whole or
not at all. What is done on S3 is in the modules `store_*`, which bring the client in only when it is needed. Does not
know what is inside a file.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, cast

S3 = "s3://"


def is_s3(location: str) -> bool:
    """True for an `s3://…` location."""
    return location.startswith(S3)


def join(location: str, *parts: str) -> str:
    """A location below another one."""
    return "/".join([location.rstrip("/"), *parts]) if is_s3(location) else str(Path(location, *parts))


def cache_folder() -> Path:
    """Where downloads and S3 staging live on this machine: CAUSEWAY_CACHE, or `causeway` in the user's cache."""
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "causeway"
    return Path(os.environ.get("CAUSEWAY_CACHE", default))


def read_bytes(location: str) -> bytes | None:
    """The bytes of a small file, or None where there is none. UnusableInput when the store does not answer."""
    if not is_s3(location):
        path = Path(location)
        return path.read_bytes() if path.is_file() else None
    from causeway.artifacts.store_s3 import answering, split
    from causeway.artifacts.store_transfer import get_bytes

    with answering(location):
        return get_bytes(*split(location))


def write_bytes(location: str, data: bytes) -> None:
    """Write a small file so that a reader sees the old one, the new one, or none, never a part."""
    if is_s3(location):
        from causeway.artifacts.store_s3 import answering, split
        from causeway.artifacts.store_transfer import put_bytes

        with answering(location):
            put_bytes(*split(location), data)
        return
    path = Path(location)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)  # mkstemp makes files for one user only; artifacts are shared
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def fetch(location: str, files: Mapping[str, str], folder: Path) -> None:
    """Download files of an S3 prefix, {name: sha256}, to the same names below `folder`, many at a time.

    Each appears there whole and with that checksum, or not at all; what is there already is kept. UnusableInput,
    naming the object, when the store does not give those bytes.
    """
    from causeway.artifacts.store_s3 import answering, split
    from causeway.artifacts.store_transfer import Shipment, download

    bucket, _ = split(location)
    wanted = {name: digest for name, digest in files.items() if not (folder / name).is_file()}
    where = join(location, *wanted) if len(wanted) == 1 else location
    with answering(where):
        download(bucket, [Shipment(split(join(location, n))[1], folder / n, d) for n, d in wanted.items()])


def open_to_read(location: str, sha256: str) -> BinaryIO | None:
    """An object of S3 as a file of which only what is read is fetched; None when that cannot be done safely."""
    from causeway.artifacts.store_ranges import open_object

    return cast(BinaryIO | None, open_object(location, sha256))


def local_copy(location: str) -> Path:
    """A local path with the same files as `location`; an S3 prefix is mirrored into the cache folder."""
    if not is_s3(location):
        return Path(location)
    from causeway.artifacts.store_mirror import mirror

    return mirror(location, cache_folder() / "mirror")


def publish(staging: Path, location: str) -> None:
    """Make the finished folder `staging` appear at `location`, whole or not at all; what stood there goes."""
    if is_s3(location):
        from causeway.artifacts import store_publish

        store_publish.publish(staging, location)
        shutil.rmtree(staging)
        return
    target = Path(location)
    target.parent.mkdir(parents=True, exist_ok=True)
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        os.rename(target, old)
    os.rename(staging, target)
    shutil.rmtree(old, ignore_errors=True)
