"""3D points into a trained action head: an encoder of its own, and what it found added behind a few blocks.

Knows the encoder, the addition, and which blocks are cheapest to disturb: those whose absence costs least (skip-block
analysis). Does not know where points come from. What is added begins at nothing, so that a head answers bit for bit as
before until the encoder has learned. Source: arXiv 2503.07511, sec. 3.2 (hidden states plus a network of the 3D
features, base frozen) and 3.3 (skip-block analysis; 5 of 32 blocks take points).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from causeway.errors import UsageError
from causeway.model.beside import Beside
from causeway.model.scales import Scale

if TYPE_CHECKING:
    from causeway.model.policy import Policy
    from causeway.model.sequence import Batch

_METRES = 20.0


class Points(nn.Module):
    """Points to one feature, and the feature to what is added behind each chosen block."""

    def __init__(self, scale: Scale, blocks: Sequence[int]) -> None:
        super().__init__()
        width = scale.expert.hidden
        self.encode = nn.Sequential(nn.Linear(3, width), nn.GELU(), nn.Linear(width, width))
        self.norm = nn.LayerNorm(width)
        self.behind = nn.ModuleDict({str(block): _adds_nothing(width) for block in blocks})

    def forward(self, beside: Beside) -> Tensor:
        """The feature [R, width] of R rows' points: the largest of what each channel found in any of them."""
        assert beside.points is not None
        assert beside.there is not None
        found = self.encode(beside.points / _METRES).masked_fill(~beside.there[..., None], float("-inf"))
        return self.norm(found.amax(dim=1))  # type: ignore[no-any-return]

    def added(self, block: int, hidden: Tensor, feature: Tensor) -> Tensor:
        """Hidden states [R, L, width] behind a block, with what the points say there."""
        if str(block) not in self.behind:
            return hidden
        return hidden + self.behind[str(block)](feature)[:, None]  # type: ignore[no-any-return]


def _adds_nothing(width: int) -> nn.Sequential:
    last = nn.Linear(width, width)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(width, width), nn.SiLU(), last)


def add_points(head: nn.Module, scale: Scale, blocks: Sequence[int]) -> None:
    """Let a head take points behind these of its blocks, in place. UsageError for blocks that it does not have."""
    count = len(getattr(head, "blocks", ()))
    if not blocks or not all(0 <= block < count for block in blocks):
        raise UsageError(f"points behind blocks {tuple(blocks)}: this action head has {count}")
    head.points = Points(scale, blocks)


@torch.no_grad()
def block_costs(policy: Policy, batches: Sequence[Batch], draws: int = 4, seed: int = 0) -> list[float]:
    """How much the head's error grows when each of its blocks is left out; the same noises for all."""
    prefixes = [policy.forward_tokens(batch).prefix for batch in batches]

    def error() -> float:
        generator = torch.Generator().manual_seed(seed)
        pairs = zip(batches, prefixes, strict=True)
        return sum(float(policy.head_loss(batch, prefix, generator, draws)) for batch, prefix in pairs) / len(batches)

    whole, costs = error(), []
    for block in policy.expert.blocks:
        handle = block.register_forward_hook(lambda _, given, out: given[0])
        costs.append(error() - whole)
        handle.remove()
    return costs


def cheapest(costs: Sequence[float], count: int) -> tuple[int, ...]:
    """So many blocks whose absence costs least, in their order."""
    return tuple(sorted(sorted(range(len(costs)), key=lambda block: (costs[block], block))[:count]))
