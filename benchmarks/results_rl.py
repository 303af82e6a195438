"""What reinforcement changes: the paper's table (SFT, + reasoning, + consistency, + safety) on held-out moments.

From the coc policy of `results_policy.py` (same --out and --seed). Parts, each at most 40 minutes and resumable (a part
that runs out of time saves, exits 75 and goes on when it is called again):

- `rl-data` and `rl-held-out`, once for all seeds: 1,200 drives that no stage before has seen, of whose split train
  stage four learns, and 1,680 that nothing learns from;
- `rl-refit`, `rl-reasoning`, `rl-consistency`, `rl-safety` train one row each. The first has no reward at all: what it
  changes, the recorded paths of those drives change, to which the expert is fitted in every row;
- `rl-evaluate` asks every policy one path at each labelled moment of the drives that nothing learned from, and of
  those that the 1,200 hold out: more than 3,000, on which nothing was chosen;
- `rl-between` asks SFT and safety one path at a grid of 3,120 moments where no decision need begin; a quarter of it was
  looked at when settings were chosen;
- `rl-table` prints the table of all seeds that were measured as markdown; `rl` is all of them in turn.

Every number has an interval from resampling whole clips, differences and ratios are of the same moments; a moment's
noise is its own, and the same for all policies.

    make results PART=rl SEED=0
"""

import argparse
import hashlib
import json
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causeway.artifacts import Artifact, run
from causeway.artifacts.code_version import code_hash
from causeway.errors import EXIT_TRY_AGAIN, CausewayError
from causeway.training.config import RlConfig
from causeway.training.mixes import PAPERS_ROWS

CONFIG = RlConfig(
    steps=600, batch_size=4, group_size=8, lr=1e-4, expert_lr=1e-4, warmup=0.05, final_lr=0.2, kl_weight=0.1,
    tokens=False, walk_draws=1, walk_level=0.0, walk_weight=10.0, spread_floor=0.5, refills=1, checkpoint_every_s=60.0,
    gate_samples=0,
)  # fmt: skip
ROWS: dict[str, dict[str, Any]] = {
    "refit": {"mix": "reasoning", "weights": "reasoning_grade=0", "kl_weight": 0.0, "refills": 0},
    **{mix: {"mix": mix} for mix in PAPERS_ROWS},
}
POLICIES = {"sft": "coc"} | {row: f"rl-{row}" for row in ROWS}
AIMS = {"grade": "above SFT's", "consistency": "SFT + 0.15 or more", "close encounters": "0.75 of SFT's or less",
        "ADE (m)": "1.05 of SFT's or less"}  # fmt: skip
RATIOS = ("close encounters", "ADE (m)")  # the others are compared by their difference
RESAMPLES = 2000
RULES = ("causeway.training.collision_reward", "causeway.training.text_rewards")  # by which answers are judged

Column = NDArray[np.float64]
Columns = dict[str, Column]


@dataclass(frozen=True, eq=False)
class Answers:
    """What a policy did at n moments."""

    columns: Columns  # each metric [n]; NaN where a moment has none
    said: list[str]  # [n] its words


def train_row(row: str, folder: Path, seed: int, samples: str) -> str:
    """The location of a row's policy, trained now unless it is there."""
    from causeway.training.step import train_rl

    inputs = {"samples": samples, "policy": str(folder / f"seed-{seed}" / "coc")}
    config = replace(CONFIG, **ROWS[row], seed=seed)
    return run(train_rl, inputs, out=str(folder / f"seed-{seed}" / POLICIES[row]), config=config).location


def held_out(
    samples_at: str, with_reasoning: bool | None, splits: Sequence[str | None] = ("test", "val")
) -> list[Any]:
    """Moments that no policy was trained on, each with what stood around."""
    from causeway.training.samples import load_samples

    artifact = Artifact.open(samples_at)
    stores = [load_samples(artifact, split, None, with_reasoning, around=True) for split in splits]
    return [store[i] for store in stores for i in range(len(store))]


