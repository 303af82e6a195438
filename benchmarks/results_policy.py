"""What the policy of the first three stages is worth on held-out drives of the built-in world: one table.

Parts, each at most 40 minutes on two quiet cores and resumable (a part that runs out of time saves, exits 75 and goes
on when it is called again): `data` (once, for all seeds), `vlm`, `action`, `coc`, `evaluate`; `policy` is all of them
in turn. Numbers are on the test split, whose places no training sample comes near; stages are judged on val.

    make results PART=policy SEED=0
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from results_data import TURNS, make_samples

from causeway.artifacts import Artifact, run
from causeway.errors import EXIT_TRY_AGAIN, CausewayError
from causeway.training.config import ActionConfig, CocConfig, TrainConfig, VlmConfig

STAGES = ("vlm", "action", "coc")
PARTS = ("data", *STAGES, "evaluate", "policy")
CONFIGS: dict[str, TrainConfig] = {
    "vlm": VlmConfig(steps=2400, lr=1e-3, vision_tokenizer="video"),
    "action": ActionConfig(steps=3200, lr=1e-3, expert_lr=1e-3),
    "coc": CocConfig(steps=2000, lr=6e-4, expert_lr=6e-4),
}


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    value: float
    low: float | None
    high: float | None
    n: int
    beside: float | None  # the baseline's number
    beside_name: str
    aim: str
    met: bool | None  # None: no aim


def train_stage(name: str, folder: Path, seed: int, samples: str) -> str:
    """The location of a stage's policy, trained now unless it is there."""
    from causeway.training import step

    place = folder / f"seed-{seed}" / name
    inputs = {"samples": samples}
    if name != STAGES[0]:
        inputs["policy"] = str(folder / f"seed-{seed}" / STAGES[STAGES.index(name) - 1])
    return run(
        getattr(step, f"train_{name}"), inputs, out=str(place), config=replace(CONFIGS[name], seed=seed)
    ).location


def evaluate(policy_at: str, samples_at: str, limit: int = 0) -> list[Row]:
    """The table of one policy."""
    from causeway.evaluation.selection import pick
    from causeway.model import Policy

    policy = Policy.load(policy_at)
    held, notes = pick(Artifact.open(samples_at), "test", limit, labelled=False)
    print(*notes, sep="\n", file=sys.stderr)
    labelled = [sample for sample in held if sample.reasoning]
    return [*_paths(policy, held), *_decisions(policy, labelled), *_words(policy, held)]


def _mean(name: str, values: np.ndarray, clusters: Sequence[str], **more: Any) -> Row:
    from causeway.evaluation import statistics

    found = statistics.mean(values, clusters, share=bool(set(np.unique(values)) <= {0.0, 1.0}))
    defaults = {"beside": None, "beside_name": "", "aim": "", "met": None} | more
    return Row(name, float(found.value or 0.0), found.low, found.high, found.n, **defaults)


def _black(samples: Sequence[Any]) -> list[Any]:
    """The same samples with every picture black."""
    dark = [replace(s.observation, images=np.zeros_like(s.observation.images)) for s in samples]
    return [replace(sample, observation=seen) for sample, seen in zip(samples, dark, strict=True)]


def _paths(policy: Any, held: Sequence[Any]) -> list[Row]:
    from causeway.evaluation.answers import AskConfig
    from causeway.evaluation.open_loop_suite import open_loop

    seen, dark = (open_loop(policy, given, AskConfig(n=6)) for given in (held, _black(held)))
    clips = seen.clusters
    ours, straight = seen.values["min_ade_6"], seen.values["constant_velocity/min_ade_6"]
    blind = dark.values["min_ade_6"]
    cv, failed = float(np.mean(straight)), seen.counts["failed_answers"][0]
    ratio = float(np.mean(ours)) / cv
    return [
        _mean("minADE_6 (m)", ours, clips, beside=cv, beside_name="constant velocity"),
        _mean("minADE_6 less 0.6 of constant velocity's (m)", ours - 0.6 * straight, clips, beside=ratio,
              beside_name="ratio", aim="ratio <= 0.6", met=ratio <= 0.6),
        _mean("ADE of the one path (m)", seen.values["ade"], clips,
              beside=float(np.mean(seen.values["constant_velocity/ade"])), beside_name="constant velocity"),
        _mean("minADE_6 lost with black pictures (m)", blind - ours, clips, beside=float(np.mean(blind)),
              beside_name="black", aim="interval > 0", met=None),
        Row("failed answers", failed, None, None, len(held), None, "", "0", failed == 0),
    ]  # fmt: skip


