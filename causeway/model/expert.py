"""The action expert: flow matching over 64 controls, reading the backbone's keys and values as a fixed prefix.

Knows noise, time and the vector field. Does not know pictures or words beyond the prefix it is handed, which holds
no discrete action token and no gradient. Source: arXiv 2511.00088, sections on the expert and its training (same
layers and heads as the backbone, smaller width; x_t = t·x + (1 − t)·ε, target x − ε, Euler); time is drawn as
in the release, 0.999·(1 − Beta(1.5, 1)), which favours the noisy end (method C 1.7, 1.8).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from causeway.model.attention import Prefix, Reading
from causeway.model.backbone import family_of, run_expert
from causeway.model.scales import Scale

_FREQUENCIES = 10  # per number: sines and cosines from 1 to 100 cycles over the unit
_MAX_FREQUENCY = 100.0


class ActionExpert(nn.Module):
    """Vector field over normalised controls [R, 64, 2] given a prefix."""

    frequencies: Tensor

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        hidden = scale.expert.hidden
        self.decoder: nn.Module = family_of(scale).expert_decoder(scale)
        features = 3 * (2 * _FREQUENCIES + 1)  # acceleration, curvature, time
        self.read = nn.Sequential(nn.Linear(features, hidden), nn.SiLU(), nn.Linear(hidden, hidden))
        self.write = nn.Linear(hidden, 2)
        frequencies = torch.logspace(0.0, math.log10(_MAX_FREQUENCY), _FREQUENCIES)
        self.register_buffer("frequencies", frequencies, persistent=False)

    def condition(self, prefix: Prefix) -> Prefix:
        """What the vector field is told: the prefix itself."""
        return prefix

    def forward(self, noisy: Tensor, time: Tensor, prefix: Prefix) -> Tensor:
        """d x / d t at normalised controls [R, 64, 2] and times [R]; prefix of the same R rows.

        All waypoints see each other and every column of the prefix that is not padding.
        """
        known = torch.cat([noisy, time[:, None, None].expand(-1, noisy.shape[1], 1)], dim=-1)
        hidden = self.read(self._waves(known))
        steps = torch.arange(noisy.shape[1], device=noisy.device)
        positions = (prefix.next_position[:, None] + steps)[None].expand(3, -1, -1)
        return self.write(run_expert(self.decoder, hidden, positions, Reading(prefix.stretches)))  # type: ignore[no-any-return]

    def _waves(self, values: Tensor) -> Tensor:
        """The values themselves, and their sines and cosines (controls span about ±3, time 0 … 1)."""
        angles = values[..., None] * self.frequencies * (math.pi / 10.0)
        waves = torch.cat([values[..., None], angles.sin(), angles.cos()], dim=-1)
        return waves.flatten(-2)


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


@dataclass(frozen=True, eq=False)
class Guidance:
    """Classifier-free guidance: away from what the expert would do without the route (method C 1.8)."""

    without: Any  # what the head is told of the same rows, their route left out
    weight: float  # 1 = the route as trained, more = further along it, 0 = without it


@torch.no_grad()
def integrate(
    expert: ActionExpert, noise: Tensor, prefix: Prefix, steps: int, guidance: Guidance | None = None
) -> Tensor:
    """Normalised controls [R, 64, 2] from noise of that shape by Euler steps from t = 0 to 1."""
    controls, prefix = noise, prefix.gathered()
    without = guidance.without.gathered() if guidance else prefix
    for step in range(steps):
        time = torch.full((len(noise),), step / steps, device=noise.device, dtype=noise.dtype)
        change = expert(controls, time, prefix)
        if guidance is not None:
            plain = expert(controls, time, without)
            change = plain + guidance.weight * (change - plain)
        controls = controls + change / steps
    return controls
