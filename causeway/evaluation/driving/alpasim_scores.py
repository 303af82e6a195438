"""A rollout scored as AlpaSim scores one: its formulas, its order of cuts, its exclusions.

Knows AlpaSim's rules as restated from its source (`eval` of NVlabs/alpasim, commit 3032e0c). Does not know our own
scores, which exclude nothing and stand beside these, or boxes (`alpasim_boxes`). One thing differs, since a rollout
ends where whole boxes touch: contacts of AlpaSim's smaller, rounder boxes are a metric beside.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causeway.evaluation.driving import plan_scores
from causeway.evaluation.driving.alpasim_boxes import rounded_touch
from causeway.evaluation.driving.closed_loop import Rollout

Array = NDArray[np.float64]

DEVIATION_M = 4.0  # what happens farther than this from the recorded path is excluded
FULL_MARKS_AT = 0.8  # of the recorded way
STANDING_M = 5.0  # a recorded way shorter than this gives full progress
WHOLE_S = 20.0  # a simulation of theirs

UNITS = {
    "alpasim_collision_any": "share",
    "alpasim_collision_rounded": "share",
    "alpasim_collision_front": "share",
    "alpasim_collision_lateral": "share",
    "alpasim_collision_rear": "share",
    "alpasim_collision_at_fault": "share",
    "alpasim_off_road": "share",
    "alpasim_wrong_lane": "share",
    "alpasim_progress": "share",
    "alpasim_progress_rel": "share",
    "alpasim_scene_score": "score",
    "alpasim_off_path_m": "m",
    "alpasim_off_place_m": "m",
    "alpasim_min_distance_m": "m",
    "alpasim_left_corridor": "share",
    "alpasim_cut_short": "share",
    "alpasim_duration_frac_20s": "share",
    "alpasim_driven_km": "km",
    **plan_scores.UNITS,
}
_WHERE = {"front": "front", "lateral": "side", "rear": "rear"}


@dataclass(frozen=True, eq=False)
class Counted:
    """The ticks of a rollout that count, by index, and of each how far off the recorded path the box's middle is."""

    ticks: NDArray[np.int64]
    off_path_m: Array


def counted(rollout: Rollout, recorded: Rollout) -> Counted:
    """The ticks that the policy drove up to its first incident, and of those up to the first one 4 m off the path.

    Both rows where it happens still count. `recorded` is who drove there before: the record, or the world's expert.
    """
    history = rollout.history
    ticks = np.flatnonzero(history["by_policy"])
    ticks = _up_to(ticks, (history["collision"].astype(bool) | history["off_road"])[ticks])
    _, off_path_m = along(middles(recorded), middles(rollout)[ticks])
    kept = len(_up_to(ticks, off_path_m >= DEVIATION_M))
    return Counted(ticks[:kept], off_path_m[:kept])


