"""Where artifacts live: a local folder or any S3 endpoint, behind a handful of functions on location strings.

Knows `s3://bucket/prefix` and local paths, and how an artifact appears there whole or not at all: a local folder is
renamed into place; on S3 every file is uploaded first and `manifest.json`, which makes it an artifact, last.
Endpoint and keys come from the usual AWS_* variables. Does not know what is inside a file.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from causeway.artifacts.manifest import FILE_NAME
from causeway.errors import CausewayError, UnusableInput, UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from minio import Minio

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


@lru_cache(maxsize=1)
def _client() -> "Minio":
    from minio import Minio

    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    endpoint = endpoint or "https://s3.amazonaws.com"
    missing = [n for n in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") if not os.environ.get(n)]
    if missing:
        raise UsageError(f"s3:// locations need {' and '.join(missing)} in the environment; set them")
    try:
        return _connect(Minio, endpoint)
    except ValueError as error:
        raise UsageError(f"AWS_ENDPOINT_URL: {error}; write http(s)://host:port") from error


def _connect(minio: "type[Minio]", endpoint: str) -> "Minio":
    return minio(
        endpoint.split("://", 1)[-1].rstrip("/"),
        access_key=os.environ["AWS_ACCESS_KEY_ID"],
        secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
        session_token=os.environ.get("AWS_SESSION_TOKEN"),
        secure=not endpoint.startswith("http://"),
        region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1",
    )


def _split(location: str) -> tuple[str, str]:
    bucket, _, key = location[len(S3) :].partition("/")
    if not bucket:
        raise UsageError(f"{location}: no bucket; write s3://bucket/prefix")
    return bucket, key.strip("/")


def read_bytes(location: str) -> bytes | None:
    """The bytes of a small file, or None where there is none. UnusableInput when the store does not answer."""
    if not is_s3(location):
        path = Path(location)
        return path.read_bytes() if path.is_file() else None
    from minio.error import S3Error

    bucket, key = _split(location)
    with _answering(location):
        try:
            answer = _client().get_object(bucket, key)
        except S3Error as error:
            if error.code in ("NoSuchKey", "NoSuchObject"):
                return None
            raise
        try:
            return answer.read()
        finally:
            answer.close()
            answer.release_conn()


@contextmanager
def _answering(location: str) -> Iterator[None]:
    """What an object store refuses or leaves unanswered becomes one line; a full local disk stays what it is."""
    from minio.error import S3Error

    try:
        yield
    except (CausewayError, OSError):
        raise
    except S3Error as error:
        raise UnusableInput(f"{location}: {error.code}; check the bucket's name and rights") from error
    except Exception as error:
        name = type(error).__name__
        raise UnusableInput(f"{location}: the object store does not answer ({name}); try again later") from error


def write_bytes(location: str, data: bytes) -> None:
    """Write a small file so that a reader sees the old one, the new one, or none, never a part."""
    if is_s3(location):
        from io import BytesIO

        bucket, key = _split(location)
        with _answering(location):
            _client().put_object(bucket, key, BytesIO(data), len(data))
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


def fetch(location: str, target: Path) -> Path:
    """Download one object to `target`, whole or not at all; returns the path. S3 locations only."""
    bucket, key = _split(location)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{uuid4().hex}.part")  # a name of its own: another process may fetch the same
    try:
        with _answering(location):
            _client().fget_object(bucket, key, str(target), tmp_file_path=str(part))
    finally:
        part.unlink(missing_ok=True)
    return target


def local_copy(location: str) -> Path:
    """A local path with the same files as `location`; an S3 prefix is mirrored into the cache folder."""
    if not is_s3(location):
        return Path(location)
    bucket, prefix = _split(location)
    mirror = cache_folder() / "mirror" / bucket / prefix
    below = f"{prefix}/" if prefix else ""
    with _answering(location):
        listed = list(_client().list_objects(bucket, prefix=below, recursive=True))
    found = {str(i.object_name)[len(below) :]: i for i in listed if not str(i.object_name).endswith("/")}
    if not found:
        raise UnusableInput(f"{location}: nothing is there; check the bucket and prefix")
    for name, item in found.items():
        if ".." in Path(name).parts:
            raise UnusableInput(f"{location}: object name {name!r} leaves the folder; rename it")
        _mirror(f"{S3}{bucket}/{item.object_name}", mirror / name, item.size or 0, item.last_modified)
    for file in [f for f in mirror.rglob("*") if f.is_file()]:
        if file.relative_to(mirror).as_posix() not in found:
            file.unlink(missing_ok=True)  # it was taken away from the prefix: it is no part of the drives any more
    return mirror


def _mirror(location: str, target: Path, size: int, modified: "datetime | None") -> None:
    """Fetch an object unless the copy has its size and its time, which the copy is given."""
    changed_s = modified.timestamp() if modified else 0.0
    if target.is_file() and target.stat().st_size == size and abs(target.stat().st_mtime - changed_s) < 1e-3:
        return
    fetch(location, target)
    os.utime(target, (changed_s, changed_s))


def publish(staging: Path, location: str) -> None:
    """Make the finished folder `staging` appear at `location`, whole or not at all; what stood there goes."""
    if is_s3(location):
        _publish_s3(staging, location)
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


def _publish_s3(staging: Path, location: str) -> None:
    bucket, prefix = _split(location)
    client = _client()
    files = sorted(f for f in staging.rglob("*") if f.is_file())
    with _answering(location):
        client.remove_object(bucket, f"{prefix}/{FILE_NAME}")
        for file in sorted(files, key=lambda f: f == staging / FILE_NAME):  # the manifest last
            client.fput_object(bucket, f"{prefix}/{file.relative_to(staging).as_posix()}", str(file))
