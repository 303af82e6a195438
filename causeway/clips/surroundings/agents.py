"""Other road users against our path at each tick: the lead, what narrows the way, who crosses it.

Knows boxes, velocities and the path (from where we are to the lane's middle, else the arc being driven) of one tick
at a time. Does not look at other ticks.
"""

from dataclasses import dataclass

import numpy as np

from causeway.clips.cutting import MAP_REACH_M
from causeway.clips.geometry import conjugate, rotate, to_frame, wrap_angle
from causeway.clips.surroundings.path import OnPath, on_arc, project
from causeway.clips.surroundings.road import Guide
from causeway.clips.surroundings.scene import Scene

_LEAD_REACH_M = 100.0
_OBSTACLE_REACH_M = 80.0
_NEAR_REACH_M = 60.0
_STANDING_MPS = 0.5
_NARROW_M = 0.8  # less room than this beside us and a standing thing narrows our way
_SHIFT_M = 1.0  # how far out of the lane a pass may go
_PASS_ROOM_M = 0.6  # room needed beyond our width to pass
_ENTERS_S, _WEAK_ENTERS_S = 4.0, 5.0  # sooner in our path than this: it (or who walks or cycles) is heading into it
_VRU_CROSSING_MPS = 0.3
_VEHICLE_CROSSING_MPS = 0.7
NO_VEHICLE = ("pedestrian", "animal", "cyclist", "static")
_RETURN_M = 30.0  # a car beside the middle of its lane is back in it after this
_HALF_LANE_M = 1.8  # where no map says
_OVERHEAD_M = 2.5  # a static thing whose underside is higher is a sign or a bridge to drive under


@dataclass(frozen=True, eq=False)
class Against:
    """All track rows of a clip relative to our path at their tick, arrays [rows]; offsets + = left."""

    gap_m: np.ndarray  # our front bumper to the nearest side of the box, along the path
    rear_gap_m: np.ndarray  # our rear bumper to the farthest side of the box, < 0: it is behind us
    on_path: np.ndarray  # bool: beside or on the path's length, and nothing to drive under
    ahead: np.ndarray  # bool: on_path, its middle ahead of our rear axle
    offset_m: np.ndarray
    lane_offset_m: np.ndarray  # from the middle of our lane, wherever in it we are
    half_lane_m: np.ndarray  # half the width of our lane there
    clearance_m: np.ndarray  # room beside us if we keep to the middle of the path; < 0: in our way
    room_m: np.ndarray  # width left beside it, in our lane and a little more
    turn_rad: np.ndarray  # its heading relative to the path
    along_mps: np.ndarray
    across_mps: np.ndarray
    speed_mps: np.ndarray
    accel_mps2: np.ndarray


def against_path(scene: Scene, path: Guide) -> Against:
    """Compare every track row with the path of its tick."""
    tracks = scene.tracks
    on, half_lane, own_shift = _on_path(scene, path)
    turn = wrap_angle(tracks.yaw_rad - on.yaw_rad)
    half_along = (np.abs(np.cos(turn)) * tracks.length_m + np.abs(np.sin(turn)) * tracks.width_m) / 2
    half_across = (np.abs(np.sin(turn)) * tracks.length_m + np.abs(np.cos(turn)) * tracks.width_m) / 2
    cos, sin = np.cos(on.yaw_rad), np.sin(on.yaw_rad)
    vx, vy = tracks.velocity_mps.T
    offset = on.offset_m - own_shift
    inner_edge = np.abs(offset) - half_across
    on_path = (on.misses_m < 2.0) & ~_is_overhead(scene)
    return Against(
        gap_m=on.along_m - half_along - scene.front_m,
        rear_gap_m=on.along_m + half_along + scene.rear_m,
        on_path=on_path,
        ahead=on_path & (on.along_m > 0),
        offset_m=offset,
        lane_offset_m=on.offset_m,
        half_lane_m=half_lane,
        clearance_m=inner_edge - scene.width_m / 2,
        room_m=np.abs(on.offset_m) - half_across + half_lane + _SHIFT_M,
        turn_rad=turn,
        along_mps=cos * vx + sin * vy,
        across_mps=cos * vy - sin * vx,
        speed_mps=np.hypot(vx, vy),
        accel_mps2=tracks.accel_mps2,
    )


def _is_overhead(scene: Scene) -> np.ndarray:
    """Rows of static things wholly above the plane that we stand on; one whose height nobody knows is not."""
    tracks, ego = scene.tracks, scene.ego
    static = np.flatnonzero(tracks.type == "static")
    tick = tracks.tick[static]
    centre = np.column_stack([tracks.xy_m, tracks.z_m])[static]
    from_us = centre - np.stack([ego.x_m, ego.y_m, ego.z_m], axis=-1)[tick]
    overhead = np.zeros(len(tracks.tick), dtype=bool)
    underside_m = rotate(conjugate(ego.wxyz[tick]), from_us)[:, 2] - tracks.height_m[static] / 2
    overhead[static] = underside_m > _OVERHEAD_M
    return overhead


