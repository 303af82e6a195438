"""One accident to one file of a raw drive, of the kinds that happen to real files, and what it was in words.

Files as a whole are lost, linked or replaced; bytes of any file are cut, flipped and mixed up; what a file means
(columns, values, keys, members of an archive) is changed where the format is known (`mutated_*`). Everything is drawn
from the `Random` given, so the same number gives the same accident.
"""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random

from tests.clips.mutated_archives import Damage, Damaged, gzip_damaged, picture_damaged, zip_damaged
from tests.clips.mutated_tables import array_damaged, columns_damaged
from tests.clips.mutated_texts import WORDS, json_damaged, rows_damaged, xml_damaged, yaml_damaged


def damage(root: Path, rng: Random) -> tuple[Path, str]:
    """Damages one file under `root` and returns it, and the accident in words."""
    path = _chosen(root, rng)
    if rng.random() < 0.08:
        accident = rng.choice(FILES)
        accident(path, rng)
        return path, accident.__name__
    data, what = damaged(path.name, path.read_bytes(), rng)
    path.write_bytes(data)
    return path, what


def _chosen(root: Path, rng: Random) -> Path:
    """Kinds of files are drawn first, so that a thousand pictures do not stand before one calibration."""
    kinds: dict[tuple[str, str], list[Path]] = {}
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        stem = "" if path.stem.isdigit() else path.name
        kinds.setdefault((str(path.parent), stem or path.suffix), []).append(path)
    return rng.choice(kinds[rng.choice(sorted(kinds))])


def damaged(name: str, data: bytes, rng: Random) -> Damaged:
    """The bytes of a file after one accident."""
    meaning = next((kind for fits, kind in MEANINGS if fits(name, data)), None)
    if meaning is not None and rng.random() < 0.65:
        with suppress(Exception):  # damaged before, so that it has no meaning left
            return meaning(name, data, rng)
    accident = rng.choice(BYTES)
    return accident(data, rng), accident.__name__


# files as a whole


def lost(path: Path, rng: Random) -> None:
    path.unlink()


def is_a_folder(path: Path, rng: Random) -> None:
    path.unlink()
    path.mkdir()


def link_out(path: Path, rng: Random) -> None:
    path.unlink()
    path.symlink_to(rng.choice(["/etc/hostname", "/", "/dev/zero", "../../../../../../etc/passwd"]))


def link_to_nothing(path: Path, rng: Random) -> None:
    path.unlink()
    path.symlink_to("not-there")


def link_in_a_circle(path: Path, rng: Random) -> None:
    path.unlink()
    path.symlink_to(path.name)


def is_a_pipe(path: Path, rng: Random) -> None:
    path.unlink()
    os.mkfifo(path)


def is_another_file(path: Path, rng: Random) -> None:
    others = sorted(p for p in path.parent.rglob("*") if p.is_file() and p != path)
    if others:
        shutil.copyfile(rng.choice(others), path)


FILES = (lost, lost, is_a_folder, link_out, link_to_nothing, link_in_a_circle, is_a_pipe, is_another_file)

# bytes


def cut(data: bytes, rng: Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def emptied(data: bytes, rng: Random) -> bytes:
    return b""


def flipped(data: bytes, rng: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice([1, 2, 5, 200]) if data else 0):
        changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def noise(data: bytes, rng: Random) -> bytes:
    return rng.randbytes(rng.randrange(400))


def zeros(data: bytes, rng: Random) -> bytes:
    """What a file system leaves of a file after a power cut: the length is right."""
    at = rng.randrange(len(data) + 1)
    return data[:at] + bytes(len(data) - at)


def line_lost(data: bytes, rng: Random) -> bytes:
    lines, at = _lines(data, rng)
    return b"".join(lines[:at] + lines[at + 1 :])


def line_doubled(data: bytes, rng: Random) -> bytes:
    lines, at = _lines(data, rng)
    return b"".join([*lines[:at], lines[at], *lines[at:]])


def lines_shuffled(data: bytes, rng: Random) -> bytes:
    lines, _ = _lines(data, rng)
    return b"".join(rng.sample(lines, len(lines)))


def _lines(data: bytes, rng: Random) -> tuple[list[bytes], int]:
    lines = data.splitlines(keepends=True) or [b""]
    return lines, rng.randrange(len(lines))


def word_replaced(data: bytes, rng: Random) -> bytes:
    words = data.replace(b">", b"> ").replace(b"<", b" <").split(b" ")
    words[rng.randrange(len(words))] = rng.choice(WORDS)
    return b" ".join(words)


def word_put_in(data: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice(WORDS) + data[at:]


BYTES = (
    *(cut, cut, flipped, flipped, emptied, noise, zeros),
    *(line_lost, line_doubled, lines_shuffled, word_replaced, word_put_in),
)


def _ends(*endings: str) -> Callable[[str, bytes], bool]:
    return lambda name, data: name.endswith(endings)


def _begins(*magic: bytes) -> Callable[[str, bytes], bool]:
    return lambda name, data: data.startswith(magic)


MEANINGS: tuple[tuple[Callable[[str, bytes], bool], Damage], ...] = (
    (_begins(b"PAR1", b"ARROW1"), columns_damaged),
    (_begins(b"PK\x03\x04"), partial(zip_damaged, damaged)),
    (_begins(b"\x1f\x8b"), partial(gzip_damaged, damaged)),
    (_begins(b"\x93NUMPY"), array_damaged),
    (_begins(b"\x89PNG", b"\xff\xd8"), picture_damaged),
    (_ends(".json"), json_damaged),
    (_ends(".yaml", ".yml"), yaml_damaged),
    (_ends(".xml"), xml_damaged),
    (_ends(".csv", ".txt"), rows_damaged),
)
