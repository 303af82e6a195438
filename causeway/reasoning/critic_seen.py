"""Whether a moment's evidence shows a component as it is described: its id, type, side, motion and state.

Knows every column of the evidence that can be named. Shares no code with the rule teacher. Does not know decisions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from causeway.reasoning.names import NONE
from causeway.reasoning.records import Component

if TYPE_CHECKING:
    from causeway.evidence import Evidence


@dataclass(frozen=True)
class Tolerance:
    """How far a description may be from what was measured."""

    standing_mps: float = 0.5  # slower is standing
    surely_moves_mps: float = 1.0  # faster does not stand
    changes_mps2: float = 0.1  # who slows or speeds up does so by at least this
    steady_mps2: float = 0.5  # who holds the speed changes it by less
    in_path_m: float = 2.2  # nearer to the middle of our path than this, a thing may be said to be ahead
    middle_m: float = 0.3  # so near to the middle of our path, or lane, either side is right
    comes_over_mps: float = 0.05  # across: who cuts in comes nearer at least so fast
    lane_taken_s: float = 0.8  # a lane with a lead nearer than this is not free …
    lane_taken_m: float = 3.0  # … nor one with a lead so near
    bend_per_m: float = 0.001  # less is no curve


_Seen = Callable[[Component, "Evidence", Tolerance], bool]
_WEAK = ("pedestrian", "animal", "cyclist")
_ALONG = ("moving", "slowing", "accelerating")


def is_shown(component: Component, evidence: "Evidence", tolerance: Tolerance) -> bool:
    """Whether the evidence shows the component; what no column tells of is not shown."""
    if component.category == "critical_object":
        return any(seen(component, evidence, tolerance) for seen in _OBJECTS)
    if component.motion != NONE:
        return False
    if component.category == "traffic_light":
        return _has_pose(component) and _light(component, evidence)
    if component.kind in _WITH_ID:
        shown_id = getattr(evidence, f"{_WITH_ID[component.kind]}_id")
        return _has_pose(component) and shown_id is not None and component.track_id == shown_id
    shown = _PLACES.get(component.kind)
    return shown is not None and component.track_id is None and shown(component, evidence, tolerance)


def _has_pose(component: Component) -> bool:
    return component.relative_pose == "in_path"


def _light(component: Component, evidence: "Evidence") -> bool:
    state = f"{evidence.signal_state}_light" == component.kind
    return evidence.signal_id is not None and component.track_id == evidence.signal_id and state


_WITH_ID = {"stop_sign": "sign", "crosswalk": "crosswalk", "speed_bump": "bump", "cone": "cone"}


def _is(component: Component, evidence: "Evidence", what: str) -> bool:
    shown = (getattr(evidence, f"{what}_track_id"), getattr(evidence, f"{what}_type"))
    return component.track_id is not None and (component.track_id, component.kind) == shown


def _lead(component: Component, evidence: "Evidence", tolerance: Tolerance) -> bool:
    """Who drives ahead of us; on its side and cutting in while it still comes over."""
    if component.motion == "cutting_in":
        comes = (evidence.lead_towards_mps or 0.0) > tolerance.comes_over_mps
        beside = abs(evidence.lead_lateral_m or 0.0) > tolerance.middle_m
        side = _on_side(component.relative_pose, evidence.lead_lateral_m, tolerance)
        return _is(component, evidence, "lead") and comes and beside and side
    pose = component.relative_pose == "in_path"
    rider = component.kind in ("cyclist", "motorcycle") and component.relative_pose in ("left", "right")
    moves = _moves(component.motion, evidence.lead_speed_mps, evidence.lead_accel_mps2, tolerance)
    return _is(component, evidence, "lead") and (pose or rider) and moves


def _moves(motion: str, speed_mps: float | None, accel_mps2: float | None, tolerance: Tolerance) -> bool:
    """Whether something was seen to move as is said; a motion that is not named needs no evidence."""
    if motion == NONE:
        return True
    if speed_mps is None or motion not in ("stopped", *_ALONG):
        return False
    if speed_mps <= -tolerance.standing_mps:
        return motion in _ALONG  # it backs up: gaining and losing speed are words for driving on
    if motion == "stopped":
        return speed_mps < tolerance.standing_mps
    gains_mps2 = accel_mps2 or 0.0
    if motion == "moving":
        holds = accel_mps2 is not None and abs(gains_mps2) < tolerance.steady_mps2
        return holds and speed_mps >= tolerance.standing_mps
    return (gains_mps2 if motion == "accelerating" else -gains_mps2) > tolerance.changes_mps2


def _obstacle(component: Component, evidence: "Evidence", tolerance: Tolerance) -> bool:
    if not _is(component, evidence, "obstacle") or component.motion not in ("stopped", NONE):
        return False
    return _on_side(component.relative_pose, evidence.obstacle_lateral_m, tolerance)


def _crossing(component: Component, evidence: "Evidence", tolerance: Tolerance) -> bool:
    """Who heads into our way: crossing it, or a person who moves towards it and does not stand."""
    if not _is(component, evidence, "crossing"):
        return False
    weak, fast = component.kind in _WEAK, (evidence.crossing_speed_mps or 0.0) >= tolerance.standing_mps
    moves = component.motion == "crossing" or (weak and fast and component.motion in _ALONG)
    if component.relative_pose == "crosswalk":
        return moves and weak
    return moves and _on_side(component.relative_pose, evidence.crossing_lateral_m, tolerance)


def _oncoming(component: Component, evidence: "Evidence", tolerance: Tolerance) -> bool:
    """Who comes towards us: it drives, and how its speed changes is in no column."""
    drives = (evidence.oncoming_speed_mps or 0.0) >= tolerance.standing_mps
    moves = component.motion in (*_ALONG, NONE)
    return _is(component, evidence, "oncoming") and component.relative_pose == "oncoming" and moves and drives


def _cut_in(component: Component, evidence: "Evidence", tolerance: Tolerance) -> bool:
    if not _is(component, evidence, "cut_in") or component.motion != "cutting_in":
        return False
    return _on_side(component.relative_pose, evidence.cut_in_lateral_m, tolerance)


def _neighbour(component: Component, evidence: "Evidence", tolerance: Tolerance) -> bool:
    """A vehicle on the lane next to ours, on its side; one that cuts in comes nearer, or signals that it will."""
    side = component.relative_pose
    if side not in ("left", "right") or not _is(component, evidence, side):
        return False
    if component.motion == "cutting_in":
        signals = getattr(evidence, f"{side}_indicator") == {"left": "right", "right": "left"}[side]
        return signals or (getattr(evidence, f"{side}_towards_mps") or 0.0) > tolerance.comes_over_mps
    relative = getattr(evidence, f"{side}_relative_speed_mps")
    if component.motion == NONE or relative is None:
        return component.motion == NONE
    speed = evidence.ego_speed_mps + relative
    if component.motion == "stopped":
        return abs(speed) < tolerance.standing_mps
    return component.motion in _ALONG and abs(speed) >= tolerance.standing_mps


_OBJECTS: tuple[_Seen, ...] = (_lead, _oncoming, _obstacle, _crossing, _cut_in, _neighbour)


def _on_side(pose: str, lateral_m: float | None, tolerance: Tolerance) -> bool:
    """Whether a pose names the side of our path that a thing is on; near its middle either may be said."""
    if lateral_m is None:
        return False
    if pose == "in_path":
        return abs(lateral_m) < tolerance.in_path_m
    return {"left": 1.0, "right": -1.0}.get(pose, 0.0) * lateral_m > -tolerance.middle_m and pose in ("left", "right")


def _stop_line(component: Component, evidence: "Evidence", tolerance: Tolerance) -> bool:
    return _has_pose(component) and evidence.stop_line_distance_m is not None


def _curve(component: Component, evidence: "Evidence", tolerance: Tolerance) -> bool:
    side = 1.0 if component.kind == "left_curve" else -1.0
    return _has_pose(component) and (evidence.curve_curvature_per_m or 0.0) * side > tolerance.bend_per_m


def _narrow_lane(component: Component, evidence: "Evidence", tolerance: Tolerance) -> bool:
    return _has_pose(component) and evidence.obstacle_clearance_m is not None


def _free_lane(component: Component, evidence: "Evidence", tolerance: Tolerance) -> bool:
    """Tracks and a map are known, nobody is close ahead, and its middle is on the side that is said."""
    if not (evidence.has_tracks and evidence.has_map):
        return False
    near_m = max(tolerance.lane_taken_m, tolerance.lane_taken_s * evidence.ego_speed_mps)
    if evidence.lead_distance_m is not None and evidence.lead_distance_m < near_m:
        return False
    if component.relative_pose == "in_path":
        return True
    return _on_side(component.relative_pose, -(evidence.lane_offset_m or 0.0), tolerance)


def _lane_end(component: Component, evidence: "Evidence", tolerance: Tolerance) -> bool:
    return _has_pose(component) and evidence.lane_end_distance_m is not None


def _merge(component: Component, evidence: "Evidence", tolerance: Tolerance) -> bool:
    """A ramp that ends beside a lane that leads on; the route may name the side."""
    ramp = bool(evidence.on_ramp) and evidence.lane_end_distance_m is not None
    return ramp and (_has_pose(component) or bool(getattr(evidence, f"has_{component.relative_pose}_lane", False)))


def _route(component: Component, evidence: "Evidence", tolerance: Tolerance) -> bool:
    """What the route asks for next, on the side that is said, if one is."""
    action, _, side = (evidence.route_action or "").partition("_")
    asked = {"lane": "target_lane", "exit": "route_split", "turn": f"route_{side}"}.get(action)
    return component.kind == asked and component.relative_pose in ("in_path", side)


_PLACES: dict[str, _Seen] = {
    "lane_end": _lane_end,
    "route_merge": _merge,
    "target_lane": _route,
    "route_split": _route,
    "route_left": _route,
    "route_right": _route,
    "stop_line": _stop_line,
    "left_curve": _curve,
    "right_curve": _curve,
    "narrow_lane": _narrow_lane,
    "free_lane": _free_lane,
}