def measure(policy_at: str, samples: Sequence[Any], cache: Path) -> Answers:
    """What a policy does at each moment, of one path.

    Kept in `cache` batch by batch, so that a part that was stopped goes on where it was; what another policy, other
    samples or other rules gave is asked again.
    """
    from causeway.model import Policy

    content = Artifact.open(policy_at).manifest.content_hash
    kept = cache.read_text().rpartition("\n")[0] if cache.is_file() else ""  # a kill may have cut the last line
    lines = [json.loads(line) for line in kept.splitlines()]
    asked = {"policy": content, "rules": [code_hash(module) for module in RULES]}
    of = {sample.sample_id: _content_of(sample) for sample in samples}
    rows = {line["id"]: line for line in lines if asked.items() <= line.items() and line["of"] == of.get(line["id"])}
    policy, waiting = Policy.load(policy_at), [sample for sample in samples if sample.sample_id not in rows]
    cache.parent.mkdir(parents=True, exist_ok=True)
    cache.write_text(kept + "\n" if kept else "")
    with cache.open("a") as file:
        for start in range(0, len(waiting), 32):
            for row in _measured(policy, waiting[start : start + 32]):
                rows[row["id"]] = row | asked | {"of": of[row["id"]]}
                file.write(json.dumps(rows[row["id"]]) + "\n")
            file.flush()
    ours = [rows[sample.sample_id] for sample in samples]
    columns = {name: np.array([row[name] for row in ours], dtype=np.float64) for name in AIMS}
    return Answers(columns, [row["said"] for row in ours])


def _content_of(sample: Any) -> str:
    parts = (sample.observation.images.tobytes(), sample.trajectory_rig.tobytes(), sample.reasoning.encode())
    return hashlib.blake2b(b"".join(parts), digest_size=12).hexdigest()


def _measured(policy: Any, samples: Sequence[Any]) -> list[dict[str, Any]]:
    from causeway.model.prediction import seed_of
    from causeway.training.text_rewards import consistency, reasoning_grade

    # one seed for all would give every moment the same noise, of which resampling clips knows nothing
    seeds = [seed_of(0, sample.sample_id) for sample in samples]
    made, rows = policy.predict(samples, n=1, seed=seeds), []
    for sample, paths, texts in zip(samples, made.trajectory_rig, made.reasoning, strict=True):
        offset = paths[..., :2] - sample.trajectory_rig[..., :2]
        labels, speed = [sample.reasoning] * len(texts), np.full(len(texts), sample.observation.speed_mps)
        rows.append({
            "id": sample.sample_id,
            "clip": sample.clip_id,
            "said": texts[0],
            "grade": float(reasoning_grade(texts, labels).mean()) if sample.reasoning else np.nan,
            "consistency": float(consistency(paths, speed, texts).mean()),
            "close encounters": _close(sample, paths),
            "ADE (m)": float(np.hypot(offset[..., 0], offset[..., 1]).mean()),
        })  # fmt: skip
    return rows


def _close(sample: Any, paths: NDArray[np.float32]) -> float:
    from causeway.training.collision_reward import close_encounter

    agents = sample.around.agents if sample.around else None
    if agents is None:
        return np.nan
    place = (agents.poses_rig, agents.sizes_m, agents.present, sample.around.footprint)
    return float(np.mean(close_encounter(paths, sample.trajectory_rig, *place)))


def ask(folder: Path, seed: int, part: str, samples: Sequence[Any], rows: Sequence[str]) -> None:
    """Ask some policies one path at each moment."""
    own = folder / f"seed-{seed}"
    found = {row: measure(str(own / POLICIES[row]), samples, own / f"{part}-{row}.jsonl") for row in rows}
    _keep(own / f"rl-{part}.json", found, samples)


def _keep(at: Path, found: dict[str, Answers], samples: Sequence[Any]) -> None:
    """Every policy's estimates, and how it stands to SFT's, into one file."""
    clips = [sample.clip_id for sample in samples]
    sft = found["sft"].columns
    told = {
        name: {metric: _told(metric, values, sft[metric], clips) for metric, values in one.columns.items()}
        for name, one in found.items()
    }
    words = {name: {"different": len(set(one.said)), "commonest": Counter(one.said).most_common(1)[0]}
             for name, one in found.items()}  # fmt: skip
    settings = {"config": asdict(CONFIG), "moments": len(samples), "clips": len(set(clips))}
    at.write_text(json.dumps({**settings, "words": words, "rows": told}, indent=1) + "\n")


def _told(metric: str, ours: Column, theirs: Column, clips: Sequence[str]) -> dict[str, Any]:
    from causeway.evaluation import statistics

    return {**asdict(statistics.mean(ours, clips)), "to_sft": _to_sft(metric, ours, theirs, clips)}


def _to_sft(metric: str, ours: Column, theirs: Column, clips: Sequence[str]) -> list[float]:
    """Value, low, high of the paired difference, or of the ratio of means, by resampling clips."""
    from causeway.evaluation import statistics

    known = np.isfinite(ours) & np.isfinite(theirs)
    if not known.any():
        return [np.nan] * 3
    pairs = np.stack([ours[known], theirs[known]], axis=1)
    sums, sizes = statistics.by_cluster(pairs, np.asarray(clips)[known])
    drawn = np.concatenate([*statistics.resampled(sums, sizes, 0, RESAMPLES), pairs.mean(axis=0)[None]])
    with np.errstate(divide="ignore", invalid="ignore"):
        found = drawn[:, 0] / drawn[:, 1] if metric in RATIOS else drawn[:, 0] - drawn[:, 1]
    return [float(found[-1]), *np.nanquantile(found[:-1], (0.025, 0.975)).tolist()]


