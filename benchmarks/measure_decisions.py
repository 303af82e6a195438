"""What decisions could be right: probes on what a label was made from and on what a policy is given, beside a policy.

Prints the share of right decisions by channel on held-out samples: boosted trees on the evidence at t0 (the ceiling:
labels follow from it), boosted trees on motion and route alone (no picture), a small convolutional network on the same
two cameras and two moments with motion and route, and always the most frequent one. With `--policy` also that policy
on training and held-out samples, where in a sentence its loss lies, and how large each kind of column is beside what
the layers add to it. Numbers are of one seed, without intervals: they tell causes apart, they are no result.

    .venv/bin/python benchmarks/measure_decisions.py --data out/results/data --policy out/results/seed-0/coc
"""

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from torch import Tensor, nn

from causeway.artifacts import Artifact
from causeway.model import Policy
from causeway.model.observation import Sample
from causeway.model.token_losses import forward_tokens
from causeway.training.samples import load_samples

CHANNELS = ("longitudinal", "lateral")
ROUTE_POINTS, BATCH = 16, 32
_SKIPPED = ("moment_id", "clip_id", "t0_us", "event_us", "created_us", "scenario", "split")

Features = Callable[[Sample], list[float]]


def motion_and_route(sample: Sample) -> list[float]:
    """What a policy is given beside pictures."""
    seen = sample.observation
    poses = seen.ego_history.astype(float)
    route = np.full((ROUTE_POINTS, 2), np.nan)
    if seen.route is not None:
        route[: len(seen.route)] = seen.route[:ROUTE_POINTS]
    return [*poses[::3].ravel(), *np.diff(poses, axis=0)[::3].ravel(), seen.speed_mps, *route.ravel()]


def evidence_of(data: Path) -> Features:
    """What the labeller was given: the row of evidence, its texts as numbers."""
    rows = {row["moment_id"]: row for row in Artifact.open(data / "evidence").table("evidence").to_pylist()}
    texts: dict[tuple[str, str], float] = {}

    def number(sample: Sample, name: str, value: Any) -> float:
        if value is None:
            return float("nan")
        if isinstance(value, str):
            return texts.setdefault((name, value), float(len(texts)))
        return (sample.t0_us - value) / 1e6 if name.endswith("_since_us") else float(value)

    def features(sample: Sample) -> list[float]:
        row = {name: value for name, value in rows[sample.sample_id].items() if name not in _SKIPPED}
        return [number(sample, name, value) for name, value in row.items() if not name.endswith("_id")]

    return features


def trees(train: Sequence[Sample], held: Sequence[Sample], features: Features) -> list[float]:
    """The share of right decisions by channel of boosted trees."""
    seen, asked = (np.array([features(sample) for sample in some]) for some in (train, held))
    varies = [len(np.unique(column[~np.isnan(column)])) > 1 for column in seen.T]
    shares = []
    for channel in range(len(CHANNELS)):
        model = HistGradientBoostingClassifier(max_iter=120, max_leaf_nodes=15, early_stopping=False, random_state=0)
        model.fit(seen[:, varies], [sample.decision[channel] for sample in train])
        shares.append(_right(model.predict(asked[:, varies]), held, channel))
    return shares


