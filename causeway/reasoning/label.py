"""One moment becomes one label: a teacher's two calls, then the critic and the consistency check.

Knows the order of the calls and what each one may see. Does not know tables, shards or files.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from causeway.reasoning.behaviour import Behaviour
from causeway.reasoning.causes import can_cause
from causeway.reasoning.critic import CriticConfig, criticise, status_of
from causeway.reasoning.grammar import TraceError, render
from causeway.reasoning.mapping import consistent
from causeway.reasoning.names import NONE
from causeway.reasoning.records import CocRecord, Component
from causeway.reasoning.teachers import Teacher

if TYPE_CHECKING:
    from causeway.evidence import Evidence
    from causeway.reasoning.pictures import RawPicture


@dataclass(frozen=True)
class Asked:
    """One moment as it is asked about: what was known at t0, what the ego then did, and its stored pictures."""

    evidence: "Evidence"
    behaviour: Behaviour
    pictures: tuple["RawPicture", ...] = ()


@dataclass(frozen=True)
class Label:
    """A record with its sentence and what the checks say about it."""

    record: CocRecord
    trace: str
    critic_score: float
    consistent: str
    status: str
    reasons: tuple[str, ...]
    teacher_version: str = ""
    agreement: float | None = None  # share of several teachers that gave this label


def make_label(evidence: "Evidence", behaviour: Behaviour, teacher: Teacher, config: CriticConfig) -> Label:
    """Ask the teacher for causes (evidence only), then for the decision (the ego's own actions), and check both."""
    components = teacher.name_components(evidence)
    longitudinal, lateral = teacher.decide(components, behaviour)
    record = CocRecord(longitudinal, lateral, causes_of(components, (longitudinal, lateral)))
    return replace(check_label(record, evidence, behaviour, config), teacher_version=teacher.VERSION)


def failed_label(status: str, reasons: tuple[str, ...]) -> Label:
    """A moment for which no teacher gave anything that can be used: no decision, no cause, no words, but the
    reasons."""
    return Label(CocRecord(NONE, NONE), "", 0.0, "undecidable", status, reasons)


def causes_of(components: tuple[Component, ...], decisions: tuple[str, str]) -> tuple[Component, ...]:
    """The first component that causes each decision, ranked anew: nothing else is worth a word.

    Source: annotation economy, arXiv 2511.00088, section 3.2.
    """
    first = [next((c for c in components if can_cause(c, d)), None) for d in decisions]
    kept = sorted(dict.fromkeys(c for c in first if c is not None), key=lambda c: c.rank)  # a set has no order
    return tuple(replace(component, rank=rank) for rank, component in enumerate(kept, start=1))


def check_label(record: CocRecord, evidence: "Evidence", behaviour: Behaviour, config: CriticConfig) -> Label:
    """A record, whoever made it, with the verdicts of the critic and of the consistency check."""
    try:
        trace = render(record)
    except TraceError as error:
        return Label(record, "", 0.0, "undecidable", "rejected", (f"vocabulary: {error}",))
    critique = criticise(record, trace, evidence)
    verdict = consistent(record, behaviour.longitudinal, behaviour.lateral, behaviour.lane)
    reasons = list(critique.reasons)
    if not record.components:
        reasons.append("cause: none was observable up to t0")
    if verdict != "yes":
        reasons.append(f"consistency: {verdict}")
    status = status_of(record, critique, verdict, config)
    return Label(record, trace, critique.score, verdict, status, tuple(reasons))
