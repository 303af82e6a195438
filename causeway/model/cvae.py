"""ACT's head: a whole chunk of controls at once, and in training a style that says which of several ways was driven.

Knows the encoder of a driven chunk into a style, the decoder, and their loss. Does not know what it is conditioned on.
Asked, the style is the prior's mean: one path, nothing drawn. Source: arXiv 2304.13705, sec. 4.2 and appendix C
(transformer encoder over the chunk, absolute error, weight 10 of the divergence).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from causeway.model.attention import Prefix
from causeway.model.observation import HORIZON_STEPS
from causeway.model.readers import Condition
from causeway.model.scales import Scale

STYLE = 32  # numbers of a style
DIVERGENCE_WEIGHT = 10.0
_LAYERS, _HEADS = 2, 4


class Cvae(nn.Module):
    """(…, condition, style [R, 32] or None) -> normalised controls [R, 64, 2]."""

    def __init__(self, scale: Scale, reader: nn.Module) -> None:
        super().__init__()
        width = scale.expert.hidden
        size: dict[str, Any] = {"d_model": width, "nhead": _HEADS, "dim_feedforward": 2 * width}
        size |= {"dropout": 0.0, "batch_first": True}
        self.reader = reader
        self.places = nn.Parameter(torch.randn(HORIZON_STEPS, width) * 0.02)
        self.start = nn.Parameter(torch.randn(1, width) * 0.02)
        self.read = nn.Linear(2, width)
        encoder, decoder = nn.TransformerEncoderLayer(**size), nn.TransformerDecoderLayer(**size)
        self.encode = nn.TransformerEncoder(encoder, _LAYERS, enable_nested_tensor=False)
        self.style = nn.Linear(width, 2 * STYLE)
        self.told = nn.Linear(STYLE, width)
        self.decode = nn.TransformerDecoder(decoder, _LAYERS)
        self.write = nn.Linear(width, 2)

    def condition(self, prefix: Prefix) -> Condition:
        """What the head is told of everything that was read."""
        return self.reader(prefix)  # type: ignore[no-any-return]

    def style_of(self, driven: Tensor) -> tuple[Tensor, Tensor]:
        """(mean, logarithm of the variance) [R, 32] of the style of driven controls [R, 64, 2]."""
        columns = torch.cat([self.start.expand(len(driven), -1, -1), self.read(driven) + self.places], dim=1)
        mean, log_variance = self.style(self.encode(columns)[:, 0]).chunk(2, dim=-1)
        return mean, log_variance

    def forward(self, noisy: Tensor, time: Tensor, condition: Condition, style: Tensor | None = None) -> Tensor:
        """Noise and time are not looked at; no style is the prior's mean."""
        assert condition.tokens is not None
        told = self.told(noisy.new_zeros(len(noisy), STYLE) if style is None else style)
        known = torch.cat([condition.tokens, told[:, None]], dim=1)
        return self.write(self.decode(self.places.expand(len(noisy), -1, -1), known))  # type: ignore[no-any-return]


def cvae_loss(network: Cvae, target: Tensor, condition: Condition, generator: torch.Generator | None) -> Tensor:
    """Mean absolute error of normalised controls [B, 64, 2] and the divergence of their styles; a scalar."""
    mean, log_variance = network.style_of(target)
    drawn = torch.randn(mean.shape, generator=generator).to(mean)
    found = network(target, target.new_zeros(len(target)), condition, mean + drawn * (0.5 * log_variance).exp())
    return (found - target).abs().mean() + DIVERGENCE_WEIGHT * divergence(mean, log_variance)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Kullback-Leibler divergence in nats from the standard normal, the mean over rows [R, S]; a scalar."""
    return (0.5 * (mean.square() + log_variance.exp() - log_variance - 1.0)).sum(dim=1).mean()
