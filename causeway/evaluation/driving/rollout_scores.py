"""What a closed-loop rollout is worth: events, progress, score, and distance between incidents.

Knows our formulas, which exclude nothing, and puts AlpaSim's (`alpasim_scores`) beside them. Does not know worlds or
policies. Source: AlpaSim's scoring as restated in arXiv 2511.00088 sec. 6; where ours differs it says so.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from causeway.evaluation.driving import alpasim_scores as alpasim
from causeway.evaluation.driving.alpasim_scores import FULL_MARKS_AT, STANDING_M, alpasim_scores
from causeway.evaluation.driving.closed_loop import Rollout
from causeway.evaluation.measured import Measured
from causeway.evaluation.statistics import Estimate
from causeway.training.motion_rewards import comfort

CLOSE_M = 0.5  # "close encounter" is ours: the paper's has no public formula (method C.5.2)
_Z = 1.959964
_RULE_OF_THREE = 3.0  # no incident in N km: with 95 % confidence at least N/3 km between incidents

UNITS = {
    "collision_any": "share",
    "collision_at_fault": "share",
    "collision_front": "share",
    "collision_side": "share",
    "collision_rear": "share",
    "off_road": "share",
    "wrong_way": "share",
    "red_light_run": "share",
    "stop_sign_run": "share",
    "lane_departure": "share",
    "close_encounter": "share",
    "min_distance_m": "m",
    "min_time_to_collision_s": "s",
    "progress": "share",
    "scene_score": "score",
    "driven_comfort": "share",
    "driven_km": "km",
    **alpasim.UNITS,
}
_EVENTS = ("collision_at_fault", "off_road", "wrong_way", "red_light_run", "stop_sign_run", "lane_departure")


def scores(rollout: Rollout, expert: Rollout) -> dict[str, float]:
    """The metrics of one rollout, from the ticks that the policy drove.

    Events are 1.0 or 0.0: `collision_any` and where it hit the ego, `collision_at_fault` (not from behind, not while
    standing), `off_road`, `wrong_way`, `red_light_run`, `stop_sign_run`, `lane_departure` (centre beyond the lane's
    edge), `close_encounter` (nearer than 0.5 m to an agent, a collision included). `min_time_to_collision_s`: the
    least if all keep velocity, at most 10 s. `progress` = way made along the route over the expert's, cut to [0, 1]; 1
    when the expert moved less than 5 m. `scene_score` = 0 after an at-fault collision, off-road or a failed answer,
    else min(progress / 0.8, 1). `driven_comfort`: share of ticks within the six bounds of open loop, of the way that
    was driven (ours: AlpaSim has none). `alpasim_…`: by AlpaSim's formulas and with what it excludes left out.
    """
    history = {name: column[rollout.history["by_policy"]] for name, column in rollout.history.items()}
    events = {name: float(history[name].any()) for name in _EVENTS}
    where = history["collision_where"]
    nearest = float(history["min_distance_m"].min()) if len(where) else float("nan")
    made, whole = _way_m(rollout), _way_m(expert)
    progress = 1.0 if whole < STANDING_M else float(np.clip(made / max(whole, STANDING_M), 0.0, 1.0))
    lost = bool(rollout.failure) or events["collision_at_fault"] or events["off_road"]
    return {
        "collision_any": float((history["collision"] != "").any()),
        **{f"collision_{part}": float((where == part).any()) for part in ("front", "side", "rear")},
        **events,
        "close_encounter": float(nearest < CLOSE_M),
        "min_distance_m": nearest,
        "min_time_to_collision_s": float(history["time_to_collision_s"].min()) if len(where) else float("nan"),
        "progress": progress,
        "scene_score": 0.0 if lost else min(progress / FULL_MARKS_AT, 1.0),
        "driven_comfort": _comfort(rollout),
        "driven_km": _driven_km(rollout),
        **alpasim_scores(rollout, expert),
    }


def _way_m(rollout: Rollout) -> float:
    """Metres along the route while the policy drove."""
    progress, mine = rollout.history["progress_m"], rollout.history["by_policy"]
    return float(progress[-1] - progress[~mine][-1])


def _comfort(rollout: Rollout) -> float:
    mine = rollout.history["by_policy"]
    poses = np.column_stack([rollout.history[name][mine] for name in ("x_m", "y_m", "yaw_rad")])
    return float(comfort(poses)) if len(poses) >= 4 else float("nan")


def _driven_km(rollout: Rollout) -> float:
    mine = rollout.history["by_policy"]
    steps = np.hypot(np.diff(rollout.history["x_m"]), np.diff(rollout.history["y_m"]))
    return float(steps[mine[1:]].sum() / 1000)


def closed_loop(rollouts: Sequence[Rollout], experts: Sequence[Rollout], baseline: Sequence[Rollout] = ()) -> Measured:
    """The closed-loop suite's values: the policy's, and a baseline's under `<driver>/<metric>`.

    A failed rollout stays in. `failed_rollouts` counts rollouts that ended because an answer failed,
    `expert_incidents` drives in which the expert itself touched somebody or left the road (so what is measured against
    it means less there; noted by name); `km_between_incidents` is over all rollouts.
    `alpasim_excluded_incidents` counts incidents of ours that AlpaSim's rules leave out, as they came after the ego was
    4 m off the expert's path.
    """
    values = _table(rollouts, experts)
    units = dict(UNITS)
    if baseline:
        name = baseline[0].driver
        beside = _table(baseline, experts)
        values = values | {f"{name}/{metric}": column for metric, column in beside.items()}
        units |= {f"{name}/{metric}": unit for metric, unit in UNITS.items()}
    failed = [f"closed-loop: rollout {r.scene} failed: {r.failure}" for r in rollouts if r.failure]
    broken = [f"closed-loop: {r.scene}: {what}" for r in experts if (what := _expert_incident(r))]
    return Measured(
        suite="closed-loop",
        unit_ids=[str(r.scene) for r in rollouts],
        clusters=[str(r.scene) for r in rollouts],
        groups=[r.scene.group for r in rollouts],
        values=values,
        units=units,
        counts={
            "failed_rollouts": (len(failed), len(rollouts)),
            "expert_incidents": (len(broken), len(experts)),
            "alpasim_excluded_incidents": _excluded(values),
        },
        estimates=estimates_of(values),
        grouped=["scene_score", "collision_at_fault", "off_road"],
        notes=[*failed, *broken],
    )


def _expert_incident(expert: Rollout) -> str:
    """What went wrong in the expert's own drive, or ""."""
    touched = [name for name in expert.history["collision"].tolist() if name]
    if touched:
        return f"the expert itself touches {touched[0]}; its drive ends there, and progress is measured against it"
    return "the expert itself leaves the road" if expert.history["off_road"].any() else ""


