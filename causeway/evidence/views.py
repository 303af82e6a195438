"""The feature views by name: which columns of the evidence each one gives.

Knows names; types come from the evidence table's schema, the one place where they are spelled. A view also has
`<view>_event_us` and `<view>_created_us`: when its row could be known and when it was written.
"""

import pyarrow as pa

from causeway.artifacts.schemas import SCHEMAS

VIEWS: dict[str, tuple[str, ...]] = {
    "ego_state": (
        "ego_speed_mps",
        "ego_accel_mps2",
        "ego_yaw_rate_radps",
        "ego_curvature_per_m",
        "ego_width_m",
        "has_tracks",
        "has_map",
        "has_signals",
    ),
    "lead": (
        "lead_track_id",
        "lead_type",
        "lead_distance_m",
        "lead_lateral_m",
        "lead_speed_mps",
        "lead_towards_mps",
        "lead_accel_mps2",
        "lead_since_us",
    ),
    "contenders": (
        *("left_track_id", "left_type", "left_gap_m", "left_relative_speed_mps", "left_towards_mps"),
        "left_indicator",
        *("right_track_id", "right_type", "right_gap_m", "right_relative_speed_mps", "right_towards_mps"),
        "right_indicator",
        *("cut_in_track_id", "cut_in_type", "cut_in_distance_m", "cut_in_lateral_m", "cut_in_towards_mps"),
        "cut_in_since_us",
    ),
    "oncoming": (
        *("oncoming_track_id", "oncoming_type", "oncoming_distance_m", "oncoming_lateral_m", "oncoming_clearance_m"),
        *("oncoming_speed_mps", "oncoming_towards_mps", "oncoming_since_us"),
    ),
    "obstacle": (
        "obstacle_track_id",
        "obstacle_type",
        "obstacle_distance_m",
        "obstacle_lateral_m",
        "obstacle_clearance_m",
        "obstacle_since_us",
    ),
    "crossing": (
        "crossing_track_id",
        "crossing_type",
        "crossing_distance_m",
        "crossing_lateral_m",
        "crossing_speed_mps",
        "crossing_since_us",
    ),
    "signals": ("signal_id", "signal_state", "signal_distance_m", "signal_since_us"),
    "lanes": (
        *("stop_line_distance_m", "curve_curvature_per_m", "curve_distance_m", "lane_offset_m", "lane_width_m"),
        *("has_left_lane", "has_right_lane", "split_distance_m", "merge_distance_m"),
        *("lane_end_distance_m", "on_ramp", "route_action", "route_distance_m"),
    ),
    "road_elements": (
        *("crosswalk_id", "crosswalk_distance_m", "bump_id", "bump_distance_m"),
        *("sign_id", "sign_distance_m", "cone_id", "cone_distance_m"),
    ),
}
UTC = pa.timestamp("us", "UTC")
TTL_US = 2_000_000  # what is older than the history of a moment is no evidence


def view_schema(view: str) -> pa.Schema:
    """The Arrow schema of a view's Parquet file; times as microsecond UTC time stamps and as integers."""
    evidence = SCHEMAS["evidence"]["evidence"].schema
    keys = [("clip_id", pa.string()), ("event_timestamp", UTC), ("created", UTC)]
    times = [(f"{view}_event_us", pa.int64()), (f"{view}_created_us", pa.int64())]
    return pa.schema([*keys, *times, *((name, evidence.field(name).type) for name in VIEWS[view])])


RIG_VIEW = "rig_calibration"
RIG_SCHEMA = pa.schema(
    [
        ("vehicle_id", pa.string()),
        ("event_timestamp", UTC),
        ("created", UTC),
        ("cameras", pa.list_(pa.string())),
        # for each camera: width, height, fx, fy, cx, cy, then rig_from_camera row by row (22 numbers)
        ("calibration", pa.list_(pa.float64())),
        ("length_m", pa.float64()),
        ("width_m", pa.float64()),
        ("wheelbase_m", pa.float64()),
        ("rear_axle_to_centre_m", pa.float64()),
    ]
)
CALIBRATION_NUMBERS = 22
