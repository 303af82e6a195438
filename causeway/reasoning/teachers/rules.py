"""The rule teacher: causes from the evidence table, decisions from the ego's own later actions. Deterministic.

Knows thresholds of what is near, slow or bent enough to be a cause. Does not know pictures, positions or
anything later than t0 but the ego's own meta actions. Principles: arXiv 2511.00088, section 3.2 (causal
locality, annotation economy) and table 4 (proximate cause: a stopped lead beats the red light behind it).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from causeway.reasoning.behaviour import Behaviour
from causeway.reasoning.causes import can_cause
from causeway.reasoning.mapping import ACCELERATING, SLOWING, STANDING, deciding_action, longitudinal_verdict
from causeway.reasoning.names import COMPONENT_KINDS, NONE
from causeway.reasoning.records import Component

if TYPE_CHECKING:
    from causeway.evidence import Evidence

VERSION = "rules-1"


@dataclass(frozen=True)
class RuleBounds:
    """When something observed is a cause; distances along the path."""

    standing_mps: float = 0.5  # slower is standing
    changing_mps2: float = 0.4  # a lead that gains or loses less holds its speed
    near_m: float = 15.0  # always near enough to matter
    headway_s: float = 4.5  # farther than this at the ego's speed does not matter yet
    gap_s: float = 1.2  # a lead nearer than this is followed, however fast it is
    closing_mps: float = 0.5  # a lead that holds its speed matters when one comes this much nearer each second
    obstacle_m: float = 60.0
    crossing_m: float = 60.0
    beside_m: float = 1.0  # farther to a side is beside the path
    sideways_mps2: float = 1.0  # a curve that asks for more at the present speed is a cause
    bend_per_m: float = 0.003  # a road that bends more than this explains steering by itself
    tight_m: float = -0.05  # less room than this beside an obstacle cannot be had inside the lane
    centred_m: float = 0.3  # farther from its middle, one is not centred in the lane


BOUNDS = RuleBounds()


def name_components(evidence: "Evidence") -> tuple[Component, ...]:
    """Every cause that was observable up to t0, most pressing first; () when there is none.

    The evidence of one moment is the only input, so nothing later than t0 can be named.
    """
    lead, signal = list(_lead(evidence)), list(_signal(evidence))
    if lead and signal and _hides(evidence, lead[0]):
        signal = []
    crossing = list(_crossing(evidence))
    if signal and crossing and _holds_before(evidence, signal[0]):
        crossing = []
    pressing = [*crossing, *(c for c in lead if c.motion in ("stopped", "slowing"))]
    found = [*pressing, *signal, *_stop_line(evidence, signal), *lead]
    found += [*_obstacle(evidence), *_curve(evidence)]
    unique = list(dict.fromkeys([*found, *_free_lane(evidence, found)]))
    return tuple(_ranked(component, rank) for rank, component in enumerate(unique, start=1))


def _ranked(component: Component, rank: int) -> Component:
    return Component(**{**component.__dict__, "rank": rank})


def _hides(evidence: "Evidence", lead: Component) -> bool:
    """A lead that stands or slows before the light is what the ego reacts to."""
    lead_m, line_m = evidence.lead_distance_m, evidence.signal_distance_m
    before = lead_m is not None and line_m is not None and lead_m < line_m
    return before and lead.motion in ("stopped", "slowing")


def _holds_before(evidence: "Evidence", signal: Component) -> bool:
    """A light that holds the ego before the place where others cross is the cause, whoever crosses behind it."""
    line_m, crossing_m = evidence.signal_distance_m, evidence.crossing_distance_m
    stops = can_cause(signal, "stop_for_static_constraint")
    return stops and line_m is not None and crossing_m is not None and line_m < crossing_m


def _reach_m(evidence: "Evidence") -> float:
    return max(BOUNDS.near_m, BOUNDS.headway_s * abs(evidence.ego_speed_mps))


def _seen(
    evidence: "Evidence", since_us: int | None, category: str, kind: str | None, **fields: Any
) -> Iterator[Component]:
    """The component, observed from `since_us` up to the evidence; none for a kind outside the closed set."""
    if kind in COMPONENT_KINDS[category]:
        start = evidence.event_us if since_us is None else min(since_us, evidence.event_us)
        yield Component(category, kind, observed_from_us=start, observed_to_us=evidence.event_us, **fields)


def _lead(evidence: "Evidence") -> Iterator[Component]:
    distance = evidence.lead_distance_m
    if evidence.lead_track_id is None or distance is None or distance > _reach_m(evidence):
        return
    accel, speed = evidence.lead_accel_mps2 or 0.0, evidence.lead_speed_mps
    if speed is None:
        motion = NONE  # nobody knows how it moves: it is not said to stand
    elif speed < BOUNDS.standing_mps:
        motion = "stopped" if accel < BOUNDS.changing_mps2 else "accelerating"
    elif abs(accel) < BOUNDS.changing_mps2:
        motion = "moving"
    else:
        motion = "slowing" if accel < 0 else "accelerating"
    close = distance < BOUNDS.gap_s * evidence.ego_speed_mps
    keeps_off = speed is not None and evidence.ego_speed_mps - speed < BOUNDS.closing_mps
    if motion == "moving" and not close and keeps_off:
        return  # it drives on as fast as the ego: no cause of anything
    named = {"track_id": evidence.lead_track_id, "relative_pose": "in_path", "motion": motion}
    yield from _seen(evidence, evidence.lead_since_us, "critical_object", evidence.lead_type, **named)


def _signal(evidence: "Evidence") -> Iterator[Component]:
    distance = evidence.signal_distance_m
    if evidence.signal_id is None or distance is None or distance > _reach_m(evidence):
        return
    kind = f"{evidence.signal_state}_light"
    named = {"track_id": evidence.signal_id, "relative_pose": "in_path"}
    yield from _seen(evidence, evidence.signal_since_us, "traffic_light", kind, **named)


def _stop_line(evidence: "Evidence", signal: list[Component]) -> Iterator[Component]:
    """A stop line on its own; with a light in view, the light governs it."""
    distance = evidence.stop_line_distance_m
    if signal or evidence.signal_id is not None or distance is None or distance > _reach_m(evidence):
        return
    yield from _seen(evidence, None, "yield_stop_control", "stop_line", relative_pose="in_path")


def _side(lateral_m: float | None) -> str:
    if lateral_m is None or abs(lateral_m) < BOUNDS.beside_m:
        return "in_path"
    return "left" if lateral_m > 0 else "right"


def _crossing(evidence: "Evidence") -> Iterator[Component]:
    distance = evidence.crossing_distance_m
    if evidence.crossing_track_id is None or distance is None or distance > BOUNDS.crossing_m:
        return
    named = {
        "track_id": evidence.crossing_track_id,
        "relative_pose": _side(evidence.crossing_lateral_m),
        "motion": "crossing",
    }
    yield from _seen(evidence, evidence.crossing_since_us, "critical_object", evidence.crossing_type, **named)


def _obstacle(evidence: "Evidence") -> Iterator[Component]:
    """What stands beside the path; not where the road bends away from it, for steering then tells nothing."""
    distance, lateral = evidence.obstacle_distance_m, evidence.obstacle_lateral_m or 0.0
    if evidence.obstacle_track_id is None or distance is None or distance > BOUNDS.obstacle_m:
        return
    bend = evidence.curve_curvature_per_m or 0.0
    if abs(bend) >= BOUNDS.bend_per_m and bend * lateral < 0:
        return
    side = "left" if lateral > 0 else "right"
    named = {"track_id": evidence.obstacle_track_id, "relative_pose": side, "motion": "stopped"}
    yield from _seen(evidence, evidence.obstacle_since_us, "critical_object", evidence.obstacle_type, **named)
    if (evidence.obstacle_clearance_m or 0.0) < BOUNDS.tight_m:
        yield from _seen(evidence, evidence.obstacle_since_us, "lane", "narrow_lane", relative_pose="in_path")


def _curve(evidence: "Evidence") -> Iterator[Component]:
    curvature = evidence.curve_curvature_per_m
    if curvature is None or evidence.ego_speed_mps**2 * abs(curvature) < BOUNDS.sideways_mps2:
        return
    kind = "left_curve" if curvature > 0 else "right_curve"
    yield from _seen(evidence, None, "road_event", kind, relative_pose="in_path")


def _free_lane(evidence: "Evidence", found: list[Component]) -> Iterator[Component]:
    """The open lane: only where tracks and a map would show what fills it; its pose says where its middle is."""
    open_kinds = ("green_light", "green_arrow", "left_curve", "right_curve")
    if not (evidence.has_tracks and evidence.has_map) or any(c.kind not in open_kinds for c in found):
        return
    offset = evidence.lane_offset_m or 0.0
    pose = "in_path" if abs(offset) < BOUNDS.centred_m else ("right" if offset > 0 else "left")
    yield from _seen(evidence, None, "lane", "free_lane", relative_pose=pose)


def decide(components: tuple[Component, ...], behaviour: Behaviour) -> tuple[str, str]:
    """The decisions behind the ego's own later actions: (longitudinal, lateral).

    The causes named decide between readings of the same action. An action that nothing named explains keeps
    the plainest reading of it; its label then has no cause and goes to review.
    """
    lateral = _lateral(components, behaviour)
    action = deciding_action(behaviour.longitudinal)
    longitudinal = _longitudinal(components, action)
    if longitudinal == NONE and lateral == NONE:
        return _unexplained(action), NONE
    bends = any(component.kind in ("left_curve", "right_curve") for component in components)
    if lateral == "lane_keeping" and longitudinal != NONE and bends:
        return longitudinal, NONE  # to follow a bend is no decision of its own
    return longitudinal, lateral


def _longitudinal(components: tuple[Component, ...], action: str | None) -> str:
    readings: tuple[str, ...] = ()
    if action in SLOWING + STANDING:
        readings = ("yield", "lead_following", "stop_for_static_constraint", "speed_adaptation")
    elif action in ACCELERATING:
        readings = ("set_speed_tracking", "lead_following")
    for component, decision in product(components, readings):
        kept = longitudinal_verdict(decision, component.motion, action) == "yes"
        if kept and can_cause(component, decision):
            return decision
    return NONE


def _unexplained(action: str | None) -> str:
    if action in ACCELERATING:
        return "set_speed_tracking"
    return "speed_adaptation" if action in SLOWING else NONE


def _lateral(components: tuple[Component, ...], behaviour: Behaviour) -> str:
    by_lane = _by_lane(behaviour)
    if by_lane is not None:
        return by_lane
    action = deciding_action(behaviour.lateral) or ""
    side = action.rpartition("_")[2]
    if side not in ("left", "right") or "steer" not in action:
        return NONE
    for component in components:
        away = component.relative_pose == ("right" if side == "left" else "left")
        if component.category == "critical_object" and component.motion == "stopped" and away:
            tight = any(c.kind == "narrow_lane" for c in components)
            return f"nudge_out_of_lane_{side}" if tight else f"nudge_in_lane_{side}"
        back = component.kind == "free_lane" and component.relative_pose == side
        if back or component.kind == f"{side}_curve":
            return "lane_keeping"
    return f"turn_{side}" if action.startswith("sharp") else NONE


def _by_lane(behaviour: Behaviour) -> str | None:
    """What the lane channel says where there is a map; None where it says nothing or keeps to the lane."""
    action = deciding_action([name for name in behaviour.lane if name]) or ""
    if action.startswith(("lane_change", "turn")):
        return action
    return action.replace("slight_shift", "nudge_in_lane") if action.startswith("slight_shift") else None
