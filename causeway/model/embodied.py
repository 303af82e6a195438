"""DexVLA's expert: one diffusion transformer for all rigs, an output layer for each, and a life before the backbone.

Knows the layer by rig, and what the expert is told while it learns alone: the motion so far, in place of all that a
backbone will tell it later. Does not know noise schedules or words. Source: arXiv 2502.05855, sec. 3.2 (an expert with
a head for each embodiment, trained by itself first) and 3.3 (bound to the vision-language model afterwards).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from causeway.errors import UsageError
from causeway.model import diffusion
from causeway.model.attention import Prefix
from causeway.model.dit import DiffusionTransformer
from causeway.model.embeddings import HISTORY_NUMBERS, history_numbers
from causeway.model.networks import two_layers
from causeway.model.observation import HISTORY_POSES, HORIZON_STEPS, Sample
from causeway.model.readers import Condition
from causeway.model.scales import Scale

if TYPE_CHECKING:
    from causeway.model.policy import Policy
    from causeway.model.sequence import Batch

_STEPS = 10


class ByRig(nn.Module):
    """A linear layer for each rig: (hidden [R, 64, width], rig [R]) -> [R, 64, 2]."""

    def __init__(self, width: int, rigs: int) -> None:
        super().__init__()
        bound = 1.0 / math.sqrt(width)
        self.weight = nn.Parameter(torch.empty(rigs, 2, width).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(rigs, 2))

    def forward(self, hidden: Tensor, rig: Tensor) -> Tensor:
        """Each row by its own rig's layer; the others get no gradient."""
        return torch.einsum("rsw,row->rso", hidden, self.weight[rig]) + self.bias[rig][:, None]


class Embodied(nn.Module):
    """(noisy controls [R, 64, 2], time [R], condition) -> [R, 64, 2], by the head of each row's rig."""

    def __init__(self, scale: Scale, reader: nn.Module, rigs: int) -> None:
        super().__init__()
        if rigs < 1:
            raise UsageError("an action head by rig needs the names of its rigs: samples that say whose they are")
        width = scale.expert.hidden
        self.alone = two_layers(HISTORY_POSES * HISTORY_NUMBERS, width)
        self.network = DiffusionTransformer(scale, reader)
        self.network.write = ByRig(width, rigs)

    def condition(self, prefix: Prefix) -> Condition:
        """What the head is told of everything that was read, and by whom it drives."""
        assert prefix.beside is not None
        rigs = prefix.beside.rows(len(prefix.next_position)).rigs
        return replace(self.network.condition(prefix), rig=rigs)

    def condition_alone(self, batch: Batch) -> Condition:
        """What the expert is told while no backbone speaks to it: motion so far and rig."""
        assert batch.beside is not None
        return Condition(vector=self.alone(history_numbers(batch).flatten(1)), rig=batch.beside.rigs)

    def forward(self, noisy: Tensor, time: Tensor, condition: Condition) -> Tensor:
        """The noise found in controls."""
        return self.network(noisy, time, condition)  # type: ignore[no-any-return]


def alone_loss(policy: Policy, batch: Batch, generator: torch.Generator | None, draws: int) -> Tensor:
    """The diffusion loss of the expert by itself; the backbone is not asked."""
    if batch.controls is None:
        raise UsageError("the expert learns from controls: collate samples, not questions")
    target = policy.normalised(batch.controls).repeat_interleave(draws, dim=0)
    told = _expert(policy).condition_alone(batch).repeated(draws)
    return policy.head.loss(policy.expert, target, told, generator)


@torch.no_grad()
def drive_alone(policy: Policy, samples: Sequence[Sample], seeds: Sequence[int]) -> np.ndarray:
    """Trajectories [B, 64, 3] of the expert by itself, each by its own seed."""
    from causeway.model.inference import driven

    drawn = [np.random.default_rng(seed).standard_normal((HORIZON_STEPS, 2)) for seed in seeds]
    noise = torch.from_numpy(np.array(drawn, dtype=np.float32)).to(policy.device)
    told = _expert(policy).condition_alone(policy.collate(samples))
    found = diffusion.denoise(policy.expert, noise, told, _STEPS)
    return driven(policy, policy.controls_of(found), samples, 1)[1][:, 0]


def _expert(policy: Policy) -> Embodied:
    if not isinstance(policy.expert, Embodied):
        raise UsageError(f"action head {policy.config.design.head!r} does not drive alone")
    return policy.expert
