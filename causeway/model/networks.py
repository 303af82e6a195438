"""Small networks that turn numbers into the backbone's width.

Knows how they begin. Does not know what the numbers mean.
"""

from __future__ import annotations

from torch import nn


def two_layers(inputs: int, hidden: int) -> nn.Sequential:
    """Two layers; the last one starts as small as the backbone's own embeddings, so that neither drowns the other."""
    last = nn.Linear(hidden, hidden)
    nn.init.normal_(last.weight, std=0.02)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(inputs, hidden), nn.SiLU(), last)
