"""The paper's smallest family: DINOv2 sees, Qwen2.5-0.5B reads (arXiv 2511.00088, section on the backbone).

Knows the two transformers' classes, how patches become visual tokens and where the weights of each lie. Does not know
samples. What stands between the two is ours, for the paper does not print it: 2 × 2 neighbouring patches become one
token through a normed two-layer network, as Qwen's own mergers do. Rotary positions have three axes, as in Qwen3-VL:
on text all three agree, which is exactly what Qwen2.5 was trained with.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from transformers import Dinov2Config, Dinov2Model, Qwen2Config, Qwen2ForCausalLM
from transformers.models.qwen2.modeling_qwen2 import Qwen2DecoderLayer, Qwen2RMSNorm
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLTextRotaryEmbedding

from causeway.model import attention
from causeway.model.backbone import text_parameters
from causeway.model.backbone_folder import loaded, part_of, sizes_agree
from causeway.model.scales import Scale

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of the pictures that DINOv2 was trained on


class DinoQwenBackbone(nn.Module):
    """DINOv2, a merger and Qwen2.5."""

    mean: Tensor
    std: Tensor
    branches = True
    eyes: ClassVar[tuple[str, ...]] = ("q_proj", "k_proj", "v_proj", "o_proj", "fc1", "fc2")  # four are Qwen2.5's too

    def __init__(self, vision: Dinov2Model, text: Qwen2ForCausalLM, merge: int) -> None:
        super().__init__()
        self.vision, self.text = vision, text
        _three_axes(text)
        self.merger = _Merger(vision.config.hidden_size, merge, text.config.hidden_size)
        self.register_buffer("mean", torch.tensor(_MEAN)[:, None, None] * 2.0 - 1.0, persistent=False)
        self.register_buffer("std", torch.tensor(_STD)[:, None, None] * 2.0, persistent=False)

    @classmethod
    def of(cls, scale: Scale, vocabulary_size: int, special: dict[str, int]) -> DinoQwenBackbone:
        """See `Family.of`."""
        text = Qwen2ForCausalLM(qwen2_config(scale, vocabulary_size))
        return cls(Dinov2Model(dinov2_config(scale)), text, scale.vision.merge)

    @classmethod
    def from_folder(cls, folder: Path, scale: Scale, vocabulary_size: int, special: dict[str, int]) -> DinoQwenBackbone:
        """See `Family.from_folder`: the folder holds two, told apart by the `model_type` in their config.json.

        The merger has no published weights and begins as noise.
        """
        seeing, reading = part_of(folder, "dinov2"), part_of(folder, "qwen2")
        sizes_agree(seeing, dinov2_config(scale))
        sizes_agree(reading, qwen2_config(scale, vocabulary_size))
        text: Any = loaded(Qwen2ForCausalLM, reading)
        text.config._attn_implementation = attention.NAME
        text.resize_token_embeddings(max(vocabulary_size, text.config.vocab_size))
        text.config.rope_parameters = text_parameters(scale)["rope_parameters"]
        return cls(loaded(Dinov2Model, seeing), text, scale.vision.merge)

    @staticmethod
    def expert_decoder(scale: Scale) -> nn.Module:
        """See `Family.expert_decoder`."""
        return _ExpertDecoder(scale)

    @property
    def decoder(self) -> Any:
        """The language model."""
        return self.text.model

    @property
    def lm_head(self) -> Any:  # type: ignore[override]
        """The output layer."""
        return self.text.lm_head

    def get_input_embeddings(self) -> Any:
        """The table of embeddings."""
        return self.text.get_input_embeddings()

    def gradient_checkpointing_enable(self, **options: Any) -> None:
        """Recompute activations instead of keeping them, in both transformers."""
        self.vision.gradient_checkpointing_enable(**options)
        self.text.gradient_checkpointing_enable(**options)

    def look(self, pictures: Tensor) -> tuple[Tensor, list[Tensor]]:
        """See `Backbone.look`; DINOv2 has no deepstack."""
        patch = self.vision.config.patch_size
        assert isinstance(patch, int)
        rows, columns = pictures.shape[2] // patch, pictures.shape[3] // patch
        seen = self.vision(pixel_values=(pictures - self.mean) / self.std).last_hidden_state
        return self.merger(seen[:, 1:].unflatten(1, (rows, columns))), []  # the first one stands for the whole picture


class _Merger(nn.Module):
    """Patches [I, rows, columns, width] -> one token for each merge × merge of them, [I, tokens, hidden]."""

    def __init__(self, width: int, merge: int, hidden: int) -> None:
        super().__init__()
        self._merge = merge
        inner = width * merge**2
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.mix = nn.Sequential(nn.Linear(inner, inner), nn.GELU(), nn.Linear(inner, hidden))

    def forward(self, patches: Tensor) -> Tensor:
        merge = self._merge
        blocks = self.norm(patches).unflatten(2, (-1, merge)).unflatten(1, (-1, merge))
        return self.mix(blocks.transpose(2, 3).flatten(3).flatten(1, 2))  # type: ignore[no-any-return]


def dinov2_config(scale: Scale) -> Dinov2Config:
    """DINOv2's own configuration for a scale."""
    vision = scale.vision
    config = Dinov2Config(
        hidden_size=vision.hidden,
        num_hidden_layers=vision.depth,
        num_attention_heads=vision.heads,
        mlp_ratio=vision.intermediate // vision.hidden,
        patch_size=vision.patch,
        image_size=round(vision.positions**0.5) * vision.patch,  # the table of places; it is stretched to any picture
    )
    config._attn_implementation = "sdpa"
    return config


def qwen2_config(scale: Scale, vocabulary_size: int) -> Qwen2Config:
    """Qwen2.5's own configuration for a scale and a vocabulary."""
    text = scale.text
    width = {"hidden_size": text.hidden, "intermediate_size": text.intermediate, "vocab_size": vocabulary_size}
    config = Qwen2Config(**{**text_parameters(scale), **width})
    config._attn_implementation = attention.NAME
    return config


def _three_axes(text: Qwen2ForCausalLM) -> None:
    """Rotary positions of time, height and width; no parameters, and on text nothing changes."""
    text.model.rotary_emb = Qwen3VLTextRotaryEmbedding(text.config)  # type: ignore[arg-type,assignment]


class _ExpertDecoder(nn.Module):
    """Qwen2.5's layers at the expert's width."""

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        width = {"hidden_size": scale.expert.hidden, "intermediate_size": scale.expert.intermediate, "vocab_size": 1}
        config = Qwen2Config(**{**text_parameters(scale), **width})
        config._attn_implementation = attention.NAME
        self.rotary_emb = Qwen3VLTextRotaryEmbedding(config)  # type: ignore[arg-type]
        self.layers = nn.ModuleList(Qwen2DecoderLayer(config, i) for i in range(scale.text.layers))
        self.norm = Qwen2RMSNorm(scale.expert.hidden, config.rms_norm_eps)
