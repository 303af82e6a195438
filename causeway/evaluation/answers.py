"""Asking a policy about many samples, so that one bad answer costs one sample and is counted, never dropped.

Knows what makes an answer a failure: a crash, NaN or infinity, too few samples, a wrong shape, too late. Does not know
metrics. Batches are fixed by sample order and size, so the same samples give the same answers in any split of work.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from causeway.errors import UsageError
from causeway.model.observation import HORIZON_STEPS, Observation, Sample, observation_of

Asked = Observation | Sample


class Answering(Protocol):
    """What evaluation needs of a policy: `causeway.model.Policy`, a baseline or a stand-in of a test."""

    def predict(self, samples: Sequence[Observation], n: int = 1, seed: int = 0, **options: Any) -> Any:
        """A `Prediction` for the batch."""


@dataclass(frozen=True)
class AskConfig:
    """How a policy is asked."""

    n: int = 1  # samples of each answer
    seed: int = 0
    batch: int = 8
    deadline_s: float = 60.0  # an answer to a batch that takes longer is late: all of it failed

    def __post_init__(self) -> None:
        """Refuse what cannot be asked."""
        if self.n < 1 or self.batch < 1 or self.deadline_s <= 0:
            raise UsageError(f"{self}: samples, batch size and deadline must be positive")


@dataclass(frozen=True, eq=False)
class Answers:
    """Answers for N samples; where `failure` says why there is none, the path is NaN and the words are empty."""

    trajectory_rig: NDArray[np.float64]  # [N, n, 64, 3]
    reasoning: list[list[str]]  # [N][n]
    decision: list[list[tuple[str, str]]]  # [N][n]
    failure: list[str]  # [N] "" = answered

    @property
    def failed(self) -> NDArray[np.bool_]:
        """Which samples have no usable answer, [N]."""
        return np.array([bool(why) for why in self.failure], dtype=bool)


@dataclass(frozen=True, eq=False)
class _One:
    path: NDArray[np.float64]
    reasoning: list[str]
    decision: list[tuple[str, str]]
    failure: str


def shown(item: Asked) -> Observation:
    """What a policy may see of a sample or of a moment of the world: no label, no recorded path, no events."""
    seen = observation_of(item)
    return Observation(**{field.name: getattr(seen, field.name) for field in fields(Observation)})


def ask(policy: Answering, samples: Sequence[Asked], config: AskConfig, **options: Any) -> Answers:
    """Ask about every sample, a batch at a time; a batch that crashes is asked again one by one.

    `options` go to `predict`; `forced_reasoning` (one sentence a sample) is cut into batches too.
    """
    forced = options.pop("forced_reasoning", None)
    found: list[_One] = []
    for start in range(0, len(samples), config.batch):
        batch = [shown(s) for s in samples[start : start + config.batch]]
        words = {} if forced is None else {"forced_reasoning": list(forced[start : start + config.batch])}
        found += _ask_batch(policy, batch, config, options | words)
    return Answers(
        trajectory_rig=np.stack([o.path for o in found]) if found else _nan(0, config.n),
        reasoning=[o.reasoning for o in found],
        decision=[o.decision for o in found],
        failure=[o.failure for o in found],
    )


def _ask_batch(
    policy: Answering, batch: Sequence[Observation], config: AskConfig, options: dict[str, Any]
) -> list[_One]:
    started = time.monotonic()
    try:
        prediction = policy.predict(batch, n=config.n, seed=config.seed, **options)
    except Exception as error:  # whatever a policy raises is its failure, not ours
        if len(batch) == 1:
            return [_failed(f"crashed: {type(error).__name__}: {error}"[:200], config.n)]
        forced = options.get("forced_reasoning")
        words = [options] * len(batch)
        if forced is not None:
            words = [options | {"forced_reasoning": [sentence]} for sentence in forced]
        return [o for s, w in zip(batch, words, strict=True) for o in _ask_batch(policy, [s], config, w)]
    if (took_s := time.monotonic() - started) > config.deadline_s:
        why = f"late: {took_s:.1f} s for {len(batch)} samples, {config.deadline_s:g} s allowed"
        return [_failed(why, config.n) for _ in batch]
    return [_read(prediction, index, config.n) for index in range(len(batch))]


def _read(prediction: Any, index: int, n: int) -> _One:
    """One sample's answer, checked."""
    try:
        path = np.asarray(prediction.trajectory_rig[index], dtype=np.float64)
        reasoning, decision = list(prediction.reasoning[index]), list(prediction.decision[index])
    except (IndexError, TypeError, ValueError) as error:
        return _failed(f"unreadable: {error}"[:200], n)
    if path.shape != (n, HORIZON_STEPS, 3) or len(reasoning) != n or len(decision) != n:
        return _failed(f"shape {path.shape}, asked for {(n, HORIZON_STEPS, 3)}", n)
    if any(any(row) for row in getattr(prediction, "truncated", ())[index : index + 1]):
        return _failed("the reasoning ran out of tokens: it is no sentence", n)
    if not np.isfinite(path).all():
        return _failed("NaN or infinity in the path", n)
    return _One(path, reasoning, decision, "")


def _failed(why: str, n: int) -> _One:
    return _One(_nan(1, n)[0], [""] * n, [("none", "none")] * n, why)


def _nan(rows: int, n: int) -> NDArray[np.float64]:
    return np.full((rows, n, HORIZON_STEPS, 3), np.nan)
