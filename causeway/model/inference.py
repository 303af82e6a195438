"""Answering: one prefill, n reasonings, n trajectories from the action head.

Knows the order of these passes, their noise and their times. Does not know weights or files. The expert, not the
discrete tokens, makes the trajectory (arXiv 2511.00088, section on decoding; method 4.12, D-036).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from torch import Tensor

from causeway.errors import UsageError
from causeway.model import decoding
from causeway.model.action_space import (
    ACCELERATION_BOUND_MPS2,
    CURVATURE_BOUND_PER_M,
    trajectory_from_controls,
)
from causeway.model.expert import Guidance
from causeway.model.observation import HORIZON_STEPS, Observation, Sample, observation_of
from causeway.model.prediction import Prediction
from causeway.model.sequence import Tail, open_tail, plain_tail, reasoning_tail
from causeway.reasoning import TraceError, parse

if TYPE_CHECKING:
    from causeway.model.policy import Policy

_T = TypeVar("_T")
_REASONING, _ACTION = 0, 1  # streams of noise


@dataclass(frozen=True)
class Options:
    """What a caller of `Policy.predict` chose."""

    n: int
    seed: int | Sequence[int]  # one for all observations, or one for each
    temperature: float
    forced_reasoning: Sequence[str] | None
    use_reasoning: bool
    flow_steps: int
    route_guidance: float
    max_reasoning_tokens: int | None = None


@dataclass
class _Clock:
    """Milliseconds by name."""

    timing_ms: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.timing_ms[name] = (time.perf_counter() - start) * 1e3


@torch.no_grad()
def predict(policy: Policy, samples: Sequence[Observation | Sample], options: Options) -> Prediction:
    """See `Policy.predict`."""
    _check(samples, options)
    clock = _Clock()
    with clock.measure("decode"):
        tails, texts = _tails(policy, len(samples), options)
        batch = policy.batch_of(samples, tails)
    with clock.measure("vision"):
        inputs = policy.text_inputs(batch)
    with clock.measure("prefill"):
        decoder = decoding.repeat(decoding.prefill(policy, batch, inputs), options.n)
    with clock.measure("reasoning"):
        read, cut = [], [False] * (len(samples) * options.n)
        if texts is None:
            generated = _reason(policy, decoder, len(samples), options)
            read, cut = generated.ids, generated.truncated
            texts = [policy.vocabulary.text(ids) for ids in read]
    with clock.measure("action"):
        guidance = _guidance(policy, samples, tails, read, options)
        noise = _noise(options, _ACTION, (HORIZON_STEPS, 2), len(samples)).to(policy.device)
        acted = policy.head.act(policy, decoder, noise, options.flow_steps, guidance)
        controls, trajectory = driven(policy, policy.controls_of(acted), samples, options.n)
    rows = _by_sample(texts, options.n)
    decisions = [[decision_of(t) for t in row] for row in rows]
    truncated = tuple(tuple(row) for row in _by_sample(cut, options.n))
    return Prediction(rows, decisions, trajectory, controls, clock.timing_ms, batch.missing_cameras, truncated)


def _by_sample(values: list[_T], n: int) -> list[list[_T]]:
    """Values [B·n] as [B][n]."""
    return [values[i : i + n] for i in range(0, len(values), n)]


def decision_of(trace: str) -> tuple[str, str]:
    """The decisions a trace names; ("none", "none") when it is not a sentence of the grammar."""
    try:
        record = parse(trace)
    except TraceError:
        return ("none", "none")
    return (record.longitudinal_decision, record.lateral_decision)


def _check(samples: Sequence[Observation | Sample], options: Options) -> None:
    if options.n < 1 or options.flow_steps < 1 or options.temperature < 0 or options.route_guidance < 0:
        raise UsageError(
            f"n {options.n} and flow_steps {options.flow_steps} must be at least 1, temperature {options.temperature} "
            f"and route_guidance {options.route_guidance} not negative"
        )
    if options.max_reasoning_tokens is not None and options.max_reasoning_tokens < 1:
        raise UsageError(f"max_reasoning_tokens {options.max_reasoning_tokens} must be at least 1")
    if options.forced_reasoning is not None and len(options.forced_reasoning) != len(samples):
        raise UsageError(f"{len(options.forced_reasoning)} forced reasonings for {len(samples)} samples: one each")
    if not isinstance(options.seed, int) and len(options.seed) != len(samples):
        raise UsageError(f"{len(options.seed)} seeds for {len(samples)} samples: one for all, or one each")


def _tails(policy: Policy, count: int, options: Options) -> tuple[list[Tail], list[str] | None]:
    """The tails of the prompt, and the texts [B·n] when they are known beforehand."""
    vocabulary = policy.vocabulary
    if policy.head.in_chain:
        return [Tail(())] * count, [""] * (count * options.n)
    if not policy.config.design.speaks:
        return [plain_tail(vocabulary)] * count, [""] * (count * options.n)
    if options.forced_reasoning is not None:
        ids = [vocabulary.text_ids(text, "forced reasoning") for text in options.forced_reasoning]
        tails = [reasoning_tail(vocabulary, row) if row else plain_tail(vocabulary) for row in ids]
        return tails, [text for text in options.forced_reasoning for _ in range(options.n)]
    if not options.use_reasoning:
        return [plain_tail(vocabulary)] * count, [""] * (count * options.n)
    return [open_tail(vocabulary)] * count, None


def _reason(policy: Policy, decoder: decoding.Decoder, count: int, options: Options) -> decoding.Generated:
    """Reasoning of B·n rows; afterwards every row has read its own."""
    bound = policy.config.scale.max_reasoning_tokens
    uniform = _noise(options, _REASONING, (min(options.max_reasoning_tokens or bound, bound),), count)
    return decoding.generate_reasoning(policy, decoder, options.temperature, uniform.to(policy.device))


def _guidance(
    policy: Policy,
    samples: Sequence[Observation | Sample],
    tails: list[Tail],
    read: list[list[int]],
    options: Options,
) -> Guidance | None:
    """The same rows with their route left out; None where there is none to leave out, or its weight is the plain 1."""
    seen = [observation_of(item) for item in samples]
    if options.route_guidance == 1.0 or not any(o.route is not None and len(o.route) for o in seen):
        return None
    batch = policy.batch_of([replace(o, route=None) for o in seen], tails)
    decoder = decoding.repeat(decoding.prefill(policy, batch, policy.text_inputs(batch)), options.n)
    decoding.feed(policy, decoder, [decoding.closed(policy, ids) for ids in read])
    return Guidance(policy.expert.condition(decoder.prefix()), options.route_guidance)


def _noise(options: Options, stream: int, shape: tuple[int, ...], count: int) -> Tensor:
    """[count·n, *shape]: uniform numbers for words, normal ones for actions, from (seed, sample number) alone."""
    seeds = [options.seed] * count if isinstance(options.seed, int) else list(options.seed)
    drawn = {seed: _draws(seed, options.n, stream, shape) for seed in set(seeds)}
    return torch.from_numpy(np.concatenate([drawn[seed] for seed in seeds]))


def _draws(seed: int, n: int, stream: int, shape: tuple[int, ...]) -> np.ndarray:
    draws = []
    for sample in range(n):
        rng = np.random.default_rng([seed % 2**63, sample, stream])
        draws.append(rng.random(shape) if stream == _REASONING else rng.standard_normal(shape))
    return np.stack(draws).astype(np.float32)


def driven(
    policy: Policy, controls: Tensor, samples: Sequence[Observation | Sample], n: int
) -> tuple[np.ndarray, np.ndarray]:
    """Controls [B·n, 64, 2] within their bounds and the trajectories they drive, as [B, n, 64, …] float32."""
    bounds = np.array([ACCELERATION_BOUND_MPS2, CURVATURE_BOUND_PER_M])
    bounded = np.clip(controls.double().cpu().numpy(), -bounds, bounds).reshape(len(samples), n, HORIZON_STEPS, 2)
    speed = np.array([observation_of(item).speed_mps for item in samples])[:, None].repeat(n, axis=1)
    trajectory = trajectory_from_controls(bounded, speed)
    return bounded.astype(np.float32), trajectory.astype(np.float32)
