"""XML files as a stream of elements, read safely.

Knows XML and gzip. Does not know any layout. What can hurt is refused with one line: entities (a document type may
be named, but declares nothing: no entity bombs, no other files), elements nested deeper than `_MAX_DEPTH`, more than
`_MOST_INSIDE` of them in one, and files that unpack to more than `MAX_BYTES`. Held are the elements of about 1 MiB of
text, or of one element when that is larger.
"""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

from causeway.errors import UnusableInput

MAX_BYTES = 512 * 1024**2  # unpacked; the largest public CommonRoad scenarios have about 50 MB
_MAX_DEPTH = 50
_MOST_INSIDE = 2_000_000  # elements in the one that is held: some 100,000 states of an obstacle
_PIECE = 1 << 20


class _Found(Exception):
    """Ends the search for the root element."""


def head_has(path: Path, text: bytes) -> bool:
    """True when the first 64 KiB of the file, unpacked as far as they can be, hold the text."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            data = file.read(1 << 16)
        if path.suffix == ".gz":
            data = zlib.decompressobj(wbits=31).decompress(data, 1 << 16)
    except (OSError, zlib.error):
        return False
    return text in data


def root_element(path: Path) -> tuple[str, dict[str, str]]:
    """Name and attributes of the root element; UnusableInput when entities are declared before it.

    XML allows declarations before the root element only, so nothing that comes later can declare any.
    """
    found: list[tuple[str, dict[str, str]]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        found.append((name, attributes))
        raise _Found

    def doctype(name: str, system_id: str | None, public_id: str | None, has_subset: int) -> None:
        if system_id or public_id or has_subset:
            raise UnusableInput(
                f"{path}: its document type declares something ({name[:40]}), such as entities; refused"
            )

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(next(_pieces(path), b""), False)
    except _Found:
        return found[0]
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise UnusableInput(f"{path}: not well-formed XML ({error}); copy the file again") from error
    raise UnusableInput(f"{path}: empty, or no element in its first {_PIECE} bytes")


def elements(path: Path, depth: int) -> Iterator[ElementTree.Element]:
    """The elements `depth` below the root, in order; they are not kept."""
    root_element(path)
    parser: Any = ElementTree.XMLPullParser(events=("start", "end"))
    above: list[ElementTree.Element] = []  # the elements that are open, the root first
    inside = 0
    for event, element in _events(path, parser):
        if event == "start":
            above.append(element)
            inside = inside + 1 if len(above) > depth + 1 else 0
            if len(above) > _MAX_DEPTH or inside > _MOST_INSIDE:
                raise UnusableInput(f"{path}: elements too deep ({len(above)}) or too many in one ({inside}); refused")
            continue
        above.pop()
        if len(above) == depth:
            yield element
        if 0 < len(above) <= depth:
            above[-1].clear()
    try:
        parser.close()
    except ElementTree.ParseError as error:
        raise UnusableInput(f"{path}: the file ends early ({error}); copy it again") from error


def _events(path: Path, parser: Any) -> Iterator[tuple[str, ElementTree.Element]]:
    for piece in _pieces(path):
        try:
            parser.feed(piece)
            events = list(parser.read_events())
        except (ElementTree.ParseError, ValueError, LookupError) as error:
            raise UnusableInput(f"{path}: not well-formed XML ({error}); copy the file again") from error
        yield from events


def _pieces(path: Path) -> Iterator[bytes]:
    """The unpacked bytes, a piece at a time."""
    total = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            while piece := file.read(_PIECE):
                total += len(piece)
                if total > MAX_BYTES:
                    raise UnusableInput(f"{path}: unpacks to more than {MAX_BYTES} bytes; refused")
                yield piece
    except (OSError, EOFError, zlib.error) as error:
        raise UnusableInput(f"{path}: cannot be read ({error}); copy the file again") from error
