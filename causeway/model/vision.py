"""Vision tokenizers by name: from pictures to visual tokens in the backbone's width.

Knows pictures and their token budget. Does not know where the tokens go in a sequence. `single-image` is the
default of the paper (arXiv 2511.00088, section on vision encoding): every picture by itself, patches merged 2 × 2;
tokenizers that look at several cameras at once (triplane, Flex) belong in the same registry.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import Qwen3VLForConditionalGeneration

from causeway.errors import UsageError
from causeway.model.scales import Scale


@dataclass(frozen=True, eq=False)
class VisualTokens:
    """Tokens of I pictures: [I, tokens, hidden], and one such tensor for each deepstack tap."""

    tokens: Tensor
    deepstack: list[Tensor]


Tokenizer = Callable[[Qwen3VLForConditionalGeneration, Tensor], VisualTokens]


def token_grid(scale: Scale) -> tuple[int, int]:
    """Rows and columns of visual tokens of one picture."""
    unit = scale.vision.patch * scale.vision.merge
    return scale.image_height // unit, scale.image_width // unit


def resized(images: Tensor, scale: Scale) -> Tensor:
    """uint8 pictures [I, 3, h, w] of any size -> floats in -1 … 1 of the scale's size."""
    pictures = images.float() / 127.5 - 1.0
    size = (scale.image_height, scale.image_width)
    if pictures.shape[-2:] == size:
        return pictures
    return nn.functional.interpolate(pictures, size=size, mode="bilinear", antialias=True).clamp(-1.0, 1.0)


def single_image(backbone: Qwen3VLForConditionalGeneration, pictures: Tensor) -> VisualTokens:
    """Every picture [I, 3, H, W] by itself through the vision transformer."""
    vision = backbone.model.visual
    config = vision.config
    patch, merge = int(config.patch_size), int(config.spatial_merge_size)
    count, _, height, width = pictures.shape
    rows, columns = height // patch, width // patch
    grid = pictures.reshape(count, 3, rows // merge, merge, patch, columns // merge, merge, patch)
    # the transformer wants patches in blocks of merge × merge: block row, block column, row, column, channel, pixels
    patches = grid.permute(0, 2, 5, 3, 6, 1, 4, 7).reshape(count * rows * columns, 3, 1, patch, patch)
    patches = patches.expand(-1, -1, int(config.temporal_patch_size), -1, -1)  # a still: every frame the same
    sizes = torch.tensor([[1, rows, columns]] * count, device=pictures.device)
    output = vision(patches.flatten(1), grid_thw=sizes, return_dict=True)
    shape = (count, rows * columns // merge**2, -1)
    taps = [tap.reshape(shape) for tap in output.deepstack_features]
    return VisualTokens(output.pooler_output.reshape(shape), taps)


VISION_TOKENIZERS: dict[str, Tokenizer] = {"single-image": single_image}


def vision_tokenizer(name: str) -> Tokenizer:
    """The tokenizer of a name. UsageError names the choices."""
    if name not in VISION_TOKENIZERS:
        raise UsageError(f"vision tokenizer {name!r} is not known; choose one of {', '.join(VISION_TOKENIZERS)}")
    return VISION_TOKENIZERS[name]
