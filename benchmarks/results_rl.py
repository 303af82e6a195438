"""What reinforcement changes: the paper's table (SFT, + reasoning, + consistency, + safety) on held-out moments.

From the coc policy of `results_policy.py` (same --out and --seed). Parts, each at most 40 minutes and resumable (a part
that runs out of time saves, exits 75 and goes on when it is called again): `rl-reasoning`, `rl-consistency` and
`rl-safety` train one mix each, `rl-evaluate` asks all four policies the same moments, prints the table and adds it to
`rl.jsonl`; `rl` is all of them in turn. Every number has an interval from resampling whole clips, differences are of
the same moments.

    make results PART=rl SEED=0
"""

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from causeway.artifacts import Artifact, run
from causeway.errors import EXIT_TRY_AGAIN, CausewayError
from causeway.training.config import RlConfig
from causeway.training.mixes import PAPERS_ROWS

MOMENTS = 3000  # held out and labelled or not; fewer are said so
ROLLOUTS = 6  # of each moment, as in the paper's table
CONFIG = RlConfig(
    steps=150, batch_size=4, group_size=8, lr=5e-5, expert_lr=1e-4, warmup=0.05, final_lr=0.2, checkpoint_every_s=60.0,
    gate_samples=0, walk_draws=4,
)  # fmt: skip
AIMS = {"grade": "higher than SFT's", "consistency": ">= SFT + 0.15", "close encounters": "<= 0.75 of SFT's",
        "ADE (m)": "<= 1.05 of SFT's"}  # fmt: skip


def train_mix(mix: str, folder: Path, seed: int, samples: str) -> str:
    """The location of a mix's policy, trained now unless it is there."""
    from causeway.training.step import train_rl

    inputs = {"samples": samples, "policy": str(folder / f"seed-{seed}" / "coc")}
    config = replace(CONFIG, mix=mix, seed=seed)
    return run(train_rl, inputs, out=str(folder / f"seed-{seed}" / f"rl-{mix}"), config=config).location