class Convolutions(nn.Module):
    """Both moments of each camera as one picture of six channels, four convolutions, then motion and route."""

    def __init__(self, cameras: int, numbers: int, kinds: Sequence[int]) -> None:
        super().__init__()
        widths = (6, 16, 32, 64, 96)
        self.cameras = nn.ModuleList(self._camera(widths) for _ in range(cameras))
        self.seen = nn.Sequential(nn.LazyLinear(128), nn.GELU())
        self.told = nn.Sequential(nn.Linear(numbers, 64), nn.GELU(), nn.Linear(64, 64), nn.GELU())
        self.both = nn.Sequential(nn.Dropout(0.2), nn.Linear(192, 128), nn.GELU())
        self.says = nn.ModuleList(nn.Linear(128, count) for count in kinds)

    @staticmethod
    def _camera(widths: Sequence[int]) -> nn.Sequential:
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 3, 2, 1), nn.GroupNorm(4, after), nn.GELU()]
        return nn.Sequential(*layers, nn.Conv2d(widths[-1], 32, 1), nn.GELU(), nn.Flatten(), nn.Dropout(0.3))

    def forward(self, pictures: Tensor, numbers: Tensor) -> list[Tensor]:
        """pictures [B, cameras, 2, H, W, 3] uint8, numbers [B, n] -> logits of each channel."""
        scaled = (pictures.float() / 127.5 - 1.0).permute(1, 0, 2, 5, 3, 4).flatten(2, 3)
        looks = [camera(one) for camera, one in zip(self.cameras, scaled, strict=True)]
        both = self.both(torch.cat([self.seen(torch.cat(looks, dim=1)), self.told(numbers)], dim=1))
        return [head(both) for head in self.says]


def convolutions(train: Sequence[Sample], held: Sequence[Sample], epochs: int) -> list[float]:
    """The share of right decisions by channel of a small network that begins from noise."""
    torch.manual_seed(0)
    names = [sorted({sample.decision[channel] for sample in train}) for channel in range(len(CHANNELS))]
    inputs, asked = _inputs(train), _inputs(held)
    mean, spread = inputs[1].mean(dim=0), inputs[1].std(dim=0) + 1e-3
    for numbers in (inputs[1], asked[1]):
        numbers.sub_(mean).div_(spread)
    network = Convolutions(inputs[0].shape[1], inputs[1].shape[1], [len(some) for some in names])
    network(*(part[:2] for part in inputs))  # the lazy layer takes its size
    wanted = [torch.tensor([some.index(s.decision[channel]) for s in train]) for channel, some in enumerate(names)]
    _fit(network, inputs, wanted, epochs)
    with torch.no_grad():
        parts = [network(*(part[start : start + BATCH] for part in asked)) for start in range(0, len(held), BATCH)]
    said = [torch.cat([part[channel] for part in parts]).argmax(dim=1).tolist() for channel in range(len(CHANNELS))]
    return [_right([names[channel][place] for place in found], held, channel) for channel, found in enumerate(said)]


def _inputs(samples: Sequence[Sample]) -> tuple[Tensor, Tensor]:
    pictures = [s.observation.images[np.argsort(np.array(s.observation.cameras))] for s in samples]
    numbers = np.nan_to_num(np.float32([motion_and_route(sample) for sample in samples]))
    return torch.from_numpy(np.stack(pictures)), torch.from_numpy(numbers)


def _fit(network: nn.Module, inputs: tuple[Tensor, Tensor], wanted: Sequence[Tensor], epochs: int) -> None:
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.05)
    a_pass = len(wanted[0]) // BATCH
    course = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=epochs * a_pass, pct_start=0.05)
    for _ in range(epochs):
        for at in torch.randperm(len(wanted[0]))[: a_pass * BATCH].view(a_pass, BATCH):
            said = network(*(part[at] for part in inputs))
            losses = [nn.functional.cross_entropy(one, true[at]) for one, true in zip(said, wanted, strict=True)]
            optimizer.zero_grad()
            torch.stack(losses).sum().backward()
            optimizer.step()
            course.step()
    network.eval()


def _right(said: Sequence[str], samples: Sequence[Sample], channel: int) -> float:
    """The share of samples whose decision on a channel was said."""
    return float(np.mean([one == sample.decision[channel] for one, sample in zip(said, samples, strict=True)]))


def of_policy(policy: Policy, samples: Sequence[Sample]) -> list[float]:
    """The share of right decisions by channel of a policy."""
    batches = [samples[start : start + BATCH] for start in range(0, len(samples), BATCH)]
    said = [pair[0] for batch in batches for pair in policy.predict(batch, temperature=0.0, flow_steps=1).decision]
    return [_right([pair[channel] for pair in said], samples, channel) for channel in range(len(CHANNELS))]


