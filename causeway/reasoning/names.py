"""The names of Chain-of-Causation records: kinds, poses and motions of components.

Knows names only; decisions and categories are in `artifacts.closed_sets`. Does not know how a name is said in a
sentence (`grammar`) or when it is right (`mapping`, `critic`).
Source: arXiv 2511.00088, tables 1 (decisions) and 2 (component categories).
"""

from causeway.artifacts.closed_sets import (
    COMPONENT_CATEGORIES,
    LATERAL_DECISIONS,
    LONGITUDINAL_DECISIONS,
    NONE,
    TRACK_TYPES,
)

__all__ = [
    "COMPONENT_CATEGORIES",
    "COMPONENT_KINDS",
    "LATERAL_DECISIONS",
    "LONGITUDINAL_DECISIONS",
    "MOTIONS",
    "NONE",
    "RELATIVE_POSES",
]

# What a component of each category can be: objects use the track types of `clips`, lights their state
COMPONENT_KINDS: dict[str, tuple[str, ...]] = {
    "critical_object": TRACK_TYPES,
    "traffic_light": (
        "red_light",
        "yellow_light",
        "green_light",
        "off_light",
        "red_arrow",
        "yellow_arrow",
        "green_arrow",
    ),
    "yield_stop_control": ("stop_sign", "yield_sign", "all_way_stop", "stop_line", "yield_line", "crosswalk"),
    "road_event": (
        "left_curve",
        "right_curve",
        "uphill",
        "downhill",
        "speed_bump",
        "narrowing",
        "roundabout",
        "ramp",
        "junction",
    ),
    "lane": ("lane_end", "free_lane", "narrow_lane", "bike_lane", "shoulder", "dashed_line", "solid_line"),
    "routing_intent": (
        "route_left",
        "route_right",
        "route_straight",
        "route_merge",
        "route_split",
        "target_lane",
    ),
    "odd_constraint": (
        "rain",
        "snow",
        "fog",
        "low_visibility",
        "construction",
        "cone",
        "emergency_vehicle",
        "school_bus",
        "rail_crossing",
    ),
}

# Where a component is, seen from the vehicle; `in_path` also for what governs the path (a light, a line)
RELATIVE_POSES = ("in_path", "left", "right", "oncoming", "crosswalk", NONE)

MOTIONS = ("stopped", "slowing", "moving", "accelerating", "crossing", "cutting_in", NONE)
