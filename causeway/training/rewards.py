"""The rewards of stage four: each by name, and how they are weighed into what a span of tokens earns.

Knows which reward judges what a policy wrote (text) and what it drove (action), and that a higher reward is never
worse: weights are not negative. Does not know models or sampling. Source: arXiv 2511.00088 sec. 5 (weights are not
printed).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from causeway.errors import UsageError
from causeway.training.collision_reward import clearance, collision, time_to_collision
from causeway.training.motion_rewards import comfort, displacement, jerk, progress
from causeway.training.road_reward import off_road
from causeway.training.text_rewards import consistency, consistency_graded, reasoning_grade

REWARDS: dict[str, Callable[..., Any]] = {
    "displacement": displacement,
    "comfort": comfort,
    "jerk": jerk,
    "collision": collision,
    "time_to_collision": time_to_collision,
    "clearance": clearance,
    "off_road": off_road,
    "consistency": consistency,
    "consistency_graded": consistency_graded,
    "reasoning_grade": reasoning_grade,
    "progress": progress,
}

TEXT, ACTION = "text", "action"

# Consistency is earned by both: a sentence that the path does not keep is as wrong as a path that breaks its sentence.
SPANS: dict[str, tuple[str, ...]] = {
    "displacement": (ACTION,),
    "comfort": (ACTION,),
    "jerk": (ACTION,),
    "collision": (ACTION,),
    "time_to_collision": (ACTION,),
    "clearance": (ACTION,),
    "off_road": (ACTION,),
    "progress": (ACTION,),
    "reasoning_grade": (TEXT,),
    "consistency": (TEXT, ACTION),
    "consistency_graded": (TEXT, ACTION),
}


@dataclass(frozen=True)
class RewardMix:
    """The weight of each reward in its own unit (a grade counts 0–5); 0 = absent: not computed, not logged."""

    displacement: float = 0.0
    comfort: float = 0.0
    jerk: float = 0.0
    collision: float = 0.0
    time_to_collision: float = 0.0
    clearance: float = 0.0
    off_road: float = 0.0
    consistency: float = 0.0
    consistency_graded: float = 0.0
    reasoning_grade: float = 0.0
    progress: float = 0.0

    def __post_init__(self) -> None:
        """Refuse weights that would turn a reward into a punishment."""
        for field in fields(self):
            weight = getattr(self, field.name)
            if not 0.0 <= weight < float("inf"):
                raise UsageError(f"reward weight {field.name} = {weight}: use a finite number, 0 or more")

    def wanted(self) -> tuple[str, ...]:
        """Names of the rewards with a weight."""
        return tuple(name for name in REWARDS if getattr(self, name) > 0)


def mixed(mix: RewardMix, parts: Mapping[str, np.ndarray], span: str) -> np.ndarray:
    """What each row earns for one span: Σ weight · reward over the span's rewards that are in `parts`."""
    rows = len(next(iter(parts.values())))
    total = np.zeros(rows)
    for name, values in parts.items():
        weight = getattr(mix, name)
        if weight > 0 and span in SPANS[name]:
            total += weight * values
    return total


def filled(values: np.ndarray, group: int) -> np.ndarray:
    """Rewards [rows] without NaN, where a row (row = moment · group + member) has no reward: its group's mean stands.

    So a missing reward moves no advantage up or down; 0 for a group that has none at all.
    """
    groups = np.asarray(values, dtype=np.float64).reshape(-1, group)
    known = ~np.isnan(groups)
    mean = np.where(known, groups, 0.0).sum(axis=1, keepdims=True) / np.maximum(known.sum(axis=1, keepdims=True), 1)
    return np.where(known, groups, mean).reshape(-1)