@torch.no_grad()
def losses_by_place(policy: Policy, samples: Sequence[Sample]) -> dict[str, float]:
    """Nats a sentence: in all, and of its first word, which names the decision."""
    total = first = 0.0
    for start in range(0, len(samples), BATCH):
        batch = policy.collate(samples[start : start + BATCH])
        hidden = forward_tokens(policy, batch, None, None).prefix_hidden[:, :-1]
        logprobs = policy.word_logits(hidden).float().log_softmax(dim=-1)
        nats = -logprobs.gather(-1, batch.input_ids[:, 1:, None])[..., 0]
        for row, asked in zip(nats, batch.reasoning_labels[:, 1:], strict=True):
            total += float(row[asked].sum())
            first += float(row[asked][0])
    return {"nats a sentence": total / len(samples), "of these its first word": first / len(samples)}


@torch.no_grad()
def sizes_of_columns(policy: Policy, samples: Sequence[Sample]) -> dict[str, float]:
    """Root mean square of what enters the layers by kind of column, and of what the layers add to pictures."""
    batch = policy.collate(samples)
    inputs = policy.text_inputs(batch)
    pictures = inputs.visual
    assert pictures is not None
    history = batch.input_ids == policy.special["history_pad"]
    words = policy.is_text(batch.input_ids) & batch.kept
    kinds = {"pictures": pictures, "motion": history, "words": words}
    sizes = {name: _size(inputs.embeddings[columns]) for name, columns in kinds.items()}
    hidden, added = inputs.embeddings, 0.0
    turns = policy.backbone.decoder.rotary_emb(hidden, inputs.positions)
    for layer in policy.backbone.decoder.layers:
        after = layer(hidden, position_embeddings=turns, attention_mask=inputs.mask, reading=None)
        added, hidden = added + _size((after - hidden)[pictures]), after
    return {**sizes, "added to pictures by a layer": added / len(policy.backbone.decoder.layers)}


def _size(columns: Tensor) -> float:
    return float(columns.pow(2).mean().sqrt())


def show(name: str, shares: Sequence[float]) -> None:
    """One line of the table."""
    said = (f"{channel} {100 * share:5.1f} %" for channel, share in zip(CHANNELS, shares, strict=True))
    print(f"{name:52s} {'  '.join(said)}", flush=True)


def main() -> None:
    """Print the probes, and the policy's figures where one is given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("out/results/data"), help="where samples and evidence are")
    parser.add_argument("--policy", default="", help="a policy to look into")
    parser.add_argument("--epochs", type=int, default=18, help="of the convolutional network")
    asked = parser.parse_args()
    samples = Artifact.open(asked.data / "samples")
    train, held = (load_samples(samples, split, None, True) for split in ("train", "test"))
    learned, kept = ([some[place] for place in range(len(some))] for some in (train, held))
    most = [Counter(sample.decision[channel] for sample in learned).most_common(1)[0][0] for channel in range(2)]
    show("always the most frequent", [_right([name] * len(kept), kept, c) for c, name in enumerate(most)])
    show("trees on the evidence", trees(learned, kept, evidence_of(asked.data)))
    show("trees on motion and route", trees(learned, kept, motion_and_route))
    if asked.policy:
        policy = Policy.load(asked.policy)
        show("policy, held out", of_policy(policy, kept))
        show("policy, trained on", of_policy(policy, learned[:: max(1, len(learned) // len(kept))]))
        for name, value in (losses_by_place(policy, kept) | sizes_of_columns(policy, kept[:BATCH])).items():
            print(f"{name:52s} {value:.3f}")
    show("convolutions on pictures, motion and route", convolutions(learned, kept, asked.epochs))


if __name__ == "__main__":
    main()