def table(folder: Path) -> str:
    """The seeds that were measured as markdown: each metric of each row, and how it stands to SFT's."""
    lines: list[str] = []
    for part in ("decisions", "between"):
        found = {at.parent.name: json.loads(at.read_text()) for at in sorted(folder.glob(f"seed-*/rl-{part}.json"))}
        lines += _rows_of(part, found) + _together(part, found, folder) if found else []
    return "\n".join(lines)


def _together(part: str, found: dict[str, Any], folder: Path) -> list[str]:
    """All seeds as one: the same moments of every seed, resampled by clips, a clip with all its seeds."""
    lines = [f"{len(found)} seeds together:", "", f"| | {' | '.join(AIMS)} |", f"|---|{'---|' * len(AIMS)}"]
    sft = _answered(folder, found, part, "sft")
    for name in (name for name in POLICIES if all(name in one["rows"] for one in found.values())):
        ours = _answered(folder, found, part, name)
        clips = [row["clip"] for row in ours]
        told = {
            metric: _told(metric, *(np.array([row[metric] for row in rows], np.float64) for rows in (ours, sft)), clips)
            for metric in AIMS
        }
        lines.append(f"| {name} | {' | '.join(_cell({name: told}, name, metric) for metric in AIMS)} |")
    return [*lines, ""]


def _answered(folder: Path, seeds: Iterable[str], part: str, name: str) -> list[dict[str, Any]]:
    """The rows that were kept of a policy, seed after seed, each in the order of its moments' names."""
    files = [folder / seed / f"{part}-{name}.jsonl" for seed in seeds]
    rows = [{row["id"]: row for row in map(json.loads, file.read_text().splitlines())} for file in files]
    return [one[moment] for one in rows for moment in sorted(one)]


def _rows_of(part: str, found: dict[str, Any]) -> list[str]:
    one, pairs = next(iter(found.values())), [(metric, seed) for metric in AIMS for seed in found]
    rows = [
        f"| {name} | {' | '.join(_cell(found[seed]['rows'], name, metric) for metric, seed in pairs)} |"
        for name in POLICIES if name in one["rows"]
    ]  # fmt: skip
    return [
        f"{part}: {one['moments']} moments of {one['clips']} clips, one path each; in brackets the",
        "paired difference from SFT (grade, consistency) or ratio (encounters, ADE), 95 % by clips.", "",
        f"| | {' | '.join(f'{metric}, {seed}' for metric, seed in pairs)} |",
        f"|---|{'---|' * len(pairs)}", *rows,
        f"| aim | {' | '.join(AIMS[metric] for metric, _ in pairs)} |", "",
        *(f"Words of {name}, {seed}: {told['different']} different; commonest: {told['commonest']}."
          for seed, measured in found.items() for name, told in measured["words"].items()), "",
    ]  # fmt: skip


def _cell(rows: dict[str, Any], name: str, metric: str) -> str:
    if name not in rows or rows[name][metric]["value"] is None:
        return "–"
    value, low, high = rows[name][metric]["to_sft"]
    beside = "" if name == "sft" else f" [{value:+.3f}: {low:+.3f}, {high:+.3f}]"
    return f"{rows[name][metric]['value']:.3f}{beside}"


def parts_of(folder: Path, seed: int) -> dict[str, Callable[[], Any]]:
    """What each part does, in order."""
    from results_data import HELD_OUT, LEARN, make_unseen, unseen_at

    data = folder / "data"
    learn, nobodys = str(unseen_at(data, *LEARN)), str(unseen_at(data, *HELD_OUT))
    decisions = lambda: [*held_out(learn, True), *held_out(nobodys, True, (None,))]  # noqa: E731
    between = lambda: held_out(str(data / "held-out"), None)  # noqa: E731
    return {
        "rl-data": lambda: make_unseen(data, *LEARN),
        "rl-held-out": lambda: make_unseen(data, *HELD_OUT),
        **{f"rl-{row}": (lambda row=row: train_row(row, folder, seed, learn)) for row in ROWS},
        "rl-evaluate": lambda: ask(folder, seed, "decisions", decisions(), tuple(POLICIES)),
        "rl-between": lambda: ask(folder, seed, "between", between(), ("sft", "safety")),
        "rl-table": lambda: print(table(folder)),
    }


def main() -> None:
    """Run one part, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=(*parts_of(Path(), 0), "rl"), default="rl")
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
