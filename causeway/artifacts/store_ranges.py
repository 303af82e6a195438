"""An object as a file that is read in ranges, for readers that want a few columns of a long table.

Knows ranges of one version of an object. Does not know what is in it, and keeps nothing on this machine.
"""

import io
from typing import Any

from causeway.artifacts.store_s3 import Damaged, answering, client, split
from causeway.artifacts.store_transfer import SHA256_FIELD, again, check_version


def open_object(location: str, sha256: str) -> "ObjectFile | None":
    """The object whose bytes hash to `sha256`; None when the store does not know what its bytes hash to.

    UnusableInput when it is another one, here or while it is read. A range has no checksum of its own: what is in the
    object must bring one (pages of our Parquet files do).
    """
    bucket, key = split(location)
    with answering(location):
        about = client().stat_object(bucket, key)
        said = about.metadata or {}
        check_version(key, sha256, said)
    return ObjectFile(location, about.size or 0, about.etag or "") if SHA256_FIELD in said else None


class ObjectFile(io.RawIOBase):
    """One version of an object as a file that cannot be written."""

    def __init__(self, location: str, size: int, etag: str) -> None:
        self._location, self._size, self._at = location, size, 0
        self._bucket, self._key = split(location)
        self._same = {"If-Match": f'"{etag}"'}

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a byte."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        """The byte that is read next."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer, or as much of it as the object has."""
        length = max(min(len(buffer), self._size - self._at), 0)
        if length:
            with answering(self._location):
                buffer[:length] = again(lambda: self._range(self._at, length))
        self._at += length
        return length

    def _range(self, start: int, length: int) -> bytes:
        answer = client().get_object(self._bucket, self._key, start, length, dict(self._same))
        try:
            data = answer.read(decode_content=False)
        finally:
            answer.close()
            answer.release_conn()
        if len(data) != length:
            raise Damaged(f"{self._key}: the store does not know ranges; copy the artifact to this machine")
        return data
