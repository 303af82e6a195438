"""Which component can cause which decision: the one table that teachers and critics share.

Knows pairs of decision and component only. Does not know what was observed or what the ego did.
Source: the definitions of arXiv 2511.00088, tables 1 and 2; the table itself is ours.
"""

from dataclasses import dataclass

from causeway.reasoning.names import NONE
from causeway.reasoning.records import Component


@dataclass(frozen=True)
class Cause:
    """A pattern of components; an empty field stands for anything."""

    category: str
    kinds: tuple[str, ...] = ()
    poses: tuple[str, ...] = ()
    motions: tuple[str, ...] = ()

    def fits(self, component: Component) -> bool:
        """Whether the component is of this pattern."""
        return (
            component.category == self.category
            and (not self.kinds or component.kind in self.kinds)
            and (not self.poses or component.relative_pose in self.poses)
            and (not self.motions or component.motion in self.motions)
        )


_OBJECT, _LIGHT, _CONTROL = "critical_object", "traffic_light", "yield_stop_control"
_EVENT, _LANE, _ROUTE, _ODD = "road_event", "lane", "routing_intent", "odd_constraint"
_ALONG = ("stopped", "slowing", "moving", "accelerating", NONE)
_BLOCKING = ("construction", "cone")
_WEAK = ("pedestrian", "animal", "cyclist")
_RIDERS = ("cyclist", "motorcycle")  # narrow enough to be passed within, or half within, their lane


def _beside(away_from: str) -> tuple[Cause, ...]:
    """What one makes room for: something that stands ahead, or is on the side that one moves away from."""
    poses = ("oncoming", away_from) if away_from == "left" else (away_from,)
    return (
        Cause(_OBJECT, poses=poses),
        Cause(_OBJECT, poses=("in_path",), motions=("stopped", NONE)),
        Cause(_OBJECT, kinds=_RIDERS, poses=("in_path",), motions=_ALONG),
        Cause(_ODD, kinds=_BLOCKING),
        Cause(_EVENT, kinds=("narrowing",)),
        Cause(_LANE, kinds=("narrow_lane", "lane_end")),
    )


def _change(side: str) -> tuple[Cause, ...]:
    poses = ("in_path", NONE, side)
    return (
        Cause(_ROUTE, kinds=("target_lane", "route_merge", "route_split"), poses=poses),
        Cause(_ROUTE, kinds=(f"route_{side}",)),
        Cause(_OBJECT, poses=("in_path",), motions=_ALONG),
        Cause(_LANE, kinds=("lane_end",)),
        Cause(_ODD, kinds=(*_BLOCKING, "emergency_vehicle")),
    )


def _turn(side: str) -> tuple[Cause, ...]:
    return (Cause(_ROUTE, kinds=(f"route_{side}",)), Cause(_EVENT, kinds=("junction", "roundabout")))


CAUSES: dict[str, tuple[Cause, ...]] = {
    "set_speed_tracking": (
        Cause(_LIGHT, kinds=("green_light", "green_arrow")),
        Cause(_LANE, kinds=("free_lane",), poses=("in_path",)),
        Cause(_ROUTE, kinds=("route_straight",)),
        Cause(_OBJECT, kinds=_WEAK, poses=("left", "right"), motions=_ALONG),  # who lets us go first
    ),
    "lead_following": (Cause(_OBJECT, poses=("in_path",), motions=_ALONG),),
    "speed_adaptation": (
        Cause(_EVENT),
        Cause(_ODD),
        Cause(_LANE, kinds=("narrow_lane",)),
        Cause(_ROUTE, kinds=("route_left", "route_right", "route_split")),
        Cause(_CONTROL, kinds=("crosswalk",)),
    ),
    "gap_searching": (
        Cause(_ROUTE),
        Cause(_LANE, kinds=("lane_end",)),
        Cause(_OBJECT, poses=("left", "right")),
    ),
    "passing_acceleration": (Cause(_OBJECT, poses=("in_path", "left", "right"), motions=_ALONG),),
    "yield": (
        Cause(_OBJECT, motions=("crossing", "cutting_in")),
        Cause(_OBJECT, poses=("crosswalk", "oncoming")),
        Cause(_CONTROL, kinds=("yield_sign", "yield_line", "crosswalk")),
        Cause(_ODD, kinds=("emergency_vehicle",)),
    ),
    "stop_for_static_constraint": (
        Cause(_LIGHT, kinds=("red_light", "yellow_light", "off_light", "red_arrow", "yellow_arrow")),
        Cause(_CONTROL, kinds=("stop_sign", "all_way_stop", "stop_line")),
        Cause(_OBJECT, kinds=("static",), poses=("in_path",), motions=("stopped", NONE)),
        Cause(_ODD, kinds=("school_bus", "rail_crossing", *_BLOCKING)),
    ),
    "lane_keeping": (Cause(_EVENT, kinds=("left_curve", "right_curve")), Cause(_LANE)),
    "merge": (Cause(_ROUTE), Cause(_EVENT, kinds=("ramp",)), Cause(_LANE, kinds=("lane_end",))),
    "split": (Cause(_ROUTE), Cause(_EVENT, kinds=("ramp",))),
    "nudge_out_of_lane_left": _beside("right"),
    "nudge_in_lane_left": _beside("right"),
    "nudge_out_of_lane_right": _beside("left"),
    "nudge_in_lane_right": _beside("left"),
    "lane_change_left": _change("left"),
    "lane_change_right": _change("right"),
    "pull_over": (
        Cause(_ODD, kinds=("emergency_vehicle",)),
        Cause(_ROUTE),
        Cause(_LANE, kinds=("shoulder",)),
    ),
    "turn_left": _turn("left"),
    "turn_right": _turn("right"),
    "lateral_abort": (Cause(_OBJECT, poses=("left", "right", "oncoming")),),
    NONE: (),
}


def can_cause(component: Component, decision: str) -> bool:
    """Whether a component is a cause of this decision; nothing causes `none` or a decision unknown."""
    return any(cause.fits(component) for cause in CAUSES.get(decision, ()))
