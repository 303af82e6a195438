"""Accidents to texts with a meaning: JSON and YAML documents, XML, rows of CSV files and of numbers."""

import copy
import json
import re
from collections.abc import Callable
from random import Random
from typing import Any
from xml.etree import ElementTree

import yaml

from tests.clips.mutated_tables import FACTORS

WORDS = (
    *(b"nan", b"inf", b"-inf", b"1e308", b"-1", b"0", b"", b"99999999999999999999", b"x", b"\x00", b"'", b'"', b"<"),
    *(b"&a;", b"\xff\xfe", b"None", b"1_000", b"0x1p9", b"../..", b"\r", b","),
)
STRANGE = (
    *(None, "", "x", "é" * 300, "\x00", "../..", "{drive", "{drive}", "${HOME}", "*", -1, 0, 10**30, 1e300, True),
    *(float("nan"), float("inf"), [], {}, [1, 2], {"a": 1}, [[[]]], ["x", None]),
)


def json_damaged(name: str, data: bytes, rng: Random) -> tuple[bytes, str]:
    """A JSON document with something else at one place, however deep; or one that is deeper than a reader can go."""
    draw = rng.random()
    if draw < 0.03:
        return b"[" * 100_000, "nested 100,000 deep"
    if draw < 0.06:
        return b"1" * 100_000, "a number of 100,000 digits"
    document, what = document_damaged(json.loads(data), rng)
    return json.dumps(document).encode(), what


def yaml_damaged(name: str, data: bytes, rng: Random) -> tuple[bytes, str]:
    """A YAML document with something else at one place, or one that is a bomb or a program."""
    draw = rng.random()
    if draw < 0.01:
        pairs = zip("abcdefgh", "bcdefghi", strict=True)
        layers = "\n".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in pairs)
        return f"a: &a [x]\n{layers}\n".encode() + data.replace(b"source:", b"place: *i\nsource:"), "aliases of aliases"
    if draw < 0.02:
        return data + b"\nmap: !!python/object/apply:os._exit [66]\n", "tag that runs code"
    document, what = document_damaged(yaml.safe_load(data), rng)
    return yaml.safe_dump(document).encode(), what


def document_damaged(document: Any, rng: Random) -> tuple[Any, str]:
    """A copy of a document in which one thing, however deep, was changed, and its place."""
    document = copy.deepcopy(document)
    node, way = {"": document}, []
    key: Any = ""
    while isinstance(node[key], (dict, list)) and node[key] and (not way or rng.random() < 0.75):
        node = node[key]
        key = rng.choice(list(node) if isinstance(node, dict) else range(len(node)))
        way.append(str(key))
    accident = rng.choice(NODES)
    if not way:
        return rng.choice(STRANGE), "something else"
    accident(node, key, rng)
    return document, f"{accident.__name__} {'.'.join(way)}"


def replaced(node: Any, key: Any, rng: Random) -> None:
    node[key] = copy.deepcopy(rng.choice(STRANGE))


def removed(node: Any, key: Any, rng: Random) -> None:
    del node[key]


def key_renamed(node: Any, key: Any, rng: Random) -> None:
    if isinstance(node, dict):
        node[rng.choice([f"{key}_", "", "0", str(key).upper()])] = node.pop(key)
    else:
        node.reverse()


def item_doubled(node: Any, key: Any, rng: Random) -> None:
    if isinstance(node, list):
        node.insert(key, copy.deepcopy(node[key]))
    else:
        node[f"{key}2"] = copy.deepcopy(node[key])


def items_shuffled(node: Any, key: Any, rng: Random) -> None:
    target = node[key] if isinstance(node[key], list) else node
    if isinstance(target, list):
        rng.shuffle(target)


def numbers_scaled(node: Any, key: Any, rng: Random) -> None:
    node[key] = _scaled(node[key], rng.choice(FACTORS))


def _scaled(value: Any, factor: float) -> Any:
    if isinstance(value, dict):
        return {k: _scaled(v, factor) for k, v in value.items()}
    if isinstance(value, list):
        return [_scaled(v, factor) for v in value]
    return value * factor if isinstance(value, (int, float)) and not isinstance(value, bool) else value


NODES = (replaced, replaced, replaced, removed, key_renamed, item_doubled, items_shuffled, numbers_scaled)


