"""A backbone's weights from a local folder, as published: safetensors, whole or sharded with an index.

Knows how such a folder is refused. Does not know families. Nothing is unpickled, nothing is fetched, and every tensor
that is missing, left over or of another shape is an error: the release once trained its second stage on weights it
had silently dropped (method C 2.2).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from causeway.errors import UnusableInput

CONFIG = "config.json"
# sizes that must agree; what they are called in the families' configurations
_SIZES = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "depth",
    "num_attention_heads",
    "num_heads",
    "num_key_value_heads",
    "patch_size",
    "spatial_merge_size",
    "mlp_ratio",
    "deepstack_visual_indexes",
)


def loaded(kind: Any, folder: Path) -> Any:
    """A transformers model of a class with a folder's weights, in float32."""
    import torch
    from safetensors import SafetensorError
    from transformers.utils import logging

    _no_pickles_alone(folder)
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # it would print a table of what we raise
    logging.disable_progress_bar()
    try:
        model, told = kind.from_pretrained(
            str(folder), local_files_only=True, use_safetensors=True, output_loading_info=True, dtype=torch.float32
        )
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise UnusableInput(f"backbone {folder}: cannot be read ({str(error).splitlines()[0][:200]})") from None
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
    for what in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if told[what]:
            first = sorted(str(key) for key in told[what])[0]
            raise UnusableInput(f"backbone {folder}: {len(told[what])} {what.replace('_', ' ')}, first {first}")
    return model


def part_of(folder: Path, model_type: str) -> Path:
    """The folder below that holds a model of a type. UnusableInput when there is not exactly one."""
    configs = sorted(folder.glob(f"*/{CONFIG}"))
    found = [file.parent for file in configs if _config(file).get("model_type") == model_type]
    if len(found) != 1:
        how_many = f"{len(found)} folders with a {model_type} model below it"
        raise UnusableInput(f"backbone {folder}: {how_many}; put one there")
    return found[0]


def sizes_agree(folder: Path, wanted: Any, parts: set[str] | None = None) -> None:
    """UnusableInput naming the first size in which a folder's config.json is not the scale's; parts = sub-configs."""
    config = _config(folder / CONFIG)
    for part in sorted(parts or {""}):
        theirs = config.get(part, {}) if part else config
        ours = getattr(wanted, part) if part else wanted
        for size in _SIZES:
            if size in theirs and getattr(ours, size, theirs[size]) != theirs[size]:
                raise UnusableInput(
                    f"backbone {folder}: {size} {theirs[size]}, the scale has {getattr(ours, size)}: another scale"
                )


def _config(file: Path) -> dict[str, Any]:
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnusableInput(f"{file}: no readable model configuration ({error})") from None
    if not isinstance(config, dict):
        raise UnusableInput(f"{file}: no model configuration")
    return config


def _no_pickles_alone(folder: Path) -> None:
    """Say plainly why a folder with nothing but pickled weights is refused."""
    if not list(folder.glob("*.safetensors")):
        raise UnusableInput(f"backbone {folder}: no *.safetensors in it; pickled weights are never read")
