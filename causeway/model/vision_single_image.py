"""`single-image`: every picture by itself, its patches merged 2 × 2, one token for each.

The default of the paper (arXiv 2511.00088, section on vision encoding; 448 × 280 pixels in patches of 14 give 160
tokens a picture). Knows one picture at a time. A ray embedding, ours, tells each token where it looks.
"""

from __future__ import annotations

from torch import nn

from causeway.model.scales import Scale
from causeway.model.vision_pictures import Backbone, Pictures, VisualTokens, each_picture, token_grid
from causeway.model.vision_rays import Rays


def blocks(scale: Scale, cameras: int, frames: int) -> list[list[tuple[int, int]]]:
    """One block of one grid for each picture."""
    return [[token_grid(scale)] for _ in range(cameras * frames)]


class SingleImage(nn.Module):
    """Pictures to tokens."""

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        self.rays = Rays(scale)

    def forward(self, backbone: Backbone, pictures: Pictures) -> VisualTokens:
        """Tokens [all of the batch, hidden] in the order of `blocks`, with the transformer's deepstack taps."""
        seen = each_picture(backbone, pictures.pixels)
        return self.rays(seen, pictures.facts).joined()
