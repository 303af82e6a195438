"""The vision-language backbone by family: what a policy asks of it, and how it reads.

Knows the families' names and the one way in which layers are run on embeddings, positions and masks that others
made. Does not know a family's weights (`backbone_qwen3vl.py`, `backbone_dino_qwen.py`, `backbone_mamba.py`), pictures'
contents or samples. A family is a module with `look`, `decoder`, `lm_head` and `get_input_embeddings`; its decoder
has the transformers' `layers`, `rotary_emb` and `norm`. Source: arXiv 2511.00088, section on the backbone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn

from causeway.errors import UnusableInput
from causeway.model.attention import Reading
from causeway.model.backbone_folder import part_of
from causeway.model.scales import Scale


class Backbone(Protocol):
    """What a policy asks of a backbone; each one is an `nn.Module` as well."""

    lm_head: Any
    branches: bool  # whether columns behind one observation can be kept from seeing each other

    @property
    def decoder(self) -> Any:
        """The language model's layers: `layers`, `rotary_emb` (of positions [3, R, L]) and `norm`."""

    def look(self, pictures: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Pictures [I, 3, H, W] in -1 … 1 -> visual tokens [I, tokens, hidden], and as much for each deepstack tap.

        A family with patches two pictures deep takes pairs [I, 2, 3, H, W] as well, the older one first.
        """

    def get_input_embeddings(self) -> Any:
        """The table of embeddings."""


class Family(Protocol):
    """A backbone's class; the class itself knows how its weights are found and which layers an expert takes."""

    eyes: ClassVar[tuple[str, ...]]  # names of the linear layers that look at pictures, for adapters beside them

    @classmethod
    def of(cls, scale: Scale, vocabulary_size: int, special: dict[str, int]) -> Any:
        """Random weights from the current torch seed (or shapes alone inside `torch.device("meta")`)."""

    @classmethod
    def from_folder(cls, folder: Path, scale: Scale, vocabulary_size: int, special: dict[str, int]) -> Any:
        """Weights of a local folder, the table grown for our tokens."""

    @staticmethod
    def expert_decoder(scale: Scale) -> Any:
        """A decoder with the backbone's layers at the expert's width."""


def family_of(scale: Scale) -> type[Family]:
    """The class of a scale's family."""
    if scale.family == "dinov2-qwen2":
        from causeway.model.backbone_dino_qwen import DinoQwenBackbone

        return DinoQwenBackbone
    if scale.family == "mamba":
        from causeway.model.backbone_mamba import MambaBackbone

        return MambaBackbone
    from causeway.model.backbone_qwen3vl import Qwen3VlBackbone

    return Qwen3VlBackbone


def build_backbone(scale: Scale, vocabulary_size: int, special: dict[str, int]) -> Any:
    """A scale's backbone with random weights from the current torch seed."""
    return family_of(scale).of(scale, vocabulary_size, special)


def load_backbone(folder: str | Path, scale: Scale, vocabulary_size: int, special: dict[str, int]) -> Any:
    """A scale's backbone with the weights of a local folder. UnusableInput says what does not fit."""
    if not Path(folder).is_dir():
        raise UnusableInput(f"backbone {folder}: no such folder; give a local copy of {scale.weights}")
    return family_of(scale).from_folder(Path(folder), scale, vocabulary_size, special)


def tokenizer_folder(folder: str | Path, scale: Scale) -> Path:
    """Where a folder of weights has its tokenizer."""
    return part_of(Path(folder), "qwen2") if scale.family == "dinov2-qwen2" else Path(folder)


def text_parameters(scale: Scale) -> dict[str, Any]:
    """What the configurations of both families, and of their experts, call by the same names."""
    text = scale.text
    return {
        "num_hidden_layers": text.layers,
        "num_attention_heads": text.heads,
        "num_key_value_heads": text.key_value_heads,
        "head_dim": text.head_dim,
        "max_position_embeddings": text.max_positions,
        "tie_word_embeddings": text.tied,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": text.rope_theta,
            "mrope_interleaved": True,
            "mrope_section": list(text.mrope_section),
        },
    }


@dataclass(frozen=True, eq=False)
class TextInputs:
    """What the language model reads: L columns of R rows, and which of them each may look at."""

    embeddings: Tensor  # [R, L, hidden]
    positions: Tensor  # [3, R, L] time, height, width
    mask: Tensor  # [R, 1, L, L] bool, True = may attend
    visual: Tensor | None = None  # [R, L] bool: the columns that are visual tokens
    deepstack: list[Tensor] | None = None  # per tap, [visual tokens in all rows, hidden]


def run_text(backbone: Backbone, inputs: TextInputs, reading: Reading | None = None) -> Tensor:
    """Hidden states [R, L, hidden] after the last norm; keys and values stay in the reading given."""
    taps = inputs.deepstack or []
    decoder, hidden = backbone.decoder, inputs.embeddings
    rotary = decoder.rotary_emb(hidden, inputs.positions)
    for index, layer in enumerate(decoder.layers):
        hidden = layer(hidden, position_embeddings=rotary, attention_mask=inputs.mask, reading=reading)
        if index < len(taps) and inputs.visual is not None:
            seen = torch.zeros_like(hidden).masked_scatter(inputs.visual[..., None], taps[index].to(hidden.dtype))
            hidden = hidden + seen
    return decoder.norm(hidden)  # type: ignore[no-any-return]


def run_expert(decoder: nn.Module, hidden: Tensor, positions: Tensor, reading: Reading) -> Tensor:
    """Hidden states of columns [R, L, width] that all see each other, after the last norm."""
    rotary = decoder.rotary_emb(hidden, positions)  # type: ignore[operator]
    for layer in decoder.layers:  # type: ignore[union-attr]
        hidden = layer(hidden, position_embeddings=rotary, attention_mask=None, reading=reading)
    return decoder.norm(hidden)  # type: ignore[operator,no-any-return]


def causal_mask(kept: Tensor, branches: Tensor | None = None) -> Tensor:
    """[R, 1, L, L] from the columns kept [R, L] (False = padding): causal, padding seen by nobody but itself.

    branches [R, L]: columns of a number see those of number 0 and of their own; None = all are of one.
    """
    length = kept.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool, device=kept.device).tril()
    itself = torch.eye(length, dtype=torch.bool, device=kept.device)
    seen = causal & kept[:, None, None, :]
    if branches is not None:
        seen = seen & ((branches[:, None, None, :] == 0) | (branches[:, None, None, :] == branches[:, None, :, None]))
    return seen | itself
