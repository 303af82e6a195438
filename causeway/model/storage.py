"""A policy on disk: config.json, model.safetensors, tokenizer files, MODEL_CARD.md.

Knows files, hashes and how to refuse them. Does not know what the weights do. Nothing is ever unpickled, and every
missing, unexpected or misshapen tensor is an error: the release once trained its second stage on weights it had
silently dropped (method C 2.2).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from causeway.errors import UnusableInput
from causeway.model import action_tokens
from causeway.model.action_space import ControlStatistics
from causeway.model.scales import ExpertSize, Scale, TextSize, VisionSize

SCHEMA_VERSION = 1
CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "MODEL_CARD.md"
_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")


@dataclass(frozen=True)
class PolicyConfig:
    """Everything beside weights and vocabulary that a policy's answers depend on."""

    scale: Scale
    statistics: ControlStatistics = field(default_factory=ControlStatistics)
    vision_tokenizer: str = "single-image"
    action_tokens: str = action_tokens.VERSION
    soft_target_sigma_bins: float = 2.0


def write_policy(folder: Path, config: PolicyConfig, weights: dict[str, Tensor], vocabulary: Any, card: str) -> None:
    """Write a policy's files into an existing or new folder."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file({k: v.detach().cpu().contiguous() for k, v in weights.items()}, str(folder / WEIGHTS))
    vocabulary.save(folder)
    described = {
        "model_type": "causeway_policy",
        "schema_version": SCHEMA_VERSION,
        **asdict(config),
        "vocabulary_size": vocabulary.size,
        "tokenizer_sha256": vocabulary.sha256,
        "weights_sha256": _sha256(folder / WEIGHTS),
    }
    (folder / CONFIG).write_text(json.dumps(described, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    (folder / CARD).write_text(card, encoding="utf-8")


def read_config(folder: Path) -> PolicyConfig:
    """The config of a policy's folder. UnusableInput says what is missing or foreign."""
    file = folder / CONFIG
    if not file.is_file():
        found = [p.name for p in folder.glob("*") if p.suffix in _PICKLES] if folder.is_dir() else []
        hint = f"; pickles ({found[0]}) are never read" if found else ""
        raise UnusableInput(f"{folder}: no {CONFIG} there, so no policy{hint}")
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
        scale = raw["scale"]
        config = PolicyConfig(
            scale=Scale(**{**scale, **_sizes(scale)}),
            statistics=ControlStatistics(**{k: tuple(v) for k, v in raw["statistics"].items()}),
            vision_tokenizer=raw["vision_tokenizer"],
            action_tokens=raw["action_tokens"],
            soft_target_sigma_bins=raw["soft_target_sigma_bins"],
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnusableInput(f"{file}: not a policy's config ({type(error).__name__}: {error})") from None
    if raw.get("schema_version") != SCHEMA_VERSION or config.action_tokens != action_tokens.VERSION:
        raise UnusableInput(
            f"{file}: schema {raw.get('schema_version')} with action tokens {config.action_tokens}; this code reads "
            f"schema {SCHEMA_VERSION} with {action_tokens.VERSION}: train it again"
        )
    _check_hash(folder, raw)
    return config


def load_weights(module: nn.Module, folder: Path, tied: set[str]) -> None:
    """Fill a module from the folder's safetensors; `tied` names are other tensors' doubles and are not stored."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        stored = load_file(str(folder / WEIGHTS))
    except (SafetensorError, OSError) as error:
        raise UnusableInput(f"{folder / WEIGHTS}: cannot be read ({error})") from None
    own = {name: tensor for name, tensor in module.state_dict().items() if name not in tied}
    for name in sorted(own.keys() ^ stored.keys()):
        what = "missing from" if name in own else "unexpected in"
        raise UnusableInput(f"{folder / WEIGHTS}: tensor {name} is {what} the file: another scale or version")
    for name, tensor in own.items():
        if tensor.shape != stored[name].shape:
            shapes = f"{list(stored[name].shape)}, expected {list(tensor.shape)}"
            raise UnusableInput(f"{folder / WEIGHTS}: tensor {name} has shape {shapes}: another scale or version")
        tensor.copy_(stored[name])


def _sizes(scale: dict[str, Any]) -> dict[str, Any]:
    """The nested size sheets of a scale, lists turned back to tuples."""
    text = {**scale["text"], "mrope_section": tuple(scale["text"]["mrope_section"])}
    vision = {**scale["vision"], "deepstack": tuple(scale["vision"]["deepstack"])}
    return {"text": TextSize(**text), "vision": VisionSize(**vision), "expert": ExpertSize(**scale["expert"])}


def _check_hash(folder: Path, raw: dict[str, Any]) -> None:
    """Refuse weights that are not the bytes that were written."""
    file = folder / WEIGHTS
    if not file.is_file():
        raise UnusableInput(f"{file}: missing; a policy is {CONFIG}, {WEIGHTS} and a tokenizer")
    if _sha256(file) != raw.get("weights_sha256"):
        raise UnusableInput(f"{file}: its bytes are not those that were saved; copy or train it again")


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