def _decisions(policy: Any, labelled: Sequence[Any]) -> list[Row]:
    from causeway.evaluation.answers import AskConfig, ask

    clips = [sample.clip_id for sample in labelled]
    seen, dark = (ask(policy, given, AskConfig(), temperature=0.0) for given in (labelled, _black(labelled)))
    rows = []
    for channel, name in enumerate(("longitudinal", "lateral")):
        true = [sample.decision[channel] for sample in labelled]
        said = [answer[0][channel] for answer in seen.decision]
        blind = [answer[0][channel] for answer in dark.decision]
        most = max(sorted(set(true)), key=true.count)
        right = np.array([a == b for a, b in zip(said, true, strict=True)], dtype=float)
        unseen = np.array([a == b for a, b in zip(blind, true, strict=True)], dtype=float)
        beside = true.count(most) / len(true)
        rows += [
            _mean(f"{name} decision right", right, clips, beside=beside, beside_name=f"always {most}",
                  aim=">= 0.8", met=bool(right.mean() >= 0.8)),
            Row(f"{name} macro-F1", macro_f1(said, true), None, None, len(true),
                macro_f1([most] * len(true), true), f"always {most}", "", None),
            _mean(f"{name} decision lost with black pictures", right - unseen, clips, beside=float(unseen.mean()),
                  beside_name="black", aim="interval > 0"),
        ]  # fmt: skip
    return rows


def macro_f1(said: Sequence[str], true: Sequence[str]) -> float:
    """The mean over the true names of 2·hits / (said + true)."""
    scores = []
    for name in sorted(set(true)):
        hits = sum(a == b == name for a, b in zip(said, true, strict=True))
        scores.append(2 * hits / (list(said).count(name) + list(true).count(name)))
    return float(np.mean(scores))


def _words(policy: Any, held: Sequence[Any]) -> list[Row]:
    from causeway.evaluation.answers import AskConfig, ask
    from causeway.evaluation.open_loop import speeds_mps
    from causeway.evaluation.words.faithfulness import FORCED

    last = {}
    for word in ("stop", "go"):
        answers = ask(policy, held, AskConfig(), forced_reasoning=[FORCED[word]] * len(held))
        last[word] = speeds_mps(answers.trajectory_rig[:, 0])[:, -1]
    shift = last["go"] - last["stop"]
    clips = [sample.clip_id for sample in held]
    return [
        _mean("final speed told go less told stop (m/s)", shift, clips, beside=float(np.mean(last["stop"])),
              beside_name="told stop", aim=">= 1.5", met=bool(shift.mean() >= 1.5)),
    ]  # fmt: skip


def judged(row: Row) -> Row:
    """The row with its aim decided where that is about the interval."""
    return replace(row, met=bool(row.low is not None and row.low > 0)) if row.aim == "interval > 0" else row


def show(rows: Sequence[Row]) -> None:
    """The table, for a person."""
    print(f"{'':48s} {'value':>8s} {'95 % interval':>18s} {'n':>5s}  {'beside':>8s}")
    for row in rows:
        span = "" if row.low is None or row.high is None else f"{row.low:.3f} … {row.high:.3f}"
        beside = "" if row.beside is None else f"{row.beside:8.3f} {row.beside_name}"
        aim = "" if not row.aim else f"  aim {row.aim}: {'met' if row.met else 'MISSED'}"
        print(f"{row.name:48s} {row.value:8.3f} {span:>18s} {row.n:5d}  {beside}{aim}")


def report(folder: Path, seed: int, samples: str) -> None:
    """Evaluate a seed's policy, print the table and add it to `policy.jsonl`."""
    policy = folder / f"seed-{seed}" / STAGES[-1]
    began = time.monotonic()
    rows = [judged(row) for row in evaluate(str(policy), samples)]
    show(rows)
    gates = json.loads((policy / "stage_gates.json").read_text())
    line = {
        "seed": seed,
        "policy": Artifact.open(policy).manifest.content_hash,
        "samples": Artifact.open(samples).manifest.content_hash,
        "took_s": round(time.monotonic() - began),
        "configs": {name: asdict(config) for name, config in CONFIGS.items()},
        "rows": [asdict(row) for row in rows],
        "stage_gates": gates,
    }
    with (folder / "policy.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")


def parts_of(folder: Path, seed: int, turns: int) -> dict[str, Callable[[], Any]]:
    """What each part does, in order."""
    samples = str(folder / "data" / "samples")
    stages = {name: (lambda name=name: train_stage(name, folder, seed, samples)) for name in STAGES}
    return {"data": lambda: make_samples(folder / "data", turns), **stages,
            "evaluate": lambda: report(folder, seed, samples)}  # fmt: skip


def main() -> None:
    """Run one part, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, default="policy")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out/results"))
    parser.add_argument("--turns", type=int, default=TURNS, help="drives of each scenario")
    parser.add_argument("--minutes", type=float, default=38.0, help="after so long a stage saves and exits 75")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_TRY_AGAIN))  # outside training nothing has to be saved first
    clock = threading.Timer(60 * asked.minutes, os.kill, (os.getpid(), signal.SIGTERM))
    clock.daemon = True
    clock.start()
    parts = parts_of(asked.out, asked.seed, asked.turns)
    try:
        for name in parts if asked.part == "policy" else [asked.part]:
            parts[name]()
    except CausewayError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
