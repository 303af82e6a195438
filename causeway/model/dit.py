"""A diffusion transformer over 64 controls, told what was read by tokens, by a vector or by FiLM.

Knows its layers. Does not know noise schedules or where a condition comes from: `reader` makes it of what was read.
Each block is scaled and shifted by time and vector (adaLN-zero, DiT, arXiv 2212.09748), tokens stand before the
actions (CogACT, 2411.19650, fig. 2), and FiLM scales and shifts each block by the words alone (DiffusionVLA,
2412.03293, sec. 3.3). All three begin at zero: a new head is told nothing, and learns what to listen to.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from causeway.model.attention import Prefix
from causeway.model.observation import HORIZON_STEPS
from causeway.model.points import Points
from causeway.model.readers import Condition
from causeway.model.scales import Scale

_WAVES = 32
_HEAD = 32  # width of an attention head


class DiffusionTransformer(nn.Module):
    """(noisy controls [R, 64, 2], time [R], condition) -> [R, 64, 2]."""

    frequencies: Tensor

    def __init__(self, scale: Scale, reader: nn.Module) -> None:
        super().__init__()
        width = scale.expert.hidden
        self.reader = reader
        self.read = nn.Linear(2, width)
        self.places = nn.Parameter(torch.randn(HORIZON_STEPS, width) * 0.02)
        self.time = nn.Sequential(nn.Linear(2 * _WAVES, width), nn.SiLU(), nn.Linear(width, width))
        film = bool(getattr(reader, "tells_words", False))
        self.blocks = nn.ModuleList(_Block(width, scale.expert.intermediate, film) for _ in range(scale.text.layers))
        self.norm = nn.LayerNorm(width)
        self.write: nn.Module = nn.Linear(width, 2)
        frequencies = torch.logspace(0.0, 3.0, _WAVES)
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.points: Points | None = None  # put in by `points.add_points`, when all else has learned

    def condition(self, prefix: Prefix) -> Condition:
        """What the head is told of everything that was read."""
        told: Condition = self.reader(prefix)
        if self.points is None:
            return told
        assert prefix.beside is not None
        return replace(told, points=self.points(prefix.beside.rows(len(prefix.next_position))))

    def forward(self, noisy: Tensor, time: Tensor, condition: Condition) -> Tensor:
        """The noise found in controls."""
        angles = time[:, None] * self.frequencies
        known = self.time(torch.cat([angles.sin(), angles.cos()], dim=-1))
        if condition.vector is not None:
            known = known + condition.vector
        hidden = self.read(noisy) + self.places
        before = 0
        if condition.tokens is not None:
            before = condition.tokens.shape[1]
            hidden = torch.cat([condition.tokens, hidden], dim=1)
        for number, block in enumerate(self.blocks):
            hidden = block(hidden, known, condition.words)
            if self.points is not None and condition.points is not None:
                hidden = self.points.added(number, hidden, condition.points)
        found = self.norm(hidden[:, before:])
        return self.write(found) if condition.rig is None else self.write(found, condition.rig)  # type: ignore[no-any-return]


class _Block(nn.Module):
    """Attention and a network of two layers, each scaled, shifted and gated by what is known."""

    def __init__(self, width: int, intermediate: int, film: bool) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width, elementwise_affine=False) for _ in range(2))
        self.look = nn.MultiheadAttention(width, max(1, width // _HEAD), batch_first=True)
        self.mix = nn.Sequential(nn.Linear(width, intermediate), nn.GELU(), nn.Linear(intermediate, width))
        self.known = nn.Sequential(nn.SiLU(), _zeros(width, 6 * width))
        self.film = _zeros(width, 2 * width) if film else None

    def forward(self, hidden: Tensor, known: Tensor, words: Tensor | None) -> Tensor:
        shift, scale, gate, shift_2, scale_2, gate_2 = self.known(known)[:, None].chunk(6, dim=-1)
        inner = self.norms[0](hidden) * (1 + scale) + shift
        hidden = hidden + gate * self.look(inner, inner, inner, need_weights=False)[0]
        inner = self.norms[1](hidden) * (1 + scale_2) + shift_2
        if words is not None and self.film is not None:
            more, moved = self.film(words)[:, None].chunk(2, dim=-1)
            inner = inner * (1 + more) + moved
        return hidden + gate_2 * self.mix(inner)  # type: ignore[no-any-return]


def _zeros(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
