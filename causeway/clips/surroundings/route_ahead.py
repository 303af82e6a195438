"""What the route asks for next: a change of lanes, an exit or a turn, and how far ahead.

Knows the route as a navigation system gives it before the drive, and the lane that we are on with where it leads. Does
not know which way is driven in the end. What lies more than 100 m ahead does not count, as with the map.
"""

import numpy as np

from causeway.clips.geometry import wrap_angle
from causeway.clips.surroundings.path import Polyline, polyline, project
from causeway.clips.surroundings.road import STOP_REACH_M, Ahead, Guide
from causeway.clips.surroundings.scene import Scene

ROUTE_ACTIONS = ("keep", "lane_left", "lane_right", "exit_left", "exit_right", "turn_left", "turn_right")
_STEP_M = 2.0
_BEYOND_M = 15.0  # so far behind the place where a route leaves our lane one sees where it leads
_TURN_RAD = np.pi / 4
_BESIDE_M = 20.0  # one that is farther from us was left, or is over: it asks for nothing here
_OFF_MAP_M = 2.0  # a point that is so far beyond the end of our way tells nothing

Columns = dict[str, list]


def route_columns(scene: Scene, path: Guide) -> Columns:
    """route_action and route_distance_m of each tick; None where no route near us or no lane of ours is known.

    `keep`: the route stays on our way for the next 100 m. The distance is from the front bumper to where the route has
    left our lane; 0 where it runs beside us already.
    """
    count = len(scene.ego.t_us)
    columns: Columns = {"route_action": [None] * count, "route_distance_m": [None] * count}
    route = polyline(scene.route_xy_m) if len(scene.route_xy_m) else None
    if route is None:
        return columns
    along = np.append(np.arange(0.0, route.along_m[-1], _STEP_M), route.along_m[-1])
    xy = np.stack([np.interp(along, route.along_m, route.xy_m[:, i]) for i in (0, 1)], axis=-1)
    here = project(route, np.stack([scene.ego.x_m, scene.ego.y_m], axis=-1))
    beside = np.hypot(here.offset_m, here.misses_m) <= _BESIDE_M
    for ahead, mask in path.groups():
        left = _offsets(ahead, xy)
        off = np.abs(left) > ahead.width_m / 2
        for tick in np.flatnonzero(mask & beside):
            from_m = here.along_m[tick]
            window = (along >= from_m) & (along <= from_m + scene.front_m + STOP_REACH_M)
            leaves = np.flatnonzero(off & window)
            if not len(leaves):
                columns["route_action"][tick] = "keep" if np.isfinite(left[window]).any() else None
                continue
            columns["route_action"][tick] = _action(scene, ahead, route, float(along[leaves[0]]), left[leaves[0]] > 0)
            columns["route_distance_m"][tick] = max(float(along[leaves[0]] - from_m) - scene.front_m, 0.0)
    return columns


def _offsets(ahead: Ahead, xy: np.ndarray) -> np.ndarray:
    """How far left of our way each point of the route is [n]; NaN beyond the end of our way."""
    on = project(ahead.line, xy)
    return np.where(on.misses_m > _OFF_MAP_M, np.nan, on.offset_m)


def _action(scene: Scene, ahead: Ahead, route: Polyline, at_m: float, to_left: bool) -> str:
    """What the route does where it leaves our lane."""
    side = "left" if to_left else "right"
    ends_m = np.array([at_m, at_m + _BEYOND_M])
    (start, beyond), yaw = _points(route, ends_m), _heading(route, at_m + _BEYOND_M)
    own_yaw = project(ahead.line, start[None]).yaw_rad[0]
    if abs(float(wrap_angle(yaw - own_yaw))) > _TURN_RAD:
        return f"turn_{side}"
    return f"{'exit' if _is_fork(scene, ahead, beyond) else 'lane'}_{side}"


def _points(line: Polyline, at_m: np.ndarray) -> np.ndarray:
    return np.stack([np.interp(at_m, line.along_m, line.xy_m[:, i]) for i in (0, 1)], axis=-1)


def _heading(line: Polyline, at_m: float) -> float:
    segment = int(np.searchsorted(line.along_m, at_m, side="right")) - 1
    return float(line.yaw_rad[min(segment, len(line.yaw_rad) - 1)])


def _is_fork(scene: Scene, ahead: Ahead, xy: np.ndarray) -> bool:
    """Whether a point is on a lane that one of ours leads to beside the one that we would follow."""
    followed = set(ahead.lane_ids)
    others = {s for i in ahead.lane_ids for s in scene.lanes[i].successors if s in scene.lanes and s not in followed}
    for lane in (scene.lanes[i] for i in sorted(others)):
        on = project(lane.centre, xy[None])
        if np.hypot(on.offset_m[0], on.misses_m[0]) <= lane.width_m / 2:
            return True
    return False
