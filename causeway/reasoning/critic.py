"""The rule critic: the quality rules that human checkers of the paper apply, as six checks on a label.

Knows the record, its sentence and the evidence of its moment. Does not know who made the label, and shares
no code with the rule teacher but the table of causes. Source: arXiv 2511.00088, table 4.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from causeway.reasoning.causes import can_cause
from causeway.reasoning.critic_seen import Tolerance, is_shown
from causeway.reasoning.grammar import MAX_COMPONENTS, TraceError, parse, render
from causeway.reasoning.names import NONE
from causeway.reasoning.records import CocRecord, Component

if TYPE_CHECKING:
    from causeway.evidence import Evidence


@dataclass(frozen=True)
class CriticConfig:
    """Where its checks put a label: the one place of these thresholds.

    How exact a description must be is `critic_seen.Tolerance`, what presses a driver `rules_bounds.RuleBounds`.
    """

    accept_from: float = 0.99  # every check passed: of the rules, and of a model critic's questions
    reject_below: float = 0.7  # two or more checks of six failed, or of four questions
    agreed_above: float = 0.5  # of several teachers: a label that no more than this share gave waits for a person


TOLERANCE = Tolerance()
HALTING_MPS, HALTING_MPS2 = 0.5, -0.5  # a lead that is slower, or slows more, beats the light behind it
LIGHT_M = 30.0  # a green light so near is why one goes on


@dataclass(frozen=True)
class Critique:
    """Share of the checks that passed, 0 to 1, and a reason for each one that failed."""

    score: float
    reasons: tuple[str, ...]


_Check = Callable[[CocRecord, str, "Evidence"], Iterator[str]]


def criticise(record: CocRecord, trace: str, evidence: "Evidence") -> Critique:
    """Apply every check to a record, its sentence and the evidence up to t0.

    Source: arXiv 2511.00088, table 4 (causal coverage, causal correctness, proximate cause, decision
    minimality) and section 3.2 (closed vocabulary, nothing unobserved).
    """
    words = tuple(_vocabulary(record, trace, evidence))
    if words:
        return Critique(0.0, words)
    found = [None, *(next(check(record, trace, evidence), None) for check in CHECKS[1:])]  # words passed already
    return Critique(found.count(None) / len(found), tuple(reason for reason in found if reason))


def status_of(record: CocRecord, critique: Critique, consistent: str, config: CriticConfig) -> str:
    """`accepted`, `review` or `rejected`: a broken promise is refused, a missing cause waits for a person."""
    if consistent == "no" or critique.score < config.reject_below:
        return "rejected"
    if not record.components or critique.score < config.accept_from:
        return "review"
    return "accepted"


def _decisions(record: CocRecord) -> tuple[str, ...]:
    both = (record.longitudinal_decision, record.lateral_decision)
    return tuple(decision for decision in both if decision != NONE)


def _vocabulary(record: CocRecord, trace: str, evidence: "Evidence") -> Iterator[str]:
    """The record can be said, and the sentence says this record."""
    said = [
        Component(c.category, c.kind, None, c.relative_pose, c.motion, rank=rank)
        for rank, c in enumerate(record.components, start=1)
    ]
    try:
        render(record)
        if parse(trace) != CocRecord(record.longitudinal_decision, record.lateral_decision, tuple(said)):
            yield f"vocabulary: the trace {trace!r} says something else than the record"
    except TraceError as error:
        yield f"vocabulary: {error}"


def _coverage(record: CocRecord, trace: str, evidence: "Evidence") -> Iterator[str]:
    """Each decision has a cause."""
    for decision in _decisions(record):
        if not any(can_cause(component, decision) for component in record.components):
            yield f"coverage: no component causes {decision}"


def _correctness(record: CocRecord, trace: str, evidence: "Evidence") -> Iterator[str]:
    """Each component causes a decision."""
    for component in record.components:
        explains = any(can_cause(component, decision) for decision in _decisions(record))
        if not explains and not _is_in_the_way(component, record):
            yield f"correctness: {component.kind} causes neither decision"


def _is_in_the_way(component: Component, record: CocRecord) -> bool:
    """What stands in our lane, where one yields to who comes towards us: why one needs the other's lane."""
    stands = component.relative_pose == "in_path" and component.motion == "stopped"
    comes = any(c.relative_pose == "oncoming" for c in record.components)
    return component.category == "critical_object" and stands and comes and record.longitudinal_decision == "yield"


def _proximity(record: CocRecord, trace: str, evidence: "Evidence") -> Iterator[str]:
    """A lead that stands or slows before the stop line beats the light or the line."""
    if _passes_over(record, evidence):
        yield f"proximity: the {evidence.signal_state} light {evidence.signal_distance_m:.1f} m ahead is not named"
    lead_m, lead_mps = evidence.lead_distance_m, evidence.lead_speed_mps
    line_m = evidence.signal_distance_m if evidence.signal_id is not None else evidence.stop_line_distance_m
    waits = record.longitudinal_decision == "stop_for_static_constraint"
    if waits and lead_m is not None and lead_mps is not None and line_m is not None:
        halting = lead_mps < HALTING_MPS or (evidence.lead_accel_mps2 or 0.0) < HALTING_MPS2
        if halting and lead_m < line_m:
            yield f"proximity: the lead {lead_m:.1f} m ahead stands or slows before the line at {line_m:.1f} m"


def _passes_over(record: CocRecord, evidence: "Evidence") -> bool:
    """Whether one is said to go just because the lane is free, right before a light that lets one go."""
    near = evidence.signal_distance_m is not None and evidence.signal_distance_m < LIGHT_M
    goes = record.longitudinal_decision == "set_speed_tracking" and record.lateral_decision == NONE
    names = any(c.category == "traffic_light" for c in record.components)
    return near and goes and not names and evidence.signal_state == "green"


def _minimality(record: CocRecord, trace: str, evidence: "Evidence") -> Iterator[str]:
    """A decision at least, no cause twice, few causes, ranks in order."""
    if not _decisions(record):
        yield "minimality: no decision, so nothing to explain"
    along, aside = record.longitudinal_decision, record.lateral_decision
    if along != NONE and aside == "lane_keeping" and not any(_returns(c) for c in record.components):
        yield "minimality: to keep the lane as before is no decision"
    if len(record.components) > MAX_COMPONENTS:
        yield f"minimality: {len(record.components)} components"
    ids = [(c.category, c.track_id or c.kind) for c in record.components]
    if len(set(ids)) < len(ids):
        yield "minimality: a component is named twice"
    if [c.rank for c in record.components] != list(range(1, len(ids) + 1)):
        yield "minimality: ranks are not 1, 2, 3 in order"


def _returns(component: Component) -> bool:
    """A lane whose middle is beside us: to go back to it is a decision."""
    return component.category == "lane" and component.relative_pose in ("left", "right")


def _observation(record: CocRecord, trace: str, evidence: "Evidence") -> Iterator[str]:
    """Each component was observed, as it is described, not later than t0."""
    for component in record.components:
        start_us, end_us = component.observed_from_us, component.observed_to_us
        if not start_us <= end_us <= evidence.t0_us:
            yield f"observation: {component.kind} is said observed until {end_us}, t0 is {evidence.t0_us}"
        elif not is_shown(component, evidence, TOLERANCE):
            yield f"observation: the evidence shows no such {component.relative_pose} {component.kind}"


CHECKS: tuple[_Check, ...] = (
    _vocabulary,
    _coverage,
    _correctness,
    _proximity,
    _minimality,
    _observation,
)
