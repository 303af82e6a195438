"""Chain-of-Causation records: one driving decision for each channel and the components that caused it.

Knows the shape of a record and how it is stored in a row. Does not check names: a teacher may say anything,
the grammar and the critic judge it. Source: arXiv 2511.00088, section 3.2 (structured CoC).
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from causeway.reasoning.names import NONE


@dataclass(frozen=True)
class Component:
    """One cause: what it is, where it is, how it moves, and when it was observed ([from, to] in µs).

    `rank` is 1 for the most important cause. `track_id` is a track's or map element's id, None when unknown.
    """

    category: str
    kind: str
    track_id: str | None = None
    relative_pose: str = NONE
    motion: str = NONE
    observed_from_us: int = 0
    observed_to_us: int = 0
    rank: int = 1


@dataclass(frozen=True)
class CocRecord:
    """At most one decision a channel (`none` = no change) and its components, most important first."""

    longitudinal_decision: str
    lateral_decision: str
    components: tuple[Component, ...] = ()


def component_rows(components: Iterable[Component]) -> list[dict[str, Any]]:
    """Components as the dictionaries that the labels table stores."""
    return [asdict(component) for component in components]


def record_from_row(row: Mapping[str, Any]) -> CocRecord:
    """A labels or truth row (decisions and a list of component dictionaries) as a record, sorted by rank."""
    components = sorted((Component(**part) for part in row["components"] or ()), key=lambda c: c.rank)
    return CocRecord(row["longitudinal_decision"], row["lateral_decision"], tuple(components))
