"""What the rule teacher sees in a moment's evidence: every possible cause, with the braking that it asks for.

Knows how every column of the evidence becomes a cause. Does not know thresholds (`rules_bounds`) or what the ego then
did (`rules`).
Braking in m/s² is what would have to be done from t0 on: to stand before a thing, to be at its speed, or to follow it.
"""

from collections.abc import Iterator
from math import sqrt
from typing import TYPE_CHECKING

from causeway.reasoning.names import COMPONENT_KINDS, NONE
from causeway.reasoning.records import Component
from causeway.reasoning.teachers.rules_beside import coming_over, leaves_lane, oncoming, wanted_lane, wants_our_place
from causeway.reasoning.teachers.rules_bounds import BOUNDS, PRESSING_MPS2, to_follow, to_pass, to_stand
from causeway.reasoning.teachers.rules_parts import VEHICLES, Asked, named, road_user

if TYPE_CHECKING:
    from causeway.evidence import Evidence


_WEAK = ("pedestrian", "animal", "cyclist")


def seen_causes(evidence: "Evidence") -> list[Asked]:
    """Every possible cause; where braking does not tell, what comes first counts first."""
    crossing, lead = list(_crossing(evidence)), list(_lead(evidence))
    if crossing and lead and (evidence.crossing_distance_m or 0.0) < (evidence.lead_distance_m or 0.0):
        lead = [(min(asks, crossing[0][0]), one) for asks, one in lead]  # who is nearer comes first
    elif _is_followed(evidence) and evidence.crossing_type in VEHICLES:
        crossing = []  # the lead is between us and who crosses
    curve = list(_curve(evidence))
    if lead and _is_followed(evidence) and lead[0][0] >= PRESSING_MPS2:
        curve = [(min(asks, lead[0][0]), one) for asks, one in curve]
    if _is_followed(evidence) and (evidence.curve_distance_m or 0.0) < BOUNDS.kink_m:
        curve = [one for one in curve if one[0] >= BOUNDS.real_curve_mps2]
    signal = [] if lead and _hides(evidence, lead[0][1]) else list(_signal(evidence))
    control = signal or list(_stop_control(evidence))
    return [
        *crossing,
        *coming_over(evidence),
        *oncoming(evidence),
        *(lead if _is_followed(evidence) else ()),
        *control,
        *lead,
        *wants_our_place(evidence, signals=True),
        *_bump(evidence),
        *_cone(evidence),
        *_obstacle(evidence),
        *curve,
        *wanted_lane(evidence),
        *_free_lane(evidence),
        *wants_our_place(evidence, signals=False),
    ]


def _reach_m(evidence: "Evidence") -> float:
    return max(BOUNDS.near_m, BOUNDS.headway_s * abs(evidence.ego_speed_mps))


def _lead(evidence: "Evidence") -> Iterator[Asked]:
    distance, speed = evidence.lead_distance_m, evidence.lead_speed_mps
    if evidence.lead_track_id is None or distance is None:
        return
    motion = _lead_motion(evidence)
    asks = 0.0 if speed is None else to_follow(evidence, distance, speed)
    if motion == "stopped" or (speed or 0.0) < 0.0:  # who backs up asks for no less room than who stands
        asks = max(asks, to_stand(evidence, distance, 5.0))
    if distance > _reach_m(evidence) and asks < PRESSING_MPS2:
        return
    gains_mps = 0.0 if speed is None else speed - evidence.ego_speed_mps
    leaves = asks < BOUNDS.lets_go_mps2 and gains_mps > BOUNDS.gains_mps
    if motion == "moving" and (leaves or (not _is_followed(evidence) and gains_mps > -BOUNDS.closing_mps)):
        return  # it drives on as fast as the ego, or away from it: no cause of anything
    own = -0.9 * (evidence.lead_accel_mps2 or 0.0) if _is_followed(evidence) else 0.0
    for component in road_user(evidence, "lead", "in_path", motion):
        yield max(asks, own), component


def _lead_motion(evidence: "Evidence") -> str:
    accel, speed = evidence.lead_accel_mps2 or 0.0, evidence.lead_speed_mps
    if speed is None:
        return NONE  # nobody knows how it moves: it is not said to stand
    if _backs_up(evidence):
        return "moving"
    if speed < BOUNDS.standing_mps:
        return "stopped" if accel < BOUNDS.changing_mps2 else "accelerating"
    if abs(accel) < BOUNDS.changing_mps2:
        return "moving"
    return "slowing" if accel < 0 else "accelerating"


