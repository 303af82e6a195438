"""What the map says of the lane we are on: its width, the lanes next to it, where it forks and where others join it.

Knows lanes at the place of the ego at one tick. A map has no time; nothing that begins more than 100 m ahead counts, so
that how far a clip's map reaches changes nothing.
"""

import numpy as np

from causeway.clips.cutting import MAP_REACH_M
from causeway.clips.geometry import wrap_angle
from causeway.clips.surroundings.path import ROUNDING_M, Polyline, project
from causeway.clips.surroundings.road import STOP_REACH_M, Ahead, Guide
from causeway.clips.surroundings.scene import Lane, Scene

_NO_WAY = ("shoulder", "bike")  # kinds of lane that one does not drive on
_SPACING = (0.6, 1.5)  # between the middles of lanes side by side, in mean widths
_PARALLEL_RAD = np.pi / 6
_BESIDE_M = 1.0  # a lane that begins or ends farther from here is not beside us

_LOOKS_M = 10.0  # nobody looks for the lane beside ours farther away
_END_REACH_M = 250.0
_LEADS_ON_M = 10.0  # farther than ours ends: the lane beside leads on
_NAMES = (
    *("lane_width_m", "has_left_lane", "has_right_lane", "split_distance_m", "merge_distance_m"),
    *("lane_end_distance_m", "on_ramp"),
)

Columns = dict[str, list]


def neighbour_columns(scene: Scene, path: Guide) -> Columns:
    """lane_width_m, has_left_lane, has_right_lane (going our way), split_distance_m, merge_distance_m,
    lane_end_distance_m, on_ramp of each tick.

    None where no map says which lane we are on; a distance also where nothing forks or joins within 100 m,
    or our lane does not end within 250 m.
    """
    count = len(scene.ego.t_us)
    columns: Columns = {name: [None] * count for name in _NAMES}
    for ahead, mask in path.groups():
        ticks = np.flatnonzero(mask)
        beside = _beside(scene, ahead, ticks)
        splits, merges = _splits(scene, ahead), _merges(scene, ahead)
        ends, ramp = _end_distances(scene, path, ahead, ticks), _on_ramp(scene, ahead, ticks)
        for i, tick in enumerate(ticks):
            front_m = float(path.along_m[tick]) + scene.front_m
            values = (ahead.width_m, *beside[i], _next(splits, front_m), _next(merges, front_m), ends[i], ramp[i])
            for name, value in zip(_NAMES, values, strict=True):
                columns[name][tick] = value
    return columns


def _beside(scene: Scene, ahead: Ahead, ticks: np.ndarray) -> list[tuple[bool, bool]]:
    """(left, right): whether a lane that goes our way is there, at each of the ticks."""
    own = scene.lanes[ahead.lane_ids[0]]
    xy = np.stack([scene.ego.x_m, scene.ego.y_m], axis=-1)[ticks]
    here = project(own.centre, xy)
    found = np.zeros((2, len(ticks)), dtype=bool)
    for lane in scene.lanes.values():
        if lane is own or lane.kind in _NO_WAY:
            continue
        width_m = (own.width_m + lane.width_m) / 2
        reach_m = np.abs(here.offset_m) + _SPACING[1] * width_m + _BESIDE_M + ROUNDING_M
        near = np.flatnonzero(lane.centre.box_distance_m(xy) <= reach_m)
        if not len(near):
            continue
        there = project(lane.centre, xy[near])
        across = here.offset_m[near] - there.offset_m  # its middle seen from ours, + = left
        share = np.abs(across) / width_m
        parallel = np.abs(wrap_angle(there.yaw_rad - here.yaw_rad[near])) <= _PARALLEL_RAD
        fits = parallel & (there.misses_m <= _BESIDE_M) & (share >= _SPACING[0]) & (share <= _SPACING[1])
        found[0, near] |= fits & (across > 0)
        found[1, near] |= fits & (across < 0)
    return [(bool(left), bool(right)) for left, right in found.T]


def _splits(scene: Scene, ahead: Ahead) -> list[float]:
    """Where on our way more than one lane follows."""
    ends = {lane_id: ahead.spans_m[lane_id][1] for lane_id in ahead.lane_ids}
    return [ends[i] for i in ahead.lane_ids if len(_to_drive_on(scene, scene.lanes[i].successors)) > 1]


