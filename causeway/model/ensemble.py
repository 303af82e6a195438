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
class Ensemble:
    """A policy for one vehicle that remembers its last answers; asked as a policy is, one observation at a time."""

    policy: Any  # what answers: `predict` as `Policy.predict`
    alpha: float = 0.1
    horizon: int = 7  # how many answers are joined, the newest included
    _answers: deque[tuple[int, NDArray[np.float32]]] = field(default_factory=deque)

    def predict(self, samples: Sequence[Observation | Sample], *options: Any, **named: Any) -> Prediction:
        """The policy's answer, its first path joined with those before it. UsageError for more than one observation."""
        if len(samples) != 1:
            raise UsageError(f"an ensemble follows one vehicle: give one observation, not {len(samples)}")
        answer: Prediction = self.policy.predict(samples, *options, **named)
        seen = observation_of(samples[0])
        scale = np.array(self.policy.statistics.std)
        before = [(round((seen.t0_us - t) / _TICK_US), chunk / scale) for t, chunk in self._answers]
        joined = agreed(answer.controls[0, 0] / scale, before, self.alpha) * scale
        self._answers.append((seen.t0_us, answer.controls[0, 0]))
        while len(self._answers) >= max(self.horizon, 1):
            self._answers.popleft()
        controls, path = answer.controls.copy(), answer.trajectory_rig.copy()
        controls[0, 0] = joined
        path[0, 0] = trajectory_from_controls(joined, np.float64(seen.speed_mps))
        return replace(answer, controls=controls, trajectory_rig=path)