def _up_to(ticks: NDArray[np.int64], happens: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The ticks until it happens first, that one included."""
    return ticks[: int(np.argmax(happens)) + 1] if happens.any() else ticks


def middles(rollout: Rollout) -> Array:
    """The middle of the ego's box [ticks, 2]."""
    h = rollout.history
    ahead = rollout.shape.rear_axle_to_centre_m * np.column_stack([np.cos(h["yaw_rad"]), np.sin(h["yaw_rad"])])
    return np.column_stack([h["x_m"], h["y_m"]]) + ahead


def along(path: Array, points: Array) -> tuple[Array, Array]:
    """(metres along a path [m, 2], distance from it) of points [n, 2], at the nearest place; both [n]."""
    moved = np.concatenate([[True], np.hypot(*np.diff(path, axis=0).T) > 1e-6])
    path = path[moved]
    if len(path) < 2:
        return np.zeros(len(points)), np.hypot(*(points - path[0]).T)
    step = np.diff(path, axis=0)
    length = np.hypot(*step.T)
    apart = points[:, None] - path[None, :-1]
    share = np.clip((apart * step).sum(axis=-1) / length**2, 0.0, 1.0)
    distance = np.hypot(*np.moveaxis(apart - share[..., None] * step, -1, 0))
    nearest, row = np.argmin(distance, axis=1), np.arange(len(points))
    start = np.concatenate([[0.0], np.cumsum(length)])
    return start[nearest] + share[row, nearest] * length[nearest], distance[row, nearest]


def alpasim_scores(rollout: Rollout, recorded: Rollout) -> dict[str, float]:
    """AlpaSim's metrics of one rollout; events are 1.0 or 0.0.

    `alpasim_collision_any`: whole boxes touch, which ends a rollout; `alpasim_collision_rounded`: AlpaSim's smaller
    boxes do by then, too. `alpasim_collision_at_fault`: not from behind (who stands is not excused).
    `alpasim_progress`: how far along the whole recorded path the last counted tick is, 0 to 1; 1 where that path is
    shorter than 5 m. `alpasim_scene_score`: 0 after a collision at fault, off the road or a failed answer, else
    min(progress / 0.8, 1).
    `alpasim_off_path_m`: the farthest from the recorded path (dist_to_gt_trajectory), `alpasim_off_place_m` from where
    the record was at that time (dist_to_gt_location), `alpasim_driven_km`: the way. `alpasim_progress_rel`: the least
    place on the record's path so far, as a share of it. `alpasim_left_corridor`: 4 m beside the record's path, by the
    later versions that do not count what lies past its end (their scene score makes it a failure; here it stands
    beside). And `plan_scores`, of the plans made in ticks that count.
    """
    history, count = rollout.history, counted(rollout, recorded)
    ticks = count.ticks
    where = history["collision_where"][ticks]
    hit, off_road = history["collision"][ticks].astype(bool), bool(history["off_road"][ticks].any())
    at_fault = bool((hit & (history["collision_where"][ticks] != "rear")).any())
    path = middles(recorded)
    whole_m = float(along(path, path[-1:])[0][0])
    made_m = float(along(path, middles(rollout)[ticks[-1:]])[0][0]) if len(ticks) else 0.0
    progress = 1.0 if whole_m < STANDING_M else min(made_m / whole_m, 1.0)
    lost = bool(rollout.failure) or at_fault or off_road
    return {
        "alpasim_collision_any": float(hit.any()),
        "alpasim_collision_rounded": _rounded(rollout, ticks[hit]),
        **{f"alpasim_collision_{part}": float((where == ours).any()) for part, ours in _WHERE.items()},
        "alpasim_collision_at_fault": float(at_fault),
        "alpasim_off_road": float(off_road),
        "alpasim_wrong_lane": float(history["wrong_way"][ticks].any()),
        "alpasim_progress": progress,
        **_beside(rollout, recorded, ticks),
        "alpasim_scene_score": 0.0 if lost else min(progress / FULL_MARKS_AT, 1.0),
        "alpasim_off_path_m": float(count.off_path_m.max()) if len(ticks) else 0.0,
        "alpasim_cut_short": float(bool(len(ticks)) and count.off_path_m[-1] >= DEVIATION_M),
        "alpasim_driven_km": _way_km(rollout, ticks),
        **plan_scores.plan_scores(rollout, recorded, int(ticks[-1]) if len(ticks) else -1),
    }


def _rounded(rollout: Rollout, touching: NDArray[np.int64]) -> float:
    """1.0 when AlpaSim's boxes touch at one of these ticks; NaN where nobody knows the others' boxes."""
    if len(touching) and len(rollout.others) <= touching[-1]:
        return float("nan")
    centre, yaw = middles(rollout), rollout.history["yaw_rad"]
    size = (rollout.shape.length_m, rollout.shape.width_m)
    return float(any(rounded_touch(np.array([*centre[t], yaw[t], *size]), rollout.others[t]) for t in touching))


def _beside(rollout: Rollout, recorded: Rollout, ticks: NDArray[np.int64]) -> dict[str, float]:
    """How the counted ticks lie to the record, in place and in time."""
    if not len(ticks):
        nan = float("nan")
        names = ("progress_rel", "off_place_m", "min_distance_m", "left_corridor", "duration_frac_20s")
        return {f"alpasim_{name}": nan for name in names}
    path, own = middles(recorded), middles(rollout)
    known = ticks[ticks < len(path)]  # the record may have ended: nobody was anywhere then
    apart = np.hypot(*(own[known] - path[known]).T)
    shares = [_progress_rel(path[: tick + 1], own[tick]) for tick in known]
    return {
        "alpasim_progress_rel": min(shares, default=float("nan")),
        "alpasim_off_place_m": float(apart.max()) if len(apart) else float("nan"),
        "alpasim_min_distance_m": float(rollout.history["min_distance_m"][ticks].min()),
        "alpasim_left_corridor": float((lateral_m(path, own[ticks]) >= DEVIATION_M).any()),
        "alpasim_duration_frac_20s": float(rollout.history["t_us"][ticks[-1]] / 1e6 / WHOLE_S),
    }


def _progress_rel(path: Array, point: Array) -> float:
    """How far along a path [n, 2] a point [2] is, as a share of its length; 1 on a path without length."""
    stations, _ = along(path, np.stack([point, path[-1]]))
    return float(stations[0] / stations[1]) if stations[1] > 0 else 1.0


def lateral_m(path: Array, points: Array) -> Array:
    """Distance of points [n, 2] to a path [m, 2]; past its end, to the line on which it ends: [n]."""
    station, distance = along(path, points)
    moved = path[np.concatenate([[True], np.hypot(*np.diff(path, axis=0).T) > 1e-6])]
    if len(moved) < 2:
        return distance
    ahead = moved[-1] - moved[-2]
    offset = points - moved[-1]
    beside = np.abs(offset[:, 0] * ahead[1] - offset[:, 1] * ahead[0]) / np.hypot(*ahead)
    ended = station >= along(path, moved[-1:])[0][0] - 1e-9
    return np.where(ended, beside, distance)


def _way_km(rollout: Rollout, ticks: NDArray[np.int64]) -> float:
    steps = np.hypot(np.diff(rollout.history["x_m"]), np.diff(rollout.history["y_m"]))
    return float(steps[ticks - 1].sum() / 1000)
