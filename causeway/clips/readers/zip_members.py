"""Single members out of zip files from strangers, into memory and nowhere else.

Knows zip files. Nothing is ever unpacked to disk, so a member's name can lead nowhere; a member is read by its whole
name alone. What is encrypted, there twice, packed implausibly tight or larger than memory should hold is refused.
"""

import io
import struct
import zipfile
import zlib
from pathlib import Path

from causeway.errors import UnusableInput

MOST_BYTES = 2**31  # of one member, unpacked: a video of 20 s has a hundredth of it
_TIGHT = 200  # times smaller than unpacked; videos and Parquet files do not shrink
_SMALL_BYTES = 2**20  # below, packing does not matter
_PIECE = 2**20
_FAULTS = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, OSError, zlib.error, struct.error),
    *(NotImplementedError, RuntimeError, ValueError, OverflowError, MemoryError, IndexError, KeyError),
)


def read_member(path: Path, name: str) -> io.BytesIO | None:
    """The bytes of a member, None when the zip file has none of that name; UnusableInput for one that is not sane."""
    try:
        with zipfile.ZipFile(path) as archive:
            found = [info for info in archive.infolist() if info.filename == name]
            if not found:
                return None
            _check(found, path, name)
            return _unpacked(archive, found[0], path, name)
    except _FAULTS as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise UnusableInput(f"{path}: not a whole zip file ({reason}); copy it again") from error


def _check(found: list[zipfile.ZipInfo], path: Path, name: str) -> None:
    info = found[0]
    if len(found) > 1:
        raise UnusableInput(f"{path}: {name} is in it {len(found)} times; which one is meant is not known")
    if info.flag_bits & 1:
        raise UnusableInput(f"{path}: {name} is encrypted; unpack the file and pack it again without a password")
    if info.file_size > MOST_BYTES:
        raise UnusableInput(f"{path}: {name} says it has {info.file_size} bytes; more than {MOST_BYTES} are not read")
    if info.file_size > _SMALL_BYTES and info.file_size > _TIGHT * max(info.compress_size, 1):
        times = info.file_size // max(info.compress_size, 1)
        raise UnusableInput(f"{path}: {name} is packed {times} times smaller, as zip bombs are")


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, name: str) -> io.BytesIO:
    """The bytes, counted while they come: what the file says of its size need not be true."""
    data = io.BytesIO()
    with archive.open(info) as member:
        while piece := member.read(_PIECE):
            data.write(piece)
            if data.tell() > info.file_size:
                raise UnusableInput(f"{path}: {name} is larger than the {info.file_size} bytes it says")
    if data.tell() != info.file_size:
        raise UnusableInput(f"{path}: {name} ends after {data.tell()} of {info.file_size} bytes; copy it again")
    data.seek(0)
    return data
