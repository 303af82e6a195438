"""Heads that answer at once: no noise, one path.

Knows the recurrent head of RoboFlamingo, the plain one of RoboMamba, their losses and GR-1's. Does not know what they
are conditioned on. All n samples of an observation are the same path where the words are: nothing is drawn. Sources:
arXiv 2311.01378 sec. 4.3 (LSTM, squared error), 2406.04339 sec. 3.3 (two layers, absolute error), 2312.13139 sec. 3.3
(smooth absolute error).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from causeway.model.attention import Prefix
from causeway.model.expert import Guidance
from causeway.model.observation import HORIZON_STEPS
from causeway.model.readers import Condition
from causeway.model.scales import Scale


class Lstm(nn.Module):
    """A recurrent network that steps through the 64 controls from one vector."""

    def __init__(self, scale: Scale, reader: nn.Module) -> None:
        super().__init__()
        width = scale.expert.hidden
        self.reader = reader
        self.places = nn.Parameter(torch.randn(HORIZON_STEPS, width) * 0.02)
        self.step = nn.LSTM(width, width, batch_first=True)
        self.write = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 2))

    def condition(self, prefix: Prefix) -> Condition:
        """What the head is told of everything that was read."""
        return self.reader(prefix)  # type: ignore[no-any-return]

    def forward(self, noisy: Tensor, time: Tensor, condition: Condition) -> Tensor:
        """Normalised controls [R, 64, 2]; noise and time are not looked at."""
        assert condition.vector is not None
        hidden, _ = self.step(condition.vector[:, None] + self.places)
        return self.write(hidden)  # type: ignore[no-any-return]


class Mlp(nn.Module):
    """Two layers from one vector to all 64 controls."""

    def __init__(self, scale: Scale, reader: nn.Module) -> None:
        super().__init__()
        width = scale.expert.hidden
        self.reader = reader
        self.write = nn.Sequential(nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, 2 * HORIZON_STEPS))

    def condition(self, prefix: Prefix) -> Condition:
        """What the head is told of everything that was read."""
        return self.reader(prefix)  # type: ignore[no-any-return]

    def forward(self, noisy: Tensor, time: Tensor, condition: Condition) -> Tensor:
        """Normalised controls [R, 64, 2]; noise and time are not looked at."""
        assert condition.vector is not None
        return self.write(condition.vector).unflatten(1, (HORIZON_STEPS, 2))  # type: ignore[no-any-return]


def absolute_loss(
    network: nn.Module, target: Tensor, condition: Condition, generator: torch.Generator | None
) -> Tensor:
    """Mean absolute error of normalised controls [B, 64, 2]; a scalar."""
    return (_answered(network, target, condition) - target).abs().mean()


def squared_loss(network: nn.Module, target: Tensor, condition: Condition, generator: torch.Generator | None) -> Tensor:
    """Mean squared error of normalised controls [B, 64, 2]; a scalar."""
    return (_answered(network, target, condition) - target).square().mean()


def smooth_loss(network: nn.Module, target: Tensor, condition: Any, generator: torch.Generator | None) -> Tensor:
    """Mean absolute error of normalised controls [B, 64, 2], squared where it is below one; a scalar."""
    return nn.functional.smooth_l1_loss(_answered(network, target, condition), target)


@torch.no_grad()
def answer(network: nn.Module, noise: Tensor, condition: Any, steps: int, guidance: Guidance | None = None) -> Tensor:
    """Normalised controls [R, 64, 2]; noise and steps change nothing."""
    found = _answered(network, noise, condition)
    if guidance is None:
        return found
    plain = _answered(network, noise, guidance.without)
    return plain + guidance.weight * (found - plain)


def _answered(network: nn.Module, like: Tensor, condition: Any) -> Tensor:
    return network(torch.zeros_like(like), like.new_zeros(len(like)), condition)  # type: ignore[no-any-return]
