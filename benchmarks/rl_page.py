"""A page that shows what reinforcement changed: the same held-out moments, answered by the policy before and after.

    .venv/bin/python benchmarks/rl_page.py BEFORE AFTER --samples SAMPLES --out what-rl-changed.html
"""

import argparse
import base64
import html
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from causeway.artifacts import Artifact
from causeway.errors import CausewayError, UnusableInput

COLOURS = {"recorded": "#444444", "before": "#c2571a", "after": "#1a6fc2"}
STYLE = "body{font:15px sans-serif;max-width:70em;margin:2em auto}img{max-width:100%}td{padding:0 1em 0 0}"


def moments(samples_at: str, count: int) -> tuple[str, list[Any]]:
    """A split (train only where nothing is held out) and its labelled moments, spread evenly."""
    from causeway.training.samples import load_samples

    artifact = Artifact.open(samples_at)
    for split in ("test", "val", "train"):
        store = load_samples(artifact, split, None, True, around=True)
        if len(store):
            return split, [store[i] for i in range(0, len(store), -(-len(store) // count))]
    raise UnusableInput(f"{samples_at}: holds no labelled samples")


def picture(sample: Any, paths: dict[str, np.ndarray]) -> str:
    """One moment as a PNG in base64: what the first camera saw, and the paths among the agents' recorded tracks."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 3.2))
    left.imshow(sample.observation.images[0, -1])
    left.axis("off")
    for name, path in paths.items():
        right.plot(path[:, 0], path[:, 1], color=COLOURS[name], label=name, linewidth=2)
    agents = sample.around.agents if sample.around else None
    for pose, there in zip(agents.poses_rig, agents.present, strict=True) if agents is not None else ():
        right.plot(pose[there, 0], pose[there, 1], color="#999999", linewidth=1, linestyle=":")
    farthest_m = max(20.0, *(float(path[:, 0].max()) + 5.0 for path in paths.values()))
    right.set(xlabel="forward (m)", ylabel="left (m)", xlim=(-5, farthest_m), ylim=(-15, 15))
    right.legend(loc="upper right", fontsize=8)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=90, bbox_inches="tight")
    pyplot.close(figure)
    return base64.b64encode(stream.getvalue()).decode()


def section(sample: Any, words: dict[str, str], paths: dict[str, np.ndarray]) -> str:
    """One moment: its picture, and what was said and whether the path keeps it."""
    from causeway.reasoning.mapping import consistency

    rows = [("recorded", sample.reasoning, sample.trajectory_rig)] + [(n, words[n], paths[n]) for n in words]
    lines = "".join(
        f"<tr><td style='color:{COLOURS[name]}'>{name}</td><td>{html.escape(text)}</td>"
        f"<td>{consistency(text, path, sample.observation.speed_mps)}</td></tr>"
        for name, text, path in rows
    )
    drawn = picture(sample, {"recorded": sample.trajectory_rig, **paths})
    return (
        f"<h2>{html.escape(sample.scenario)}, {html.escape(sample.sample_id)}</h2>"
        f"<img alt='camera and paths' src='data:image/png;base64,{drawn}'>"
        f"<table><tr><th></th><th align='left'>words</th><th>path keeps them</th></tr>{lines}</table>"
    )


def page(before: Any, after: Any, split: str, samples: Sequence[Any]) -> str:
    """The whole page, one self-contained file."""
    from causeway.model.prediction import seed_of

    policies = {"before": before, "after": after}
    seeds = [seed_of(0, sample.sample_id) for sample in samples]  # one noise for all would bend all paths the same way
    made = {name: policy.predict(samples, n=1, seed=seeds, temperature=0.0) for name, policy in policies.items()}
    sections = [
        section(
            sample,
            {name: answer.reasoning[i][0] for name, answer in made.items()},
            {name: answer.trajectory_rig[i, 0] for name, answer in made.items()},
        )
        for i, sample in enumerate(samples)
    ]
    said = f"{len(samples)} moments of split {split}, most likely words, the same noise before and after."
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>What RL changed</title><style>{STYLE}</style>"
        f"<h1>What reinforcement learning changed</h1><p>{said}</p>{''.join(sections)}</html>"
    )


def main() -> None:
    """Write the page."""
    from causeway.model import Policy

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before")
    parser.add_argument("after")
    parser.add_argument("--samples", required=True)
    parser.add_argument("--out", type=Path, default=Path("what-rl-changed.html"))
    parser.add_argument("--moments", type=int, default=12)
    asked = parser.parse_args()
    try:
        split, samples = moments(asked.samples, asked.moments)
        asked.out.write_text(page(Policy.load(asked.before), Policy.load(asked.after), split, samples))
    except CausewayError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
