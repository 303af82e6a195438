"""Accidents to what is packed: zip and gzip files and what is in them, pictures, pickles; bombs of each kind."""

import gzip
import io
import os
import pickle
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable
from functools import lru_cache
from random import Random

Damaged = tuple[bytes, str]  # the bytes and what was done to them
Damage = Callable[[str, bytes, Random], Damaged]  # any accident to a file of this name


def gzip_damaged(damaged: Damage, name: str, data: bytes, rng: Random) -> Damaged:
    if rng.random() < 0.01:
        return _gzip_bomb(), "gzip bomb"
    if name.endswith(".pkl.gz"):
        return gzip.compress(pickle.dumps(Exits())), "pickle that runs code"
    inner, what = damaged(name.removesuffix(".gz"), gzip.decompress(data), rng)
    return gzip.compress(inner, 1, mtime=0), f"gzip of {what}"


class Exits:
    """Unpickling it would end the process with exit code 66."""

    def __reduce__(self) -> tuple:
        return os._exit, (66,)


@lru_cache(maxsize=1)
def _gzip_bomb() -> bytes:
    """1.25 GiB of zeros: one small piece, said 80 times."""
    return gzip.compress(bytes(2**24), 9, mtime=0) * 80


def zip_damaged(damaged: Damage, name: str, data: bytes, rng: Random) -> Damaged:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {n: archive.read(n) for n in archive.namelist()}
    chosen = rng.choice(sorted(members))
    if rng.random() < 0.6:
        members[chosen], what = damaged(chosen, members[chosen], rng)
        return _zipped(members.items(), rng), f"{chosen}: {what}"
    accident = rng.choice(ARCHIVE)
    return accident(members, chosen, rng), f"{accident.__name__} {chosen}"


def _zipped(members: Iterable[tuple], rng: Random) -> bytes:
    sink, pack = io.BytesIO(), rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
    with zipfile.ZipFile(sink, "w", pack) as archive:
        for member, data in members:
            archive.writestr(member, data)
    return sink.getvalue()


Members = dict[str, bytes]


def member_lost(members: Members, chosen: str, rng: Random) -> bytes:
    return _zipped([item for item in members.items() if item[0] != chosen], rng)


def member_twice(members: Members, chosen: str, rng: Random) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of it
        return _zipped([*members.items(), (chosen, rng.choice([members[chosen], b"other"]))], rng)


def member_leads_out(members: Members, chosen: str, rng: Random) -> bytes:
    prefix = rng.choice(["../", "../../../", "/tmp/", "..\\", "C:\\"])
    return _zipped([*members.items(), (prefix + chosen, members[chosen])], rng)


def member_is_a_link(members: Members, chosen: str, rng: Random) -> bytes:
    link = zipfile.ZipInfo(chosen)
    link.external_attr = 0o120777 << 16
    return _zipped([*((n, d) for n, d in members.items() if n != chosen), (link, b"/etc/passwd")], rng)


def member_is_a_bomb(members: Members, chosen: str, rng: Random) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for member, data in members.items():
            archive.writestr(member, bytes(2**26) if member == chosen else data)
    return sink.getvalue()


def member_lies_of_its_size(members: Members, chosen: str, rng: Random) -> bytes:
    data = bytearray(_zipped(members.items(), rng))
    at = data.rfind(b"PK\x01\x02")
    struct.pack_into("<I", data, at + 24, rng.choice([0, 1, 2**31, 2**32 - 2]))
    return bytes(data)


def member_is_encrypted(members: Members, chosen: str, rng: Random) -> bytes:
    data = bytearray(_zipped(members.items(), rng))
    at = data.rfind(b"PK\x01\x02")
    data[at + 8] |= 1
    return bytes(data)


ARCHIVE = (
    *(member_lost, member_twice, member_leads_out, member_is_a_link, member_is_a_bomb),
    *(member_lies_of_its_size, member_is_encrypted),
)


def picture_damaged(name: str, data: bytes, rng: Random) -> Damaged:
    if rng.random() < 0.2:
        side = rng.choice([0, 1, 12_000, 60_000, 2**31 - 1])
        return _png_bomb(side), f"picture that says it is {side} wide"
    from PIL import Image

    with Image.open(io.BytesIO(data)) as picture:
        mode = rng.choice(["1", "L", "P", "RGBA", "CMYK", "I;16", "F"])
        kind = {"CMYK": "TIFF", "F": "TIFF"}.get(mode, "PNG")
        size = rng.choice([picture.size, (1, 1), (3, 2000), (2000, 3)])
        sink = io.BytesIO()
        picture.convert("L" if mode == "I;16" else mode).convert(mode).resize(size).save(sink, kind)
    return sink.getvalue(), f"picture of mode {mode}, {kind}, {size}"


def _png_bomb(side: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(2**20))) + chunk(b"IEND", b"")
