"""The columns of every artifact kind: the one place where they are spelled.

Knows table names, column types and the key columns that give a table its canonical order.
Does not know how tables are made or stored. A change here bumps `SCHEMA_VERSION` and has a line in CHANGELOG.md.
"""

from dataclasses import dataclass

import pyarrow as pa

SCHEMA_VERSION = 2  # one for each state of the columns that others may have seen; tests hold which state it is

TEXT, LONG, REAL, FLAG, BYTES = pa.string(), pa.int64(), pa.float64(), pa.bool_(), pa.binary()
REALS, TEXTS = pa.list_(pa.float64()), pa.list_(pa.string())
POINTS = pa.list_(pa.list_(pa.float64()))


@dataclass(frozen=True)
class TableSchema:
    """One table: its Arrow schema and the columns that order it."""

    schema: pa.Schema
    keys: tuple[str, ...]


def _table(keys: str, **columns: pa.DataType) -> TableSchema:
    return TableSchema(pa.schema(list(columns.items())), tuple(keys.split()))


COMPONENT = pa.struct(
    [
        ("category", TEXT),
        ("kind", TEXT),
        ("track_id", TEXT),
        ("relative_pose", TEXT),
        ("motion", TEXT),
        ("observed_from_us", LONG),
        ("observed_to_us", LONG),
        ("rank", LONG),
    ]
)

QUARANTINE = _table("source where reason detail", source=TEXT, where=TEXT, reason=TEXT, detail=TEXT)

_CLIPS = {
    "clips": _table(
        "clip_id",
        clip_id=TEXT,
        drive_id=TEXT,
        vehicle_id=TEXT,
        source=TEXT,
        licence=TEXT,
        start_us=LONG,
        end_us=LONG,
        ticks=LONG,
        cameras=TEXTS,
        has_tracks=FLAG,
        has_map=FLAG,
        has_signals=FLAG,
        source_split=TEXT,
        place=TEXT,
        # pose of the clip frame in the drive frame (the rig frame at the drive's first tick)
        origin_x_m=REAL,
        origin_y_m=REAL,
        origin_z_m=REAL,
        origin_yaw_rad=REAL,
        origin_qw=REAL,
        origin_qx=REAL,
        origin_qy=REAL,
        origin_qz=REAL,
        # name of the frame that drives share ("" = none) and the pose of the clip frame in it (null = not known)
        world=TEXT,
        world_x_m=REAL,
        world_y_m=REAL,
        world_yaw_rad=REAL,
    ),
    "ego": _table(
        "clip_id t_us",
        clip_id=TEXT,
        t_us=LONG,
        x_m=REAL,
        y_m=REAL,
        z_m=REAL,
        qw=REAL,
        qx=REAL,
        qy=REAL,
        qz=REAL,
        speed_mps=REAL,
        speed_source=TEXT,
        accel_mps2=REAL,
        yaw_rate_radps=REAL,
        curvature_per_m=REAL,
        observed_us=LONG,
        derived_speed_mps=REAL,  # from the poses, beside a measured speed
    ),
    "tracks": _table(
        "clip_id t_us track_id",
        clip_id=TEXT,
        t_us=LONG,
        track_id=TEXT,
        type=TEXT,
        x_m=REAL,
        y_m=REAL,
        z_m=REAL,
        yaw_rad=REAL,
        length_m=REAL,
        width_m=REAL,
        height_m=REAL,
        vx_mps=REAL,
        vy_mps=REAL,
        observed_us=LONG,
        indicator=TEXT,  # turn signals, of `INDICATORS`; null where nobody knows
    ),
    "frames": _table(
        "clip_id camera t_us", clip_id=TEXT, camera=TEXT, t_us=LONG, image=BYTES, width=LONG, height=LONG
    ),
    "rigs": _table(
        "clip_id camera",
        clip_id=TEXT,
        camera=TEXT,
        model=TEXT,
        fx=REAL,
        fy=REAL,
        cx=REAL,
        cy=REAL,
        distortion=REALS,
        rig_from_camera=REALS,
        vehicle_id=TEXT,
        length_m=REAL,
        width_m=REAL,
        wheelbase_m=REAL,
        rear_axle_to_centre_m=REAL,
    ),
    "lanes": _table(
        "clip_id lane_id",
        clip_id=TEXT,
        lane_id=TEXT,
        centre=POINTS,
        left=POINTS,
        right=POINTS,
        successors=TEXTS,
        kind=TEXT,
    ),
    "road_elements": _table(
        "clip_id element_id", clip_id=TEXT, element_id=TEXT, kind=TEXT, shape=POINTS, lane_ids=TEXTS
    ),
    "signals": _table(
        "clip_id t_us signal_id", clip_id=TEXT, t_us=LONG, signal_id=TEXT, state=TEXT, lane_ids=TEXTS
    ),
    "route": _table("clip_id", clip_id=TEXT, points=POINTS),
    # scans of a depth sensor: x, y, z of one point after the other, in the rig frame at their own time
    "points": _table("clip_id t_us", clip_id=TEXT, t_us=LONG, xyz_m=REALS),
}

