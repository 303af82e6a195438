"""Tables of metrics whose names are two things at once: what was changed and its unit, a decision and its F1.

Knows how such names are built (`faithfulness_<change>_<unit>`, `<channel>_f1@<decision>`), so that a camera or decision
that nobody thought of has its row. Does not know formulas.
"""

import re
from collections.abc import Mapping
from typing import Any

from causeway.artifacts.markup import Markup, el, number, quantity, table

_UNITS = {
    "m": "path, m",
    "mps": "speed, m/s",
    "deg": "heading, °",
    "worse_m": "worse by, m",
    "nats": "nats",
    "hidden_nats": "nats, past hidden",
}
_MOVED = re.compile(r"faithfulness_(?!stop_go|left_right)(.+?)_(hidden_nats|worse_m|nats|mps|deg|m)")
_CLASS = re.compile(r"(longitudinal|lateral)_f1@(.+)")
_CHANGES = {
    "repeated": ("the same words again", "anything but 0 is noise"),
    "swapped": ("another scene's words", "said there by the policy, or that scene's label"),
    "emptied": ("no words", "it acts without a sentence"),
    "contradicted": ("the opposite words", "“go” where it slows or stands, else “stop”"),
    "label": ("the label's words", "nats against no words"),
    "blank_images": ("black pictures", "every camera, as from a dead sensor"),
    "blank_history": ("no past motion", "as if driven straight at the measured speed"),
}


def in_a_matrix(name: str) -> bool:
    """Whether a metric has its place in one of these tables."""
    return bool(_MOVED.fullmatch(name) or _CLASS.fullmatch(name))


def moved_table(metrics: Mapping[str, Any]) -> Markup | None:
    """One row for each change of words or inputs, one column for each unit: value with its interval below."""
    found: dict[str, dict[str, Any]] = {}
    for name, metric in metrics.items():
        if match := _MOVED.fullmatch(name):
            found.setdefault(match[1], {})[match[2]] = metric
    if not found:
        return None
    units = [unit for unit in _UNITS if any(unit in row for row in found.values())]
    ordered = sorted(found, key=lambda change: (change not in _CHANGES, [*_CHANGES, change].index(change), change))
    rows = [[_change(c), *(_cell(found[c].get(unit)) for unit in units), _most(found[c])] for c in ordered]
    head = ["what is changed", *(_UNITS[unit] for unit in units), "n"]
    note = (
        "Path, speed, heading: mean over 6.4 s of how far the answer moves. Worse by: how much farther from the "
        "recorded path it then is. A path that moves depends on what was changed; only one that gets worse shows that "
        "this helped. Nats: how much likelier the token head finds the recorded 128 action tokens behind the policy's "
        "own words than behind the changed ones (below 0: the others fit better). The flow expert, which drives, has "
        "none that could be told."
    )
    numbers = tuple(range(1, len(units) + 2))
    return el(
        "div", el("h3", "What moves the path"), table(head, rows, class_="matrix", numbers=numbers),
        el("p", note, class_="note"),
    )  # fmt: skip


def _change(name: str) -> list[Any]:
    says, means = _CHANGES.get(name, (name.replace("_", " ").replace("without ", "without camera "), ""))
    return [says, el("span", means, class_="note") if means else None]


def _most(row: Mapping[str, Any]) -> int:
    return max(metric["n"] for metric in row.values())


def _cell(metric: Mapping[str, Any] | None) -> list[Any]:
    if metric is None or metric["value"] is None:
        return ["–"]
    known = metric["low"] is not None and metric["high"] is not None
    return [
        el("b", number(metric["value"])),
        el("span", f"{number(metric['low'])} … {number(metric['high'])}", class_="note") if known else None,
    ]


def classes_table(metrics: Mapping[str, Any]) -> Markup | None:
    """One row for each decision: F1 with its interval, that of always saying the most frequent one, how often known."""
    rows = []
    for name, metric in metrics.items():
        if match := _CLASS.fullmatch(name):
            beside = metrics.get(f"majority/{name}")
            most = quantity(beside["value"], "") if beside else "0"
            rows.append([match[1], match[2].replace("_", " "), *_f1(metric), most, metric["n"]])
    if not rows:
        return None
    rows.sort(key=lambda row: (row[0] != "longitudinal", -row[-1], row[1]))
    head = ["channel", "decision", "F1", "95 % interval", "most frequent", "labels"]
    note = "F1 = 2 · right / (said + labelled). A decision with 0 labels was said where nothing was to be decided."
    return el(
        "div", el("h3", "Decision by decision"), table(head, rows, class_="classes", numbers=(2, 3, 4, 5)),
        el("p", note, class_="note"),
    )  # fmt: skip


def _f1(metric: Mapping[str, Any]) -> tuple[Any, str]:
    known = metric["low"] is not None and metric["high"] is not None
    interval = f"{number(metric['low'])} – {number(metric['high'])}" if known else "–"
    return el("b", quantity(metric["value"], "")), interval
