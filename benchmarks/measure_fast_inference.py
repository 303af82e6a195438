"""What faster ways to answer save and cost: python benchmarks/measure_fast_inference.py POLICY SAMPLES [--limit N].

Each way answers the same samples with the same noise as the plain policy: its price is the mean difference of the best
of six paths (minADE, metres), with the 95 % interval over clips. Milliseconds are medians of single questions asked
with whole reasoning, plain and way taking turns, so that a busy machine slows both alike. Ways: `bf16` (autocast),
`int8` (the decoders' matrices as int8 with a scale a row, multiplied by torch's own kernel), `compiled` (the expert by
torch.compile in one graph, any number of columns), `seen pictures` (each question's older frames were the newer ones of
a question before, as of a vehicle that asks ten times a second; this one serving does).
"""

import argparse
import copy
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from causeway.artifacts import Artifact
from causeway.evaluation import open_loop, statistics
from causeway.evaluation.answers import AskConfig, ask, shown
from causeway.model import Policy
from causeway.model.attention import Prefix
from causeway.model.observation import Sample
from causeway.serving.flow_export import Field, tensors_of
from causeway.serving.seen_pictures import SeenPictures
from causeway.training.samples import load_samples

PATHS = 6


class Autocast:
    """A policy under bf16 autocast."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    def predict(self, *args: Any, **options: Any) -> Any:
        with torch.autocast(self.policy.device.type, dtype=torch.bfloat16):
            return self.policy.predict(*args, **options)


class Int8(nn.Module):
    """A linear layer whose weights are int8 with a scale for each row."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight = linear.weight.detach()
        self.scales = weight.abs().amax(dim=1) / 127.0
        self.rows = torch.round(weight / self.scales[:, None]).to(torch.int8)
        self.bias = linear.bias

    def forward(self, x: Tensor) -> Tensor:
        """[…, in] -> […, out]."""
        flat = x.reshape(-1, x.shape[-1]).contiguous()
        out = torch._weight_int8pack_mm(flat, self.rows, self.scales).reshape(*x.shape[:-1], -1)
        return out if self.bias is None else out + self.bias


def bf16(policy: Policy) -> Any:
    return Autocast(policy)


def int8(policy: Policy) -> Any:
    changed = copy.deepcopy(policy)
    for decoder in (changed.backbone.decoder, changed.expert.decoder):
        for module in list(decoder.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, nn.Linear):
                    setattr(module, name, Int8(child))
    return changed


def compiled(policy: Policy) -> Any:
    changed = copy.deepcopy(policy)
    field = torch.compile(Field(copy.deepcopy(changed.expert)), dynamic=True, fullgraph=True)
    read: dict[str, Any] = {}

    def forward(noisy: Tensor, at: Tensor, prefix: Prefix) -> Tensor:
        if read.get("prefix") is not prefix:  # the steps of an answer share one
            read.update(prefix=prefix, tensors=tensors_of(prefix))
        return field(noisy, at, *read["tensors"])

    changed.expert.forward = forward  # type: ignore[method-assign]
    return changed


def seen_pictures(policy: Policy) -> Any:
    changed = copy.deepcopy(policy)
    changed.backbone.look = SeenPictures(changed.backbone.look)
    return changed


WAYS: dict[str, Callable[[Policy], Any]] = {
    "bf16": bf16,
    "int8": int8,
    "compiled": compiled,
    "seen pictures": seen_pictures,
}


def before(policy: Any, sample: Sample) -> None:
    """What the same vehicle asked a moment earlier: its newest frames are this sample's older ones."""
    older = sample.observation.images[:, :-1]
    pixels = torch.from_numpy(np.ascontiguousarray(older.reshape(-1, *older.shape[2:])))
    policy.backbone.look(pixels.permute(0, 3, 1, 2).float() / 127.5 - 1.0)


def timed_ms(policy: Any, plain: Policy, samples: Sequence[Sample], overlap: bool) -> tuple[float, float]:
    """Median milliseconds of the way and of the plain policy, in turn; the first question is not counted."""
    took: tuple[list[float], list[float]] = ([], [])
    for sample in samples:
        if overlap:
            before(policy, sample)
        for side, found in zip((policy, plain), took, strict=True):
            started = time.perf_counter()
            side.predict([shown(sample)])
            found.append((time.perf_counter() - started) * 1e3)
    return float(np.median(took[0][1:])), float(np.median(took[1][1:]))


def measure(name: str, plain: Policy, samples: Sequence[Sample], whole: np.ndarray, timed: int) -> str:
    """One row of the table."""
    started, way = time.perf_counter(), WAYS[name](plain)
    way.predict([shown(samples[0])])
    ready_s = time.perf_counter() - started
    ms, plain_ms = timed_ms(way, plain, samples[:timed], name == "seen pictures")
    paths, scores = scored(way, samples)
    price = statistics.mean(scores - whole[1], [sample.clip_id for sample in samples])
    value, low, high = (float("nan") if x is None else x for x in (price.value, price.low, price.high))
    apart_m = float(np.nanmax(np.linalg.norm((paths - whole[0])[..., :2], axis=-1)))
    return (
        f"| {name} | {ms:.0f} | {plain_ms:.0f} | {plain_ms / ms:.2f} | {value:+.4f} ({low:+.4f} … {high:+.4f}) | "
        f"{apart_m:.2g} | {ready_s:.1f} |"
    )


def scored(policy: Any, samples: Sequence[Sample]) -> Any:
    """Paths [N, 6, 64, 3] and minADE [N]."""
    recorded = np.stack([sample.trajectory_rig for sample in samples])
    paths = ask(policy, samples, AskConfig(n=PATHS)).trajectory_rig
    return paths, open_loop.metrics(paths, recorded)[f"min_ade_{PATHS}"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("policy")
    parser.add_argument("samples")
    parser.add_argument("--split", default="test")
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--timed", type=int, default=40)
    parser.add_argument("--ways", default=",".join(WAYS))
    options = parser.parse_args()
    plain = Policy.load(options.policy)
    samples = list(load_samples(Artifact.open(options.samples), options.split, options.limit))
    whole = scored(plain, samples)
    about = f"{plain.config.scale.name}, {torch.get_num_threads()} threads, {len(samples)} samples"
    print(f"{about}, minADE_{PATHS} {float(np.mean(whole[1])):.3f} m")
    print("| way | ms | plain ms | faster | minADE m | farthest apart m | ready after s |\n" + "|---" * 7 + "|")
    for name in options.ways.split(","):
        print(measure(name, plain, samples, whole, options.timed), flush=True)


if __name__ == "__main__":
    main()
