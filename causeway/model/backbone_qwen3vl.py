"""The Qwen3-VL family: `tiny`, `2b`, `8b`; Cosmos-Reason weights have these classes and names too.

Knows the transformers' classes, their configuration from a size sheet and the order of their patches. Does not know
samples. Sizes: method C 1.1 and the public configurations.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn
from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration, Qwen3VLTextConfig
from transformers.models.qwen3_vl.modeling_qwen3_vl import (
    Qwen3VLTextDecoderLayer,
    Qwen3VLTextRMSNorm,
    Qwen3VLTextRotaryEmbedding,
)

from causeway.model import attention
from causeway.model.backbone import text_parameters
from causeway.model.backbone_folder import loaded, sizes_agree
from causeway.model.scales import Scale
from causeway.model.vision_patches import with_patch_matrix


class Qwen3VlBackbone(Qwen3VLForConditionalGeneration):  # type: ignore[misc]
    """Qwen3-VL with the two things that a policy asks for."""

    eyes: ClassVar[tuple[str, ...]] = ("qkv", "linear_fc1", "linear_fc2")
    branches = True

    def __init__(self, config: Qwen3VLConfig) -> None:
        super().__init__(config)
        with_patch_matrix(self)

    @classmethod
    def of(cls, scale: Scale, vocabulary_size: int, special: dict[str, int]) -> Qwen3VlBackbone:
        """See `Family.of`."""
        return cls(qwen3vl_config(scale, vocabulary_size, special))

    @classmethod
    def from_folder(cls, folder: Path, scale: Scale, vocabulary_size: int, special: dict[str, int]) -> Qwen3VlBackbone:
        """See `Family.from_folder`."""
        sizes_agree(folder, qwen3vl_config(scale, vocabulary_size, special), {"text_config", "vision_config"})
        backbone: Any = loaded(cls, folder)
        backbone.config.text_config._attn_implementation = attention.NAME
        backbone.resize_token_embeddings(max(vocabulary_size, backbone.config.text_config.vocab_size))
        return cast(Qwen3VlBackbone, backbone)

    @staticmethod
    def expert_decoder(scale: Scale) -> nn.Module:
        """See `Family.expert_decoder`."""
        return _ExpertDecoder(scale)

    @property
    def decoder(self) -> Any:
        """The language model."""
        return self.model.language_model

    def look(self, pictures: Tensor) -> tuple[Tensor, list[Tensor]]:
        """See `Backbone.look`."""
        return look(self.model.visual, pictures)


def look(vision: Any, pictures: Tensor) -> tuple[Tensor, list[Tensor]]:
    """See `Backbone.look`: pictures through a vision transformer of this family."""
    patch, merge = int(vision.config.patch_size), int(vision.config.spatial_merge_size)
    moments = pictures if pictures.dim() == 5 else pictures[:, None]
    count, seen, _, height, width = moments.shape
    rows, columns = height // patch, width // patch
    grid = moments.reshape(count, seen, 3, rows // merge, merge, patch, columns // merge, merge, patch)
    # it wants patches in blocks of merge × merge: block row, block column, row, column, channel, moment, pixels
    patches = grid.permute(0, 3, 6, 4, 7, 2, 1, 5, 8).reshape(count * rows * columns, 3, seen, patch, patch)
    # a still: every moment the same
    patches = patches.expand(-1, -1, int(vision.config.temporal_patch_size), -1, -1)
    sizes = torch.tensor([[1, rows, columns]] * count, device=pictures.device)
    output = vision(patches.flatten(1), grid_thw=sizes, return_dict=True)
    shape = (count, rows * columns // merge**2, -1)
    return output.pooler_output.reshape(shape), [tap.reshape(shape) for tap in output.deepstack_features]


def qwen3vl_config(scale: Scale, vocabulary_size: int, special: dict[str, int]) -> Qwen3VLConfig:
    """Qwen3-VL's own configuration for a scale and a vocabulary."""
    text, vision = scale.text, scale.vision
    shared = {"hidden_size": text.hidden, "intermediate_size": text.intermediate, "vocab_size": vocabulary_size}
    config = Qwen3VLConfig(
        text_config={**text_parameters(scale), **shared},
        vision_config={
            "depth": vision.depth,
            "hidden_size": vision.hidden,
            "intermediate_size": vision.intermediate,
            "num_heads": vision.heads,
            "deepstack_visual_indexes": list(vision.deepstack),
            "patch_size": vision.patch,
            "spatial_merge_size": vision.merge,
            "temporal_patch_size": vision.temporal_patch,
            "out_hidden_size": text.hidden,
            "num_position_embeddings": vision.positions,
        },
        image_token_id=special["image_pad"],
        vision_start_token_id=special["image_start"],
        vision_end_token_id=special["image_end"],
        tie_word_embeddings=text.tied,
    )
    parts: Any = config
    parts.vision_config._attn_implementation = "sdpa"
    parts.text_config._attn_implementation = attention.NAME
    return config


class _ExpertDecoder(nn.Module):
    """Qwen3-VL's text layers at the expert's width."""

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        width = {"hidden_size": scale.expert.hidden, "intermediate_size": scale.expert.intermediate, "vocab_size": 1}
        config = Qwen3VLTextConfig(**{**text_parameters(scale), **width})
        config._attn_implementation = attention.NAME
        self.rotary_emb = Qwen3VLTextRotaryEmbedding(config)
        self.layers = nn.ModuleList(Qwen3VLTextDecoderLayer(config, i) for i in range(scale.text.layers))
        self.norm = Qwen3VLTextRMSNorm(scale.expert.hidden, config.rms_norm_eps)
