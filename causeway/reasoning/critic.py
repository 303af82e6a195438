"""The rule critic: the quality rules that human checkers of the paper apply, as six checks on a label.

Knows the record, its sentence and the evidence of its moment. Does not know who made the label, and shares
no code with the rule teacher but the table of causes. Source: arXiv 2511.00088, table 4.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from causeway.reasoning.causes import can_cause
from causeway.reasoning.grammar import MAX_COMPONENTS, TraceError, parse, render
from causeway.reasoning.names import NONE
from causeway.reasoning.records import CocRecord, Component

if TYPE_CHECKING:
    from causeway.evidence import Evidence


@dataclass(frozen=True)
class CriticConfig:
    """Where a label's score, 0 to 1, puts it."""

    accept_from: float = 0.99  # every check passed
    reject_below: float = 0.7  # two or more checks of six failed


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
    found = [next(check(record, trace, evidence), None) for check in CHECKS]
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
        replace(c, track_id=None, observed_from_us=0, observed_to_us=0, rank=rank)
        for rank, c in enumerate(record.components, start=1)
    ]
    try:
        render(record)
        if parse(trace) != replace(record, components=tuple(said)):
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
        if not any(can_cause(component, decision) for decision in _decisions(record)):
            yield f"correctness: {component.kind} causes neither decision"


def _proximity(record: CocRecord, trace: str, evidence: "Evidence") -> Iterator[str]:
    """A lead that stands or slows before the stop line beats the light or the line."""
    lead_m, lead_mps = evidence.lead_distance_m, evidence.lead_speed_mps
    line_m = evidence.signal_distance_m if evidence.signal_id is not None else evidence.stop_line_distance_m
    waits = record.longitudinal_decision == "stop_for_static_constraint"
    if waits and lead_m is not None and lead_mps is not None and line_m is not None:
        halting = lead_mps < 0.5 or (evidence.lead_accel_mps2 or 0.0) < -0.5
        if halting and lead_m < line_m:
            yield f"proximity: the lead {lead_m:.1f} m ahead stands or slows before the line at {line_m:.1f} m"


def _minimality(record: CocRecord, trace: str, evidence: "Evidence") -> Iterator[str]:
    """A decision at least, no cause twice, few causes, ranks in order."""
    if not _decisions(record):
        yield "minimality: no decision, so nothing to explain"
    if len(record.components) > MAX_COMPONENTS:
        yield f"minimality: {len(record.components)} components"
    ids = [(c.category, c.track_id or c.kind) for c in record.components]
    if len(set(ids)) < len(ids):
        yield "minimality: a component is named twice"
    if [c.rank for c in record.components] != list(range(1, len(ids) + 1)):
        yield "minimality: ranks are not 1, 2, 3 in order"


def _observation(record: CocRecord, trace: str, evidence: "Evidence") -> Iterator[str]:
    """Each component was observed, as it is described, not later than t0."""
    for component in record.components:
        start_us, end_us = component.observed_from_us, component.observed_to_us
        if not start_us <= end_us <= evidence.t0_us:
            yield f"observation: {component.kind} is said observed until {end_us}, t0 is {evidence.t0_us}"
        elif not _was_observed(component, evidence):
            yield f"observation: the evidence shows no such {component.relative_pose} {component.kind}"


def _was_observed(component: Component, evidence: "Evidence") -> bool:
    if component.category == "critical_object":
        return _object_was_observed(component, evidence)
    if component.category == "traffic_light":
        state = f"{evidence.signal_state}_light" == component.kind
        return evidence.signal_id == component.track_id is not None and state
    curvature = evidence.curve_curvature_per_m or 0.0
    others = (evidence.obstacle_track_id, evidence.crossing_track_id)
    observed = {
        "stop_line": evidence.stop_line_distance_m is not None,
        "left_curve": curvature > 0,
        "right_curve": curvature < 0,
        "narrow_lane": (evidence.obstacle_clearance_m or 0.0) < 0,
        "free_lane": evidence.has_tracks and evidence.has_map and others == (None, None),
    }
    return observed.get(component.kind, False)  # the evidence table has no other thing yet


def _object_was_observed(component: Component, evidence: "Evidence") -> bool:
    """One of the three objects of the evidence, with its id, type, motion and side."""
    lead = (evidence.lead_track_id, evidence.lead_type)
    obstacle = (evidence.obstacle_track_id, evidence.obstacle_type)
    crossing = (evidence.crossing_track_id, evidence.crossing_type)
    named = (component.track_id, component.kind)
    if component.track_id is None:
        return False
    if component.motion == "crossing":
        return named == crossing and _on_side(component.relative_pose, evidence.crossing_lateral_m)
    if named == lead and component.relative_pose == "in_path":
        return _lead_moves(component.motion, evidence.lead_speed_mps, evidence.lead_accel_mps2)
    side = "left" if (evidence.obstacle_lateral_m or 0.0) > 0 else "right"
    return named == obstacle and component.relative_pose == side


def _on_side(pose: str, lateral_m: float | None) -> bool:
    """Whether a pose does not name the other side of the path; what is near its middle may be on either."""
    return {"left": 1.0, "right": -1.0}.get(pose, 0.0) * (lateral_m or 0.0) >= 0.0


def _lead_moves(motion: str, speed_mps: float | None, accel_mps2: float | None) -> bool:
    """Whether a lead was seen to move as is said; a motion that is not named needs no evidence."""
    seen = {
        "stopped": speed_mps is not None and speed_mps < 0.5,
        "slowing": accel_mps2 is not None and accel_mps2 < 0.0,
        "accelerating": accel_mps2 is not None and accel_mps2 > 0.0,
    }
    return seen.get(motion, True)


CHECKS: tuple[_Check, ...] = (
    _vocabulary,
    _coverage,
    _correctness,
    _proximity,
    _minimality,
    _observation,
)
