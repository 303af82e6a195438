"""How the rule teacher makes components of what the evidence tells.

Knows when and as what something was seen. Does not know what presses (`rules_seen`, `rules_beside`).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from causeway.reasoning.names import COMPONENT_KINDS
from causeway.reasoning.records import Component

if TYPE_CHECKING:
    from causeway.evidence import Evidence

VEHICLES = ("car", "truck", "bus", "motorcycle")
Asked = tuple[float, Component]  # braking in m/s², the cause that asks for it


def named(evidence: "Evidence", since_us: int | None, category: str, kind: str | None, **fields: Any) -> Component:
    """A component that is seen now, and since when; without a time, only now."""
    start = evidence.event_us if since_us is None else min(since_us, evidence.event_us)
    return Component(category, kind or "", observed_from_us=start, observed_to_us=evidence.event_us, **fields)


def road_user(evidence: "Evidence", what: str, pose: str, motion: str) -> Iterator[Component]:
    """A road user of the evidence; none for a type outside the closed set."""
    kind = getattr(evidence, f"{what}_type")
    if kind in COMPONENT_KINDS["critical_object"]:
        fields = {"track_id": getattr(evidence, f"{what}_track_id"), "relative_pose": pose, "motion": motion}
        yield named(evidence, getattr(evidence, f"{what}_since_us", None), "critical_object", kind, **fields)
