"""The closed sets: every name that a text column of an artifact may hold, spelled once.

Knows names. Does not know what they mean: the rooms that write them do, and take them from here. Tables are in
`schemas`. Sources: arXiv 2511.00088, tables 1 (decisions), 2 (component categories) and 5 (meta actions).
"""

NONE = "none"

LONGITUDINAL = (
    "gentle_accelerate",
    "strong_accelerate",
    "gentle_decelerate",
    "strong_decelerate",
    "maintain_speed",
    "stop",
    "reverse",
)
LATERAL = (
    "steer_left",
    "steer_right",
    "sharp_steer_left",
    "sharp_steer_right",
    "reverse_left",
    "reverse_right",
    "go_straight",
)
LANE = (
    "lane_keep",
    "lane_change_left",
    "lane_change_right",
    "slight_shift_left",
    "slight_shift_right",
    "turn_left",
    "turn_right",
    "follow_curve_left",
    "follow_curve_right",
)
CHANNELS = {"longitudinal": LONGITUDINAL, "lateral": LATERAL, "lane": LANE}

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
COMPONENT_CATEGORIES = (
    "critical_object",
    "traffic_light",
    "yield_stop_control",
    "road_event",
    "lane",
    "routing_intent",
    "odd_constraint",
)

TRACK_TYPES = ("car", "truck", "bus", "motorcycle", "cyclist", "pedestrian", "animal", "static", "unknown")
INDICATORS = ("off", "left", "right", "both")  # turn signals of a track; null: nobody knows
LANE_KINDS = ("drive", "junction", "ramp", "shoulder", "bike", "bus", "unknown")
ROAD_ELEMENT_KINDS = ("stop_line", "crosswalk", "bump", "sign", "cone")
SIGNAL_STATES = ("red", "yellow", "green", "off", "unknown")
CAMERA_MODELS = ("pinhole", "ftheta", NONE)  # none: the row of a drive without cameras
SPEED_SOURCES = ("measured", "derived")

LABEL_STATUSES = ("accepted", "review", "rejected")
CONSISTENT = ("yes", "no", "undecidable")
DECISIONS = ("promote", "refuse", "inconclusive")  # of the release gate
VERDICTS = ("pass", "fail", "inconclusive", "skipped")  # of one of its rules
