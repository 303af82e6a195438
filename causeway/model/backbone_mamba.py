"""The state-space family: Qwen3-VL's eyes, a Mamba that reads. Its cost grows linearly with the sequence.

Knows the transformers' classes and how a mask of attention becomes Mamba's (padding alone: it is causal by itself).
Does not know samples or the recurrence (`selective_scan.py`). It has no keys and values, so nothing is read behind what
was read: a policy of this family answers in one pass and does not reason aloud. It begins from noise: no folder of
published weights has these sizes.
Source: RoboMamba (arXiv 2406.04339, sec. 3.2); its CLIP encoder is `tiny`'s own vision transformer here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor, nn
from transformers import MambaConfig, MambaForCausalLM
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLVisionModel

from causeway.errors import UsageError
from causeway.model.attention import Reading
from causeway.model.backbone_qwen3vl import look, qwen3vl_config
from causeway.model.scales import Scale
from causeway.model.selective_scan import mix


class MambaBackbone(nn.Module):
    """A vision transformer and Mamba."""

    eyes: ClassVar[tuple[str, ...]] = ("qkv", "linear_fc1", "linear_fc2")
    branches = False  # what was read is in the state of all that follows

    def __init__(self, visual: Qwen3VLVisionModel, text: MambaForCausalLM) -> None:
        super().__init__()
        self.visual, self.text = visual, text

    @classmethod
    def of(cls, scale: Scale, vocabulary_size: int, special: dict[str, int]) -> MambaBackbone:
        """See `Family.of`. Deepstack is Qwen3-VL's own: nothing is tapped here."""
        plain = replace(scale, vision=replace(scale.vision, deepstack=()))
        seeing: Any = qwen3vl_config(plain, vocabulary_size, special).vision_config
        return cls(Qwen3VLVisionModel(seeing), MambaForCausalLM(mamba_config(scale, vocabulary_size)))

    @classmethod
    def from_folder(cls, folder: Path, scale: Scale, vocabulary_size: int, special: dict[str, int]) -> MambaBackbone:
        """See `Family.from_folder`: there is none."""
        raise UsageError(f"backbone {folder}: the state-space family begins from noise; leave backbone out")

    @staticmethod
    def expert_decoder(scale: Scale) -> nn.Module:
        """See `Family.expert_decoder`: there is none."""
        raise UsageError("a flow expert reads keys and values, which the state-space family has not; take another head")

    @property
    def decoder(self) -> Any:
        """The language model."""
        return _Decoder(self.text.backbone)

    @property
    def lm_head(self) -> Any:
        """The output layer."""
        return self.text.lm_head

    def get_input_embeddings(self) -> Any:
        """The table of embeddings."""
        return self.text.get_input_embeddings()

    def look(self, pictures: Tensor) -> tuple[Tensor, list[Tensor]]:
        """See `Backbone.look`."""
        return look(self.visual, pictures)


class _Decoder:
    """Mamba's blocks as `run_text` calls layers."""

    def __init__(self, model: Any) -> None:
        self.layers: list[Callable[..., Tensor]] = [_layer(block) for block in model.layers]
        self.norm = model.norm_f

    def rotary_emb(self, hidden: Tensor, positions: Tensor) -> None:
        """No positions: the order is in the state."""


def _layer(block: Any) -> Callable[..., Tensor]:
    def read(hidden: Tensor, position_embeddings: None, attention_mask: Tensor, reading: Reading | None) -> Tensor:
        if reading is not None and reading.before:
            raise UsageError("the state-space family reads a sequence in one pass: it cannot go on behind it")
        kept = attention_mask[:, 0, -1]  # the last column sees all that is no padding
        return hidden + mix(block.mixer, block.norm(hidden), kept)

    return read


def mamba_config(scale: Scale, vocabulary_size: int) -> MambaConfig:
    """Mamba's own configuration for a scale and a vocabulary; about as many parameters a layer as attention has."""
    text = scale.text
    return MambaConfig(
        vocab_size=vocabulary_size,
        hidden_size=text.hidden,
        num_hidden_layers=text.layers,
        state_size=16,
        tie_word_embeddings=text.tied,
        use_cache=False,
    )
