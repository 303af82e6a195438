"""Asking a policy about many samples, so that one bad answer costs one sample and is counted, never dropped.

Knows what makes an answer a failure: a crash, NaN or infinity, too few samples, a wrong shape, too late. Does not know
metrics. A sample's noise follows from its id, so that neither its place nor its neighbours change its answer; batches
are cut by the order of samples, so that whole batches can be asked anywhere and give the same numbers to the last bit.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from causeway.errors import UsageError
from causeway.model.observation import HORIZON_STEPS, Observation, Sample, observation_of
from causeway.model.prediction import seed_of

Asked = Observation | Sample


class Answering(Protocol):
    """What evaluation needs of a policy: `causeway.model.Policy`, a baseline or a stand-in of a test."""

    def predict(self, samples: Sequence[Observation], n: int = 1, seed: Any = 0, **options: Any) -> Any:
        """A `Prediction` for the batch; `seed` is one for all, or a sequence with one for each."""


@dataclass(frozen=True)
class AskConfig:
    """How a policy is asked."""

    n: int = 1  # samples of each answer
    seed: int = 0
    batch: int = 8
    deadline_s: float = 60.0  # a question that takes longer is answered too late, which is a failure

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
    controls: NDArray[np.float64] | None = None  # [N, n, 64, 2] of the paths, NaN of a policy that gives none

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
    controls: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Question:
    observation: Observation
    seed: int
    forced: str | None


def shown(item: Asked) -> Observation:
    """What a policy may see of a sample or of a moment of the world: no label, no recorded path, no events."""
    seen = observation_of(item)
    return Observation(**{field.name: getattr(seen, field.name) for field in fields(Observation)})


def ask(policy: Answering, samples: Sequence[Asked], config: AskConfig, **options: Any) -> Answers:
    """Ask about every sample, a batch at a time; a batch that crashes or is late is asked again one by one.

    `options` go to `predict`; `forced_reasoning` (one sentence a sample) is cut into batches too. A `Sample` is asked
    with the seed of its id; an observation, which has none, with the config's, or with its own of `seeds`.
    """
    forced = options.pop("forced_reasoning", None) or [None] * len(samples)
    seeds = options.pop("seeds", None) or [_seed(item, config.seed) for item in samples]
    found: list[_One] = []
    for start in range(0, len(samples), config.batch):
        cut = slice(start, start + config.batch)
        rows = zip(samples[cut], seeds[cut], forced[cut], strict=True)
        batch = [_Question(shown(item), seed, words) for item, seed, words in rows]
        found += _ask_batch(policy, batch, config, options)
    return Answers(
        trajectory_rig=np.stack([o.path for o in found]) if found else _nan(0, config.n, 3),
        reasoning=[o.reasoning for o in found],
        decision=[o.decision for o in found],
        failure=[o.failure for o in found],
        controls=np.stack([o.controls for o in found]) if found else _nan(0, config.n, 2),
    )


def _seed(item: Asked, seed: int) -> int:
    return seed_of(seed, item.sample_id) if isinstance(item, Sample) else seed


def _ask_batch(
    policy: Answering, batch: Sequence[_Question], config: AskConfig, options: dict[str, Any]
) -> list[_One]:
    """Answers to a batch. One bad question costs its neighbours nothing: they are asked again without it."""
    started, failure, prediction = time.monotonic(), "", None
    try:
        prediction = _predicted(policy, batch, config, options)
    except Exception as error:  # whatever a policy raises is its failure, not ours
        failure = f"crashed: {type(error).__name__}: {error}"[:200]
    if not failure and time.monotonic() - started > config.deadline_s:
        failure = f"late: more than {config.deadline_s:g} s"
    if not failure:
        may_end_early = options.get("max_reasoning_tokens") is not None  # whoever asks for few words wants no sentence
        return [_read(prediction, index, config.n, may_end_early) for index in range(len(batch))]
    if len(batch) == 1:
        return [_failed(failure, config.n)]
    return [one for question in batch for one in _ask_batch(policy, [question], config, options)]


def _predicted(policy: Answering, batch: Sequence[_Question], config: AskConfig, options: dict[str, Any]) -> Any:
    if batch[0].forced is not None:
        options = options | {"forced_reasoning": [question.forced for question in batch]}
    seeds = [question.seed for question in batch]
    seed = seeds[0] if len(set(seeds)) == 1 else seeds
    return policy.predict([question.observation for question in batch], n=config.n, seed=seed, **options)


def _read(prediction: Any, index: int, n: int, may_end_early: bool) -> _One:
    """One sample's answer, checked."""
    try:
        path = np.asarray(prediction.trajectory_rig[index], dtype=np.float64)
        reasoning, decision = list(prediction.reasoning[index]), list(prediction.decision[index])
    except (IndexError, TypeError, ValueError) as error:
        return _failed(f"unreadable: {error}"[:200], n)
    if path.shape != (n, HORIZON_STEPS, 3) or len(reasoning) != n or len(decision) != n:
        return _failed(f"shape {path.shape}, asked for {(n, HORIZON_STEPS, 3)}", n)
    ended_early = any(any(row) for row in getattr(prediction, "truncated", ())[index : index + 1])
    if ended_early and not may_end_early:
        return _failed("the reasoning ran out of tokens: it is no sentence", n)
    if not np.isfinite(path).all():
        return _failed("NaN or infinity in the path", n)
    return _One(path, reasoning, decision, "", _controls(prediction, index, n))


def _controls(prediction: Any, index: int, n: int) -> NDArray[np.float64]:
    told = getattr(prediction, "controls", None)
    if told is None or np.shape(told)[1:] != (n, HORIZON_STEPS, 2):
        return _nan(1, n, 2)[0]
    return np.asarray(told[index], dtype=np.float64)


def _failed(why: str, n: int) -> _One:
    return _One(_nan(1, n, 3)[0], [""] * n, [("none", "none")] * n, why, _nan(1, n, 2)[0])


def _nan(rows: int, n: int, numbers: int) -> NDArray[np.float64]:
    return np.full((rows, n, HORIZON_STEPS, numbers), np.nan)
