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
from causeway.training.collision_reward import collision
from causeway.training.motion_rewards import comfort, displacement, jerk, progress
from causeway.training.text_rewards import consistency, reasoning_grade

REWARDS: dict[str, Callable[..., Any]] = {
    "displacement": displacement,
    "comfort": comfort,
    "jerk": jerk,
    "collision": collision,
    "consistency": consistency,
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
    "progress": (ACTION,),
    "reasoning_grade": (TEXT,),
    "consistency": (TEXT, ACTION),
}


@dataclass(frozen=True)
class RewardMix:
    """The weight of each reward in its own unit (a grade counts 0–5); 0 = absent: not computed, not logged."""

    displacement: float = 1.0
    comfort: float = 0.2
    jerk: float = 0.2
    collision: float = 1.0
    consistency: float = 0.4
    reasoning_grade: float = 0.12
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
