"""What a reviewer may say, checked: the causes of stage I and the decision of stage II, as events to be stored.

Knows the closed sets by their records and which things are in the window. Causes come with names only: when they were
observed is said by the window. Does not know who is asked, files or HTTP.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from causeway.clips.geometry import HISTORY_US
from causeway.errors import UnusableInput
from causeway.platform.review.window import Window
from causeway.reasoning.answers import MAX_SEEN
from causeway.reasoning.causes import can_cause
from causeway.reasoning.grammar import MAX_COMPONENTS, TraceError, render
from causeway.reasoning.names import NONE
from causeway.reasoning.records import CocRecord, Component, record_from_row

_ROUTE = "routing_intent"  # may be added once the decision is known: where one is to go is no observation


def causes_event(window: Window, named: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Stage I: the causes named from the past; UnusableInput for a name or an id that was not there."""
    if len(named) > MAX_SEEN:
        raise UnusableInput(f"{len(named)} causes; name the {MAX_SEEN} most important")
    components = [_component(window, part, rank) for rank, part in enumerate(named, start=1)]
    return {"state": "components", "components": [asdict(c) for c in components]}


def decision_event(
    window: Window, seen: Sequence[Component], label: dict[str, Any] | None, said: dict[str, Any]
) -> dict[str, Any]:
    """Stage II: decisions with the causes cited, of those named before, of the label's (None: not shown) or of routing.

    UnusableInput where a decision has no cause and no note says why, and for names outside the closed sets.
    """
    offered = [*seen, *(record_from_row(label).components if label else ())]
    cited = tuple(_cited(window, part, offered, rank) for rank, part in enumerate(said["components"], start=1))
    if len(cited) > MAX_COMPONENTS:
        raise UnusableInput(f"{len(cited)} causes are cited; keep the {MAX_COMPONENTS} most important")
    record = CocRecord(said["longitudinal_decision"], said["lateral_decision"], cited)
    try:
        render(record)
    except TraceError as error:
        raise UnusableInput(str(error)) from error
    note = str(said.get("note", "")).strip()
    bare = [d for d in _decisions(record) if not any(can_cause(c, d) for c in cited)]
    if bare and not note:
        raise UnusableInput(f"nothing cited causes {' and '.join(bare)}: cite a cause, or say in the note why none")
    return {
        "state": "accepted",
        "longitudinal_decision": record.longitudinal_decision,
        "lateral_decision": record.lateral_decision,
        "components": [asdict(c) for c in cited],
        "note": note,
    }


def excluded_event(note: str) -> dict[str, Any]:
    """The moment is not fit to be labelled; UnusableInput without a reason."""
    if not note.strip():
        raise UnusableInput("say in the note why this moment is not fit to be labelled")
    return {"state": "excluded", "components": [], "note": note.strip()}


def _decisions(record: CocRecord) -> tuple[str, ...]:
    both = (record.longitudinal_decision, record.lateral_decision)
    return tuple(decision for decision in both if decision != NONE)


def _names(component: Component) -> tuple[str | None, ...]:
    return component.category, component.kind, component.track_id, component.relative_pose, component.motion


def _component(window: Window, part: dict[str, Any], rank: int) -> Component:
    thing = part.get("track_id")
    since = _observed(window.past)
    if thing is not None and thing not in since:
        raise UnusableInput(f"{str(thing)[:60]!r}: no such thing was seen up to t0")
    start = since[thing] if thing is not None else -HISTORY_US
    names = {n: str(part.get(n, NONE)) for n in ("category", "kind", "relative_pose", "motion")}
    component = Component(
        **names,
        track_id=thing,
        observed_from_us=window.t0_us + start,
        observed_to_us=window.t0_us + window.past["t"][-1],
        rank=rank,
    )
    try:
        render(CocRecord(NONE, NONE, (component,)))
    except TraceError as error:
        raise UnusableInput(str(error)) from error
    return component


def _cited(window: Window, part: dict[str, Any], offered: Sequence[Component], rank: int) -> Component:
    wanted = tuple(part.get(n) for n in ("category", "kind", "track_id", "relative_pose", "motion"))
    for component in offered:
        if _names(component) == wanted:
            return Component(**{**asdict(component), "rank": rank})
    if part.get("category") == _ROUTE and part.get("track_id") is None:
        return _component(window, part, rank)
    raise UnusableInput(f"{str(part.get('kind'))[:60]}: not named before the rest was shown, so it cannot be cited")


def _observed(past: dict[str, Any]) -> dict[str, int]:
    """When each thing of the past was there for the first time, in µs from t0."""
    first: dict[str, int] = {element["id"]: past["t"][0] for element in past["elements"]}
    for t_us, boxes, lights in zip(past["t"], past["boxes"], past["lights"], strict=True):
        for name in [*(box["id"] for box in boxes), *lights]:
            first.setdefault(name, t_us)
    return first
