"""What the map says of the lane we are on: its width, the lanes next to it, where it forks and where others join it.

Knows lanes at the place of the ego at one tick. A map has no time; nothing beyond 100 m ahead counts, so that how far a
clip's map reaches changes nothing.
"""

import numpy as np

from causeway.clips.geometry import wrap_angle
from causeway.clips.surroundings.path import ROUNDING_M, project
from causeway.clips.surroundings.road import STOP_REACH_M, Ahead, Guide
from causeway.clips.surroundings.scene import Lane, Scene

_NO_WAY = ("shoulder", "bike")  # kinds of lane that one does not drive on
_SPACING = (0.6, 1.5)  # between the middles of lanes side by side, in mean widths
_PARALLEL_RAD = np.pi / 6
_BESIDE_M = 1.0  # a lane that begins or ends farther from here is not beside us

Columns = dict[str, list]


def neighbour_columns(scene: Scene, path: Guide) -> Columns:
    """lane_width_m, has_left_lane, has_right_lane (going our way), split_distance_m, merge_distance_m of each tick.

    None where no map says which lane we are on; a distance also where nothing forks or joins within 100 m.
    """
    count = len(scene.ego.t_us)
    names = ("lane_width_m", "has_left_lane", "has_right_lane", "split_distance_m", "merge_distance_m")
    columns: Columns = {name: [None] * count for name in names}
    for ahead, mask in path.groups():
        beside = _beside(scene, ahead, np.flatnonzero(mask))
        splits, merges = _splits(scene, ahead), _merges(scene, ahead)
        for i, tick in enumerate(np.flatnonzero(mask)):
            front_m = float(path.along_m[tick]) + scene.front_m
            values = (ahead.width_m, *beside[i], _next(splits, front_m), _next(merges, front_m))
            for name, value in zip(names, values, strict=True):
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


def _to_drive_on(scene: Scene, lane_ids: "list[str] | tuple[str, ...]") -> list[Lane]:
    there = [scene.lanes[i] for i in dict.fromkeys(lane_ids) if i in scene.lanes]
    return [lane for lane in there if lane.kind not in _NO_WAY]


def _next(places_m: list[float], front_m: float) -> float | None:
    """Front bumper to the next place within 100 m; one just passed (1 m) still counts, at distance 0."""
    distances = [place - front_m for place in places_m if -1.0 < place - front_m <= STOP_REACH_M]
    return max(min(distances), 0.0) if distances else None