def xml_damaged(name: str, data: bytes, rng: Random) -> tuple[bytes, str]:
    """An XML file with one element changed; or one with entities, or too deep."""
    draw = rng.random()
    if draw < 0.04:
        return _declared(data, rng), "entities"
    if draw < 0.06:
        return data[: len(data) // 2] + b"<a>" * 20_000, "nested 20,000 deep"
    tree = ElementTree.fromstring(data)
    parents = {child: parent for parent in tree.iter() for child in parent}
    chosen = rng.choice(list(parents))
    accident = rng.choice(ELEMENTS)
    accident(chosen, parents[chosen], rng)
    return ElementTree.tostring(tree), f"{accident.__name__} {chosen.tag}"


def _declared(data: bytes, rng: Random) -> bytes:
    layers = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    inside = rng.choice([f'<!ENTITY a "lol">{layers}', '<!ENTITY i SYSTEM "file:///etc/passwd">'])
    head = b"<!DOCTYPE x [" + inside.encode() + b"]>"
    body = re.sub(rb"<!DOCTYPE[^>]*>", b"", data.partition(b"?>")[2] if data.startswith(b"<?") else data)
    return head + re.sub(rb">[\d.-]+<", b">&i;<", body, count=1)


def element_removed(element: ElementTree.Element, parent: ElementTree.Element, rng: Random) -> None:
    parent.remove(element)


def element_doubled(element: ElementTree.Element, parent: ElementTree.Element, rng: Random) -> None:
    parent.insert(rng.randrange(len(parent) + 1), copy.deepcopy(element))


def element_renamed(element: ElementTree.Element, parent: ElementTree.Element, rng: Random) -> None:
    element.tag = rng.choice(["x", parent.tag, "point", "state"])


def children_shuffled(element: ElementTree.Element, parent: ElementTree.Element, rng: Random) -> None:
    parent[:] = rng.sample(list(parent), len(parent))


def text_replaced(element: ElementTree.Element, parent: ElementTree.Element, rng: Random) -> None:
    """Of the element or of the first number in it; or an attribute."""
    attributes = sorted(element.attrib)
    if attributes and rng.random() < 0.5:
        element.set(rng.choice(attributes), _word(rng))
        return
    numbers = [child for child in element.iter() if (child.text or "").strip()]
    (rng.choice(numbers) if numbers else element).text = _word(rng)


def _word(rng: Random) -> str:
    return rng.choice(["nan", "inf", "-inf", "1e308", "-1", "0", "", "9" * 25, "x", "'", "é" * 99, "1e-300", "1,5"])


def values_scaled(element: ElementTree.Element, parent: ElementTree.Element, rng: Random) -> None:
    factor = rng.choice(FACTORS)
    for child in element.iter():
        if re.fullmatch(r"-?\d+(\.\d+)?", child.text or ""):
            child.text = repr(float(child.text or "") * factor)


ELEMENTS = (
    *(element_removed, element_doubled, element_renamed, children_shuffled),
    *(text_replaced, text_replaced, values_scaled),
)


def rows_damaged(name: str, data: bytes, rng: Random) -> tuple[bytes, str]:
    """Rows of cells (commas, or blanks between numbers) with cells, columns or rows changed."""
    comma = "," if b"," in data else " "
    rows = [line.split(comma) for line in data.decode().splitlines()] or [[""]]
    row = rng.randrange(len(rows))
    column, accident = rng.randrange(len(rows[row])), rng.choice(ROWS)
    accident(rows, row, column, rng)
    text = "\n".join(comma.join(cells) for cells in rows) + "\n"
    return text.encode(errors="replace"), f"{accident.__name__} at row {row} column {column}"


Rows = list[list[str]]


def cell_replaced(rows: Rows, row: int, column: int, rng: Random) -> None:
    rows[row][column] = rng.choice(WORDS).decode(errors="replace")


def cells_replaced(rows: Rows, row: int, column: int, rng: Random) -> None:
    word = rng.choice(WORDS).decode(errors="replace")
    for cells in rows[rng.choice([0, 1, row]) :]:
        cells[min(column, len(cells) - 1)] = word


def column_removed(rows: Rows, row: int, column: int, rng: Random) -> None:
    for cells in rows:
        del cells[column : column + 1]


def column_doubled(rows: Rows, row: int, column: int, rng: Random) -> None:
    for cells in rows:
        cells.insert(column, cells[min(column, len(cells) - 1)])


def column_scaled(rows: Rows, row: int, column: int, rng: Random) -> None:
    factor = rng.choice(FACTORS)
    for cells in rows:
        at = min(column, len(cells) - 1)
        if re.fullmatch(r"-?\d+(\.\d*)?(e[+-]?\d+)?", cells[at]):
            cells[at] = repr(float(cells[at]) * factor)


def rows_turned_round(rows: Rows, row: int, column: int, rng: Random) -> None:
    rows[row:] = rows[row:][::-1]


def rows_emptied(rows: Rows, row: int, column: int, rng: Random) -> None:
    del rows[rng.choice([0, 1]) :]
    rows.append([""])


def quote_left_open(rows: Rows, row: int, column: int, rng: Random) -> None:
    rows[row][column] = f'"{rows[row][column]}'


def comma_changed(rows: Rows, row: int, column: int, rng: Random) -> None:
    """Decimal commas, as a spreadsheet in another country writes them."""
    for cells in rows:
        cells[:] = [cell.replace(".", ",") for cell in cells]


ROWS: tuple[Callable[[Rows, int, int, Random], None], ...] = (
    *(cell_replaced, cell_replaced, cells_replaced, column_removed, column_doubled, column_scaled, column_scaled),
    *(rows_turned_round, rows_emptied, quote_left_open, comma_changed),
)
