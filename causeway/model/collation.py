"""From samples to a batch: each observation with what a policy is to say and do about it.

Knows samples, their checks and which of them lose their route. Does not know the order of a sequence (`sequence.py`)
or losses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from causeway.errors import UsageError
from causeway.model import action_tokens, chain
from causeway.model.beside import beside_of
from causeway.model.observation import Observation, Sample, check_sample, observation_of
from causeway.model.sequence import (
    Batch,
    Tail,
    branched,
    build_batch,
    plain_tail,
    question_tail,
    reasoning_tail,
    with_actions,
)

if TYPE_CHECKING:
    from causeway.model.policy import Policy


def collate(policy: Policy, samples: Sequence[Sample], route_drop: float, generator: torch.Generator | None) -> Batch:
    """See `Policy.collate`."""
    vocabulary, tails = policy.vocabulary, list[Tail]()
    for sample in samples:
        check_sample(sample)
        if policy.head.in_chain:
            tails.append(chain.chain_tail(vocabulary, chain.told_of(sample), chain.WHOLE))
            continue
        ids = vocabulary.text_ids(sample.reasoning, f"sample {sample.sample_id}: reasoning")
        speaks = bool(ids) and policy.config.design.speaks
        tails.append(reasoning_tail(vocabulary, ids) if speaks else plain_tail(vocabulary))
    batch = batch_of(policy, _routes_left_out(samples, route_drop, generator), tails)
    controls = torch.from_numpy(np.stack([np.float32(s.controls) for s in samples])).to(policy.device)
    return with_actions(batch, action_tokens.encode(controls), controls)


def collate_questions(
    policy: Policy, items: Sequence[Observation | Sample], asked: Sequence[Mapping[str, str]]
) -> Batch:
    """See `Policy.collate_questions`."""
    if not policy.backbone.branches and max(map(len, asked)) > 1:
        raise UsageError("this backbone reads on without looking back: ask one question of each sample")
    tails = [branched([question_tail(policy.vocabulary, *pair) for pair in pairs.items()]) for pairs in asked]
    return batch_of(policy, items, tails)


def batch_of(policy: Policy, items: Sequence[Observation | Sample], tails: Sequence[Tail]) -> Batch:
    """A batch of observations, each with its tail, on the policy's device."""
    names = [item.sample_id if isinstance(item, Sample) else f"#{i}" for i, item in enumerate(items)]
    observations = [observation_of(item) for item in items]
    batch = build_batch(policy.config.scale, policy.sight, policy.vocabulary, observations, tails, names)
    beside = beside_of(policy.config.rigs, bool(policy.config.point_blocks), observations, names)
    return replace(batch, beside=beside).to(policy.device)


def _routes_left_out(samples: Sequence[Sample], rate: float, generator: torch.Generator | None) -> Sequence[Sample]:
    """The samples, a share of them as if nobody had said where to go."""
    if rate == 0.0:
        return samples
    dropped = torch.rand(len(samples), generator=generator) < rate
    return [
        replace(sample, observation=replace(sample.observation, route=None)) if drop else sample
        for sample, drop in zip(samples, dropped.tolist(), strict=True)
    ]
