"""Patches of pictures as one matrix product.

Knows that the kernel of a vision transformer's first convolution is as large as what it is given: then it is a matrix
product, and on a CPU torch's own convolution takes ten times as long for it (a third of the time of scale `tiny`'s
vision). Does not know what follows.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


class PatchMatrix(nn.Conv3d):
    """The convolution under its own names of weights, for inputs of exactly its kernel's size."""

    def forward(self, input: Tensor) -> Tensor:
        """[n, channels, kernel] -> [n, out, 1, 1, 1]."""
        product = nn.functional.linear(input.flatten(1), self.weight.flatten(1), self.bias)
        return product[:, :, None, None, None]


def with_patch_matrix(backbone: Any) -> Any:
    """The Qwen3-VL model given, its patches embedded by a matrix product; its weights stay what they are."""
    convolution = backbone.model.visual.patch_embed.proj
    kernel = convolution.kernel_size
    matrix = PatchMatrix(convolution.in_channels, convolution.out_channels, kernel, kernel, device="meta")
    matrix.weight, matrix.bias = convolution.weight, convolution.bias
    backbone.model.visual.patch_embed.proj = matrix
    return backbone
