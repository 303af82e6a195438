"""The vision-language backbone: Hugging Face's Qwen3-VL at any of our scales.

Knows how to build it from a size sheet (random, seeded) or from a local folder, and to run its language model on
embeddings that `embeddings.py` made, with explicit positions and masks. Does not know images' contents, samples
or actions. Source: arXiv 2511.00088, section on the backbone; sizes in method C 1.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, Qwen3VLConfig, Qwen3VLForConditionalGeneration

from causeway.errors import UnusableInput
from causeway.model.scales import Scale


def backbone_config(scale: Scale, vocabulary_size: int, special: dict[str, int]) -> Qwen3VLConfig:
    """Qwen3-VL's own configuration for a scale and a vocabulary."""
    text, vision = scale.text, scale.vision
    config = Qwen3VLConfig(
        text_config={
            "vocab_size": vocabulary_size,
            "hidden_size": text.hidden,
            "intermediate_size": text.intermediate,
            "num_hidden_layers": text.layers,
            "num_attention_heads": text.heads,
            "num_key_value_heads": text.key_value_heads,
            "head_dim": text.head_dim,
            "max_position_embeddings": 262144,
            "tie_word_embeddings": text.tied,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": text.rope_theta,
                "mrope_interleaved": True,
                "mrope_section": list(text.mrope_section),
            },
        },
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
    config._attn_implementation = "sdpa"
    return config


def build_backbone(config: Qwen3VLConfig) -> Qwen3VLForConditionalGeneration:
    """Random weights from the current torch seed (or shapes alone inside `torch.device("meta")`)."""
    return Qwen3VLForConditionalGeneration(config)


def load_backbone(folder: str | Path, vocabulary_size: int) -> Qwen3VLForConditionalGeneration:
    """Weights of a local folder (Qwen3-VL, Cosmos-Reason), its embedding table grown for our tokens."""
    if not Path(folder).is_dir():
        raise UnusableInput(f"backbone {folder}: no such folder; give a local copy of a Qwen3-VL model")
    loaded: Any = Qwen3VLForConditionalGeneration.from_pretrained(
        str(folder), local_files_only=True, attn_implementation="sdpa"
    )
    loaded.resize_token_embeddings(max(vocabulary_size, loaded.config.text_config.vocab_size))
    return loaded  # type: ignore[no-any-return]


@dataclass(frozen=True, eq=False)
class TextInputs:
    """What the language model reads: L columns of B rows, and what it may look back at."""

    embeddings: Tensor  # [B, L, hidden]
    positions: Tensor  # [3, B, L] time, height, width
    mask: Tensor  # [B, 1, L, columns seen so far + L] bool, True = may attend
    visual: Tensor | None = None  # [B, L] bool: the columns that are visual tokens
    deepstack: list[Tensor] | None = None  # per tap, [visual tokens in all rows, hidden]


def run_text(
    backbone: Qwen3VLForConditionalGeneration, inputs: TextInputs, cache: DynamicCache | None = None
) -> Tensor:
    """Hidden states [B, L, hidden] after the last norm; keys and values are appended to the cache given."""
    output = backbone.model.language_model(
        inputs_embeds=inputs.embeddings,
        position_ids=inputs.positions,
        attention_mask=inputs.mask,
        past_key_values=cache,
        use_cache=cache is not None,
        visual_pos_masks=inputs.visual,
        deepstack_visual_embeds=inputs.deepstack,
    )
    return output.last_hidden_state  # type: ignore[no-any-return]


def new_cache(backbone: Qwen3VLForConditionalGeneration) -> DynamicCache:
    """An empty cache for `run_text`."""
    text: Any = backbone.config.text_config
    return DynamicCache(config=text)


def causal_mask(kept: Tensor) -> Tensor:
    """[B, 1, L, L] from the columns kept [B, L] (False = padding): causal, padding seen by nobody but itself."""
    length = kept.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool, device=kept.device).tril()
    itself = torch.eye(length, dtype=torch.bool, device=kept.device)
    return (causal & kept[:, None, None, :]) | itself


@dataclass(frozen=True, eq=False)
class Prefix:
    """Keys and values of everything an action may depend on, cut loose from the backbone's gradients."""

    keys: list[Tensor]  # per layer [B, kv heads, columns, head_dim]
    values: list[Tensor]
    kept: Tensor  # [B, columns] bool: False = padding
    next_position: Tensor  # [B] the position after the last token

    def repeated(self, times: int) -> Prefix:
        """Every row `times` times in a row."""
        grow = [[t.repeat_interleave(times, dim=0) for t in part] for part in (self.keys, self.values)]
        kept = self.kept.repeat_interleave(times, dim=0)
        return Prefix(grow[0], grow[1], kept, self.next_position.repeat_interleave(times))


def prefix_of(cache: DynamicCache, kept: Tensor, positions: Tensor) -> Prefix:
    """The first kept.shape[1] columns of a cache, detached (the paper's stop-gradient).

    positions [3, B, columns] of those columns.
    """
    columns = kept.shape[1]
    layers: list[Any] = list(cache.layers)
    keys = [layer.keys[:, :, :columns].detach() for layer in layers]
    values = [layer.values[:, :, :columns].detach() for layer in layers]
    furthest = positions.amax(dim=0).masked_fill(~kept, -1).amax(dim=1)
    return Prefix(keys, values, kept, furthest + 1)
