"""`flex`: a fixed number of queries reads all cameras and moments together.

Knows queries, picture tokens and attention among them. As many tokens for one picture as for many. From the paper
(arXiv 2511.00088, section on vision encoding): self-attention over fixed queries and the tokens of all cameras and
frames, of which the queries go on, up to 20 times fewer. Ours, where it is silent: the number of queries is a tenth of
what the release's sixteen pictures cost one by one; pre-norm layers of the vision transformer's width, as many as it
has but no more than eight (57 M parameters beside a ViT-B; the paper adds 61.6 M); rays and ages tell pictures
apart, not their order. No deepstack taps.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from causeway.model.scales import Scale
from causeway.model.vision_pictures import Backbone, Pictures, VisualTokens, by_row, each_picture, token_grid
from causeway.model.vision_rays import Rays

_PICTURES, _FEWER = 16, 10
_LAYERS = 8


def queries(scale: Scale) -> int:
    """How many tokens go on: a multiple of eight."""
    rows, columns = token_grid(scale)
    return 8 * round(rows * columns * _PICTURES / _FEWER / 8)


def blocks(scale: Scale, cameras: int, frames: int) -> list[list[tuple[int, int]]]:
    """One block of one row for the whole scene."""
    return [[(1, queries(scale))]]


class Flex(nn.Module):
    """Pictures and queries to queries."""

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        width, hidden = scale.vision.hidden, scale.text.hidden
        self.rays = Rays(scale)
        self.read = nn.Linear(hidden, width)
        self.queries = nn.Parameter(torch.randn(queries(scale), width) * 0.02)
        layers = min(scale.vision.depth, _LAYERS)
        self.layers = nn.ModuleList(_Layer(width, scale.vision.heads, scale.vision.intermediate) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.write = nn.Linear(width, hidden)
        nn.init.normal_(self.write.weight, std=0.02)

    def forward(self, backbone: Backbone, pictures: Pictures) -> VisualTokens:
        """Tokens [all of the batch, hidden] in the order of `blocks`."""
        seen = self.rays(each_picture(backbone, pictures.pixels), pictures.facts).tokens
        read = self.read(seen)
        rows = by_row(read, pictures.views).flatten(1, 2)
        there = by_row(torch.ones(read.shape[:2], dtype=torch.bool, device=read.device), pictures.views).flatten(1)
        asked = self.queries.to(rows.dtype).expand(len(rows), -1, -1)
        state = torch.cat([asked, rows], dim=1)
        kept = torch.cat([there.new_ones(asked.shape[:2]), there], dim=1)[:, None, None, :]
        for layer in self.layers:
            state = layer(state, kept)
        return VisualTokens(self.write(self.norm(state[:, : asked.shape[1]])).flatten(0, 1), [])


class _Layer(nn.Module):
    """Pre-norm self-attention and a two-layer network."""

    def __init__(self, width: int, heads: int, intermediate: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention, self.norm_network = nn.LayerNorm(width), nn.LayerNorm(width)
        self.into, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.network = nn.Sequential(nn.Linear(width, intermediate), nn.GELU(), nn.Linear(intermediate, width))

    def forward(self, state: Tensor, kept: Tensor) -> Tensor:
        """State [B, N, width]; kept [B, 1, 1, N] False = padding, which nobody reads."""
        parts = self.into(self.norm_attention(state)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = parts
        read = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=kept)
        state = state + self.out(read.transpose(1, 2).flatten(2))
        return state + self.network(self.norm_network(state))  # type: ignore[no-any-return]
