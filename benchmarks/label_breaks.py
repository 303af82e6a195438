"""Twelve ways to break a true label on purpose, for `measure_labels.py`: each is one mistake that a labeller makes.

Knows records, their sentences and the evidence of their moment. A way returns None for a label that it cannot break
(there is no left without a side), and never the label as it was.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from causeway.artifacts.closed_sets import TRACK_TYPES
from causeway.evidence import Evidence
from causeway.reasoning.grammar import render
from causeway.reasoning.names import LATERAL_DECISIONS, LONGITUDINAL_DECISIONS, NONE
from causeway.reasoning.records import CocRecord, Component


@dataclass(frozen=True)
class Told:
    """A label to be checked: the record, its sentence and the evidence of its moment."""

    record: CocRecord
    trace: str
    evidence: Evidence


def told(record: CocRecord, evidence: Evidence) -> Told:
    """A record with the sentence that says it."""
    return Told(record, render(record), evidence)


Rng = np.random.Generator
Way = Callable[[CocRecord, Evidence, Rng, Sequence[CocRecord]], Told | None]


def _first(record: CocRecord, **fields: object) -> CocRecord:
    return replace(record, components=(replace(record.components[0], **fields), *record.components[1:]))


def _other(rng: Rng, names: Sequence[str], *known: str) -> str:
    left = [name for name in names if name not in known]
    return left[int(rng.integers(len(left)))]


def wrong_side(record: CocRecord, evidence: Evidence, rng: Rng, others: Sequence[CocRecord]) -> Told | None:
    """Left and right change places, in the decision or else in the first cause."""
    swap = {"left": "right", "right": "left"}
    side = record.lateral_decision.rpartition("_")[2]
    if side in swap:
        mirrored = record.lateral_decision.removesuffix(side) + swap[side]
        return told(replace(record, lateral_decision=mirrored), evidence)
    pose = record.components[0].relative_pose
    return told(_first(record, relative_pose=swap[pose]), evidence) if pose in swap else None


def wrong_decision(record: CocRecord, evidence: Evidence, rng: Rng, others: Sequence[CocRecord]) -> Told | None:
    """Another decision in the channel that decided."""
    if record.longitudinal_decision != NONE:
        decision = _other(rng, LONGITUDINAL_DECISIONS, NONE, record.longitudinal_decision)
        return told(replace(record, longitudinal_decision=decision), evidence)
    decision = _other(rng, LATERAL_DECISIONS, NONE, record.lateral_decision)
    return told(replace(record, lateral_decision=decision), evidence)


def swapped_cause(record: CocRecord, evidence: Evidence, rng: Rng, others: Sequence[CocRecord]) -> Told | None:
    """The first cause is that of another moment, of another category."""
    foreign = [r.components[0] for r in others if r.components[0].category != record.components[0].category]
    one = foreign[int(rng.integers(len(foreign)))]
    now = record.components[0]
    seen = {"observed_from_us": now.observed_from_us, "observed_to_us": now.observed_to_us, "rank": 1}
    return told(replace(record, components=(replace(one, **seen), *record.components[1:])), evidence)


def unobserved_id(record: CocRecord, evidence: Evidence, rng: Rng, others: Sequence[CocRecord]) -> Told | None:
    """The first cause has an id that nothing seen has."""
    return told(_first(record, track_id=f"ghost{int(rng.integers(1000))}"), evidence)


def after_t0(record: CocRecord, evidence: Evidence, rng: Rng, others: Sequence[CocRecord]) -> Told | None:
    """The first cause was seen after t0."""
    later = evidence.t0_us + 100_000 * int(rng.integers(1, 40))
    return told(_first(record, observed_to_us=later), evidence)


def behind_lead_light(record: CocRecord, evidence: Evidence, rng: Rng, others: Sequence[CocRecord]) -> Told | None:
    """Not first in the queue, but the light behind the lead is named: a red light is put where there is none."""
    lead_m, speed = evidence.lead_distance_m, evidence.lead_speed_mps
    halts = speed is not None and (speed < 0.3 or (evidence.lead_accel_mps2 or 0.0) < -0.8)
    if record.longitudinal_decision != "lead_following" or lead_m is None or not halts:
        return None
    since = evidence.t0_us - 1_500_000
    place = {"signal_distance_m": lead_m + float(rng.uniform(6.0, 20.0)), "signal_since_us": since}
    seen = replace(evidence, signal_id="light", signal_state="red", **place)
    light = Component("traffic_light", "red_light", "light", "in_path", NONE, since, evidence.t0_us, 1)
    return told(replace(record, longitudinal_decision="stop_for_static_constraint", components=(light,)), seen)


def superfluous_decision(record: CocRecord, evidence: Evidence, rng: Rng, others: Sequence[CocRecord]) -> Told | None:
    """A decision in the channel that decided nothing."""
    if record.lateral_decision == NONE:
        return told(replace(record, lateral_decision=_other(rng, LATERAL_DECISIONS, NONE)), evidence)
    if record.longitudinal_decision == NONE:
        return told(replace(record, longitudinal_decision=_other(rng, LONGITUDINAL_DECISIONS, NONE)), evidence)
    return None


def two_verbs(record: CocRecord, evidence: Evidence, rng: Rng, others: Sequence[CocRecord]) -> Told | None:
    """The sentence says two longitudinal decisions."""
    if record.longitudinal_decision == NONE:
        return None
    other = CocRecord(_other(rng, LONGITUDINAL_DECISIONS, NONE, record.longitudinal_decision), NONE)
    words = render(record)
    return Told(record, f"{render(other)[:-1]} and {words[0].lower()}{words[1:]}", evidence)


def wrong_colour(record: CocRecord, evidence: Evidence, rng: Rng, others: Sequence[CocRecord]) -> Told | None:
    """Another colour of the light."""
    kind = record.components[0].kind
    lights = ("red_light", "yellow_light", "green_light", "off_light")
    return told(_first(record, kind=_other(rng, lights, kind)), evidence) if kind in lights else None


def wrong_motion(record: CocRecord, evidence: Evidence, rng: Rng, others: Sequence[CocRecord]) -> Told | None:
    """The first object moves otherwise: who stands goes, who goes stands, who slows speeds up …"""
    one = record.components[0]
    if one.category != "critical_object":
        return None
    opposite = {"stopped": "accelerating", "slowing": "accelerating", "accelerating": "slowing"}
    return told(_first(record, motion=opposite.get(one.motion, "stopped")), evidence)


def missing_cause(record: CocRecord, evidence: Evidence, rng: Rng, others: Sequence[CocRecord]) -> Told | None:
    """The first cause is left out."""
    left = tuple(replace(c, rank=rank) for rank, c in enumerate(record.components[1:], start=1))
    return told(replace(record, components=left), evidence)


def wrong_type(record: CocRecord, evidence: Evidence, rng: Rng, others: Sequence[CocRecord]) -> Told | None:
    """The first object is of another type."""
    one = record.components[0]
    if one.category != "critical_object":
        return None
    return told(_first(record, kind=_other(rng, TRACK_TYPES, one.kind)), evidence)


WAYS: tuple[Way, ...] = (
    wrong_side,
    wrong_decision,
    swapped_cause,
    unobserved_id,
    after_t0,
    behind_lead_light,
    superfluous_decision,
    two_verbs,
    wrong_colour,
    wrong_motion,
    missing_cause,
    wrong_type,
)
