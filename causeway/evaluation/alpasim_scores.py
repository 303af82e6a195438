"""A rollout scored as AlpaSim scores one: its formulas, its order of cuts, its exclusions.

Knows AlpaSim's rules as restated from its source (`eval` of NVlabs/alpasim, commit 3032e0c). Does not know our own
scores, which exclude nothing and stand beside these. Two things differ, since a rollout ends where whole boxes touch
and where a corner leaves the road: its boxes are 2 % smaller with round corners, and its road is the union of lanes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causeway.evaluation.closed_loop import Rollout

Array = NDArray[np.float64]

DEVIATION_M = 4.0  # what happens farther than this from the recorded path is excluded
FULL_MARKS_AT = 0.8  # of the recorded way
STANDING_M = 5.0  # a recorded way shorter than this gives full progress


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
    ahead = rollout.centre_m * np.column_stack([np.cos(h["yaw_rad"]), np.sin(h["yaw_rad"])])
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

    `alpasim_collision_at_fault`: not from behind (who stands is not excused). `alpasim_progress`: how far along the
    whole recorded path the last counted tick is, 0 to 1; 1 where that path is shorter than 5 m. `alpasim_scene_score`:
    0 after a collision at fault, off the road or a failed answer, else min(progress / 0.8, 1).
    `alpasim_off_path_m`: the farthest from the recorded path (dist_to_gt_trajectory), `alpasim_driven_km`: the way.
    """
    history, count = rollout.history, counted(rollout, recorded)
    ticks = count.ticks
    hit, off_road = history["collision"][ticks].astype(bool), bool(history["off_road"][ticks].any())
    at_fault = bool((hit & (history["collision_where"][ticks] != "rear")).any())
    path = middles(recorded)
    whole_m = float(along(path, path[-1:])[0][0])
    made_m = float(along(path, middles(rollout)[ticks[-1:]])[0][0]) if len(ticks) else 0.0
    progress = 1.0 if whole_m < STANDING_M else min(made_m / whole_m, 1.0)
    lost = bool(rollout.failure) or at_fault or off_road
    return {
        "alpasim_collision_any": float(hit.any()),
        "alpasim_collision_at_fault": float(at_fault),
        "alpasim_off_road": float(off_road),
        "alpasim_wrong_lane": float(history["wrong_way"][ticks].any()),
        "alpasim_progress": progress,
        "alpasim_scene_score": 0.0 if lost else min(progress / FULL_MARKS_AT, 1.0),
        "alpasim_off_path_m": float(count.off_path_m.max()) if len(ticks) else 0.0,
        "alpasim_cut_short": float(bool(len(ticks)) and count.off_path_m[-1] >= DEVIATION_M),
        "alpasim_driven_km": _way_km(rollout, ticks),
    }


def _way_km(rollout: Rollout, ticks: NDArray[np.int64]) -> float:
    steps = np.hypot(np.diff(rollout.history["x_m"]), np.diff(rollout.history["y_m"]))
    return float(steps[ticks - 1].sum() / 1000)
