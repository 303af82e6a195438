"""The rule teacher: causes from the evidence table, decisions from the ego's own later actions. Deterministic.

Knows which of the causes seen presses most, and which decision an action with these causes is. Does not know pictures,
positions or anything later than t0 but the ego's own meta actions. Principles: arXiv 2511.00088, section 3.2 (causal
locality, annotation economy), table 3 (a key frame lies 0.5 s before its action) and table 4 (proximate cause: a
stopped lead beats the red light behind it).
"""

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING

from causeway.reasoning.behaviour import Behaviour
from causeway.reasoning.causes import can_cause
from causeway.reasoning.mapping import (
    ACCELERATING,
    HOLDING,
    SLOWING,
    STANDING,
    begins,
    deciding_action,
    longitudinal_verdict,
)
from causeway.reasoning.names import NONE
from causeway.reasoning.records import Component
from causeway.reasoning.teachers.rules_bounds import PRESSING_MPS2
from causeway.reasoning.teachers.rules_parts import VEHICLES
from causeway.reasoning.teachers.rules_seen import seen_causes

if TYPE_CHECKING:
    from causeway.evidence import Evidence

VERSION = "rules-3"
_SLOW = ("yield", "lead_following", "speed_adaptation", "stop_for_static_constraint")
_GO = ("set_speed_tracking", "lead_following")
_SOON = 7  # ticks: what begins 0.9 to 1.5 s after t0 follows what began before that


def name_components(evidence: "Evidence") -> tuple[Component, ...]:
    """Every cause that was observable up to t0, what asks for the most braking first; () when there is none.

    The evidence of one moment is the only input, so nothing later than t0 can be named.
    """
    seen = seen_causes(evidence)
    pressing = sorted((one for one in seen if one[0] >= PRESSING_MPS2), key=lambda one: -one[0])
    unique = dict.fromkeys(component for _, component in [*pressing, *seen])
    return tuple(_ranked(component, rank) for rank, component in enumerate(unique, start=1))


def _ranked(c: Component, rank: int) -> Component:
    times = (c.observed_from_us, c.observed_to_us)
    return Component(c.category, c.kind, c.track_id, c.relative_pose, c.motion, *times, rank)


def decide(components: tuple[Component, ...], behaviour: Behaviour) -> tuple[str, str]:
    """The decisions behind the ego's own later actions: (longitudinal, lateral).

    What begins about 0.5 s after t0 is what was decided; where nothing begins, what goes on. The causes named decide
    between readings of the same action. An action that nothing named explains keeps the plainest reading of it; its
    label then has no cause and goes to review.
    """
    lane = [name for name in behaviour.lane if name]
    along, across = begins(behaviour.longitudinal), begins(lane or behaviour.lateral)
    if along is None and across is None:
        return _goes_on(components, behaviour, lane)
    if components and components[0].category == "odd_constraint":  # works are slowed for and passed in one decision
        along, across = _both(along, across, behaviour.longitudinal[_SOON:], (lane or behaviour.lateral)[_SOON:])
    if across is None:
        across = _away(components, behaviour)
    lateral = NONE if across is None else _lateral(components, across)
    faster = along in ACCELERATING and lateral not in (NONE, "lane_keeping")  # to speed up beside it is part of a move
    longitudinal = NONE if along is None or faster else _longitudinal(components, along)
    if along is None and lateral == NONE:
        return _goes_on(components, behaviour, lane)
    if longitudinal == NONE and lateral == NONE:
        return _unexplained(along), NONE
    bends = any(component.kind in ("left_curve", "right_curve") for component in components)
    if lateral == "lane_keeping" and longitudinal != NONE and bends:
        return longitudinal, NONE  # to follow a bend is no decision of its own
    return longitudinal, lateral


