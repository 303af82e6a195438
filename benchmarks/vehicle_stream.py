"""A vehicle's 10 Hz stream: python benchmarks/vehicle_stream.py URL SAMPLES [--seconds S] [--deadline-ms D].

Asks about recorded samples whatever comes back, prints the counts of outcomes and cuts, and draws each answer's
latency, timed from when its question was due.
"""

import argparse
import json
from collections.abc import Sequence

from causeway.artifacts import Artifact
from causeway.serving.stream import HZ, Asked, stream, summary
from causeway.training.samples import load_samples


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
    asked = stream(
        options.url,
        observations,
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
