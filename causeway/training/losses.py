"""The record of a training: `losses.jsonl`, one JSON object a step, carried forward from stage to stage.

Knows the file and how it is read after a kill. Does not know what is trained.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FILE_NAME = "losses.jsonl"

Line = dict[str, Any]


def read_lines(file: Path) -> list[Line]:
    """All whole lines of a record; a last line cut off by a kill is left out, no file is no lines."""
    if not file.is_file():
        return []
    text = file.read_text()
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def write_lines(file: Path, lines: Iterable[Line]) -> None:
    """Write a record anew."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))


def append_line(file: Path, line: Line) -> None:
    """Add one step's line and hand it to the disk's cache at once, for whoever is watching."""
    with file.open("a") as stream:
        stream.write(json.dumps(line) + "\n")


def first_and_last(lines: list[Line]) -> dict[str, tuple[float, float]]:
    """Mean loss of the first and of the last tenth of each stage's steps, in order of training."""
    stages: dict[str, list[float]] = {}
    for line in lines:
        stages.setdefault(line["stage"], []).append(line["loss"])
    return {name: (_mean(of[: _tenth(of)]), _mean(of[-_tenth(of) :])) for name, of in stages.items()}


def _tenth(values: list[float]) -> int:
    return max(1, len(values) // 10)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