def _table(rollouts: Sequence[Rollout], experts: Sequence[Rollout]) -> dict[str, NDArray[np.float64]]:
    rows = [scores(rollout, expert) for rollout, expert in zip(rollouts, experts, strict=True)]
    return {name: np.array([row[name] for row in rows]) for name in UNITS}


def estimates_of(values: Mapping[str, NDArray[np.float64]]) -> dict[str, tuple[Estimate, str]]:
    """Kilometres between incidents of every driver whose drives are among these columns; {} where there are none."""
    found = dict[str, tuple[Estimate, str]]()
    for name in values:
        if name.endswith("driven_km") and "alpasim_" not in name:
            driver = name.removesuffix("driven_km")
            own = {n.removeprefix(driver): column for n, column in values.items() if n.startswith(driver)}
            found |= {f"{driver}{metric}": estimate for metric, estimate in _incidents(own).items()}
    return found


def _incidents(values: Mapping[str, NDArray[np.float64]]) -> dict[str, tuple[Estimate, str]]:
    """Kilometres between incidents, all and those at fault, by our counting and by AlpaSim's."""
    found = {}
    for rules in ("", "alpasim_"):
        km = float(values[f"{rules}driven_km"].sum())
        for name, hit in (("", "collision_any"), ("_at_fault", "collision_at_fault")):
            incidents = _incident(values, rules, hit)
            estimate = km_between(km, int(incidents.sum()), len(incidents))
            found[f"{rules}km_between_incidents{name}"] = (estimate, "km")
    return found


def _incident(values: Mapping[str, NDArray[np.float64]], rules: str, hit: str) -> NDArray[np.bool_]:
    """Which rollouts had an incident: a collision, or the road left."""
    return (values[f"{rules}{hit}"] > 0) | (values[f"{rules}off_road"] > 0)


def _excluded(values: Mapping[str, NDArray[np.float64]]) -> tuple[int, int]:
    """(incidents that AlpaSim's rules leave out, of how many)."""
    ours, theirs = (_incident(values, rules, "collision_any") for rules in ("", "alpasim_"))
    return int((ours & ~theirs).sum()), int(ours.sum())


def km_between(km: float, incidents: int, rollouts: int) -> Estimate:
    """Kilometres for each incident with the 95 % Poisson interval (Byar's approximation) of the count.

    Without an incident there is no value, only a one-sided 95 % lower bound: km / 3.
    """
    if incidents == 0:
        return Estimate(None, km / _RULE_OF_THREE, None, rollouts, rollouts)
    fewest, most = (_byar(incidents, -_Z), _byar(incidents + 1, _Z))
    return Estimate(km / incidents, km / most, km / fewest, rollouts, rollouts)


def _byar(count: int, z: float) -> float:
    return float(count * (1 - 1 / (9 * count) + z / (3 * np.sqrt(count))) ** 3)
