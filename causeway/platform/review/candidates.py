"""What could be named as a cause with one key: road users, lights and things on the road that are around at t0.

Knows the past of a window and nothing else; the suggestions where a thing is and how it moves are a start, the person
decides. Does not know labels, evidence or what came later. Order: what is near the path and near comes first.
"""

from typing import Any

import numpy as np

from causeway.reasoning.names import COMPONENT_KINDS, NONE

_MOST = 40
_LANE_M = 1.8  # farther from the path of the present steering is beside it
_STANDING_MPS, _CHANGING_MPS2, _ACROSS_MPS = 0.5, 0.5, 0.5
_ON_FOOT = ("pedestrian", "animal", "cyclist")
_OF_ELEMENT = {
    "stop_line": ("yield_stop_control", "stop_line"),
    "crosswalk": ("yield_stop_control", "crosswalk"),
    "bump": ("road_event", "speed_bump"),
    "cone": ("odd_constraint", "cone"),
}

Candidate = dict[str, Any]


def candidates(past: dict[str, Any]) -> list[Candidate]:
    """Components without times, each with `at` = [x, y] m in the frame of the window, nearest to the path first."""
    found = [*_road_users(past), *_lights(past), *_elements(past)]
    found.sort(key=lambda c: (_far(c["at"], past), c["category"], str(c["track_id"])))
    return found[:_MOST]


def _bend(past: dict[str, Any]) -> float:
    """Curvature in 1/m of the present steering; 0 when nobody knows it."""
    steer = past["steer"][-1] if past["steer"] else None
    return 0.0 if steer is None else float(np.tan(np.radians(steer))) / past["size"]["wheelbase_m"]


def _aside_m(at: list[float], past: dict[str, Any]) -> float:
    """How far to the left of the arc that the present steering drives."""
    x = min(max(at[0], 0.0), 40.0)
    return at[1] - _bend(past) * x * x / 2


def _far(at: list[float], past: dict[str, Any]) -> float:
    behind = 40.0 if at[0] < -2.0 else 0.0
    return float(np.hypot(at[0], 3.0 * _aside_m(at, past))) + behind


def _component(category: str, kind: str, thing: str, at: list[float], pose: str, motion: str = NONE) -> Candidate:
    named = {"category": category, "kind": kind, "track_id": thing}
    return {**named, "relative_pose": pose, "motion": motion, "at": at}


def _road_users(past: dict[str, Any]) -> list[Candidate]:
    found = []
    for box in past["boxes"][-1] if past["boxes"] else ():
        kind = box["type"] if box["type"] in COMPONENT_KINDS["critical_object"] else "unknown"
        at = box["pose"][:2]
        found.append(_component("critical_object", kind, box["id"], at, _pose(box, past), _motion(box, past)))
    return found


def _pose(box: dict[str, Any], past: dict[str, Any]) -> str:
    x, y, yaw = box["pose"]
    aside = _aside_m([x, y], past)
    if x > 0 and abs(aside) < _LANE_M:
        return "in_path"
    moving = abs(box["along"][0] or 0.0) > _STANDING_MPS
    if x > 0 and moving and yaw is not None and np.cos(yaw) < -0.7:
        return "oncoming"
    return "left" if aside > 0 else "right"


def _motion(box: dict[str, Any], past: dict[str, Any]) -> str:
    speed, gain = box["along"]
    across = box["v"][1]
    if speed is None or across is None:
        return NONE
    aside = _aside_m(box["pose"][:2], past)
    towards = abs(across) > _ACROSS_MPS and (aside * across < 0 or abs(aside) < _LANE_M)
    if towards and (box["type"] in _ON_FOOT or abs(across) > abs(box["v"][0] or 0.0)):
        return "crossing"
    if abs(speed) < _STANDING_MPS:
        return "stopped"
    if gain is None or abs(gain) < _CHANGING_MPS2:
        return "moving"
    return "accelerating" if gain > 0 else "slowing"


def _lights(past: dict[str, Any]) -> list[Candidate]:
    ends = {lane["id"]: lane["centre"][-1] for lane in past["lanes"] if lane["centre"]}
    found = []
    for name, state in (past["lights"][-1] if past["lights"] else {}).items():
        places = [ends[lane] for lane in past["light_lanes"].get(name, ()) if lane in ends]
        kind = f"{state}_light"
        if kind in COMPONENT_KINDS["traffic_light"] and places:
            found.append(_component("traffic_light", kind, name, places[0], "in_path"))
    return found


def _elements(past: dict[str, Any]) -> list[Candidate]:
    found = []
    for element in past["elements"]:
        if element["kind"] in _OF_ELEMENT:
            shape = np.array(element["shape"], dtype=np.float64)
            middle = [round(float(v), 2) for v in shape.mean(axis=0)]
            category, kind = _OF_ELEMENT[element["kind"]]
            pose = "in_path" if abs(_aside_m(middle, past)) < 2 * _LANE_M else ("left" if middle[1] > 0 else "right")
            found.append(_component(category, kind, element["id"], middle, pose))
    return found
