"""What a set of labels is worth to whoever trains on it: classes and how evenly they are there, and what is said twice.

Knows rows of labels. Does not know how one label was judged (`critic`) or how this is shown.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

TWICE_US = 1_000_000  # the same said of the same clip within a second is one decision labelled twice

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Balance:
    """Of one channel: labels counted, classes that are there, the most frequent one with its share, and evenness.

    `evenness` is the entropy of the shares by that of equal shares: 1 where all classes are as frequent, 0 for one
    class alone.
    """

    what: str
    labels: int
    classes: int
    most: str
    share: float
    evenness: float


def balance(what: str, values: Iterable[str | None]) -> Balance:
    """How evenly the values of one channel are there; None counts as a class of its own, `none`."""
    counts = Counter("none" if value is None else value for value in values)
    total = sum(counts.values())
    if not total:
        return Balance(what, 0, 0, "", 0.0, 0.0)
    most, number = min(counts.items(), key=lambda item: (-item[1], item[0]))
    shares = [count / total for count in sorted(counts.values())]  # a sum depends on its order
    entropy = -sum(share * log(share) for share in shares)
    even = entropy / log(len(counts)) if len(counts) > 1 else 0.0
    return Balance(what, total, len(counts), most, number / total, even)


def first_category(row: Row) -> str:
    """The category of a label's first cause; `none` where it has no cause."""
    components = sorted(row["components"] or (), key=lambda c: c["rank"] or 0)
    return str(components[0]["category"]) if components else "none"


def balances(rows: Sequence[Row]) -> list[Balance]:
    """Balance of both decision channels, of the first causes and of the scenarios."""
    channels = ("longitudinal_decision", "lateral_decision", "scenario")
    found = [balance(name, [row[name] for row in rows]) for name in channels]
    return [*found, balance("first cause", [first_category(row) for row in rows])]


def said_twice(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """(moment_id, moment_id) of labels of one clip that say the same of the same things within a second, by time."""
    of_clip: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["components"]:
            of_clip[row["clip_id"]].append(row)
    pairs = []
    for some in of_clip.values():
        last: dict[tuple, Row] = {}
        for row in sorted(some, key=lambda r: (r["t0_us"], r["moment_id"])):
            said = _said(row)
            before = last.get(said)
            if before is not None and row["t0_us"] - before["t0_us"] <= TWICE_US:
                pairs.append((before["moment_id"], row["moment_id"]))
            last[said] = row
    return sorted(pairs)


def _said(row: Row) -> tuple:
    causes = tuple((c["category"], c["kind"], c["track_id"]) for c in row["components"])
    return row["longitudinal_decision"], row["lateral_decision"], causes
