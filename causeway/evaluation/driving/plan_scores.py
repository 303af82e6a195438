"""What the plans of a rollout were worth, by AlpaSim's formulas: kept, near the record, steady, clear of others.

Knows plans and where everybody was. Does not know events, exclusions or scores. Source: AlpaSim's `eval` as restated
(NVlabs/alpasim, commit 3032e0c); each value belongs to the time of its plan and is averaged over the plans that count.
A plan whose time goes past the end of a rollout has no value there: nobody knows what would have been.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from causeway.evaluation.driving.closed_loop import Plan, Rollout
from causeway.simulation.events.contacts import meetings
from causeway.simulation.vehicle import VehicleShape

Array = NDArray[np.float64]

PREFIXES = {"0.5s": 5, "1s": 10, "2.5s": 25, "5s": 50}  # ticks
DECAY = 0.1  # of the weight of a plan's next tick, in the deviation of plans
CLEAR_TICKS = 30  # 3 s
_STILL = np.zeros(2)

UNITS = {
    "alpasim_plan_deviation_m": "m",
    "alpasim_open_loop_collision": "share",
    **{f"alpasim_min_ade_{target}@{name}": "m" for target in ("self", "gt") for name in PREFIXES},
}


def plan_scores(rollout: Rollout, recorded: Rollout, last_tick: int) -> dict[str, float]:
    """The means over the plans made up to `last_tick`; NaN where none has a value.

    `alpasim_plan_deviation_m`: distance of a plan to the one before at the times that both have, weighted by
    exp(−0.1 · k). `alpasim_open_loop_collision`: share of plans that touch somebody's box in their first 3 s.
    `alpasim_min_ade_self@t`: mean distance up to t between a plan and what was driven then, of several samples the
    least; `…_gt@t`: between a plan and the record.
    """
    plans = [plan for plan in rollout.plans if plan.tick <= last_tick]
    driven, record = _way(rollout), _way(recorded)
    ades = {
        f"alpasim_min_ade_{target}@{name}": _mean([min_ade(plan, way, steps) for plan in plans])
        for target, way in (("self", driven), ("gt", record))
        for name, steps in PREFIXES.items()
    }
    deviations = [deviation_m(before, plan, driven) for before, plan in pairwise(plans)]
    touching = [touches(plan, rollout.others, rollout.shape) for plan in plans]
    return {
        "alpasim_plan_deviation_m": _mean(deviations),
        "alpasim_open_loop_collision": _mean(touching),
        **ades,
    }


def _way(rollout: Rollout) -> Array:
    """Where the rear axle was [ticks, 2]."""
    return np.column_stack([rollout.history["x_m"], rollout.history["y_m"]])


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def min_ade(plan: Plan, way: Array, steps: int) -> float:
    """Mean distance in metres over a plan's first steps to a way [ticks, 2]; the least of its samples."""
    then = way[plan.tick + 1 : plan.tick + 1 + steps]
    if len(then) < steps:
        return float("nan")
    return float(np.linalg.norm(plan.paths[:, :steps, :2] - then, axis=-1).mean(axis=-1).min())


def deviation_m(before: Plan, plan: Plan, way: Array) -> float:
    """Weighted mean distance of two plans at the times that both have, from the second's start on."""
    first, second = (np.vstack([way[p.tick], p.paths[0, :, :2]]) for p in (before, plan))
    first = first[plan.tick - before.tick :]
    distance = np.linalg.norm(first - second[: len(first)], axis=-1)
    weight = np.exp(-DECAY * np.arange(len(distance)))
    return float((distance * weight).sum() / weight.sum()) if len(distance) else float("nan")


def touches(plan: Plan, others: Sequence[Array], shape: VehicleShape) -> float:
    """1.0 when the ego's box on a plan touches another's in its first 3 s, as far as those are known."""
    for step, pose in enumerate(plan.paths[0, :CLEAR_TICKS], start=1):
        if plan.tick + step >= len(others):
            return float("nan") if step == 1 else 0.0
        boxes = others[plan.tick + step]
        x, y, yaw = pose.tolist()
        shift = shape.rear_axle_to_centre_m
        own = np.array([x + shift * np.cos(yaw), y + shift * np.sin(yaw), yaw, shape.length_m, shape.width_m])
        if len(boxes) and meetings(own, _STILL, boxes, np.zeros((len(boxes), 2)), 60.0)[0].any():
            return 1.0
    return 0.0
