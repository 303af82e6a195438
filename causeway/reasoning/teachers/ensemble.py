"""Several teachers, one label: what most of them said, and how far they agree.

Knows opinions. Does not know how a teacher came to one. A teacher that gave no answer agrees with nobody.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from causeway.reasoning.records import CocRecord


@dataclass(frozen=True)
class Opinion:
    """What one teacher said of one moment; `record` None: nothing that can be used, and why."""

    teacher: str
    version: str
    record: CocRecord | None
    problem: str = ""
    answered: bool = True  # False: the endpoint gave no answer at all
    served_model: str = ""  # as its endpoint says


@dataclass(frozen=True)
class Vote:
    """The record that stands, the share of teachers that gave it (None for one teacher), and who said otherwise."""

    record: CocRecord
    agreement: float | None
    reasons: tuple[str, ...] = ()


def vote(opinions: Sequence[Opinion]) -> Vote | None:
    """The most frequent pair of decisions, with the causes most frequent among those; the first teacher's on a tie.

    None when no teacher said anything that can be used.
    """
    said = [opinion.record for opinion in opinions if opinion.record is not None]
    if not said:
        return None
    pair = _most([(r.longitudinal_decision, r.lateral_decision) for r in said])
    alike = [r for r in said if (r.longitudinal_decision, r.lateral_decision) == pair]
    first = _most([_first_cause(r) for r in alike])
    record = next(r for r in alike if _first_cause(r) == first)
    if len(opinions) == 1:
        return Vote(record, None)
    against = [o for o in opinions if o.record is None or _gist(o.record) != _gist(record)]
    reasons = tuple(f"agreement: {o.teacher} says {_words(o)}" for o in against)
    return Vote(record, 1 - len(against) / len(opinions), reasons)


def _most(said: list[tuple]) -> tuple:
    return Counter(said).most_common(1)[0][0]  # equal counts come in the order of their first


def _first_cause(record: CocRecord) -> tuple:
    return next(((c.kind, c.track_id) for c in record.components), ())


def _gist(record: CocRecord) -> tuple:
    return record.longitudinal_decision, record.lateral_decision, _first_cause(record)


def _words(opinion: Opinion) -> str:
    if opinion.record is None:
        return opinion.problem
    longitudinal, lateral, cause = _gist(opinion.record)
    return f"{longitudinal}, {lateral} for {cause[0] if cause else 'no cause'}"