def held_out(samples_at: str) -> list[Any]:
    """At most MOMENTS moments that no policy was trained on: split test, then val; each with what stood around."""
    from causeway.training.samples import load_samples

    artifact = Artifact.open(samples_at)
    stores = [load_samples(artifact, split, None, around=True) for split in ("test", "val")]
    found = [store[i] for store in stores for i in range(len(store))]
    return found[:: -(-len(found) // MOMENTS)] if len(found) > MOMENTS else found


def measure(policy_at: str, samples: Sequence[Any], cache: Path) -> dict[str, np.ndarray]:
    """Each number of the table for each moment [n], a mean over its rollouts; NaN where a moment has none.

    Kept in `cache` batch by batch, so that a part that was stopped goes on where it was.
    """
    from causeway.model import Policy

    content = Artifact.open(policy_at).manifest.content_hash
    lines = [json.loads(line) for line in cache.read_text().splitlines()] if cache.is_file() else []
    rows = {line["id"]: line for line in lines if line["policy"] == content and line["rollouts"] == ROLLOUTS}
    policy, waiting = Policy.load(policy_at), [sample for sample in samples if sample.sample_id not in rows]
    cache.parent.mkdir(parents=True, exist_ok=True)
    with cache.open("a") as file:
        for start in range(0, len(waiting), 16):
            for row in _measured(policy, waiting[start : start + 16]):
                rows[row["id"]] = row | {"policy": content, "rollouts": ROLLOUTS}
                file.write(json.dumps(rows[row["id"]]) + "\n")
            file.flush()
    return {name: np.array([rows[s.sample_id][name] for s in samples], dtype=np.float64) for name in AIMS}


def _measured(policy: Any, samples: Sequence[Any]) -> list[dict[str, Any]]:
    from causeway.training.collision_reward import close_encounter
    from causeway.training.text_rewards import consistency, reasoning_grade

    made, rows = policy.predict(samples, n=ROLLOUTS, seed=0), []
    for sample, paths, texts in zip(samples, made.trajectory_rig, made.reasoning, strict=True):
        agents = sample.around.agents if sample.around else None
        offset = paths[..., :2] - sample.trajectory_rig[..., :2]
        close = np.nan
        if agents is not None:
            place = (agents.poses_rig, agents.sizes_m, agents.present, sample.around.footprint)
            close = float(np.mean(close_encounter(paths, sample.trajectory_rig, *place)))
        labels = [sample.reasoning] * len(texts)
        rows.append({
            "id": sample.sample_id,
            "grade": float(reasoning_grade(texts, labels).mean()) if sample.reasoning else np.nan,
            "consistency": float(consistency(paths, np.full(len(texts), sample.observation.speed_mps), texts).mean()),
            "close encounters": close,
            "ADE (m)": float(np.hypot(offset[..., 0], offset[..., 1]).mean()),
        })  # fmt: skip
    return rows


def report(folder: Path, seed: int, samples_at: str) -> None:
    """Ask all policies, print the table and add it to `rl.jsonl`."""
    from causeway.evaluation import statistics

    samples = held_out(samples_at)
    clips = [sample.clip_id for sample in samples]
    places = {"sft": "coc"} | {mix: f"rl-{mix}" for mix in PAPERS_ROWS}
    found = {
        name: measure(str(folder / f"seed-{seed}" / place), samples, folder / f"seed-{seed}" / f"measured-{name}.jsonl")
        for name, place in places.items()
    }
    table = {name: statistics.means(values, clips) for name, values in found.items()}
    less = {name: statistics.means({k: v - found["sft"][k] for k, v in values.items()}, clips)
            for name, values in found.items() if name != "sft"}  # fmt: skip
    _show(table, less)
    line = {"seed": seed, "config": asdict(CONFIG), "moments": len(samples), "rollouts": ROLLOUTS,
            "table": _plain(table), "less_sft": _plain(less)}  # fmt: skip
    with (folder / "rl.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")


def _plain(table: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {name: {k: asdict(estimate) for k, estimate in row.items()} for name, row in table.items()}


def _show(table: dict[str, dict[str, Any]], less: dict[str, dict[str, Any]]) -> None:
    for metric, aim in AIMS.items():
        print(f"{metric} (aim: {aim})")
        for name, row in table.items():
            one = row[metric]
            change = less[name][metric] if name in less else None
            beside = f"   less SFT, paired {_span(change)}" if change else ""
            print(f"  {name:12s} {_span(one)}  n {one.n}{beside}")


def _span(one: Any) -> str:
    if one.value is None:
        return "none"
    low = "" if one.low is None else f" [{one.low:.3f}, {one.high:.3f}]"
    return f"{one.value:.3f}{low}"


def parts_of(folder: Path, seed: int) -> dict[str, Callable[[], Any]]:
    """What each part does, in order."""
    samples = str(folder / "data" / "samples")
    stages = {f"rl-{mix}": (lambda mix=mix: train_mix(mix, folder, seed, samples)) for mix in PAPERS_ROWS}
    return {**stages, "rl-evaluate": lambda: report(folder, seed, samples)}


def main() -> None:
    """Run one part, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=(*(f"rl-{mix}" for mix in PAPERS_ROWS), "rl-evaluate", "rl"), default="rl")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out/results"))
    parser.add_argument("--minutes", type=float, default=38.0, help="after so long a part saves and exits 75")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_TRY_AGAIN))  # outside training nothing has to be saved first
    clock = threading.Timer(60 * asked.minutes, os.kill, (os.getpid(), signal.SIGTERM))
    clock.daemon = True
    clock.start()
    parts = parts_of(asked.out, asked.seed)
    try:
        for name in parts if asked.part == "rl" else [asked.part]:
            parts[name]()
    except CausewayError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
