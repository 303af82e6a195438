"""The next crosswalk, bump, sign and cone on our way at each tick.

Knows shapes of the map and the path ahead. Does not know stop lines and lights (`road`). A map has no time; nothing
beyond 100 m ahead counts.
"""

from itertools import pairwise

import numpy as np

from causeway.clips.surroundings.path import ROUNDING_M, project
from causeway.clips.surroundings.road import STOP_REACH_M, Ahead, Guide
from causeway.clips.surroundings.scene import Element, Scene

# how far from the middle of our path a thing of that kind is still for us; a sign that names lanes is for those alone
_BESIDE_M = {"crosswalk": 1.0, "bump": 1.0, "sign": 10.0, "cone": 3.0}
KINDS = tuple(_BESIDE_M)

Columns = dict[str, list]


def element_columns(scene: Scene, path: Guide) -> Columns:
    """<kind>_id and <kind>_distance_m of the nearest one of each kind ahead, at each tick; None where there is none.

    Distances are along our path from the front bumper to the nearest edge; one that we stand on is at 0.
    """
    count = len(scene.ego.t_us)
    columns: Columns = {f"{kind}_{what}": [None] * count for kind in KINDS for what in ("id", "distance_m")}
    nearest = {kind: np.full(count, np.inf) for kind in KINDS}
    elements = sorted((e for e in scene.elements if e.kind in KINDS), key=lambda e: e.element_id)
    for ahead, mask in path.groups() if elements else ():
        ticks = np.flatnonzero(mask)
        for element in elements:
            distance_m = _distances(scene, path, ahead, ticks, element)
            best = nearest[element.kind]
            for tick in ticks[distance_m < best[ticks]]:
                columns[f"{element.kind}_id"][tick] = element.element_id
            best[ticks] = np.minimum(best[ticks], distance_m)
    for kind, best in nearest.items():
        columns[f"{kind}_distance_m"] = [float(d) if np.isfinite(d) else None for d in best]
    return columns


def _distances(scene: Scene, path: Guide, ahead: Ahead, ticks: np.ndarray, element: Element) -> np.ndarray:
    """Front bumper to the element at each of the ticks [n]; infinite where it is not on our way within 100 m."""
    distance = np.full(len(ticks), np.inf)
    if element.kind == "sign" and element.lane_ids and not element.lane_ids & set(ahead.lane_ids):
        return distance
    xy = np.stack([scene.ego.x_m, scene.ego.y_m], axis=-1)[ticks]
    reach_m = STOP_REACH_M + scene.front_m
    close = np.flatnonzero(_least_m(xy, element.xy_m) <= reach_m + _BESIDE_M[element.kind])
    if not len(close):
        return distance
    shape, own_m = _near(_outline(element), ahead, _BESIDE_M[element.kind]), path.along_m[ticks[close]]
    if not len(shape):
        return distance
    on = project(ahead.line, np.tile(shape, (len(close), 1)), np.repeat(own_m + reach_m, len(shape)))
    along, offset = (values.reshape(len(close), -1) for values in (on.along_m, on.offset_m))
    beside = np.hypot(offset, on.misses_m.reshape(offset.shape)) <= _BESIDE_M[element.kind]
    gap = np.where(beside, along, np.inf).min(axis=1) - own_m - scene.front_m
    last = np.where(beside, along, -np.inf).max(axis=1) - own_m
    on_way = (last > 0) & (gap <= STOP_REACH_M)  # not yet wholly behind our rear axle
    distance[close[on_way]] = np.maximum(gap[on_way], 0.0)
    return distance


def _near(shape: np.ndarray, ahead: Ahead, beside_m: float) -> np.ndarray:
    """The points of a shape [k, 2] that can be beside our way at some tick, however far one looks along it."""
    on = project(ahead.line, shape)
    return shape[np.hypot(on.offset_m, on.misses_m) <= beside_m + ROUNDING_M]


def _outline(element: Element) -> np.ndarray:
    """Points [k, 2] along the closed outline of a shape, at most 0.5 m apart (a shape may cross our path unseen)."""
    corners = np.concatenate([element.xy_m, element.xy_m[:1]])
    parts = [corners[:1]]
    for a, b in pairwise(corners):
        steps = int(np.clip(np.ceil(np.hypot(*(b - a)) / 0.5), 1, 200))
        parts.append(a + (b - a) * np.linspace(0, 1, steps + 1)[1:, None])
    return np.unique(np.concatenate(parts), axis=0)


def _least_m(xy_m: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Distance of each point [n, 2] from the bounding box of a shape."""
    low, high = shape.min(axis=0), shape.max(axis=0)
    return np.hypot(*np.maximum(np.maximum(low - xy_m, xy_m - high), 0.0).T)
