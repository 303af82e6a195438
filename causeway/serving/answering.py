"""Questions in, answers out: one policy asked for a batch, with deadlines kept and its output checked.

Knows a policy's `predict` and what it costs. Does not know queues, protocols or where a policy came from. A policy is
anything with `predict(observations, n, seed, temperature=, use_reasoning=, flow_steps=, max_reasoning_tokens=)`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from causeway.errors import UnusableInput
from causeway.model.cuts import SHORT_REASONING, Cut, cuts
from causeway.model.observation import HORIZON_STEPS, Observation, ObservationSpec, example_observation
from causeway.model.prediction import Prediction
from causeway.serving.batching import LARGEST_BATCH
from causeway.serving.contract import TIMING
from causeway.serving.deadline import Costs, choose_cut
from causeway.serving.request import Question, Settings
from causeway.serving.tensors import InvalidRequest

_LOG = logging.getLogger("causeway.serving")


class Late(Exception):
    """The deadline passed while the question waited for its turn."""


class PolicyFailed(Exception):
    """The policy raised, or answered with something that is no trajectory: a fault of the server."""


class Predicts(Protocol):
    """What serving asks of a policy."""

    def predict(
        self,
        samples: Sequence[Observation],
        n: int = 1,
        seed: int | Sequence[int] = 0,
        *,
        temperature: float = 0.6,
        use_reasoning: bool = True,
        flow_steps: int = 10,
        max_reasoning_tokens: int | None = None,
    ) -> Prediction:
        """Answers for a batch of observations, n samples each; several seeds = one for each observation."""


@dataclass(frozen=True, eq=False)
class Asked:
    """A question and when its request arrived (seconds of the monotonic clock)."""

    question: Question
    arrived_s: float

    def remaining_ms(self) -> float | None:
        """Milliseconds left until the deadline, None without one."""
        if self.question.deadline_ms is None:
            return None
        return self.question.deadline_ms - (time.perf_counter() - self.arrived_s) * 1e3


@dataclass(frozen=True, eq=False)
class Answered:
    """One question's answer: n samples."""

    trajectory_rig: NDArray[np.float32]  # [n, 64, 3]
    controls: NDArray[np.float32]  # [n, 64, 2]
    reasoning: list[str]
    decision: list[tuple[str, str]]
    timing_ms: NDArray[np.float32]  # as TIMING
    degraded: str  # what was cut to meet the deadline, "" = nothing
    lacked: str  # what the answer lacks for another reason: cameras, the end of a reasoning; "" = nothing
    started_s: float  # when its batch was begun and ended, seconds of the monotonic clock
    ended_s: float
    batch: int  # questions in it


