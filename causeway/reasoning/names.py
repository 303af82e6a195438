"""The closed sets of Chain-of-Causation records: decisions, component categories, kinds, poses and motions.

Knows names only. Does not know how a name is said in a sentence (`grammar`) or when it is right (`mapping`,
`critic`).
Source: arXiv 2511.00088, tables 1 (decisions) and 2 (component categories).
"""

NONE = "none"

LONGITUDINAL_DECISIONS = (
    "set_speed_tracking",
    "lead_following",
    "speed_adaptation",
    "gap_searching",
    "passing_acceleration",
    "yield",
    "stop_for_static_constraint",
    NONE,
)

LATERAL_DECISIONS = (
    "lane_keeping",
    "merge",
    "split",
    "nudge_out_of_lane_left",
    "nudge_out_of_lane_right",
    "nudge_in_lane_left",
    "nudge_in_lane_right",
    "lane_change_left",
    "lane_change_right",
    "pull_over",
    "turn_left",
    "turn_right",
    "lateral_abort",
    NONE,
)

# What a component of each category can be: objects use the track types of `clips`, lights their state
COMPONENT_KINDS: dict[str, tuple[str, ...]] = {
    "critical_object": (
        "car",
        "truck",
        "bus",
        "motorcycle",
        "cyclist",
        "pedestrian",
        "animal",
        "static",
        "unknown",
    ),
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

COMPONENT_CATEGORIES = tuple(COMPONENT_KINDS)

# Where a component is, seen from the vehicle; `in_path` also for what governs the path (a light, a line)
RELATIVE_POSES = ("in_path", "left", "right", "oncoming", "crosswalk", NONE)

MOTIONS = ("stopped", "slowing", "moving", "accelerating", "crossing", "cutting_in", NONE)
