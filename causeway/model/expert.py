"""The action expert: flow matching over 64 controls, reading the backbone's keys and values as a fixed prefix.

Knows noise, time and the vector field. Does not know pictures or words beyond the prefix it is handed, which holds
no discrete action token and no gradient. Source: arXiv 2511.00088, sections on the expert and its training (same
layers and heads as the backbone, smaller width; x_t = t·x + (1 − t)·ε, target x − ε, Euler); time is drawn as
in the release, 0.999·(1 − Beta(1.5, 1)), which favours the noisy end (method C 1.7, 1.8).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Qwen3VLTextConfig
from transformers.models.qwen3_vl.modeling_qwen3_vl import (
    Qwen3VLTextDecoderLayer,
    Qwen3VLTextRMSNorm,
    Qwen3VLTextRotaryEmbedding,
)

from causeway.model.backbone import Prefix
from causeway.model.scales import Scale

_FREQUENCIES = 10  # per number: sines and cosines from 1 to 100 cycles over the unit
_MAX_FREQUENCY = 100.0


class ActionExpert(nn.Module):
    """Vector field over normalised controls [B, 64, 2] given a prefix."""

    frequencies: Tensor

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        config = _expert_config(scale)
        hidden = config.hidden_size
        self.rotary = Qwen3VLTextRotaryEmbedding(config)
        self.layers = nn.ModuleList(Qwen3VLTextDecoderLayer(config, i) for i in range(config.num_hidden_layers))
        self.norm = Qwen3VLTextRMSNorm(hidden, config.rms_norm_eps)
        features = 3 * (2 * _FREQUENCIES + 1)  # acceleration, curvature, time
        self.read = nn.Sequential(nn.Linear(features, hidden), nn.SiLU(), nn.Linear(hidden, hidden))
        self.write = nn.Linear(hidden, 2)
        frequencies = torch.logspace(0.0, math.log10(_MAX_FREQUENCY), _FREQUENCIES)
        self.register_buffer("frequencies", frequencies, persistent=False)

    def forward(self, noisy: Tensor, time: Tensor, prefix: Prefix) -> Tensor:
        """d x / d t at normalised controls [B, 64, 2] and times [B]; prefix of the same B rows."""
        known = torch.cat([noisy, time[:, None, None].expand(-1, noisy.shape[1], 1)], dim=-1)
        hidden = self.read(self._waves(known))
        steps = torch.arange(noisy.shape[1], device=noisy.device)
        positions = (prefix.next_position[:, None] + steps)[None].expand(3, -1, -1)
        rotary = self.rotary(hidden, positions)
        # all waypoints see each other and every prefix column that is not padding
        columns = torch.cat([prefix.kept, prefix.kept.new_ones(len(noisy), noisy.shape[1])], dim=1)
        mask = columns[:, None, None, :].expand(-1, 1, noisy.shape[1], -1)
        for layer in self.layers:
            hidden = layer(hidden, rotary, attention_mask=mask, past_key_values=_ReadOnly(prefix))
        return self.write(self.norm(hidden))  # type: ignore[no-any-return]

    def _waves(self, values: Tensor) -> Tensor:
        """The values themselves, and their sines and cosines (controls span about ±3, time 0 … 1)."""
        angles = values[..., None] * self.frequencies * (math.pi / 10.0)
        waves = torch.cat([values[..., None], angles.sin(), angles.cos()], dim=-1)
        return waves.flatten(-2)


class _ReadOnly:
    """What a decoder layer asks of a cache: its own keys behind the prefix's, and nothing is kept."""

    def __init__(self, prefix: Prefix) -> None:
        self._prefix = prefix

    def update(self, keys: Tensor, values: Tensor, layer: int, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        before = self._prefix
        return torch.cat([before.keys[layer], keys], dim=2), torch.cat([before.values[layer], values], dim=2)


def _expert_config(scale: Scale) -> Qwen3VLTextConfig:
    text = scale.text
    config = Qwen3VLTextConfig(
        vocab_size=1,
        hidden_size=scale.expert.hidden,
        intermediate_size=scale.expert.intermediate,
        num_hidden_layers=text.layers,
        num_attention_heads=text.heads,
        num_key_value_heads=text.key_value_heads,
        head_dim=text.head_dim,
        rope_parameters={
            "rope_type": "default",
            "rope_theta": text.rope_theta,
            "mrope_interleaved": True,
            "mrope_section": list(text.mrope_section),
        },
    )
    config._attn_implementation = "sdpa"
    return config


def draw_time(rows: int, generator: torch.Generator | None) -> Tensor:
    """Times [rows] in 0 … 0.999, dense near 0 (noise): Beta(1.5, 1) is the 1.5th root of a uniform number."""
    beta = torch.rand(rows, generator=generator) ** (1.0 / 1.5)
    return 0.999 * (1.0 - beta)


def flow_loss(expert: ActionExpert, target: Tensor, prefix: Prefix, generator: torch.Generator | None) -> Tensor:
    """Mean squared error of the vector field at normalised controls [B, 64, 2]; a scalar."""
    time = draw_time(len(target), generator).to(target)
    noise = torch.randn(target.shape, generator=generator).to(target)
    mixed = time[:, None, None] * target + (1.0 - time[:, None, None]) * noise
    return (expert(mixed, time, prefix) - (target - noise)).square().mean()


@torch.no_grad()
def integrate(expert: ActionExpert, noise: Tensor, prefix: Prefix, steps: int) -> Tensor:
    """Normalised controls [B, 64, 2] from noise of that shape by Euler steps from t = 0 to 1."""
    controls = noise
    for step in range(steps):
        time = torch.full((len(noise),), step / steps, device=noise.device, dtype=noise.dtype)
        controls = controls + expert(controls, time, prefix) / steps
    return controls
