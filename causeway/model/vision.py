"""Vision tokenizers by name: how many tokens pictures cost, how they lie in a sequence, and who makes them.

Knows the registry. Each tokenizer is a file of its own (`vision_single_image`, `vision_video`, `vision_triplane`,
`vision_flex`); what they share is in `vision_pictures` (pixels) and `vision_rays` (calibration). All take any number of
cameras, in the order of their names, and their parameters are the policy's. Does not know sequences or samples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from causeway.errors import UsageError
from causeway.model import vision_flex, vision_single_image, vision_triplane, vision_video
from causeway.model.scales import Scale

Blocks = list[list[tuple[int, int]]]  # blocks one after the other, each of grids (rows, columns) of tokens


@dataclass(frozen=True)
class VisionTokenizer:
    """One way from pictures to tokens."""

    name: str
    blocks: Callable[[Scale, int, int], Blocks]  # (scale, cameras, frames of each) -> the tokens' layout
    build: Callable[[Scale], nn.Module]  # its `forward(backbone, pictures)` gives `VisualTokens` in that layout
    moments: int = 1  # pictures of a camera that the backbone looks at together


VISION_TOKENIZERS: dict[str, VisionTokenizer] = {
    tokenizer.name: tokenizer
    for tokenizer in (
        VisionTokenizer("single-image", vision_single_image.blocks, vision_single_image.SingleImage),
        VisionTokenizer("video", vision_video.blocks, vision_video.Video, vision_video.MOMENTS),
        VisionTokenizer("triplane", vision_triplane.blocks, vision_triplane.Triplane),
        VisionTokenizer("flex", vision_flex.blocks, vision_flex.Flex),
    )
}


def vision_tokenizer(name: str) -> VisionTokenizer:
    """The tokenizer of a name. UsageError names the choices."""
    if name not in VISION_TOKENIZERS:
        raise UsageError(f"vision tokenizer {name!r} is not known; choose one of {', '.join(VISION_TOKENIZERS)}")
    return VISION_TOKENIZERS[name]


def refuse_unfit(name: str, scale: Scale) -> None:
    """UsageError for a tokenizer that is not known, or whose pairs a scale's patches are not deep enough for."""
    moments, deep = vision_tokenizer(name).moments, scale.vision.temporal_patch
    if moments > 1 and deep != moments:
        raise UsageError(
            f"vision tokenizer {name!r} shows {moments} pictures as one, but patches of scale {scale.name} are {deep} "
            "picture deep; choose another tokenizer or scale"
        )


def token_budget(name: str, scale: Scale, cameras: int, frames: int) -> int:
    """Visual tokens of a sample with so many cameras and frames of each."""
    layout = vision_tokenizer(name).blocks(scale, cameras, frames)
    return sum(rows * columns for block in layout for rows, columns in block)
