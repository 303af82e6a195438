"""Files to and from an object store, many at a time; each appears under its name whole and checked, or not at all.

Knows puts and gets of whole objects, and the checks: on the way up the server holds every body against its checksum
(SHA-256 in the signature, MD5 over TLS), on the way down the manifest's hash or what the store says is held against
the bytes. The client sends large files in parts and repeats requests. Does not know artifacts.
"""

import hashlib
import random
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, TypeVar
from uuid import uuid4
from xml.etree.ElementTree import ParseError

from minio.error import S3Error
from minio.helpers import MIN_PART_SIZE, DictType
from urllib3.exceptions import HTTPError, MaxRetryError

from causeway.artifacts.hashing import file_hash
from causeway.artifacts.store_s3 import THREADS, Damaged, absent, client

T = TypeVar("T")
Item = TypeVar("Item")

SHA256_FIELD = "x-amz-meta-causeway-sha256"
PAUSES_S = (1.0, 4.0)  # the longest waits before an object is begun a second and a third time
_PIECE_BYTES = 1 << 20
_ON_THE_WAY = {  # refusals of what was right when it left
    "BadDigest",
    "IncompleteBody",
    "InvalidPart",
    "MalformedXML",
    "NoSuchUpload",  # done already, and the answer was lost
    "OperationAborted",
    "RequestTimeout",
    "XAmzContentSHA256Mismatch",
}


@dataclass(frozen=True)
class Shipment:
    """An object and the local file that it comes from or goes to; `sha256` None: only the store knows the bytes."""

    key: str
    path: Path
    sha256: str | None = None


class _Garbled(Damaged):
    """Damaged on the way, perhaps: worth another attempt."""


def put_bytes(bucket: str, key: str, data: bytes) -> str:
    """Send a small object; returns its ETag."""
    said: DictType = {SHA256_FIELD: hashlib.sha256(data).hexdigest()}
    return again(lambda: client().put_object(bucket, key, BytesIO(data), len(data), metadata=said)).etag or ""


def upload(bucket: str, files: Sequence[Shipment]) -> dict[str, str]:
    """Send files; returns {key: ETag}. Small ones side by side, then each large one in parts side by side.

    Raises what the store refuses, and Damaged when a file's bytes are not those that it should have.
    """
    small = [file for file in files if file.path.stat().st_size <= MIN_PART_SIZE]
    large = [file for file in files if file.path.stat().st_size > MIN_PART_SIZE]
    etags = in_parallel(lambda file: _send(bucket, file), small) + [_send(bucket, file) for file in large]
    return {file.key: etag for file, etag in zip([*small, *large], etags, strict=True)}


def _send(bucket: str, file: Shipment) -> str:
    if file_hash(file.path) != file.sha256:
        raise Damaged(f"{file.path.name}: changed on this disk after it was made; make the artifact again")

    def put() -> str:
        path = str(file.path)
        said: DictType = {SHA256_FIELD: str(file.sha256)}
        etag = client().fput_object(bucket, file.key, path, metadata=said, num_parallel_uploads=THREADS).etag
        if not etag:  # S3 may begin an answer with 200 and then report a failure in it
            raise _Garbled(f"{file.key}: the store did not confirm the upload")
        return etag

    return again(put)


def get_bytes(bucket: str, key: str) -> bytes | None:
    """The bytes of a small object, checked, or None where there is none."""
    data = BytesIO()
    try:
        again(lambda: _get(bucket, key, None, data))
    except S3Error as error:
        if absent(error):
            return None
        raise
    return data.getvalue()


def download(bucket: str, files: Sequence[Shipment]) -> None:
    """Fetch objects; raises what the store refuses, and Damaged when bytes are not those that they should be."""
    for folder in {file.path.parent for file in files}:
        folder.mkdir(parents=True, exist_ok=True)
    in_parallel(lambda file: _fetch(bucket, file), files)


def _fetch(bucket: str, file: Shipment) -> None:
    part = file.path.with_name(f".{uuid4().hex}.part")  # of its own: another process may fetch the same
    try:
        with part.open("wb") as out:
            again(lambda: _get(bucket, file.key, file.sha256, out))
        part.replace(file.path)
    finally:
        part.unlink(missing_ok=True)


def _get(bucket: str, key: str, sha256: str | None, out: BinaryIO) -> None:
    """Write an object's bytes to `out`; Damaged when they are not what they should be."""
    out.seek(0)
    out.truncate()
    answer = client().get_object(bucket, key, request_headers={"Accept-Encoding": "identity"})
    try:
        check_version(key, sha256, answer.headers)
        kind, digest = _expected(sha256, answer.headers)
        seen = hashlib.new(kind, usedforsecurity=False)
        for piece in answer.stream(_PIECE_BYTES, decode_content=False):
            out.write(piece)
            seen.update(piece)
    finally:
        answer.close()
        answer.release_conn()
    if digest and seen.hexdigest() != digest:
        who = "the manifest's; it was replaced or damaged since: open" if sha256 else "those once sent; upload"
        raise _Garbled(f"{key.rpartition('/')[2]}: bytes differ from {who} it again")


def check_version(key: str, sha256: str | None, headers: Mapping[str, str]) -> None:
    """Damaged when the store says that the object is another one than the manifest means."""
    if sha256 and headers.get(SHA256_FIELD, sha256) != sha256:
        name = key.rpartition("/")[2]
        raise Damaged(f"{name}: bytes differ from the manifest's; it was replaced or damaged since: open it again")


def _expected(sha256: str | None, headers: Mapping[str, str]) -> tuple[str, str]:
    """What the bytes must hash to: by the manifest, by what was sent along, by an ETag that is an MD5; "" unknown."""
    if sha256 or headers.get(SHA256_FIELD):
        return "sha256", sha256 or headers[SHA256_FIELD]
    etag = headers.get("etag", "").strip('"')
    encrypted = any(name.lower().startswith("x-amz-server-side-encryption") for name in headers)
    return "md5", etag if re.fullmatch("[0-9a-f]{32}", etag) and not encrypted else ""


def again(transfer: Callable[[], T]) -> T:
    """The transfer of an object; begun anew when its bytes were damaged or broke off on the way."""
    for pause_s in PAUSES_S:
        try:
            return transfer()
        except Exception as error:
            if not _on_the_way(error):
                raise
            time.sleep(random.uniform(0, pause_s))
    return transfer()


def _on_the_way(error: Exception) -> bool:
    if isinstance(error, S3Error):
        return error.code in _ON_THE_WAY
    if isinstance(error, MaxRetryError):  # the client has repeated the request already
        return False
    return isinstance(error, _Garbled | HTTPError | ParseError | UnicodeDecodeError)


def in_parallel(call: Callable[[Item], T], items: Iterable[Item]) -> list[T]:
    """`call` of each item, `THREADS` at a time; the results in order. A failure ends what has not begun."""
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="transfer")
    try:
        return list(pool.map(call, items))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # Ctrl-C does not wait for transfers that run
