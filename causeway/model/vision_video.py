"""`video`: two moments of a camera become one picture's tokens, so that what moved is seen by the first layer.

Knows which pictures are pairs. Qwen3-VL's patches are two pictures deep for this (its public configuration,
`temporal_patch_size`); the paper (arXiv 2511.00088, section on vision encoding) shows them stills. Half the tokens of
`single-image`. Of an odd number of moments the oldest is its own pair. A pair's ray has its mean age.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from causeway.model.scales import Scale
from causeway.model.vision_pictures import Backbone, Pictures, Views, VisualTokens, each_picture, token_grid
from causeway.model.vision_rays import Rays

MOMENTS = 2


def blocks(scale: Scale, cameras: int, frames: int) -> list[list[tuple[int, int]]]:
    """One block of one grid for each pair of moments of a camera."""
    return [[token_grid(scale)] for _ in range(cameras * -(-frames // MOMENTS))]


class Video(nn.Module):
    """Pairs of pictures to tokens, of scales whose patches are two pictures deep."""

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        self.rays = Rays(scale)

    def forward(self, backbone: Backbone, pictures: Pictures) -> VisualTokens:
        """Tokens [all of the batch, hidden] in the order of `blocks`, with the transformer's deepstack taps."""
        pairs = in_pairs(pictures.views).to(pictures.pixels.device)
        seen = each_picture(backbone, pictures.pixels[pairs])
        return self.rays(seen, pictures.facts[pairs].mean(dim=1)).joined()


def in_pairs(views: Views) -> Tensor:
    """[pairs, 2]: which pictures of a batch lie in which pair, the older one first."""
    pairs, first = [], 0
    for cameras, frames in views:
        for _ in range(cameras):
            places = [*range(first, first + frames)]
            places = [first, *places] if frames % MOMENTS else places
            pairs += [places[i : i + MOMENTS] for i in range(0, len(places), MOMENTS)]
            first += frames
    return torch.tensor(pairs, dtype=torch.long).reshape(-1, MOMENTS)
