"""Rollouts for reinforcement learning: sampled reasoning, action tokens and expert paths, and their scores again.

Knows both directions, so that they agree: what was sampled under which constraints, and the same numbers with
gradients. Does not know rewards or advantages. Source: arXiv 2511.00088, section on GRPO (reasoning and discrete tokens
learn); the expert's walks are Flow-GRPO's (`exploration`). Every walk is behind the reasoning that was sampled,
replayed and not sampled again, so that what is said and what is driven belong together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from causeway.model import action_tokens, decoding, exploration
from causeway.model.attention import Prefix
from causeway.model.exploration import Walk, Walked
from causeway.model.inference import driven
from causeway.model.observation import HORIZON_STEPS, Observation, Sample
from causeway.model.prediction import Explored, Sequences
from causeway.model.sequence import Batch, open_tail, reasoning_tail, with_actions

if TYPE_CHECKING:
    from causeway.model.policy import Policy

Items = Sequence[Observation | Sample]


@dataclass(frozen=True, eq=False)
class Scores:
    """What a policy makes of rollouts, with gradients; R rows, row = sample · group + member."""

    reasoning: Tensor  # [R, T] log-probabilities of the words, 0 where none was said or the grammar left no choice
    chosen: Tensor  # [R, T] bool: where there was a choice
    actions: Tensor  # [R, 128] log-probabilities of the action tokens
    means: Tensor | None  # [E, steps, 64, 2] where each step of the expert's walks leads, when there are any


@torch.no_grad()
def sample_sequences(
    policy: Policy,
    samples: Items,
    group: int,
    temperature: float,
    generator: torch.Generator,
    walk: Walk | None,
) -> Sequences:
    """See `Policy.sample_sequences`."""
    rows, steps = len(samples) * group, policy.config.scale.max_reasoning_tokens
    batch = policy.batch_of(samples, [open_tail(policy.vocabulary)] * len(samples))
    decoder = decoding.repeat(decoding.prefill(policy, batch, policy.text_inputs(batch)), group)
    uniform = torch.rand(rows, steps + action_tokens.TOKENS, generator=generator).to(policy.device)
    said = decoding.generate_reasoning(policy, decoder, temperature, uniform[:, :steps])
    explored = _explored(policy, walk, samples, decoder.prefix(), generator) if walk else None
    tokens, logprobs = decoding.generate_actions(policy, decoder, temperature, uniform[:, steps:])
    numbers = tokens.cpu().numpy()
    controls = torch.from_numpy(action_tokens.decode(numbers).astype(np.float32))
    controls_out, trajectory = driven(policy, controls, samples, group)
    return Sequences(
        reasoning_ids=tuple(tuple(ids) for ids in said.ids),
        reasoning_text=tuple(policy.vocabulary.text(ids) for ids in said.ids),
        truncated=np.array(said.truncated, dtype=bool),
        action_tokens=numbers,
        reasoning_logprobs=said.logprobs.float().cpu().numpy(),
        reasoning_mask=said.mask.cpu().numpy(),
        action_logprobs=logprobs.float().cpu().numpy(),
        controls=controls_out.reshape(rows, HORIZON_STEPS, 2),
        trajectory_rig=trajectory.reshape(rows, HORIZON_STEPS, 3),
        temperature=temperature,
        group=group,
        explored=explored,
    )


def _explored(policy: Policy, walk: Walk, samples: Items, prefix: Prefix, generator: torch.Generator) -> Explored:
    walked = exploration.explore(policy.expert, walk, prefix.repeated(walk.draws), generator)
    each = len(walked.states) // len(samples)
    controls, trajectory = driven(policy, policy.controls_of(walked.ends), samples, each)
    return Explored(
        states=walked.states.cpu().numpy(),
        logprobs=walked.logprobs.cpu().numpy(),
        controls=controls.reshape(-1, HORIZON_STEPS, 2),
        trajectory_rig=trajectory.reshape(-1, HORIZON_STEPS, 3),
        draws=walk.draws,
    )


@torch.no_grad()
def drive(
    policy: Policy, samples: Items, temperature: float, generator: torch.Generator, walk: Walk
) -> tuple[list[list[int]], Explored]:
    """A reasoning for each observation and the expert's walks behind it: [B] ids without their end, B · draws walks.

    What drives in closed loop; no action tokens are made.
    """
    batch = policy.batch_of(samples, [open_tail(policy.vocabulary)] * len(samples))
    decoder = decoding.prefill(policy, batch, policy.text_inputs(batch))
    uniform = torch.rand(len(samples), policy.config.scale.max_reasoning_tokens, generator=generator)
    said = decoding.generate_reasoning(policy, decoder, temperature, uniform.to(policy.device))
    end = policy.special["coc_end"]
    ids = [[i for i in row if i != end] for row in said.ids]
    return ids, _explored(policy, walk, samples, decoder.prefix(), generator)


def driven_again(
    policy: Policy, samples: Items, ids: Sequence[Sequence[int]], explored: Explored, walk: Walk
) -> Tensor:
    """Log-probabilities [B · draws, steps] of what `drive` did, with gradients of the expert alone.

    The reasoning is replayed: read as it was said, not sampled again.
    """
    batch = policy.batch_of(samples, [reasoning_tail(policy.vocabulary, row) for row in ids])
    walked = walked_of(explored, policy.device)
    means = exploration.means(policy.expert, walk, walked, _prefix(policy, batch).repeated(walk.draws))
    return exploration.step_logprobs(walk, walked, means)


def walked_of(explored: Explored, device: torch.device) -> Walked:
    """The walks of a rollout as tensors."""
    return Walked(torch.from_numpy(explored.states).to(device), torch.from_numpy(explored.logprobs).to(device))


def rescored(policy: Policy, samples: Items, sequences: Sequences, walk: Walk | None) -> Scores:
    """See `Policy.rescored`."""
    batch = _replayed(policy, samples, sequences)
    output = policy.forward_tokens(batch)
    assert output.action_hidden is not None
    assert batch.action_tokens is not None
    heat = sequences.temperature or 1.0
    actions = torch.log_softmax(policy.action_logits(output.action_hidden).float() / heat, dim=-1)
    chosen = action_tokens.bins_of(batch.action_tokens)[..., None]
    reasoning, free = _words(policy, output.prefix_hidden, batch, sequences, heat)
    means = None
    if walk is not None and sequences.explored is not None:
        prefix = (output.prefix or _prefix(policy, batch)).repeated(walk.draws)
        walked = walked_of(sequences.explored, policy.device)
        means = exploration.means(policy.expert, walk, walked, prefix)
    return Scores(reasoning, free, actions.gather(-1, chosen)[..., 0], means)


def _replayed(policy: Policy, samples: Items, sequences: Sequences) -> Batch:
    """The rows as they were sampled: observation, reasoning, action tokens."""
    items = [item for item in samples for _ in range(sequences.group)]
    end = policy.special["coc_end"]
    traces = [tuple(i for i in row if i != end) for row in sequences.reasoning_ids]
    cut = sequences.truncated.tolist()
    tails = [reasoning_tail(policy.vocabulary, t, ended=not c) for t, c in zip(traces, cut, strict=True)]
    tokens = torch.from_numpy(sequences.action_tokens).to(policy.device)
    return with_actions(policy.batch_of(items, tails), tokens, None)


@torch.no_grad()
def _prefix(policy: Policy, batch: Batch) -> Prefix:
    """What the expert reads, by a pass of its own: layers that compute twice keep no keys."""
    learning = policy.training
    prefix = policy.eval().forward_tokens(replace(batch, action_tokens=None)).prefix
    policy.train(learning)
    assert prefix is not None
    return prefix


def _words(
    policy: Policy, hidden: Tensor, batch: Batch, sequences: Sequences, heat: float
) -> tuple[Tensor, Tensor]:
    """Log-probabilities of the words [R, T], and where the grammar left a choice.

    Words are scored among those that the sampler could have said there.
    """
    sentences = policy.vocabulary.sentences
    states = [state for row in sequences.reasoning_ids for state in sentences.path(row)]
    allowed = sentences.masks(states, policy.vocabulary_rows).to(hidden.device)
    wanted = batch.reasoning_labels[:, 1:]
    logits = policy.reasoning_logits(hidden[:, :-1][wanted], allowed)
    each = torch.log_softmax(logits / heat, dim=-1).gather(1, batch.input_ids[:, 1:][wanted][:, None])[:, 0]
    said = torch.from_numpy(sequences.reasoning_mask).to(hidden.device)
    empty = each.new_zeros(said.shape)
    free = torch.zeros_like(said).masked_scatter(said, allowed.sum(dim=1) > 1)
    return empty.masked_scatter(said, each), free