def _goes_on(components: tuple[Component, ...], behaviour: Behaviour, lane: Sequence[str]) -> tuple[str, str]:
    """The decisions where nothing begins: a movement under way, else what one does later or keeps doing."""
    action = deciding_action(behaviour.longitudinal)
    across = deciding_action(lane) if lane else deciding_action(behaviour.lateral)
    if across == "lane_keep" and action in SLOWING and _longitudinal(components, action) != NONE:
        return _longitudinal(components, action), NONE  # braking tells more than what the lane channel does not see
    lateral = _lateral(components, across or "")
    if lateral == NONE and across == "lane_keep":
        steered = _within_lane(components, deciding_action(behaviour.lateral) or "")
        lateral = steered.replace("out_of_lane", "in_lane")  # what the lane channel does not see stays within it
    if lateral != NONE:
        return NONE, lateral
    return _longitudinal(components, action) if components else _unexplained(action), NONE


def _both(
    along: str | None, across: str | None, then: Sequence[str], aside: Sequence[str]
) -> tuple[str | None, str | None]:
    """What begins on each channel, or soon after the other one did; a change of lane needs no slowing with it."""
    shifts = ("slight_shift", "steer")
    if along is None and across is not None and across.startswith(shifts):
        along = begins(then)
    elif across is None and (later := begins(aside)) is not None and later.startswith(shifts):
        across = later
    return along, across


def _away(components: tuple[Component, ...], behaviour: Behaviour) -> str | None:
    """Steering away from who comes towards us in our lane: too little for the lane channel to show."""
    steers = begins(behaviour.lateral)
    first = components[0].relative_pose if components else ""
    return steers if first == "oncoming" and steers is not None and _within_lane(components, steers) != NONE else None


def _longitudinal(components: tuple[Component, ...], action: str | None) -> str:
    readings: tuple[str, ...] = ()
    searches = ("gap_searching",) if any(_is_rival(component) for component in components) else ()
    if action in SLOWING + STANDING:
        readings = _SLOW + searches
    elif action in ACCELERATING + HOLDING:
        readings = (*searches, *_GO)
    if action in HOLDING and components and components[0].motion == "cutting_in":
        return "yield"  # who signals, or begins to move, is let in before one has to brake for it
    for component, decision in product(components, readings):
        kept = longitudinal_verdict(decision, component.motion, action) == "yes"
        if kept and can_cause(component, decision):
            return decision
    return NONE


def _is_rival(component: Component) -> bool:
    """A vehicle in the gap that one wants, on the lane beside."""
    beside = component.relative_pose in ("left", "right") and component.motion == "moving"
    return component.category == "critical_object" and beside and component.kind in VEHICLES


def _unexplained(action: str | None) -> str:
    if action in ACCELERATING:
        return "set_speed_tracking"
    return "speed_adaptation" if action in SLOWING else NONE


def _lateral(components: tuple[Component, ...], action: str) -> str:
    """What an action of the lane channel, or of the steering where no lane is known, was decided for."""
    kind, _, side = action.rpartition("_")
    if kind == "lane_change":
        wanted = next((c.kind for c in components if can_cause(c, action)), "")
        return "merge" if wanted == "route_merge" else action
    if kind == "turn":
        return action
    if kind == "sharp_steer":
        return _within_lane(components, action) if _within_lane(components, action) != NONE else f"turn_{side}"
    return _within_lane(components, action)


def _within_lane(components: tuple[Component, ...], action: str) -> str:
    """A move across the lane: away from something, back to the middle, or along a bend."""
    kind, _, side = action.rpartition("_")
    if kind not in ("slight_shift", "steer", "sharp_steer", "follow_curve"):
        return NONE
    if any(c.kind == "free_lane" and c.relative_pose == side for c in components):
        return "lane_keeping"
    for component in components:
        if kind != "follow_curve" and _is_passed(component, side):
            tight = any(c.kind == "narrow_lane" for c in components) or component.kind in ("cone", "cyclist")
            return f"nudge_{'out_of_lane' if tight else 'in_lane'}_{side}"
        if component.kind == f"{side}_curve":
            return "lane_keeping"
    return NONE


def _is_passed(component: Component, side: str) -> bool:
    """Whether one gives room to it on this side; not to who is just coming."""
    coming = component.motion in ("crossing", "cutting_in")
    if component.kind in ("narrow_lane", "lane_end") or _is_rival(component):
        return False
    return not coming and can_cause(component, f"nudge_in_lane_{side}")