def _merges(scene: Scene, ahead: Ahead) -> list[float]:
    """Where on our way a lane joins that is not the one we come from."""
    joins = []
    for before, lane_id in zip(ahead.lane_ids, ahead.lane_ids[1:], strict=False):
        leading = [lane.lane_id for lane in scene.lanes.values() if lane_id in lane.successors]
        if any(lane.lane_id != before for lane in _to_drive_on(scene, leading)):
            joins.append(ahead.spans_m[lane_id][0])
    return joins


def _ends(scene: Scene, ahead: Ahead) -> tuple[float | None, list[Polyline]]:
    """Where our way ends while lanes beside it lead on, and those lanes; a road that ends with all its lanes is the
    map's end."""
    last = scene.lanes[ahead.lane_ids[-1]]
    if last.successors:
        return None, []
    end, yaw = ahead.line.xy_m[-1:], ahead.line.yaw_rad[-1]
    beside = []
    for lane in scene.lanes.values():
        if lane.lane_id in ahead.lane_ids or lane.kind in _NO_WAY or lane.centre.box_distance_m(end)[0] > _LOOKS_M:
            continue
        there = project(lane.centre, end)
        share = abs(float(there.offset_m[0])) / ((last.width_m + lane.width_m) / 2)
        parallel = abs(float(wrap_angle(there.yaw_rad[0] - yaw))) <= _PARALLEL_RAD
        leads_on = bool(lane.successors) or float(lane.centre.along_m[-1] - there.along_m[0]) > _LEADS_ON_M
        if parallel and leads_on and there.misses_m[0] <= _BESIDE_M and _SPACING[0] <= share <= _SPACING[1]:
            beside.append(lane.centre)
    return float(ahead.line.along_m[-1]), beside


def _end_distances(scene: Scene, path: Guide, ahead: Ahead, ticks: np.ndarray) -> list[float | None]:
    """Front bumper to the end of our lane at each of the ticks.

    It is seen, or announced, from farther than 100 m; but our last lane and the one that leads on must begin within
    100 m, for what begins farther away may be on the map or not.
    """
    end_m, beside = _ends(scene, ahead)
    if end_m is None or not beside:
        return [None] * len(ticks)
    xy = np.stack([scene.ego.x_m, scene.ego.y_m], axis=-1)[ticks]
    near = np.zeros(len(ticks), dtype=bool)
    for line in beside:
        on = project(line, xy)
        near |= np.hypot(on.offset_m, on.misses_m) <= STOP_REACH_M
    front_m = path.along_m[ticks] + scene.front_m
    near &= ahead.spans_m[ahead.lane_ids[-1]][0] - front_m <= STOP_REACH_M
    left_m = end_m - front_m
    known = near & (left_m > -1.0) & (left_m <= _END_REACH_M)
    return [max(float(m), 0.0) if there else None for m, there in zip(left_m, known, strict=True)]


def _on_ramp(scene: Scene, ahead: Ahead, ticks: np.ndarray) -> list[bool]:
    """Whether our lane, or one that leads to it, is a ramp, at each of the ticks.

    What leads to a long lane may be on the map only because the drive comes near it later: it counts from when it was
    surely on the map.
    """
    own = ahead.lane_ids[0]
    since = 0 if scene.lanes[own].kind == "ramp" else len(scene.ego.t_us)
    xy = np.stack([scene.ego.x_m, scene.ego.y_m], axis=-1)
    for lane in scene.lanes.values():
        if lane.kind == "ramp" and own in lane.successors:
            on = project(lane.centre, xy)
            near = np.flatnonzero(np.hypot(on.offset_m, on.misses_m) <= MAP_REACH_M)
            since = min(since, *near[:1].tolist(), len(xy))
    return [bool(tick >= since) for tick in ticks]


def _to_drive_on(scene: Scene, lane_ids: "list[str] | tuple[str, ...]") -> list[Lane]:
    there = [scene.lanes[i] for i in dict.fromkeys(lane_ids) if i in scene.lanes]
    return [lane for lane in there if lane.kind not in _NO_WAY]


def _next(places_m: list[float], front_m: float) -> float | None:
    """Front bumper to the next place within 100 m; one just passed (1 m) still counts, at distance 0."""
    distances = [place - front_m for place in places_m if -1.0 < place - front_m <= STOP_REACH_M]
    return max(min(distances), 0.0) if distances else None
