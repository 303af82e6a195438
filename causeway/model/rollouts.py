"""Rollouts for reinforcement learning: sampled reasoning and action tokens, and their log-probabilities again.

Knows both directions, so that they agree: what was sampled under which constraints, and the same numbers with
gradients. Does not know rewards or advantages. Source: arXiv 2511.00088, section on GRPO: the policy that learns is
reasoning plus discrete tokens; the expert is not part of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from causeway.model import action_tokens, decoding
from causeway.model.inference import driven
from causeway.model.observation import HORIZON_STEPS, Observation, Sample
from causeway.model.prediction import Sequences
from causeway.model.sequence import open_tail, reasoning_tail, with_actions

if TYPE_CHECKING:
    from causeway.model.policy import Policy


@torch.no_grad()
def sample_sequences(
    policy: Policy,
    samples: Sequence[Observation | Sample],
    group: int,
    temperature: float,
    generator: torch.Generator,
) -> Sequences:
    """See `Policy.sample_sequences`."""
    rows, steps = len(samples) * group, policy.config.scale.max_reasoning_tokens
    batch = policy.batch_of(samples, [open_tail(policy.vocabulary)] * len(samples))
    decoder = decoding.repeat(decoding.prefill(policy, batch, policy.text_inputs(batch)), group)
    uniform = torch.rand(rows, steps + action_tokens.TOKENS, generator=generator).to(policy.device)
    said = decoding.generate_reasoning(policy, decoder, temperature, uniform[:, :steps])
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
    )


def sequence_logprobs(
    policy: Policy, samples: Sequence[Observation | Sample], sequences: Sequences
) -> tuple[Tensor, Tensor]:
    """See `Policy.sequence_logprobs`."""
    items = [item for item in samples for _ in range(sequences.group)]
    end = policy.special["coc_end"]
    traces = [tuple(i for i in row if i != end) for row in sequences.reasoning_ids]
    cut = sequences.truncated.tolist()
    tails = [reasoning_tail(policy.vocabulary, t, ended=not c) for t, c in zip(traces, cut, strict=True)]
    tokens = torch.from_numpy(sequences.action_tokens).to(policy.device)
    batch = with_actions(policy.batch_of(items, tails), tokens, None)
    output = policy.forward_tokens(batch)
    assert output.action_hidden is not None
    heat = sequences.temperature or 1.0
    actions = torch.log_softmax(policy.action_logits(output.action_hidden).float() / heat, dim=-1)
    chosen = action_tokens.bins_of(tokens)[..., None]
    wanted = batch.reasoning_labels[:, 1:]
    words = torch.log_softmax(_word_logits(policy, output.prefix_hidden[:, :-1][wanted], sequences) / heat, dim=-1)
    said = words.gather(1, batch.input_ids[:, 1:][wanted][:, None])[:, 0]
    mask = torch.from_numpy(sequences.reasoning_mask).to(policy.device)
    reasoning = said.new_zeros(mask.shape).masked_scatter(mask, said)
    return reasoning, actions.gather(-1, chosen)[..., 0]


def _word_logits(policy: Policy, hidden: Tensor, sequences: Sequences) -> Tensor:
    """Logits [words of all rows, V] with the words masked that the sampler could not say there."""
    states = [state for row in sequences.reasoning_ids for state in policy.vocabulary.sentences.path(row)]
    masks = policy.vocabulary.sentences.masks(states, policy.vocabulary_rows)
    return policy.reasoning_logits(hidden, masks.to(hidden.device))
