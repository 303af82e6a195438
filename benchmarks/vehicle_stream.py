"""A vehicle's 10 Hz stream: python benchmarks/vehicle_stream.py URL SAMPLES [--seconds S] [--deadline-ms D].

Asks about recorded samples whatever comes back, prints the counts of outcomes and cuts, and draws each answer's
latency, timed from when its question was due. Pictures come as from one camera's stream: every newest one is new, every
older one was the newest some ticks before.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from causeway.artifacts import Artifact
from causeway.model.observation import Observation
from causeway.serving.stream import HZ, Asked, stream, summary
from causeway.training.samples import load_samples

TICK_US = 100_000


class Drives(Sequence[Observation]):
    """Recorded observations, asked in turn for each vehicle, with the frames that it would send at 10 Hz."""

    def __init__(self, recorded: Sequence[Observation], questions: int, vehicles: int) -> None:
        self._recorded, self._questions, self._vehicles = recorded, questions, vehicles

    def __len__(self) -> int:
        return self._questions

    def __getitem__(self, number: int) -> Observation:  # type: ignore[override]
        seen = self._recorded[number % len(self._recorded)]
        ticks = np.rint((seen.frame_t_us[0, -1] - seen.frame_t_us[0]) / TICK_US).astype(int)
        images = np.stack([self._newest(number - int(back) * self._vehicles) for back in ticks], axis=1)
        return replace(seen, images=images)

    def _newest(self, number: int) -> NDArray[np.uint8]:
        """The newest pictures of a question, its number in their corners: no two questions have the same."""
        pictures = self._recorded[number % len(self._recorded)].images[:, -1].copy()
        pictures[:, 0, 0] = list((number % 2**24).to_bytes(3, "little"))
        return pictures


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("samples")
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--deadline-ms", type=int, default=200)
    parser.add_argument("--hz", type=float, default=HZ)
    parser.add_argument("--vehicles", type=int, default=1)
    parser.add_argument("--plot", default="vehicle_stream.png")
    options = parser.parse_args()
    observations = [sample.observation for sample in load_samples(Artifact.open(options.samples), limit=50)]
    questions = int(options.seconds * options.hz) * options.vehicles
    asked = stream(
        options.url,
        Drives(observations, questions, options.vehicles),
        options.seconds,
        vehicles=options.vehicles,
        hz=options.hz,
        deadline_ms=options.deadline_ms,
    )
    print(json.dumps(summary(asked), indent=1))
    print({one.said for one in asked if one.outcome not in ("answered", "refused")} or "nothing failed")
    draw(asked, options.deadline_ms, options.plot)


def draw(asked: Sequence[Asked], deadline_ms: int, path: str) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(11, 4))
    for name in sorted({_kind(one) for one in asked}):
        chosen = [one for one in asked if _kind(one) == name]
        latency_ms = [one.took_s * 1e3 for one in chosen]
        axes.plot([one.due_s for one in chosen], latency_ms, ".", ms=3, label=f"{name}: {len(chosen)}")
    axes.axhline(deadline_ms, color="grey", lw=0.8, label=f"deadline {deadline_ms} ms")
    axes.set(xlabel="due, s", ylabel="latency, ms", yscale="log")
    axes.legend(loc="upper right", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def _kind(one: Asked) -> str:
    return (one.degraded or "whole") if one.outcome == "answered" else one.outcome


if __name__ == "__main__":
    main()
