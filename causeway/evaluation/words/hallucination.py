"""Causes that a policy names although nothing of the kind was there, by the evidence of the moment.

Knows which columns of the evidence can tell of a cause, and that words carry no ids: a cause holds when some thing in
the evidence is as it is described. Does not know how a column is read: `reasoning.critic_seen` does, for labels too.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from causeway.reasoning import CocRecord, Component
from causeway.reasoning.critic_seen import Tolerance, is_shown

if TYPE_CHECKING:
    from causeway.evidence import Evidence

_OBJECTS = ("lead", "left", "right", "cut_in", "oncoming", "obstacle", "crossing")
_BY_MAP = frozenset(
    {
        *("stop_sign", "stop_line", "crosswalk", "left_curve", "right_curve", "speed_bump", "cone"),
        *("lane_end", "free_lane", "narrow_lane", "route_left", "route_right", "route_merge", "route_split"),
        "target_lane",
    }
)
_TOLERANCE = Tolerance()


def held(component: Component, evidence: "Evidence") -> bool | None:
    """Whether the evidence holds a cause as it is described; None where these drives have no column to tell by."""
    if not _tells_of(component, evidence):
        return None
    return any(is_shown(replace(component, track_id=one), evidence, _TOLERANCE) for one in _ids(evidence))


def invented(record: CocRecord, evidence: "Evidence") -> tuple[int, int]:
    """(causes that the evidence does not hold, causes that it can tell of) of one answer."""
    verdicts = [verdict for c in record.components if (verdict := held(c, evidence)) is not None]
    return verdicts.count(False), len(verdicts)


def _tells_of(component: Component, evidence: "Evidence") -> bool:
    if component.category == "critical_object":
        return evidence.has_tracks
    if component.category == "traffic_light":
        return evidence.has_signals
    return component.kind in _BY_MAP and evidence.has_map


def _ids(evidence: "Evidence") -> Iterator[str | None]:
    """Every thing that the evidence tells of, and None for what has no id."""
    yield None
    yield from (getattr(evidence, f"{what}_track_id") for what in _OBJECTS)
    yield from (evidence.signal_id, evidence.sign_id, evidence.crosswalk_id, evidence.bump_id, evidence.cone_id)