def _on_path(scene: Scene, path: Guide) -> tuple[OnPath, np.ndarray, np.ndarray]:
    """Track rows on the lane or arc (distances from the rear axle, headings in the clip frame), half the lane's
    width, and how far our path is beside its middle: where we are now, back in the middle after 30 m."""
    tracks, ego = scene.tracks, scene.ego
    pose = np.stack([ego.x_m, ego.y_m, ego.yaw_rad], axis=-1)[tracks.tick]
    xy_rig = to_frame(np.column_stack([tracks.xy_m, tracks.yaw_rad]), pose)[:, :2]
    arc = on_arc(xy_rig, ego.curvature_per_m[tracks.tick])
    columns = [arc.along_m, arc.offset_m, arc.yaw_rad + ego.yaw_rad[tracks.tick], arc.misses_m]
    half_lane = np.full(len(tracks.tick), _HALF_LANE_M)
    own_shift = np.zeros(len(tracks.tick))
    for ahead, mask in path.groups():
        rows = mask[tracks.tick]
        own_along, own_offset = (values[tracks.tick[rows]] for values in (path.along_m, path.offset_m))
        on = project(ahead.line, tracks.xy_m[rows], own_along + MAP_REACH_M)
        # a lane begins somewhere: who is before that is where the arc says, beside our own place in the lane
        before = (on.misses_m > 0) & (on.along_m == 0) & (arc.along_m[rows] < 0)
        on_lane = (on.along_m - own_along, on.offset_m, on.yaw_rad, on.misses_m)
        on_arc_ = (arc.along_m[rows], arc.offset_m[rows] + own_offset, columns[2][rows], arc.misses_m[rows])
        for column, lane_values, arc_values in zip(columns, on_lane, on_arc_, strict=True):
            column[rows] = np.where(before, arc_values, lane_values)
        half_lane[rows] = ahead.width_m / 2
        own_shift[rows] = own_offset * np.clip(1 - columns[0][rows] / _RETURN_M, 0.0, 1.0)
    return OnPath(*columns), half_lane, own_shift


def is_lead(scene: Scene, rows: Against) -> np.ndarray:
    """Rows that could be our lead: a vehicle in our way, going our way or standing, and not one to drive around."""
    walks = np.isin(scene.tracks.type, ("pedestrian", "animal"))
    standing = rows.speed_mps < _STANDING_MPS
    our_way = (np.abs(rows.turn_rad) < np.pi / 3) | standing
    near = rows.ahead & (rows.gap_m > -1.0) & (rows.gap_m < _LEAD_REACH_M)
    return near & (rows.clearance_m < -0.1) & ~walks & our_way & ~(standing & _passable(scene, rows))


def is_obstacle(scene: Scene, rows: Against) -> np.ndarray:
    """Rows of standing things that narrow our way but leave room."""
    walks = np.isin(scene.tracks.type, ("pedestrian", "animal"))
    near = rows.ahead & (rows.gap_m < _OBSTACLE_REACH_M) & (rows.gap_m > -scene.front_m)
    standing = rows.speed_mps < _STANDING_MPS
    return near & standing & ~walks & (rows.clearance_m < _NARROW_M) & _passable(scene, rows)


def is_crossing(scene: Scene, rows: Against) -> np.ndarray:
    """Rows heading into our way: sideways towards it and there within 4 s (who walks
    or cycles 5 s); people also when they are in it."""
    weak = np.isin(scene.tracks.type, ("pedestrian", "animal", "cyclist"))
    near = rows.ahead & (rows.gap_m > -1.0) & (rows.gap_m < _NEAR_REACH_M)
    towards_mps = -np.sign(rows.offset_m) * rows.across_mps
    fast = towards_mps >= np.where(weak, _VRU_CROSSING_MPS, _VEHICLE_CROSSING_MPS)
    within_s = np.where(weak, _WEAK_ENTERS_S, _ENTERS_S)
    soon = np.maximum(rows.clearance_m, 0.0) <= within_s * np.maximum(towards_mps, 0.0)
    outside = weak | (rows.clearance_m > -0.1)
    oncoming = ~weak & (np.abs(rows.turn_rad) > np.radians(150))
    inside = weak & (rows.clearance_m < 0)
    return near & ~oncoming & ((fast & soon & outside) | inside) & ~is_lead(scene, rows)


def _passable(scene: Scene, rows: Against) -> np.ndarray:
    return rows.room_m >= scene.width_m + _PASS_ROOM_M


def nearest_of_tick(scene: Scene, rows: Against, chosen: np.ndarray) -> np.ndarray:
    """For each tick the row with the smallest gap among the chosen ones, -1 where there is none."""
    return least_of_tick(scene, rows.gap_m, chosen)


def least_of_tick(scene: Scene, values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """For each tick the row with the smallest value [rows] among the chosen ones, -1 where there is none."""
    index = np.flatnonzero(chosen)
    track_id = scene.tracks.track_id[index].astype(str)
    order = index[np.lexsort((track_id, values[index], scene.tracks.tick[index]))]
    result = np.full(len(scene.ego.t_us), -1)
    ticks, first = np.unique(scene.tracks.tick[order], return_index=True)
    result[ticks] = order[first]
    return result
