"""How many bytes a rank holds while a policy trains under DeepSpeed ZeRO: before anybody rents a machine.

Knows arithmetic on parameter counts. Does not know activations, which depend on pictures and batch, nor buffers of
the communication library. Source: Rajbhandari et al., ZeRO (arXiv 1910.02054), section 3: mixed precision takes 2
bytes a weight, 2 a gradient and 12 for AdamW (a 4-byte copy and two moments); stage 2 shards the last two, stage 3 all.
"""

from __future__ import annotations

from dataclasses import dataclass

from causeway.errors import UsageError

_WEIGHT, _GRADIENT, _OPTIMIZER = 2, 2, 12


@dataclass(frozen=True)
class RankBytes:
    """Bytes of one rank, rounded up to whole parameters."""

    weights: int
    gradients: int
    optimizer: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.gradients + self.optimizer


def rank_bytes(parameters: int, trained: int, world: int, stage: int) -> RankBytes:
    """Bytes that each of `world` ranks holds of a policy with so many parameters, of which so many are trained.

    stage: 0 (every rank holds everything), 2 or 3.
    """
    if stage not in (0, 2, 3) or world < 1 or not 0 <= trained <= parameters:
        of = f"{trained} of {parameters} parameters trained"
        raise UsageError(f"ZeRO stage {stage} (0, 2 or 3) on {world} ranks, {of}: these cannot be")
    share = world if stage else 1
    weights = _share(parameters, world if stage == 3 else 1) * _WEIGHT
    return RankBytes(weights, _share(trained, share) * _GRADIENT, _share(trained, share) * _OPTIMIZER)


def _share(count: int, ranks: int) -> int:
    return -(-count // ranks)
