"""A table for a person: a title, columns, rows, as text and as plain values for JSON.

Knows alignment and how numbers are written short. Does not know artifacts.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

ROWS_SHOWN = 40


@dataclass(frozen=True)
class Section:
    """Rows under a title; text shows the first `ROWS_SHOWN` and says how many more there are, JSON has them all."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def text(self) -> list[str]:
        """Aligned lines; nothing at all without rows."""
        if not self.rows:
            return []
        cells = [[_short(value) for value in row] for row in self.rows[:ROWS_SHOWN]]
        widths = [max(len(line[i]) for line in [list(self.columns), *cells]) for i in range(len(self.columns))]
        number = [all(isinstance(row[i], int | float | None) for row in self.rows) for i in range(len(self.columns))]
        lines = [
            "  ".join(c.rjust(w) if n else c.ljust(w) for c, w, n in zip(line, widths, number, strict=True)).rstrip()
            for line in [list(self.columns), *cells]
        ]
        more = len(self.rows) - ROWS_SHOWN
        return [self.title, *(f"  {line}" for line in lines), *([f"  … and {more} more"] if more > 0 else [])]

    def values(self) -> list[dict[str, Any]]:
        """One object a row; what is no number is null, as JSON has it."""
        plain = (tuple(None if no_number(value) else value for value in row) for row in self.rows)
        return [dict(zip(self.columns, row, strict=True)) for row in plain]


def no_number(value: Any) -> bool:
    """True for a float that is infinite or not a number."""
    return isinstance(value, float) and not math.isfinite(value)


def counted(title: str, what: str, values: Iterable[Any]) -> Section:
    """How often each value is there, the most frequent first, with its share."""
    counts = Counter(_name(value) for value in values)
    total = sum(counts.values())
    rows = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return Section(title, (what, "count", "share"), tuple((name, n, f"{n / total:.1%}") for name, n in rows))


def crossed(title: str, what: str, pairs: Sequence[tuple[Any, Any]]) -> Section:
    """How often each (row, column) pair is there, with a column for each second value and a total."""
    counts = Counter((_name(a), _name(b)) for a, b in pairs)
    heads = sorted({b for _, b in counts})
    names = sorted({a for a, _ in counts})
    rows = [(a, *(counts[a, b] for b in heads), sum(counts[a, b] for b in heads)) for a in names]
    return Section(title, (what, *heads, "all"), tuple(rows))


def _name(value: Any) -> str:
    return "none" if value is None else str(value)


def _short(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value).replace("\n", " ")
    return text if len(text) <= 80 else f"{text[:79]}…"
