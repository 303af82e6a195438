"""What the rule teacher sees beside our lane: who comes over or towards us, and why we want another lane.

Knows neighbours, oncoming vehicles, the lane's end and the route. Does not know what is ahead in our own lane
(`rules_seen`) or what the ego then did (`rules`).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from causeway.reasoning.teachers.rules_bounds import BOUNDS, PRESSING_MPS2, to_follow, to_pass, to_stand
from causeway.reasoning.teachers.rules_parts import Asked, named, road_user

if TYPE_CHECKING:
    from causeway.evidence import Evidence

_SIDES = ("left", "right")


def coming_over(evidence: "Evidence") -> Iterator[Asked]:
    """Who moves over into our lane: half in it already, or there within seconds."""
    lead_m, lateral_m = evidence.lead_distance_m, evidence.lead_lateral_m or 0.0
    comes = (evidence.lead_towards_mps or 0.0) >= BOUNDS.comes_mps and abs(lateral_m) >= BOUNDS.half_in_m
    if lead_m is not None and comes:
        asks = to_follow(evidence, lead_m, evidence.lead_speed_mps or 0.0)
        for component in road_user(evidence, "lead", _side_of(lateral_m), "cutting_in"):
            yield max(asks, BOUNDS.surprise_mps2), component
    if evidence.cut_in_track_id is not None and evidence.cut_in_distance_m is not None:
        speed = next((_own(evidence, s) for s in _SIDES if _is_who(evidence, s)), None)
        speed = evidence.ego_speed_mps - 2.0 if speed is None else speed
        asks = to_follow(evidence, evidence.cut_in_distance_m, speed)
        for component in road_user(evidence, "cut_in", _side_of(evidence.cut_in_lateral_m or 0.0), "cutting_in"):
            yield max(asks, BOUNDS.surprise_mps2), component


def wants_our_place(evidence: "Evidence", signals: bool) -> Iterator[Asked]:
    """A neighbour ahead that would be too near once it is over: it signals towards us or, without, begins to move.

    Who only moves a little may be weaving: that presses nothing, and without a map it is no cause at all.
    """
    if evidence.cut_in_track_id is not None:
        return
    for side, other in (_SIDES, _SIDES[::-1]):
        gap, speed = getattr(evidence, f"{side}_gap_m"), _own(evidence, side)
        if gap is None or speed is None or gap < BOUNDS.ahead_m or (evidence.lead_distance_m or gap) < gap:
            continue
        asks = to_follow(evidence, gap + BOUNDS.over_s * (speed - evidence.ego_speed_mps), speed)
        shows = getattr(evidence, f"{side}_indicator") == other
        moves = evidence.has_map and (getattr(evidence, f"{side}_towards_mps") or 0.0) > BOUNDS.towards_mps
        if asks >= BOUNDS.tight_mps2 and (shows if signals else moves and not shows):
            for component in road_user(evidence, side, side, "cutting_in"):
                yield asks if signals else 0.0, component


def _side_of(lateral_m: float) -> str:
    return "left" if lateral_m > 0 else "right"


def _is_who(evidence: "Evidence", side: str) -> bool:
    return bool(getattr(evidence, f"{side}_track_id") == evidence.cut_in_track_id)


def _own(evidence: "Evidence", side: str) -> float | None:
    relative = getattr(evidence, f"{side}_relative_speed_mps")
    return None if relative is None else evidence.ego_speed_mps + float(relative)


def oncoming(evidence: "Evidence") -> Iterator[Asked]:
    """Who comes towards us and drifts into our lane, or has the lane that we need to get past something."""
    distance, speed = evidence.oncoming_distance_m, evidence.oncoming_speed_mps
    if evidence.oncoming_track_id is None or distance is None or speed is None:
        return
    asks = max(_drift(evidence, distance, speed), _needs_its_lane(evidence, distance, speed))
    if asks >= PRESSING_MPS2:
        for component in road_user(evidence, "oncoming", "oncoming", "moving"):
            yield asks, component


def _drift(evidence: "Evidence", distance_m: float, speed_mps: float) -> float:
    """Braking for one that will be in our way when we meet: to stand halfway."""
    meets_s = distance_m / max(evidence.ego_speed_mps + speed_mps, 0.5)
    room_m = (evidence.oncoming_clearance_m or 0.0) - (evidence.oncoming_towards_mps or 0.0) * min(meets_s, 2.0)
    drifts = (evidence.oncoming_towards_mps or 0.0) >= BOUNDS.comes_mps or (evidence.oncoming_clearance_m or 0.0) < 0
    return to_stand(evidence, distance_m / 2, 0.0) if drifts and room_m < BOUNDS.meeting_m else 0.0


def _needs_its_lane(evidence: "Evidence", distance_m: float, speed_mps: float) -> float:
    """Braking before something that we can pass only over its lane, while it is not past that place."""
    thing_m = evidence.obstacle_distance_m
    if thing_m is None or not leaves_lane(evidence):
        return 0.0
    other_side = (evidence.obstacle_lateral_m or 0.0) * (evidence.oncoming_lateral_m or 0.0) < 0
    there_s = thing_m / max(evidence.ego_speed_mps, 0.5)
    comes_s = (distance_m - thing_m) / max(speed_mps, 0.5)
    meets = -BOUNDS.meeting_s / 2 < comes_s < there_s + BOUNDS.meeting_s
    return max(to_stand(evidence, thing_m, 5.0), PRESSING_MPS2) if other_side and meets else 0.0


def leaves_lane(evidence: "Evidence") -> bool:
    """Whether one has to leave the lane to give room to what stands beside the path."""
    spare_m = (evidence.lane_width_m or 3.6) / 2 - (evidence.ego_width_m or 1.9) / 2
    return BOUNDS.clear_m - (evidence.obstacle_clearance_m or 0.0) > spare_m


def wanted_lane(evidence: "Evidence") -> Iterator[Asked]:
    """Why we want another lane, and who is in the place that we want there; a turn asks for its speed."""
    action, _, side = (evidence.route_action or "").partition("_")
    if action == "turn":
        asks = to_pass(evidence, evidence.route_distance_m or 0.0, BOUNDS.turn_mps)
        yield asks, named(evidence, None, "routing_intent", f"route_{side}", relative_pose="in_path")
        return
    end_m, reason = evidence.lane_end_distance_m, None
    if end_m is not None and end_m <= BOUNDS.end_s * max(evidence.ego_speed_mps, 0.0) + BOUNDS.end_m:
        reason = ("routing_intent", "route_merge") if evidence.on_ramp else ("lane", "lane_end")
        side = side or ("left" if evidence.has_left_lane else "right")
    elif action in ("lane", "exit"):
        reason = ("routing_intent", "target_lane" if action == "lane" else "route_split")
    if reason is None:
        return
    rival = list(_in_the_gap(evidence, side))
    pose = "in_path" if reason[1] == "lane_end" else side
    yield BOUNDS.surprise_mps2 if rival else 0.0, named(evidence, None, *reason, relative_pose=pose)
    yield from rival


def _in_the_gap(evidence: "Evidence", side: str) -> Iterator[Asked]:
    """A vehicle on the lane that we want, less than a time gap ahead of us or behind."""
    gap, speed = getattr(evidence, f"{side}_gap_m"), _own(evidence, side)
    near_m = BOUNDS.gap_m + BOUNDS.room_s * max(evidence.ego_speed_mps, 0.0)
    if gap is not None and speed is not None and abs(gap) < near_m:
        motion = "stopped" if abs(speed) < BOUNDS.standing_mps else "moving"
        for component in road_user(evidence, side, side, motion):
            yield 0.0, component
