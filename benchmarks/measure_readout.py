"""How fast decisions are learned from visual tokens, by how these are read and whether rays are multiplied with them.

Scale `tiny`'s own vision (`video`), begun from noise, under three ways to read its tokens: each with weights of its own
for its place, attention that only has rays added to what it reads, and attention over tokens times the waves of their
rays (`causeway/model/vision_rays.py`), as a policy reads them. Motion and route are told beside. Prints the share of
right decisions by channel on held-out samples on the way. One seed, no intervals: it tells causes apart.

    .venv/bin/python benchmarks/measure_readout.py --samples out/results/data/samples --steps 800
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from measure_decisions import CHANNELS, motion_and_route
from torch import Tensor, nn

from causeway.artifacts import Artifact
from causeway.model import Policy
from causeway.model.observation import Sample
from causeway.model.vision_pictures import Pictures
from causeway.model.vision_rays import calm
from causeway.training.samples import load_samples

BATCH, QUERIES, WIDTH, HEADS = 8, 16, 128, 8
READOUTS = {"each token by its own weights": ("own", False), "attention, rays added": ("attention", False),
            "attention, rays added and multiplied": ("attention", True)}  # fmt: skip


class Reader(nn.Module):
    """A policy's vision, one way to read it, and a class for each channel."""

    def __init__(self, policy: Policy, how: str, multiplied: bool, numbers: int, kinds: Sequence[int]) -> None:
        super().__init__()
        self.policy, self.how = policy, how
        self.eyes, self.sight = policy.backbone.model.visual, policy.embeddings.vision
        if not multiplied:
            calm(self.sight)
            self.sight.rays.waves.requires_grad_(False)
        hidden = policy.config.scale.text.hidden
        self.queries = nn.Parameter(torch.randn(QUERIES, hidden) * 0.3)
        self.read = nn.MultiheadAttention(hidden, HEADS, batch_first=True)
        self.looked, self.told = nn.LazyLinear(WIDTH), nn.Linear(numbers, WIDTH)
        self.says = nn.ModuleList(nn.Linear(WIDTH, count) for count in kinds)

    def learning(self) -> list[nn.Parameter]:
        """What is trained: of the policy its vision alone."""
        own = [part for name, part in self.named_parameters() if not name.startswith(("policy.", "eyes.", "sight."))]
        seeing = [*self.eyes.parameters(), *self.sight.parameters()]
        return [part for part in [*seeing, *own] if part.requires_grad]

    def forward(self, samples: Sequence[Sample]) -> list[Tensor]:
        """Logits [B, kinds] of each channel. ValueError where samples have not equally many pictures."""
        batch = self.policy.collate(samples)
        if len(set(batch.views)) > 1:
            raise ValueError(f"samples of unlike cameras or moments cannot be compared here: {set(batch.views)}")
        tokens = self.sight(self.policy.backbone, Pictures(batch.pictures, batch.picture_facts, batch.views)).tokens
        tokens = nn.functional.rms_norm(tokens.unflatten(0, (len(samples), -1)), tokens.shape[-1:])
        if self.how == "attention":
            tokens = self.read(self.queries.expand(len(samples), -1, -1), tokens, tokens, need_weights=False)[0]
        numbers = torch.tensor(np.nan_to_num(np.float32([motion_and_route(sample) for sample in samples])))
        both = torch.relu(self.looked(tokens.flatten(1)) + self.told(torch.asinh(numbers)))
        return [head(both) for head in self.says]


def shares(reader: Reader, held: Sequence[Sample], names: Sequence[Sequence[str]]) -> list[float]:
    """The share of right decisions by channel."""
    with torch.no_grad():
        parts = [reader(held[start : start + 32]) for start in range(0, len(held), 32)]
    right = []
    for channel, known in enumerate(names):
        said = torch.cat([part[channel] for part in parts]).argmax(dim=1).tolist()
        right.append(float(np.mean([known[i] == s.decision[channel] for i, s in zip(said, held, strict=True)])))
    return right


def learned(how: str, multiplied: bool, train: Sequence[Sample], held: Sequence[Sample], steps: int) -> Iterator[str]:
    """One line after each quarter of the steps; all readouts see the same samples in the same order."""
    torch.manual_seed(0)
    names = [sorted({sample.decision[channel] for sample in train}) for channel in range(len(CHANNELS))]
    policy, numbers = Policy.from_scale("tiny", seed=0, vision="video"), len(motion_and_route(train[0]))
    reader = Reader(policy, how, multiplied, numbers, [len(known) for known in names])
    reader(train[:2])  # the lazy layer takes its size
    learning = reader.learning()
    optimizer = torch.optim.AdamW(learning, lr=1e-3)
    course = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=steps, pct_start=0.05)
    drawn = torch.randint(len(train), (steps, BATCH), generator=torch.Generator().manual_seed(0)).tolist()
    for step, places in enumerate(drawn, start=1):
        optimizer.zero_grad()
        loss_of(reader, [train[place] for place in places], names).backward()
        nn.utils.clip_grad_norm_(learning, 1.0)
        optimizer.step()
        course.step()
        if step * 4 % steps < 4:
            right = zip(CHANNELS, shares(reader, held, names), strict=True)
            yield f"{step:5d} steps: " + ", ".join(f"{name} {share:.3f}" for name, share in right)


def loss_of(reader: Reader, samples: Sequence[Sample], names: Sequence[Sequence[str]]) -> Tensor:
    """Cross-entropy, summed over the channels."""
    wanted = [torch.tensor([known.index(s.decision[i]) for s in samples]) for i, known in enumerate(names)]
    parts = zip(reader(samples), wanted, strict=True)
    return torch.stack([nn.functional.cross_entropy(said, true) for said, true in parts]).sum()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", default="out/results/data/samples")
    parser.add_argument("--steps", type=int, default=800)
    asked = parser.parse_args()
    artifact = Artifact.open(asked.samples)
    stores = [load_samples(artifact, split, None, True) for split in ("train", "test")]
    train, held = ([replace(s[i], reasoning="") for i in range(len(s))] for s in stores)
    for name, (how, multiplied) in READOUTS.items():
        print(name)
        for line in learned(how, multiplied, train, held, asked.steps):
            print("  ", line, flush=True)


if __name__ == "__main__":
    main()
