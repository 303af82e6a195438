"""The one dial: how large a policy is. Names of frozen size sheets.

Knows sizes. Does not know how they are built (`backbone.py`, `expert.py`). `tiny` is trained from nothing on two CPU
cores; `2b` and `8b` are the Qwen3-VL sizes, whose weights (Cosmos-Reason included) load from a local folder; `0.5b`
is the paper's smallest pair, DINOv2 (its base size, ours to choose) and Qwen2.5-0.5B, a folder for each.
Source: arXiv 2511.00088, sections on the backbone and the expert; sizes from the public configurations.
"""

from __future__ import annotations

from dataclasses import dataclass

from causeway.errors import UsageError


@dataclass(frozen=True)
class TextSize:
    """The language model: the expert shares layers, heads and head_dim with it."""

    hidden: int
    intermediate: int
    layers: int
    heads: int
    key_value_heads: int
    head_dim: int
    mrope_section: tuple[int, int, int]  # time, height, width; sums to half of head_dim
    tied: bool  # the output layer is the embedding table
    rope_theta: float = 5e6
    max_positions: int = 262144


@dataclass(frozen=True)
class VisionSize:
    """The vision transformer; deepstack taps feed the first layers of the language model."""

    depth: int
    hidden: int
    intermediate: int
    heads: int
    deepstack: tuple[int, ...]
    patch: int = 16
    merge: int = 2
    temporal_patch: int = 2  # pictures that a patch is deep
    positions: int = 2304


@dataclass(frozen=True)
class ExpertSize:
    """The action expert's own width."""

    hidden: int
    intermediate: int


@dataclass(frozen=True)
class Scale:
    """One size of policy."""

    name: str
    text: TextSize
    vision: VisionSize
    expert: ExpertSize
    image_height: int  # pictures are brought to this size; a multiple of patch × merge
    image_width: int
    max_reasoning_tokens: int
    family: str  # of the backbone: "qwen3-vl", "dinov2-qwen2" or "mamba"
    weights: str  # what a folder of published weights is called
    needs_backbone: bool  # the tokenizer (and usually the weights) come from a local folder


SCALES: dict[str, Scale] = {
    scale.name: scale
    for scale in (
        Scale(
            name="tiny",
            text=TextSize(160, 432, 4, 4, 2, 32, (6, 5, 5), tied=True, rope_theta=1e4),
            vision=VisionSize(2, 96, 256, 3, deepstack=(0,), positions=64),
            expert=ExpertSize(128, 320),
            image_height=128,
            image_width=192,
            max_reasoning_tokens=64,
            family="qwen3-vl",
            weights="nothing: it is trained from noise",
            needs_backbone=False,
        ),
        Scale(
            name="0.5b",
            text=TextSize(896, 4864, 24, 14, 2, 64, (12, 10, 10), tied=True, rope_theta=1e6, max_positions=32768),
            vision=VisionSize(12, 768, 3072, 12, deepstack=(), patch=14, temporal_patch=1, positions=37**2),
            expert=ExpertSize(448, 1344),
            image_height=280,  # as many visual tokens, 10 × 18, as the larger scales have
            image_width=504,
            max_reasoning_tokens=256,
            family="dinov2-qwen2",
            weights="DINOv2-base and Qwen2.5-0.5B, each in a folder of its own below it",
            needs_backbone=True,
        ),
        Scale(
            name="2b",
            text=TextSize(2048, 6144, 28, 16, 8, 128, (24, 20, 20), tied=True),
            vision=VisionSize(24, 1024, 4096, 16, deepstack=(5, 11, 17)),
            expert=ExpertSize(1024, 4128),
            image_height=320,
            image_width=576,
            max_reasoning_tokens=256,
            family="qwen3-vl",
            weights="Qwen3-VL-2B or Cosmos-Reason2-2B",
            needs_backbone=True,
        ),
        Scale(
            name="8b",
            text=TextSize(4096, 12288, 36, 32, 8, 128, (24, 20, 20), tied=False),
            vision=VisionSize(27, 1152, 4304, 16, deepstack=(8, 16, 24)),
            expert=ExpertSize(2048, 8256),
            image_height=320,
            image_width=576,
            max_reasoning_tokens=256,
            family="qwen3-vl",
            weights="Qwen3-VL-8B or Cosmos-Reason2-8B",
            needs_backbone=True,
        ),
    )
}


def scale_named(name: str) -> Scale:
    """The size sheet of a name. UsageError names the choices."""
    if name not in SCALES:
        raise UsageError(f"scale {name!r} is not known; choose one of {', '.join(SCALES)}")
    return SCALES[name]
