"""Diffusion over controls: what a network learns from noised controls, and how it denoises them.

Knows the schedule of noise, the loss on the noise and DDIM. Does not know networks or what they are conditioned on:
anything (noisy [R, 64, 2], time [R], condition) -> [R, 64, 2] will do. Time runs as the flow's, from noise (0) to
controls (1). Source: DDPM with the squared-cosine schedule (arXiv 2102.09672) over 100 steps and DDIM (2010.02502) with
few, as Diffusion Policy (2303.04137) and, after it, TinyVLA, DiffusionVLA, CogACT and HybridVLA have it.
"""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor, nn

from causeway.model.expert import Guidance
from causeway.model.readers import Condition

STEPS = 100
_FIRST = 90  # DDIM begins here: the noisiest tenth is all noise
_FURTHEST = 20.0  # spreads: what is denoised stays within these, more than any control is


@cache
def signal() -> tuple[float, ...]:
    """The share of signal power after each step of noise, falling from nearly 1 to nearly 0."""

    def left(t: float) -> float:
        return math.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2

    powers, power = [], 1.0
    for step in range(STEPS):
        power *= 1.0 - min(1.0 - left((step + 1) / STEPS) / left(step / STEPS), 0.999)
        powers.append(power)
    return tuple(powers)


def time_of(step: Tensor) -> Tensor:
    """A step of noise as time: 0 is the noisiest."""
    return 1.0 - (step.float() + 1.0) / STEPS


def noised(target: Tensor, noise: Tensor, step: Tensor) -> Tensor:
    """Controls [R, 64, 2] after steps [R] of noise."""
    power = target.new_tensor(signal())[step][:, None, None]
    return power.sqrt() * target + (1.0 - power).sqrt() * noise


def diffusion_loss(
    network: nn.Module, target: Tensor, condition: Condition, generator: torch.Generator | None
) -> Tensor:
    """Mean squared error of the noise found in normalised controls [B, 64, 2]; a scalar."""
    step = torch.randint(0, STEPS, (len(target),), generator=generator).to(target.device)
    noise = torch.randn(target.shape, generator=generator).to(target)
    return (network(noised(target, noise, step), time_of(step), condition) - noise).square().mean()


@torch.no_grad()
def denoise(
    network: nn.Module, noise: Tensor, condition: Condition, steps: int, guidance: Guidance | None = None
) -> Tensor:
    """Normalised controls [R, 64, 2] from noise of that shape by so many steps of DDIM, which adds no noise."""
    powers, now = signal(), noise
    levels = [round(_FIRST * (steps - i) / steps) for i in range(steps)]
    for level, after in zip(levels, [*levels[1:], None], strict=True):
        time = time_of(torch.full((len(noise),), level, device=noise.device))
        found = network(now, time, condition)
        if guidance is not None:
            plain = network(now, time, guidance.without)
            found = plain + guidance.weight * (found - plain)
        clean = (now - math.sqrt(1.0 - powers[level]) * found) / math.sqrt(powers[level])
        clean = clean.clamp(-_FURTHEST, _FURTHEST)
        if after is None:
            return clean
        now = math.sqrt(powers[after]) * clean + math.sqrt(1.0 - powers[after]) * found
    return now
