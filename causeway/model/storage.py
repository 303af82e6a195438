"""A policy on disk: config.json, model.safetensors (or shards with an index), tokenizer files, MODEL_CARD.md.

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
from causeway.model.design import Design
from causeway.model.lora import Lora
from causeway.model.observation import ObservationSpec
from causeway.model.scales import ExpertSize, Scale, TextSize, VisionSize
from causeway.model.tokenizer import Vocabulary, load_vocabulary

SCHEMA_VERSION = 4
MODEL_TYPE = "causeway_policy"
CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "MODEL_CARD.md"
INDEX = f"{WEIGHTS}.index.json"
SHARD_BYTES = 5 * 10**9
_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")


@dataclass(frozen=True)
class PolicyConfig:
    """Everything beside weights and vocabulary that a policy's answers depend on."""

    scale: Scale
    statistics: ControlStatistics = field(default_factory=ControlStatistics)
    vision_tokenizer: str = "single-image"
    cameras: tuple[str, ...] = ObservationSpec().cameras  # the names it knows
    action_tokens: str = action_tokens.VERSION
    soft_target_sigma_bins: float = 2.0
    lora: Lora | None = None
    design: Design = field(default_factory=Design)
    rigs: tuple[str, ...] = ()  # those that its action head has a layer for; () = one for all
    point_blocks: tuple[int, ...] = ()  # of its action head: behind these 3D points are added; () = it takes none