def _backs_up(evidence: "Evidence") -> bool:
    return (evidence.lead_speed_mps or 0.0) <= -BOUNDS.standing_mps


def _is_followed(evidence: "Evidence") -> bool:
    """Whether the lead is so near that one drives as it does."""
    speeds_up = (evidence.lead_accel_mps2 or 0.0) >= BOUNDS.changing_mps2
    gap_s = BOUNDS.gap_s + (BOUNDS.nearer_s if speeds_up else 0.0)
    near_m = BOUNDS.gap_m + gap_s * max(evidence.ego_speed_mps, evidence.lead_speed_mps or 0.0)
    return evidence.lead_distance_m is not None and evidence.lead_distance_m < max(near_m, BOUNDS.at_line_m)


def _hides(evidence: "Evidence", lead: Component) -> bool:
    """A lead that stands, slows or backs up before the light is what the ego reacts to."""
    lead_m, line_m = evidence.lead_distance_m, evidence.signal_distance_m
    before = lead_m is not None and line_m is not None and lead_m < line_m
    return before and (_backs_up(evidence) or lead.motion in ("stopped", "slowing"))


def _signal(evidence: "Evidence") -> Iterator[Asked]:
    distance, kind = evidence.signal_distance_m, f"{evidence.signal_state}_light"
    if evidence.signal_id is None or distance is None or distance > _reach_m(evidence):
        return
    if kind in COMPONENT_KINDS["traffic_light"]:
        asks = to_stand(evidence, distance) if kind in ("red_light", "yellow_light", "off_light") else 0.0
        fields = {"track_id": evidence.signal_id, "relative_pose": "in_path"}
        yield asks, named(evidence, evidence.signal_since_us, "traffic_light", kind, **fields)


def _stop_control(evidence: "Evidence") -> Iterator[Asked]:
    """A stop line without a light, or the sign at it; with a light in view, the light governs it."""
    line_m, sign_m = evidence.stop_line_distance_m, evidence.sign_distance_m
    if evidence.signal_id is not None or line_m is None or line_m > _reach_m(evidence):
        return
    asks, fields = to_stand(evidence, line_m), {"relative_pose": "in_path"}
    if evidence.sign_id is not None and sign_m is not None and abs(sign_m - line_m) <= BOUNDS.at_line_m:
        yield asks, named(evidence, None, "yield_stop_control", "stop_sign", track_id=evidence.sign_id, **fields)
    else:
        yield 0.0, named(evidence, None, "yield_stop_control", "stop_line", **fields)  # nobody knows whether it asks


def _crossing(evidence: "Evidence") -> Iterator[Asked]:
    """Who heads into our way; not who crosses behind a line at which we have to stand anyway, nor who cuts in."""
    distance = evidence.crossing_distance_m
    if evidence.crossing_track_id is None or distance is None or distance > BOUNDS.reach_m:
        return
    if evidence.crossing_track_id == evidence.cut_in_track_id:
        return
    if _stands_behind_line(evidence) or _waits(evidence):
        return
    for component in road_user(evidence, "crossing", _crossing_pose(evidence, distance), "crossing"):
        yield to_stand(evidence, distance, 2.0), component


def _stands_behind_line(evidence: "Evidence") -> bool:
    """Whether we have to stand at a light or a sign anyway before the place where somebody crosses."""
    distance, line_m = evidence.crossing_distance_m, evidence.signal_distance_m
    holds = evidence.signal_id is not None and evidence.signal_state in ("red", "yellow", "off")
    if not holds and evidence.sign_id is not None:
        holds, line_m = evidence.stop_line_distance_m is not None, evidence.stop_line_distance_m
    return holds and line_m is not None and distance is not None and line_m < distance


def _waits(evidence: "Evidence") -> bool:
    """Whether a vehicle beside our way hardly moves: it lets us go."""
    slow = (evidence.crossing_speed_mps or 0.0) < BOUNDS.waits_mps
    aside = abs(evidence.crossing_lateral_m or 0.0) > BOUNDS.waits_m
    return evidence.crossing_type in VEHICLES and slow and aside