_EVIDENCE = _table(
    "moment_id",
    moment_id=TEXT,
    clip_id=TEXT,
    t0_us=LONG,
    event_us=LONG,
    created_us=LONG,
    ego_speed_mps=REAL,
    ego_accel_mps2=REAL,
    ego_yaw_rate_radps=REAL,
    ego_curvature_per_m=REAL,
    ego_width_m=REAL,
    lead_track_id=TEXT,
    lead_type=TEXT,
    lead_distance_m=REAL,
    lead_lateral_m=REAL,
    lead_speed_mps=REAL,
    lead_towards_mps=REAL,
    lead_accel_mps2=REAL,
    lead_since_us=LONG,
    left_track_id=TEXT,
    left_type=TEXT,
    left_gap_m=REAL,
    left_relative_speed_mps=REAL,
    left_towards_mps=REAL,
    left_indicator=TEXT,
    right_track_id=TEXT,
    right_type=TEXT,
    right_gap_m=REAL,
    right_relative_speed_mps=REAL,
    right_towards_mps=REAL,
    right_indicator=TEXT,
    cut_in_track_id=TEXT,
    cut_in_type=TEXT,
    cut_in_distance_m=REAL,
    cut_in_lateral_m=REAL,
    cut_in_towards_mps=REAL,
    cut_in_since_us=LONG,
    oncoming_track_id=TEXT,
    oncoming_type=TEXT,
    oncoming_distance_m=REAL,
    oncoming_lateral_m=REAL,
    oncoming_clearance_m=REAL,
    oncoming_speed_mps=REAL,
    oncoming_towards_mps=REAL,
    oncoming_since_us=LONG,
    obstacle_track_id=TEXT,
    obstacle_type=TEXT,
    obstacle_distance_m=REAL,
    obstacle_lateral_m=REAL,
    obstacle_clearance_m=REAL,
    obstacle_since_us=LONG,
    crossing_track_id=TEXT,
    crossing_type=TEXT,
    crossing_distance_m=REAL,
    crossing_lateral_m=REAL,
    crossing_speed_mps=REAL,
    crossing_since_us=LONG,
    signal_id=TEXT,
    signal_state=TEXT,
    signal_distance_m=REAL,
    signal_since_us=LONG,
    stop_line_distance_m=REAL,
    curve_curvature_per_m=REAL,
    curve_distance_m=REAL,
    lane_offset_m=REAL,
    lane_width_m=REAL,
    has_left_lane=FLAG,
    has_right_lane=FLAG,
    split_distance_m=REAL,
    merge_distance_m=REAL,
    lane_end_distance_m=REAL,
    on_ramp=FLAG,
    route_action=TEXT,
    route_distance_m=REAL,
    crosswalk_id=TEXT,
    crosswalk_distance_m=REAL,
    bump_id=TEXT,
    bump_distance_m=REAL,
    sign_id=TEXT,
    sign_distance_m=REAL,
    cone_id=TEXT,
    cone_distance_m=REAL,
    has_tracks=FLAG,
    has_map=FLAG,
    has_signals=FLAG,
    # carried over from the moment for labels and samples; the scenario comes from what the ego did after t0, so
    # neither is a field of the `Evidence` that names causes
    scenario=TEXT,
    split=TEXT,
)