def write_policy(
    folder: Path,
    config: PolicyConfig,
    weights: dict[str, Tensor],
    vocabulary: Vocabulary,
    card: str,
    shard_bytes: int = SHARD_BYTES,
) -> None:
    """Write a policy's files into an existing or new folder; weights over `shard_bytes` in several files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = _write_weights(folder, weights, shard_bytes)
    vocabulary.save(folder)
    described = {
        "model_type": MODEL_TYPE,
        "schema_version": SCHEMA_VERSION,
        **asdict(config),
        "vocabulary_size": vocabulary.size,
        "tokenizer_sha256": vocabulary.sha256,
        "weights_sha256": {name: _sha256(folder / name) for name in files},
    }
    described["config_sha256"] = _config_hash(described)
    (folder / CONFIG).write_text(json.dumps(described, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    (folder / CARD).write_text(card, encoding="utf-8")


def _write_weights(folder: Path, weights: dict[str, Tensor], shard_bytes: int) -> list[str]:
    """The names of the files written: one, or shards and their index as the transformers' own."""
    from huggingface_hub import split_torch_state_dict_into_shards
    from safetensors.torch import save_file

    held = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    split = split_torch_state_dict_into_shards(
        held, filename_pattern="model{suffix}.safetensors", max_shard_size=shard_bytes
    )
    for name, tensors in split.filename_to_tensors.items():
        save_file({tensor: held[tensor] for tensor in tensors}, str(folder / name))
    names = sorted(split.filename_to_tensors)
    if split.is_sharded:
        index = {"metadata": split.metadata, "weight_map": split.tensor_to_filename}
        (folder / INDEX).write_text(json.dumps(index, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        names.append(INDEX)
    return names


def model_card(config: PolicyConfig, parameters: int, known: str) -> str:
    """What a policy is made of, and then what the caller knows (data, licences, metrics)."""
    lora = config.lora
    parts = {
        "backbone": f"{config.scale.family}, begun with {config.scale.weights}",
        "parameters": f"{parameters:,}",
        "recipe": config.design.recipe,
        "action head": f"{config.design.head}, conditioned on {config.design.conditioning}",
        "rigs": ", ".join(config.rigs) or "any",
        "3D points behind blocks": ", ".join(map(str, config.point_blocks)) or "none",
        "vision tokenizer": f"{config.vision_tokenizer}, cameras {', '.join(config.cameras)}",
        "adapters": f"LoRA of rank {lora.rank} on {', '.join(lora.targets)}" if lora else "none",
    }
    rows = "\n".join(f"| {name} | {value} |" for name, value in parts.items())
    return f"# Causeway policy, scale {config.scale.name}\n\n| part | |\n|---|---|\n{rows}\n\n{known}\n"


def local_folder(path: str | Path) -> Path:
    """The folder of a policy: as given, or fetched when it lies in an object store."""
    if "://" not in str(path):
        return Path(path)
    from causeway.artifacts import Artifact

    return Artifact.open(str(path)).folder()


def read_config(folder: Path) -> PolicyConfig:
    """The config of a policy's folder. UnusableInput says what is missing or foreign."""
    file = folder / CONFIG
    pickles = sorted(p.name for p in folder.glob("*") if p.suffix in _PICKLES) if folder.is_dir() else []
    if pickles:
        raise UnusableInput(f"{folder}: pickles ({pickles[0]}) are never read, nor is what lies beside them; remove it")
    if not file.is_file():
        raise UnusableInput(f"{folder}: no {CONFIG} there, so no policy")
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
        _of_this_version(file, raw)
        scale = raw["scale"]
        config = PolicyConfig(
            scale=Scale(**{**scale, **_sizes(scale)}),
            statistics=ControlStatistics(**{k: tuple(v) for k, v in raw["statistics"].items()}),
            vision_tokenizer=raw["vision_tokenizer"],
            cameras=tuple(raw["cameras"]),
            action_tokens=raw["action_tokens"],
            soft_target_sigma_bins=raw["soft_target_sigma_bins"],
            lora=_lora(raw["lora"]),
            rigs=tuple(raw.get("rigs", ())),
            point_blocks=tuple(raw.get("point_blocks", ())),
            design=Design(**raw.get("design", {})),  # one that names none was made when there was only Alpamayo-R1's
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnusableInput(f"{file}: not a policy's config ({type(error).__name__}: {error})") from None
    _check_hashes(folder, raw)
    return config


def _of_this_version(file: Path, raw: dict[str, Any]) -> None:
    """Refuse a policy of another version before its other fields are read: an older one lacks some."""
    if raw.get("model_type") != MODEL_TYPE:
        raise UnusableInput(f"{file}: not a policy's config (model_type {raw.get('model_type')})")
    found = (raw.get("schema_version"), raw.get("action_tokens"))
    if found != (SCHEMA_VERSION, action_tokens.VERSION):
        raise UnusableInput(
            f"{file}: schema {found[0]} with action tokens {found[1]}; this code reads schema {SCHEMA_VERSION} with "
            f"{action_tokens.VERSION}: train the policy again, or load it with the code that made it"
        )


def read_vocabulary(folder: Path) -> Vocabulary:
    """The tokenizer of a policy's folder, checked against its config."""
    vocabulary = load_vocabulary(folder)
    raw = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    if vocabulary.sha256 != raw["tokenizer_sha256"]:
        raise UnusableInput(f"{folder}: its tokenizer is not the one that was saved; copy or train it again")
    return vocabulary


def load_weights(module: nn.Module, folder: Path, tied: set[str]) -> None:
    """Fill a module from the folder's safetensors; `tied` names are other tensors' doubles and are not stored."""
    from safetensors import SafetensorError, safe_open

    own = {name: tensor for name, tensor in module.state_dict().items() if name not in tied}
    seen: set[str] = set()
    for file in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(str(file), framework="pt") as stored:
                for name in stored.keys():  # noqa: SIM118  # a handle, no dictionary
                    _fits(file, name, stored.get_slice(name).get_shape(), own)
                    own[name].copy_(stored.get_tensor(name))
                    seen.add(name)
        except (SafetensorError, OSError) as error:
            raise UnusableInput(f"{file}: cannot be read ({error})") from None
    for name in sorted(own.keys() - seen):
        raise UnusableInput(f"{folder}: tensor {name} is missing from its safetensors: another scale or version")


def _fits(file: Path, name: str, shape: list[int], own: dict[str, Tensor]) -> None:
    if name not in own:
        raise UnusableInput(f"{file}: tensor {name} is unexpected in the file: another scale or version")
    if list(own[name].shape) != list(shape):
        shapes = f"{list(shape)}, expected {list(own[name].shape)}"
        raise UnusableInput(f"{file}: tensor {name} has shape {shapes}: another scale or version")


def _sizes(scale: dict[str, Any]) -> dict[str, Any]:
    """The nested size sheets of a scale, lists turned back to tuples."""
    text = {**scale["text"], "mrope_section": tuple(scale["text"]["mrope_section"])}
    vision = {**scale["vision"], "deepstack": tuple(scale["vision"]["deepstack"])}
    return {"text": TextSize(**text), "vision": VisionSize(**vision), "expert": ExpertSize(**scale["expert"])}


def _lora(raw: dict[str, Any] | None) -> Lora | None:
    return None if raw is None else Lora(raw["rank"], raw["alpha"], tuple(raw["targets"]))


def _check_hashes(folder: Path, raw: dict[str, Any]) -> None:
    """Refuse files that are not the bytes that were written, and safetensors that were not written with them."""
    if _config_hash(raw) != raw.get("config_sha256"):
        raise UnusableInput(f"{folder / CONFIG}: its values are not those that were saved; copy or train it again")
    sums = raw["weights_sha256"]
    for name, wanted in sums.items():
        file = folder / name
        if not file.is_file():
            raise UnusableInput(f"{file}: missing; a policy is {CONFIG}, its weights and a tokenizer")
        if _sha256(file) != wanted:
            raise UnusableInput(f"{file}: its bytes are not those that were saved; copy or train it again")
    foreign = sorted({p.name for p in folder.glob("*.safetensors")} - set(sums))
    if foreign:
        raise UnusableInput(f"{folder / foreign[0]}: not part of this policy; remove it")


def _config_hash(described: dict[str, Any]) -> str:
    """Hash of a config's values without the hash itself."""
    values = {key: value for key, value in described.items() if key != "config_sha256"}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
