"""Low-rank adapters on the backbone, by PEFT: large weights stay as they came, small ones beside them learn.

Knows which layers get one and what else must learn with them. Does not know losses. Adapters are kept apart from the
weights they change, in the policy's own file, so that a policy answers bit for bit the same after it is loaded;
`merged` folds them in for serving. The table of embeddings (with the output layer) learns whole: our tokens begin in
it as noise. Source: Hu et al., LoRA (arXiv 2106.09685), 4.1: scaled by alpha / rank, the second factor starts at zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from causeway.errors import UsageError

EYES = "eyes"  # stands for a family's own names of the layers that look at pictures
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
_MARK = "lora_"
_SEEING = (".visual.", ".vision.", ".merger.")  # Qwen3-VL's, DINOv2's and what joins it to the language model


@dataclass(frozen=True)
class Lora:
    """How large the adapters are and where they sit.

    Targets are names of linear layers, wherever they occur in the backbone, or `EYES`.
    """

    rank: int = 16
    alpha: int = 32
    targets: tuple[str, ...] = TARGETS

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        if self.rank < 1 or self.alpha <= 0 or not self.targets:
            raise UsageError(f"{self}: rank and alpha must be positive, and at least one target named")


def add_adapters(backbone: nn.Module, lora: Lora) -> None:
    """Put adapters beside the targets of a backbone, in place. UsageError names a target that it does not have."""
    from peft import LoraConfig, inject_adapter_in_model

    targets = [name for target in lora.targets for name in (backbone.eyes if target == EYES else (target,))]  # type: ignore[union-attr,misc]
    names = {name.rsplit(".", 1)[-1] for name, module in backbone.named_modules() if isinstance(module, nn.Linear)}
    absent = sorted(set(targets) - names)
    if absent:
        raise UsageError(f"LoRA target {absent[0]!r}: no such layer in the backbone; it has {', '.join(sorted(names))}")
    config = LoraConfig(r=lora.rank, lora_alpha=lora.alpha, target_modules=targets, lora_dropout=0.0)
    inject_adapter_in_model(config, backbone)


def part_parameters(backbone: Any, lora: Lora | None, part: str) -> list[nn.Parameter]:
    """What learns of a backbone when this part of it does. UsageError for a part that it does not have.

    "backbone": all of it, or the adapters and the tables that hold our tokens; "adapters": these alone; "vision": what
    looks at pictures; "visual-adapters": the adapters in it; "language": what does not look; "projector": what brings
    pictures to the language model's width.
    """
    named = list(backbone.named_parameters())
    if part == "backbone" and lora is None:
        return [p for _, p in named]
    if part == "backbone":
        tables = {id(p) for m in (backbone.get_input_embeddings(), backbone.lm_head) for p in m.parameters()}
        return [p for name, p in named if _MARK in name or id(p) in tables]
    if part == "adapters" and lora is not None:
        return [p for name, p in named if _MARK in name]
    if part == "visual-adapters":
        seeing_ones = [p for name, p in named if _MARK in name and any(mark in f".{name}" for mark in _SEEING)]
        if seeing_ones:
            return seeing_ones
    if part in ("vision", "language"):
        sees = [any(mark in f".{name}" for mark in _SEEING) for name, _ in named]
        return [p for (_, p), seeing in zip(named, sees, strict=True) if seeing == (part == "vision")]
    if part == "projector":
        return [p for name, p in named if ".merger." in f".{name}"]
    raise UsageError(f"part {part!r} of a policy cannot learn: there is no such part, or no adapters in it")


def merge_adapters(backbone: nn.Module) -> None:
    """Fold every adapter into the weights beside it, in place; answers change by rounding only."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    for name, module in list(backbone.named_modules()):
        if isinstance(module, BaseTunerLayer):
            module.merge()
            parent, _, leaf = name.rpartition(".")
            setattr(backbone.get_submodule(parent), leaf, module.get_base_layer())
