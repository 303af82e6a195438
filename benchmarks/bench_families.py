"""What the families cost, both sides in one run.

A state-space backbone beside attention over longer sequences; a diffusion head with ten steps beside 128 action tokens;
memory of training with adapters, or with a frozen backbone, beside training all.

    python benchmarks/bench_families.py [cost|heads|memory|imports]
"""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from causeway.model import Policy, decoding
from causeway.model.backbone import TextInputs, build_backbone, causal_mask, run_text
from causeway.model.lora import Lora
from causeway.model.observation import ObservationSpec, example_observation
from causeway.model.scales import SCALES
from causeway.model.sequence import plain_tail
from causeway.model.tokenizer import load_vocabulary
from causeway.training.config import RecipeConfig
from causeway.training.recipes import recipe_named

LENGTHS = (256, 512, 1024, 2048, 4096, 8192)


def took_s(work: Callable[[], object], times: int = 3) -> float:
    """Seconds of a core, the fewest of a few runs: others at work on the machine do not count."""
    found = []
    for _ in range(times):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found)


@torch.no_grad()
def cost() -> None:
    """Seconds of one pass over longer sequences, its mask included; the last column is a doubling's factor."""
    vocabulary, tiny = load_vocabulary(), SCALES["tiny"]
    families = {
        name: build_backbone(replace(tiny, family=name), vocabulary.size, vocabulary.special).eval()
        for name in ("mamba", "qwen3-vl")
    }
    before: dict[str, float] = {}
    for length in LENGTHS:
        line = f"{length:5d} tokens"
        for name, backbone in families.items():
            now = took_s(lambda backbone=backbone, length=length: _read(backbone, length, tiny.text.hidden), 2)
            line += f"  {name} {now:7.3f} s (x {now / before.get(name, now):4.2f})"
            before[name] = now
        print(line, flush=True)


def _read(backbone: Any, length: int, width: int) -> None:
    places = torch.arange(length).expand(3, 1, -1)
    mask = causal_mask(torch.ones(1, length, dtype=torch.bool))
    run_text(backbone, TextInputs(torch.randn(1, length, width), places, mask))


@torch.no_grad()
def heads() -> None:
    """Milliseconds from a read prefix to controls."""
    seen = example_observation(0, ObservationSpec(cameras=("front_wide",)))
    found = {}
    for name in ("alpamayo", "cogact", "roboflamingo"):
        policy = Policy.from_scale("tiny", design=recipe_named(name).design).eval()
        batch = policy.batch_of([seen], [plain_tail(policy.vocabulary)])
        read = decoding.prefill(policy, batch, policy.text_inputs(batch))
        noise = torch.randn(1, 64, 2)
        head = policy.config.design.head
        found[head] = took_s(lambda p=policy, r=read, z=noise: p.head.act(p, r, z, 10, None))
        if name == "alpamayo":
            unlikely = torch.rand(1, 128)
            found["tokens"] = took_s(
                lambda p=policy, r=read, u=unlikely: decoding.generate_actions(p, decoding.repeat(r, 1), 1.0, u), 1
            )
    for head, seconds in found.items():
        print(f"{head:10s} {1e3 * seconds:8.1f} ms, {found['tokens'] / seconds:5.1f} times faster than 128 tokens")


def held_bytes(policy: Any, trains: Sequence[str], loss: Callable[[], Any]) -> tuple[int, int]:
    """(bytes of gradients and two moments, of what the pass of a loss keeps for them) in training; weights apart."""
    policy.train().requires_grad_(False)
    learning = [p.requires_grad_(True) for part in trains for p in policy.trained_parameters(part)]
    kept = dict[int, int]()

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        held = loss()  # noqa: F841  # keeps the graph
    weights = {p.untyped_storage().data_ptr() for p in policy.parameters()}
    return 3 * sum(p.numel() * p.element_size() for p in learning), sum(
        size for place, size in kept.items() if place not in weights
    )


def memory() -> None:
    """Bytes that training holds with adapters and with a frozen backbone, beside training everything."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.training.examples import example_samples

    whole = 0
    for name in ("cogact", "tinyvla", "roboflamingo"):
        recipe = recipe_named(name)
        policy = Policy.from_scale("tiny", cameras=("front_wide",), design=recipe.design)
        trains = recipe.stage("action").trains
        if "adapters" in trains:
            config = RecipeConfig(**recipe.settings("action", {}))
            policy.add_lora(Lora(config.lora_rank, targets=config.lora_targets))
        batch = policy.collate(example_samples(8))
        states, activations = held_bytes(policy, trains, lambda p=policy, b=batch: p.action_loss(b, None, None, 1))
        whole = whole or states + activations
        share = (states + activations) / whole
        print(f"{name:13s} {states / 1e6:7.1f} MB states, {activations / 1e6:7.1f} MB activations, {share:6.1%} of all")


def imports() -> None:
    """Seconds to list the recipes, and modules that this imports beside those of one recipe's own file."""
    code = (
        "import sys, time; began = time.perf_counter(); from causeway.training.recipes import RECIPES; "
        "print(time.perf_counter() - began, len(RECIPES), *(m for m in ('torch', 'transformers') if m in sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    print(f"{told[1]} recipes listed in {1e3 * float(told[0]):.0f} ms; heavy libraries imported: {told[2:] or 'none'}")


def main() -> None:
    """Run what is asked for, or all."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    for part in sys.argv[1:] or ("cost", "heads", "memory", "imports"):
        {"cost": cost, "heads": heads, "memory": memory, "imports": imports}[part]()


if __name__ == "__main__":
    main()