_LABELS = _table(
    "moment_id",
    moment_id=TEXT,
    clip_id=TEXT,
    t0_us=LONG,
    longitudinal_decision=TEXT,
    lateral_decision=TEXT,
    components=pa.list_(COMPONENT),
    trace=TEXT,
    teacher=TEXT,
    critic_score=REAL,
    consistent=TEXT,
    status=TEXT,
    reasons=TEXTS,
    # provenance and what samples need of the moment
    teacher_version=TEXT,
    prompt_hash=TEXT,  # null where nothing is asked in words
    evidence_hash=TEXT,
    seed=LONG,
    agreement=REAL,  # share of several teachers that gave this label; null for one teacher
    critic=TEXT,  # the model critic; null where rules alone judged
    scenario=TEXT,
    split=TEXT,
)

_REVIEW_QUEUE = _table(
    "priority moment_id", moment_id=TEXT, clip_id=TEXT, t0_us=LONG, priority=LONG, why=TEXT, status=TEXT
)

_ROLLOUTS = _table(
    "driver scene seed tick",
    driver=TEXT,
    scene=TEXT,
    seed=LONG,
    tick=LONG,
    t_us=LONG,
    x_m=REAL,
    y_m=REAL,
    yaw_rad=REAL,
    speed_mps=REAL,
    accel_mps2=REAL,
    curvature_per_m=REAL,
    collision=TEXT,
    collision_where=TEXT,
    collision_at_fault=FLAG,
    off_road=FLAG,
    lane_departure=FLAG,
    wrong_way=FLAG,
    red_light_run=FLAG,
    stop_sign_run=FLAG,
    progress_m=REAL,
    min_distance_m=REAL,
    time_to_collision_s=REAL,
    done=FLAG,
    by_policy=FLAG,
    failure=TEXT,
)

# one value a unit (sample, scene): what two reports on the same data are compared by, pair by pair
_VALUES = _table(
    "suite metric unit_id", suite=TEXT, metric=TEXT, unit_id=TEXT, cluster=TEXT, value=REAL
)

SCHEMAS: dict[str, dict[str, TableSchema]] = {
    "drives": {
        "truth": _table(
            "drive_id t0_us",
            drive_id=TEXT,
            t0_us=LONG,
            until_us=LONG,
            scenario=TEXT,
            longitudinal_decision=TEXT,
            lateral_decision=TEXT,
            components=pa.list_(COMPONENT),
        )
    },
    "clips": _CLIPS,
    "quality": {},
    "meta_actions": {
        "meta_actions": _table(
            "clip_id t_us", clip_id=TEXT, t_us=LONG, longitudinal=TEXT, lateral=TEXT, lane=TEXT
        )
    },
    "moments": {
        "moments": _table(
            "moment_id",
            moment_id=TEXT,
            clip_id=TEXT,
            t0_us=LONG,
            channel=TEXT,
            before=TEXT,
            after=TEXT,
            scenario=TEXT,
            split=TEXT,
            # last tick of the key-frame range of a proactive scenario; t0_us where the key frame is t0 alone
            end_us=LONG,
        )
    },
    "evidence": {"evidence": _EVIDENCE},
    "labels": {"labels": _LABELS, "review_queue": _REVIEW_QUEUE},
    "samples": {
        "samples": _table(
            "sample_id",
            sample_id=TEXT,
            clip_id=TEXT,
            t0_us=LONG,
            split=TEXT,
            shard=TEXT,
            scenario=TEXT,
            source=TEXT,
            has_reasoning=FLAG,
            # where the arrays are in the shard, and the texts that are not arrays
            row=LONG,
            cameras=TEXTS,
            reasoning=TEXT,
            longitudinal_decision=TEXT,
            lateral_decision=TEXT,
        )
    },
    "policy": {},
    "rollouts": {"rollouts": _ROLLOUTS},
    "report": {"rollouts": _ROLLOUTS, "values": _VALUES},
    "gate": {},
    "release": {},
}


def tables_of(kind: str) -> dict[str, TableSchema]:
    """Every table of a kind, `quarantine` included. KeyError for a kind that does not exist."""
    return {**SCHEMAS[kind], "quarantine": QUARANTINE}
