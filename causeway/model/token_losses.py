"""Losses on tokens: reasoning and answers by cross-entropy, action tokens against soft targets.

Knows prefix noise, the columns of action tokens behind a prefix and which hidden state predicts which column. Does not
know optimizers or the expert.
Why the noise: with a clean prefix the action tokens read only each other, and neither pictures nor reasoning
move them (method 4.12, D-044 to D-046); why soft targets: D-035; why the end token is supervised: D-034.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from causeway.model import action_tokens, decoding
from causeway.model.attention import Prefix, Reading
from causeway.model.backbone import TextInputs, causal_mask, run_text

if TYPE_CHECKING:
    from causeway.model.policy import Policy
    from causeway.model.sequence import Batch


@dataclass(frozen=True)
class PrefixNoise:
    """Noise on the action tokens that a step sees of its own past (what it must predict stays clean)."""

    sigma_bins: float = 12.0  # Gaussian, in bins of the token's own kind
    mask_probability: float = 0.25  # this share is replaced by the mask token


@dataclass(frozen=True, eq=False)
class TokenOutput:
    """One forward pass over prefix and action tokens."""

    prefix_hidden: Tensor  # [B, L, hidden]
    action_hidden: Tensor | None  # [B, 128, hidden]: the states that predict the action tokens
    prefix: Prefix | None  # what the action head reads of the prefix; None where it sits in the sequence itself


def forward_tokens(
    policy: Policy, batch: Batch, noise: PrefixNoise | None, generator: torch.Generator | None
) -> TokenOutput:
    """See `Policy.forward_tokens`."""
    inputs = policy.text_inputs(batch)
    length, reading = batch.input_ids.shape[1], Reading()
    if batch.action_tokens is not None:
        ids = noisy_action_ids(policy, batch.action_tokens, noise, generator)
        inputs = with_columns(inputs, batch, policy.id_embeddings(ids[:, :-1]))  # nothing follows the last token
    hidden = run_text(policy.backbone, inputs, reading)
    actions = hidden[:, length - 1 :] if batch.action_tokens is not None else None
    stretch = decoding.stretch_of(policy, reading, hidden, batch.input_ids, batch.kept)
    prefix = Prefix((stretch,), decoding.behind(batch.positions, batch.kept), batch.beside)
    return TokenOutput(hidden[:, :length], actions, prefix)


def with_columns(inputs: TextInputs, batch: Batch, embeddings: Tensor) -> TextInputs:
    """The prefix's inputs with columns [B, C, hidden] behind them, each of which sees those before it."""
    furthest = batch.positions.amax(dim=(0, 2)) + 1
    steps = (furthest[:, None] + torch.arange(embeddings.shape[1], device=embeddings.device)).expand(3, -1, -1)
    after = torch.ones(embeddings.shape[:2], dtype=torch.bool, device=embeddings.device)
    assert inputs.visual is not None
    return TextInputs(
        torch.cat([inputs.embeddings, embeddings], dim=1),
        torch.cat([inputs.positions, steps], dim=2),
        causal_mask(torch.cat([batch.kept, after], dim=1)),
        torch.cat([inputs.visual, ~after], dim=1),
        inputs.deepstack,
    )


def noisy_action_ids(
    policy: Policy, tokens: Tensor, noise: PrefixNoise | None, generator: torch.Generator | None
) -> Tensor:
    """Ids [B, 128] of action tokens as the model sees them."""
    if noise is None:
        return tokens + policy.action_offset
    bins = action_tokens.bins_of(tokens)
    moved = bins + noise.sigma_bins * torch.randn(bins.shape, generator=generator).to(tokens.device)
    noisy = action_tokens.tokens_of(moved.round().long().clamp(0, action_tokens.BINS - 1))
    hidden = torch.rand(bins.shape, generator=generator).to(tokens.device) < noise.mask_probability
    return torch.where(hidden, policy.special["action_mask"], noisy + policy.action_offset)


def text_loss(policy: Policy, hidden: Tensor, batch: Batch, labels: Tensor) -> Tensor:
    """Mean cross-entropy over the columns labelled [B, L], each predicted from the column before it."""
    wanted = labels[:, 1:]
    if not bool(wanted.any()):
        return hidden.sum() * 0.0
    logits = policy.word_logits(hidden[:, :-1][wanted])
    return nn.functional.cross_entropy(logits.float(), batch.input_ids[:, 1:][wanted])


def action_loss(policy: Policy, action_hidden: Tensor, tokens: Tensor, sigma_bins: float) -> Tensor:
    """Mean cross-entropy of action tokens [B, 128] against Gaussian soft targets over their own kind's bins.

    Its floor is the targets' entropy, 1.42 + ln(sigma) nats.
    """
    targets = action_tokens.gaussian_soft_targets(tokens, sigma_bins)
    logprobs = torch.log_softmax(policy.action_logits(action_hidden).float(), dim=-1)
    return -(targets * logprobs).sum(dim=-1).mean()


def token_parts(policy: Policy, batch: Batch, output: TokenOutput) -> dict[str, Tensor]:
    """`reasoning`, `answer` and `action` of one forward pass, 0 where the batch has none, and their sum `loss`."""
    parts = {
        "reasoning": text_loss(policy, output.prefix_hidden, batch, batch.reasoning_labels),
        "answer": text_loss(policy, output.prefix_hidden, batch, batch.answer_labels),
        "action": output.prefix_hidden.new_zeros(()),
    }
    if output.action_hidden is not None and batch.action_tokens is not None:
        sigma = policy.config.soft_target_sigma_bins
        parts["action"] = action_loss(policy, output.action_hidden, batch.action_tokens, sigma)
    return {"loss": torch.stack(list(parts.values())).sum(), **parts}