def _crossing_pose(evidence: "Evidence", distance_m: float) -> str:
    walk_m, lateral_m = evidence.crosswalk_distance_m, evidence.crossing_lateral_m or 0.0
    on_foot = evidence.crossing_type in _WEAK
    if on_foot and walk_m is not None and abs(distance_m - walk_m) < BOUNDS.on_crosswalk_m:
        return "crosswalk"
    if abs(lateral_m) < BOUNDS.beside_m:
        return "in_path"
    return "left" if lateral_m > 0 else "right"


def _bump(evidence: "Evidence") -> Iterator[Asked]:
    distance = evidence.bump_distance_m
    if evidence.bump_id is not None and distance is not None and distance <= BOUNDS.reach_m:
        fields = {"track_id": evidence.bump_id, "relative_pose": "in_path"}
        asks = to_pass(evidence, distance, BOUNDS.bump_mps)
        yield asks, named(evidence, None, "road_event", "speed_bump", **fields)


def _cone(evidence: "Evidence") -> Iterator[Asked]:
    distance = evidence.cone_distance_m
    if evidence.cone_id is not None and distance is not None and distance <= BOUNDS.reach_m:
        fields = {"track_id": evidence.cone_id, "relative_pose": "in_path"}
        asks = to_pass(evidence, distance, BOUNDS.works_mps, 2.0)
        yield asks, named(evidence, None, "odd_constraint", "cone", **fields)


def _obstacle(evidence: "Evidence") -> Iterator[Asked]:
    """What stands beside the path; not where the road bends away from it, for steering then tells nothing."""
    distance, lateral = evidence.obstacle_distance_m, evidence.obstacle_lateral_m or 0.0
    if evidence.obstacle_track_id is None or distance is None or distance > BOUNDS.reach_m:
        return
    bend = evidence.curve_curvature_per_m or 0.0
    if abs(bend) >= BOUNDS.bend_per_m and bend * lateral < 0:
        return
    clearance = evidence.obstacle_clearance_m or 0.0
    for component in road_user(evidence, "obstacle", "left" if lateral > 0 else "right", "stopped"):
        yield 0.0, component
    if clearance < BOUNDS.blocking_m:
        for component in road_user(evidence, "obstacle", "in_path", "stopped"):
            yield to_stand(evidence, distance, 5.0), component
    if leaves_lane(evidence):
        yield 0.0, named(evidence, evidence.obstacle_since_us, "lane", "narrow_lane", relative_pose="in_path")


def _curve(evidence: "Evidence") -> Iterator[Asked]:
    bend = evidence.curve_curvature_per_m
    if bend is None or evidence.ego_speed_mps**2 * abs(bend) < BOUNDS.sideways_mps2:
        return
    if (evidence.curve_distance_m or 0.0) < BOUNDS.here_m and not _bends_here(evidence, bend):
        return  # a kink of the map: we would be in it, and drive straight
    kept_mps = sqrt(BOUNDS.comfortable_mps2 / abs(bend))
    asks = to_pass(evidence, max(evidence.curve_distance_m or 0.0, BOUNDS.curve_m), kept_mps)
    kind = "left_curve" if bend > 0 else "right_curve"
    yield asks, named(evidence, None, "road_event", kind, relative_pose="in_path")


def _bends_here(evidence: "Evidence", bend: float) -> bool:
    own = evidence.ego_curvature_per_m
    return own is None or own * bend > 0.2 * bend * bend


def _free_lane(evidence: "Evidence") -> Iterator[Asked]:
    """The open lane: only where tracks and a map would show what fills it; beside us where we are off its middle."""
    if not (evidence.has_tracks and evidence.has_map):
        return
    if _is_followed(evidence) and _lead_motion(evidence) in ("stopped", "slowing"):
        return
    if any(asks >= PRESSING_MPS2 for asks, _ in _lead(evidence)):
        return
    if evidence.lead_distance_m is not None and evidence.lead_distance_m < BOUNDS.taken_s * evidence.ego_speed_mps:
        return
    if evidence.crossing_type in VEHICLES and not _stands_behind_line(evidence):
        return
    offset = evidence.lane_offset_m or 0.0
    if abs(offset) >= BOUNDS.centred_m:
        yield 0.0, named(evidence, None, "lane", "free_lane", relative_pose="right" if offset > 0 else "left")
    yield 0.0, named(evidence, None, "lane", "free_lane", relative_pose="in_path")