class Answerer:
    """A policy with what is known of its costs, by the size of a batch; called by one thread at a time."""

    def __init__(self, policy: Predicts) -> None:
        self._policy = policy
        self._costs: dict[int, Costs] = {}  # by size of the batch

    def warm_up(self, spec: ObservationSpec) -> None:
        """Answer examples: the first call pays for what is made once, the others tell the costs.

        One question with a whole and a short reasoning, and as many at once as a batch takes; never the same pictures
        twice, which would cost less.
        """
        observations = (example_observation(seed, spec) for seed in count())
        self._policy.predict([next(observations)], 1, 0)
        for cut in (Cut(), Cut(max_reasoning_tokens=SHORT_REASONING)):
            for size in (1, LARGEST_BATCH):
                self._predict(list(islice(observations, size)), Settings(), cut)

    def costs(self, size: int) -> Costs:
        """What a batch of this size costs: as measured, or as the nearest size below that was, if any."""
        known = max((n for n in self._costs if n <= size), default=0)
        return self._costs.get(known, Costs())

    def hopeless(self, asked: Asked, waiting: int) -> bool:
        """True when not even the deepest cut comes in time behind `waiting` others.

        With nobody before it a question is always tried: costs that were measured too high are then measured again.
        """
        remaining = asked.remaining_ms()
        if remaining is None or waiting == 0:
            return False
        deepest = cuts(asked.question.settings.reasoning)[-1]
        rounds, last = divmod(waiting, LARGEST_BATCH)
        return rounds * self.costs(LARGEST_BATCH).of(deepest) + self.costs(last + 1).of(deepest) > remaining

    def key(self, asked: Asked) -> Hashable:
        """Questions with equal keys can share one call of the policy."""
        question, remaining = asked.question, asked.remaining_ms()
        shared = replace(question.settings, seed=0)  # each question keeps a seed of its own
        return shared, remaining is None, choose_cut(shared.reasoning, remaining, self.costs(1))

    def answer(self, batch: Sequence[Asked]) -> list[Answered | Exception]:
        """An answer, or the reason why there is none, for each question of a batch with one key."""
        results: dict[int, Answered | Exception] = {}
        for place, asked in enumerate(batch):
            remaining = asked.remaining_ms()
            if remaining is not None and remaining <= 0:
                results[place] = Late(f"deadline_ms {asked.question.deadline_ms} passed while the request waited")
        in_time = [place for place in range(len(batch)) if place not in results]
        for place, result in zip(in_time, self._answer_each([batch[p] for p in in_time]), strict=True):
            results[place] = result
        return [results[place] for place in range(len(batch))]

    def _answer_each(self, batch: Sequence[Asked]) -> list[Answered | Exception]:
        """Answer together; when that fails each alone, so that one bad question does not take its neighbours along."""
        if not batch:
            return []
        try:
            return list(self._together(batch))
        except Exception as error:
            if len(batch) > 1:
                return [result for asked in batch for result in self._answer_each([asked])]
            if isinstance(error, UnusableInput):
                return [InvalidRequest("inputs", str(error))]
            _LOG.exception("policy failed")
            return [PolicyFailed(f"the policy failed: {type(error).__name__}")]

    def _together(self, batch: Sequence[Asked]) -> list[Answered]:
        started_s, settings = time.perf_counter(), batch[0].question.settings
        tightest = min((r for asked in batch if (r := asked.remaining_ms()) is not None), default=None)
        cut = choose_cut(settings.reasoning, tightest, self.costs(len(batch)))
        seeds = [asked.question.settings.seed for asked in batch]
        prediction = self._predict([asked.question.observation for asked in batch], settings, cut, seeds)
        ended_s = time.perf_counter()
        return [
            Answered(
                trajectory_rig=prediction.trajectory_rig[row],
                controls=prediction.controls[row],
                reasoning=prediction.reasoning[row],
                decision=prediction.decision[row],
                timing_ms=_timing(asked, prediction, started_s, ended_s),
                degraded=cut.degraded,
                lacked=_lacked(prediction, row, cut),
                started_s=started_s,
                ended_s=ended_s,
                batch=len(batch),
            )
            for row, asked in enumerate(batch)
        ]

    def _predict(
        self, observations: Sequence[Observation], settings: Settings, cut: Cut, seeds: Sequence[int] = ()
    ) -> Prediction:
        started_s = time.perf_counter()
        prediction = self._policy.predict(
            observations,
            settings.samples,
            settings.seed if len(set(seeds)) < 2 else seeds,
            temperature=settings.temperature,
            **cut.options,
        )
        total_ms = (time.perf_counter() - started_s) * 1e3
        self._costs[len(observations)] = self.costs(len(observations)).after(cut, prediction.timing_ms, total_ms)
        return _checked(prediction, len(observations), settings.samples)


def _checked(prediction: Prediction, batch: int, samples: int) -> Prediction:
    """The prediction unchanged; ValueError when it is not whole and finite."""
    for name, width in (("trajectory_rig", 3), ("controls", 2)):
        values = getattr(prediction, name)
        if values.shape != (batch, samples, HORIZON_STEPS, width) or not np.isfinite(values).all():
            raise ValueError(f"{name} of shape {values.shape} is not whole and finite")
    return prediction


def _lacked(prediction: Prediction, row: int, cut: Cut) -> str:
    """What no deadline took from this answer and is not there all the same, comma-separated; "" = nothing."""
    ran_out = any(any(samples) for samples in prediction.truncated[row : row + 1])
    said = ["reasoning=truncated"] if ran_out and cut.max_reasoning_tokens is None else []
    said += [f"missing={camera}" for cameras in prediction.missing_cameras[row : row + 1] for camera in cameras]
    return ",".join(said)


def _timing(asked: Asked, prediction: Prediction, started_s: float, ended_s: float) -> NDArray[np.float32]:
    """Milliseconds as TIMING; decoding is the server's own plus the policy's."""
    decode_ms = asked.question.decode_ms
    known = {
        **prediction.timing_ms,
        "queue": max((started_s - asked.arrived_s) * 1e3 - decode_ms, 0.0),
        "decode": decode_ms + prediction.timing_ms.get("decode", 0.0),
        "total": (ended_s - asked.arrived_s) * 1e3,
    }
    return np.array([known.get(part, 0.0) for part in TIMING], dtype=np.float32)
