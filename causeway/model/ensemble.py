"""CogACT's adaptive ensemble: answers to overlapping stretches of time, joined where they agree.

Knows chunks of controls and when each was answered. Does not know policies' insides or vehicles' motion beyond the
action space. Source: arXiv 2411.19650, sec. 3.4: what is driven at t is the mean of what was answered for t, now and
before, weighted by w_k ∝ exp(alpha · cos(answer now, answer k steps ago)): an answer of another mind counts little.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causeway.errors import UsageError
from causeway.model.action_space import trajectory_from_controls
from causeway.model.observation import HORIZON_STEPS, Observation, Sample, observation_of
from causeway.model.prediction import Prediction

ALPHA = 0.1  # the paper's
_TICK_US = 100_000


def agreed(now: NDArray[np.floating], before: Sequence[tuple[int, NDArray[np.floating]]], alpha: float) -> NDArray:
    """Controls [64, 2] from those of now and (ticks ago, controls [64, 2] answered then), in the same units.

    alpha 0 = the plain mean. A tick that an older chunk no longer reaches is the mean of the others.
    """
    chunks = [np.asarray(now, dtype=np.float64)]
    weights = [np.ones(HORIZON_STEPS)]
    for ago, chunk in before:
        if not 0 < ago < HORIZON_STEPS:
            continue
        left = np.full((HORIZON_STEPS, 2), np.nan)
        left[: HORIZON_STEPS - ago] = chunk[ago:]
        chunks.append(left)
        weights.append(np.where(np.isnan(left[:, 0]), -np.inf, _cosine(chunks[0], left)))
    power = np.exp(alpha * np.where(np.isinf(weights), 0.0, weights)) * ~np.isinf(weights)
    share = power / power.sum(axis=0)
    return np.asarray((np.nan_to_num(np.array(chunks)) * share[..., None]).sum(axis=0))


def _cosine(one: NDArray[np.float64], two: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cosine [64] between controls of the same tick; of nothing and nothing 1."""
    product, norm = (one * two).sum(axis=-1), np.linalg.norm(one, axis=-1) * np.linalg.norm(two, axis=-1)
    both_still = (np.abs(one).max(axis=-1) < 1e-9) & (np.abs(two).max(axis=-1) < 1e-9)
    return np.where(both_still, 1.0, product / np.maximum(norm, 1e-12))


@dataclass(eq=False)
class Memory:
    """What was answered for one vehicle lately; an answer to a moment before the last one begins anew."""

    std: tuple[float, float]  # by which controls are compared: the policy's statistics
    alpha: float = ALPHA
    horizon: int = 7  # how many answers are joined, the newest included
    _answers: deque[tuple[int, NDArray[np.floating]]] = field(default_factory=deque)

    def joined(
        self, controls: NDArray[np.floating], t0_us: int, speed_mps: float
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Controls [64, 2] answered at t0 joined with those before, and their path [64, 3] in the rig frame at t0.

        A second answer to one moment takes the place of the first.
        """
        while self._answers and self._answers[-1][0] >= t0_us:
            self._answers.pop()
        scale = np.array(self.std)
        before = [(round((t0_us - t) / _TICK_US), chunk / scale) for t, chunk in self._answers]
        found = agreed(controls / scale, before, self.alpha) * scale
        self._answers.append((t0_us, controls))
        while len(self._answers) >= max(self.horizon, 1):
            self._answers.popleft()
        return found, trajectory_from_controls(found, np.float64(speed_mps))


@dataclass(eq=False)
class Ensemble:
    """A policy for one vehicle that remembers its last answers; asked as a policy is, one observation at a time."""

    policy: Any  # what answers: `predict` as `Policy.predict`
    alpha: float = ALPHA
    horizon: int = 7

    def __post_init__(self) -> None:
        """Nothing was answered yet."""
        self._memory = Memory(self.policy.statistics.std, self.alpha, self.horizon)

    def predict(self, samples: Sequence[Observation | Sample], *options: Any, **named: Any) -> Prediction:
        """The policy's answer, its first path joined with those before it. UsageError for more than one observation."""
        if len(samples) != 1:
            raise UsageError(f"an ensemble follows one vehicle: give one observation, not {len(samples)}")
        answer: Prediction = self.policy.predict(samples, *options, **named)
        seen = observation_of(samples[0])
        controls, path = answer.controls.copy(), answer.trajectory_rig.copy()
        controls[0, 0], path[0, 0] = self._memory.joined(answer.controls[0, 0], seen.t0_us, seen.speed_mps)
        return replace(answer, controls=controls, trajectory_rig=path)
