"""HybridVLA's head: diffusion inside the backbone's own sequence, and action tokens behind it.

Knows the order prefix · 64 noised controls · end of diffusion · 128 action tokens, its loss in one pass, and the rule
that fuses both answers. Does not know schedules of noise (`diffusion.py`) or sampling (`decoding.py`). The start of the
trajectory is the paper's <BOD>, its end <EOD>. Source: arXiv 2503.10631, sec. 3.2 (sequence), 3.3 (losses: both
together) and 3.4 (fusion: the mean where the tokens' mean confidence is above 0.96, else the diffusion's answer alone).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from causeway.errors import UsageError
from causeway.model import action_tokens, decoding, diffusion, token_losses
from causeway.model.attention import Prefix, Reading
from causeway.model.backbone import TextInputs, causal_mask, run_text
from causeway.model.expert import Guidance
from causeway.model.networks import two_layers
from causeway.model.observation import HORIZON_STEPS
from causeway.model.scales import Scale
from causeway.model.token_losses import PrefixNoise

if TYPE_CHECKING:
    from causeway.model.decoding import Decoder
    from causeway.model.policy import Policy
    from causeway.model.sequence import Batch

CONFIDENT = 0.96
_WAVES = 8


class InSequence(nn.Module):
    """Noised controls into the backbone's width and out again; what lies between is the backbone itself."""

    frequencies: Tensor

    def __init__(self, scale: Scale, backbone: nn.Module) -> None:
        super().__init__()
        self.read = two_layers(2 + 2 * _WAVES, scale.text.hidden)
        self.write = nn.Linear(scale.text.hidden, 2)
        self.register_buffer("frequencies", torch.logspace(0.0, 2.0, _WAVES), persistent=False)
        self._backbone = (backbone,)  # in a tuple: its weights are no part of this module

    def condition(self, prefix: Prefix) -> Prefix:
        """The prefix itself."""
        return prefix

    def columns(self, noisy: Tensor, time: Tensor) -> Tensor:
        """Embeddings [R, 64, hidden] of noised controls [R, 64, 2] at times [R]."""
        angles = time[:, None] * self.frequencies
        waves = torch.cat([angles.sin(), angles.cos()], dim=-1)[:, None].expand(-1, noisy.shape[1], -1)
        return self.read(torch.cat([noisy, waves], dim=-1))  # type: ignore[no-any-return]

    def forward(self, noisy: Tensor, time: Tensor, prefix: Prefix) -> Tensor:
        """The noise [R, 64, 2] found by the backbone behind a prefix."""
        steps = torch.arange(noisy.shape[1], device=noisy.device)
        places = (prefix.next_position[:, None] + steps).expand(3, -1, -1)
        mask = causal_mask(torch.ones(noisy.shape[:2], dtype=torch.bool, device=noisy.device))
        inputs = TextInputs(self.columns(noisy, time), places, mask)
        return self.write(run_text(self._backbone[0], inputs, Reading(prefix.stretches)))  # type: ignore[arg-type,no-any-return]


def loss_parts(
    policy: Policy, batch: Batch, noise: PrefixNoise | None, generator: torch.Generator | None
) -> dict[str, Tensor]:
    """`reasoning`, `answer`, `action`, `diffusion` of one pass over everything, and their sum `loss`."""
    if batch.controls is None or batch.action_tokens is None:
        raise UsageError("diffusion needs a batch with controls: collate samples, not questions")
    head, length = policy.expert, batch.input_ids.shape[1]
    target = policy.normalised(batch.controls)
    step = torch.randint(0, diffusion.STEPS, (len(target),), generator=generator).to(target.device)
    drawn = torch.randn(target.shape, generator=generator).to(target)
    noisy = head.columns(diffusion.noised(target, drawn, step), diffusion.time_of(step))
    ids = token_losses.noisy_action_ids(policy, batch.action_tokens, noise, generator)
    behind = torch.cat([noisy, _ended(policy, len(noisy)), policy.id_embeddings(ids[:, :-1])], dim=1)
    hidden = run_text(policy.backbone, token_losses.with_columns(policy.text_inputs(batch), batch, behind))
    found = head.write(hidden[:, length : length + HORIZON_STEPS])
    parts = token_losses.token_parts(
        policy, batch, token_losses.TokenOutput(hidden[:, :length], hidden[:, length + HORIZON_STEPS :], None)
    )
    error = (found - drawn).square().mean()
    return {**parts, "loss": parts["loss"] + error, "diffusion": error}


def act(policy: Policy, decoder: Decoder, noise: Tensor, steps: int, guidance: Guidance | None) -> Tensor:
    """Normalised controls [R, 64, 2]: denoised, then told by action tokens behind them, then fused."""
    denoised = diffusion.denoise(policy.expert, noise, decoder.prefix().gathered(), steps, guidance)  # type: ignore[arg-type]
    tokens, confidence = tokens_behind(policy, decoder, denoised)
    told = torch.from_numpy(action_tokens.decode(tokens.cpu().numpy()).astype(np.float32)).to(noise.device)
    return fused(denoised, policy.normalised(told), confidence)


def tokens_behind(policy: Policy, decoder: Decoder, denoised: Tensor) -> tuple[Tensor, Tensor]:
    """The likeliest action tokens [R, 128] behind denoised controls, and their mean probability [R]."""
    rows = len(denoised)
    cleanest = diffusion.time_of(torch.zeros(rows, device=denoised.device))  # the nearest to clean that was learned
    clean = policy.expert.columns(denoised, cleanest)
    decoding.feed_embeddings(policy, decoder, torch.cat([clean, _ended(policy, rows)], dim=1))
    nothing = denoised.new_zeros(rows, action_tokens.TOKENS)
    tokens, logprobs = decoding.generate_actions(policy, decoder, 0.0, nothing)
    return tokens, logprobs.exp().mean(dim=1)


def fused(denoised: Tensor, told: Tensor, confidence: Tensor) -> Tensor:
    """The mean of both [R, 64, 2] where the confidence [R] is above 0.96, elsewhere the denoised."""
    return torch.where(confidence[:, None, None] > CONFIDENT, (denoised + told) / 2.0, denoised)


def _ended(policy: Policy, rows: int) -> Tensor:
    """The end of diffusion, [rows, 1, hidden]."""
    return policy.id_embeddings(torch.full((rows, 1), policy.special["trajectory_end"], device=policy.device))
