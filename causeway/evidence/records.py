"""`Evidence`: what was observable at one moment. The only thing that the naming of causes is given.

Knows its fields and how rows become records. It has no reference to clips, ticks or futures: whoever holds one
cannot look beyond t0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from causeway.artifacts import Artifact


@dataclass(frozen=True)
class Evidence:
    """One moment's evidence at t0; None = not observable or none.

    Distances are along our path from the front bumper; laterals are from our path, + = left. Our path leads from
    where we are back to the lane's middle within 30 m. Times are µs; `…_since_us` is when it became so (lead: our
    lead; cut-in: moving over; obstacle and crossing: in our way; signal: in this state). docs/evidence.md has each
    field with its unit and when it counts as known.
    """

    moment_id: str
    clip_id: str
    t0_us: int
    event_us: int  # latest observation used
    created_us: int  # latest writing of a value used
    ego_speed_mps: float
    ego_accel_mps2: float | None = None
    ego_yaw_rate_radps: float | None = None
    ego_curvature_per_m: float | None = None
    ego_width_m: float | None = None
    lead_track_id: str | None = None
    lead_type: str | None = None
    lead_distance_m: float | None = None  # bumper to bumper
    lead_lateral_m: float | None = None
    lead_speed_mps: float | None = None  # along our path; None with a lead = nobody knows it
    lead_towards_mps: float | None = None  # across our path, > 0 towards its middle
    lead_accel_mps2: float | None = None
    lead_since_us: int | None = None
    left_track_id: str | None = None  # nearest vehicle on the lane to our left that goes our way
    left_type: str | None = None
    left_gap_m: float | None = None  # bumper to bumper; > 0 ahead, < 0 behind, 0 beside us
    left_relative_speed_mps: float | None = None  # along our path, > 0 faster than we are
    left_towards_mps: float | None = None  # across it, > 0 towards our lane
    left_indicator: str | None = None  # its turn signals; None: nobody knows
    right_track_id: str | None = None
    right_type: str | None = None
    right_gap_m: float | None = None
    right_relative_speed_mps: float | None = None
    right_towards_mps: float | None = None
    right_indicator: str | None = None
    cut_in_track_id: str | None = None  # moves over and is in our way within 3 s
    cut_in_type: str | None = None
    cut_in_distance_m: float | None = None
    cut_in_lateral_m: float | None = None
    cut_in_towards_mps: float | None = None
    cut_in_since_us: int | None = None
    oncoming_track_id: str | None = None  # nearest vehicle that comes towards us on our lane or the one next to it
    oncoming_type: str | None = None
    oncoming_distance_m: float | None = None
    oncoming_lateral_m: float | None = None
    oncoming_clearance_m: float | None = None  # beside us if we kept to the middle; < 0: in our way
    oncoming_speed_mps: float | None = None  # along our path, > 0 towards us
    oncoming_towards_mps: float | None = None  # across it, > 0 towards our path
    oncoming_since_us: int | None = None
    obstacle_track_id: str | None = None
    obstacle_type: str | None = None
    obstacle_distance_m: float | None = None
    obstacle_lateral_m: float | None = None
    obstacle_clearance_m: float | None = None  # beside us if we kept to the middle; < 0: in our way
    obstacle_since_us: int | None = None
    crossing_track_id: str | None = None
    crossing_type: str | None = None
    crossing_distance_m: float | None = None
    crossing_lateral_m: float | None = None
    crossing_speed_mps: float | None = None
    crossing_since_us: int | None = None
    signal_id: str | None = None
    signal_state: str | None = None
    signal_distance_m: float | None = None  # to where one stops for it
    signal_since_us: int | None = None
    stop_line_distance_m: float | None = None
    curve_curvature_per_m: float | None = None  # strongest within 60 m, + = left
    curve_distance_m: float | None = None  # to where half of it is reached
    lane_offset_m: float | None = None
    lane_width_m: float | None = None
    has_left_lane: bool | None = None  # one that goes our way; None: no map says which lane we are on
    has_right_lane: bool | None = None
    split_distance_m: float | None = None  # to where more than one lane follows
    merge_distance_m: float | None = None  # to where another lane joins ours
    lane_end_distance_m: float | None = None  # to where our lane ends and the one beside it leads on
    on_ramp: bool | None = None  # whether our lane, or the one that led to it, is a ramp
    route_action: str | None = None  # what the route asks for next (`route_ahead.ROUTE_ACTIONS`); None: no route known
    route_distance_m: float | None = None  # to where the route has left our lane
    crosswalk_id: str | None = None  # the nearest of each kind on our way within 100 m
    crosswalk_distance_m: float | None = None
    bump_id: str | None = None
    bump_distance_m: float | None = None
    sign_id: str | None = None
    sign_distance_m: float | None = None
    cone_id: str | None = None
    cone_distance_m: float | None = None
    has_tracks: bool = False
    has_map: bool = False
    has_signals: bool = False


NAMES = tuple(field.name for field in fields(Evidence))


def evidence_from_row(row: Mapping[str, Any]) -> Evidence:
    """A row of `evidence.parquet` as a record; KeyError when a column is missing."""
    return Evidence(**{name: row[name] for name in NAMES})


def read_evidence(evidence: Artifact) -> list[Evidence]:
    """All records of an evidence artifact, ordered by moment_id."""
    return [evidence_from_row(row) for row in evidence.table("evidence").to_pylist()]
