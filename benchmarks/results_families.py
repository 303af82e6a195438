"""All recipes at `tiny` on the same drives of the built-in world, the same number of samples, one table over seeds.

The budget of every recipe is STEPS optimiser steps of 8 samples, dealt to its stages as its own defaults are: at most
four minutes of one core a recipe and seed. Resumable: a stage that is there is not trained again, a recipe that is
measured not measured again; out of time it saves, exits 75 and goes on when called again. What such a bench can tell is
whether a part learns at this size and what it costs; what it cannot is which family is better: sizes, data and
published weights, on which the papers' numbers stand, are not here.

    make results PART=families SEED=0
"""

import argparse
import json
import os
import signal
import statistics
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bench_families import held_bytes
from results_data import make_samples

from causeway.artifacts import Artifact, run
from causeway.errors import EXIT_TRY_AGAIN, CausewayError, UnusableInput
from causeway.training.config import ActionConfig, CocConfig, RecipeConfig, TrainConfig, VlmConfig
from causeway.training.recipes import RECIPES, Recipe, RecipeStage

TURNS = 20  # drives of each of the sixteen scenarios
WORLD = {"points_hz": 2}  # what some recipes need beside pictures: a depth sensor, and frames after t0 as targets
CUT = {"points": 1024, "future_offsets_s": (0.5,)}
STEPS = 304  # of 8 samples: 80 of them seeing and 224 acting where a recipe has alpamayo's kind of stages
HELD = 96  # held-out samples, spread over the test split's clips
TIMED = 16  # answers whose time is taken
ALPAMAYO: dict[str, TrainConfig] = {"vlm": VlmConfig(), "action": ActionConfig(), "coc": CocConfig()}
MEASURES = {
    "ADE (m)": "ade",
    "minADE_6 (m)": "min_ade_6",
    "path does what was done": "path_right",
    "both decisions right": "decision_accuracy",
    "consistency": "consistency",
    "comfort": "comfort",
}
COSTS = {
    "ms of a core an answer": "answer_ms",
    "parameters": "parameters",
    "trained last": "trained",
    "MB held in training": "training_mb",
    "s of a core trained": "trained_s",
}


def taught(recipe: Recipe) -> list[RecipeStage]:
    """The stages that learn from recorded drives."""
    return [stage for stage in recipe.stages if stage.loss != "rewards"]


def config_of(recipe: Recipe, stage: RecipeStage) -> TrainConfig:
    """The stage's config as the recipe sets it."""
    return ALPAMAYO[stage.name] if recipe.name == "alpamayo" else RecipeConfig(**recipe.settings(stage.name, {}))


def steps_of(recipe: Recipe) -> dict[str, int]:
    """Optimiser steps of each stage: the budget in the proportions of the recipe's own defaults."""
    own = {stage.name: config_of(recipe, stage).steps for stage in taught(recipe)}
    return {name: round(STEPS * steps / sum(own.values())) for name, steps in own.items()}


def lacking(recipe: Recipe, samples: str) -> bool:
    """Whether samples lack what a recipe needs; says what."""
    from causeway.training.needs import refuse_lacking
    from causeway.training.samples import load_samples

    try:
        refuse_lacking(recipe.name, recipe.needs, load_samples(Artifact.open(samples), "train"))
    except UnusableInput as error:
        print(f"left out: {error}", file=sys.stderr)
        return True
    return False


def trained(recipe: Recipe, folder: Path, seed: int, samples: str) -> float:
    """Train a recipe's stages, each into a folder of its name, unless it is there; seconds of a core that it took."""
    from causeway.training import step

    before, took_s = None, 0.0
    for stage in taught(recipe):
        changes = {"steps": steps_of(recipe)[stage.name], "seed": seed, "gate_samples": 0}
        config = replace(config_of(recipe, stage), **changes)
        inputs: dict[str, Any] = {"samples": samples, "policy": before}
        function = step.train_recipe
        if recipe.name == "alpamayo":
            function = getattr(step, f"train_{stage.name}")
            inputs = {key: value for key, value in inputs.items() if value}
        with _counted(folder / f"{stage.name}.seconds"):
            before = run(function, inputs, out=str(folder / stage.name), config=config).location
        took_s += float((folder / f"{stage.name}.seconds").read_text())
    return took_s


@contextmanager
def _counted(file: Path) -> Iterator[None]:
    """Adds the seconds of a core that the work took to a file, also where it is stopped in between."""
    began = time.process_time()
    try:
        yield
    finally:
        file.parent.mkdir(parents=True, exist_ok=True)
        before = float(file.read_text()) if file.is_file() else 0.0
        file.write_text(str(before + time.process_time() - began))


def measured(recipe: Recipe, folder: Path, samples_at: str) -> dict[str, Any]:
    """What a recipe's answers to held-out samples are worth, a value a sample, and what they and the training cost."""
    from causeway.evaluation.answers import AskConfig, ask
    from causeway.evaluation.open_loop import metrics
    from causeway.evaluation.selection import pick
    from causeway.evaluation.words.reasoning import judge
    from causeway.model import Policy

    policy = Policy.load(folder / taught(recipe)[-1].name)
    held, _ = pick(Artifact.open(samples_at), "test", HELD, labelled=True)
    kept = list(held)
    recorded = np.stack([sample.trajectory_rig for sample in kept]).astype(np.float64)
    answers = ask(policy, kept, AskConfig(n=6))
    found = metrics(answers.trajectory_rig, recorded)
    values = {name: found[name] for name in ("ade", "min_ade_6", "comfort")}
    values["path_right"] = _same_actions(answers.trajectory_rig[:, 0], recorded, kept)
    if recipe.design.speaks:
        greedy = ask(policy, kept, AskConfig(), temperature=0.0)
        judged = [judge(sample, greedy, index) for index, sample in enumerate(kept)]
        for name in ("decision_accuracy", "consistency"):
            values[name] = np.array([row.get(name, np.nan) for row in judged])
    learned, held_b = _training(recipe, folder, samples_at)
    return {
        "clips": [sample.clip_id for sample in kept],
        "values": {name: np.round(column, 6).tolist() for name, column in values.items()},
        "costs": {
            "answer_ms": _answer_ms(policy, kept[:TIMED]),
            "parameters": policy.parameter_count(),
            "trained": learned,
            "training_mb": held_b / 1e6,
        },
    }


def _training(recipe: Recipe, folder: Path, samples: str) -> tuple[int, int]:
    """(parameters that learn, bytes held beside the weights) in the last stage, as its step sets it up."""
    from causeway.training.step import _course

    *earlier, last = taught(recipe)
    before = Artifact.open(folder / earlier[-1].name) if earlier else None
    config = replace(config_of(recipe, last), limit=8)
    course = _course(last.name, Artifact.open(samples), before, config, folder, "")
    learning = {id(p): p.numel() for part in course.trains for p in course.policy.trained_parameters(part)}
    some = list(course.samples)
    held = held_bytes(course.policy, course.trains, lambda: course.loss(some, torch.Generator().manual_seed(0)))
    return sum(learning.values()), sum(held)


def _same_actions(paths: np.ndarray, recorded: np.ndarray, samples: Sequence[Any]) -> np.ndarray:
    """Whether a path first does what the recorded one does, along and across: decisions of policies without words."""
    from causeway.reasoning.mapping import actions_of_trajectory, deciding_action

    speed_mps = np.array([sample.observation.speed_mps for sample in samples])
    first = []
    for given in (paths, recorded):
        channels = actions_of_trajectory(given, speed_mps)
        first.append([tuple(deciding_action(c[i].tolist()) for c in channels) for i in range(len(samples))])
    return np.array([ours == theirs for ours, theirs in zip(*first, strict=True)], dtype=float)


def _answer_ms(policy: Any, samples: Sequence[Any]) -> float:
    """Median milliseconds of a core (not of a clock: others may be at work) for one answer with one path."""
    found = []
    for sample in samples:
        began = time.process_time()
        policy.predict([sample], n=1)
        found.append(1e3 * (time.process_time() - began))
    return statistics.median(found)


def show(folder: Path) -> None:
    """The table over all seeds that were measured: means, 95 % intervals over clips, and how far seeds lie apart."""
    print("| recipe | seeds | " + " | ".join([*MEASURES, *COSTS]) + " |")
    print("|---" * (2 + len(MEASURES) + len(COSTS)) + "|")
    for name in RECIPES:
        files = sorted(folder.glob(f"seed-*/families/{name}/measured.json"))
        seeds = [json.loads(file.read_text()) for file in files]
        if seeds:
            cells = [_cell(seeds, key) for key in MEASURES.values()]
            cells += [f"{statistics.mean(seed['costs'][key] for seed in seeds):,.0f}" for key in COSTS.values()]
            print(f"| {name} | {len(seeds)} | " + " | ".join(cells) + " |")


def _cell(seeds: Sequence[Mapping[str, Any]], key: str) -> str:
    """A mean over seeds with its interval over clips and the least and most of the seeds; "–" where it has no sense."""
    from causeway.evaluation.statistics import mean

    columns = [np.array(seed["values"][key], dtype=float) for seed in seeds if key in seed["values"]]
    if not columns:
        return "–"
    found = mean(np.mean(columns, axis=0), seeds[0]["clips"])
    each = [float(np.nanmean(column)) for column in columns]
    apart = f"; seeds {min(each):.2f} … {max(each):.2f}" if len(each) > 1 else ""
    return f"{found.value:.2f} ({found.low:.2f} … {found.high:.2f}{apart})"


def main() -> None:
    """Train and measure every recipe of one seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=("families",), default="families")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out/results"))
    parser.add_argument("--turns", type=int, default=TURNS, help="drives of each scenario")
    parser.add_argument("--samples", default="", help="others; recipes that they lack something for are left out")
    parser.add_argument("--minutes", type=float, default=38.0, help="after so long a stage saves and exits 75")
    parser.add_argument("--recipe", choices=RECIPES, nargs="*", help="only these")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_TRY_AGAIN))  # outside training nothing has to be saved first
    clock = threading.Timer(60 * asked.minutes, os.kill, (os.getpid(), signal.SIGTERM))
    clock.daemon = True
    clock.start()
    try:
        samples = asked.samples or make_samples(asked.out / "data-families", asked.turns, WORLD, CUT).location
        for name in (one for one in asked.recipe or RECIPES if not lacking(RECIPES[one], samples)):
            folder = asked.out / f"seed-{asked.seed}" / "families" / name
            if not (folder / "measured.json").is_file():
                took_s = trained(RECIPES[name], folder, asked.seed, samples)
                found = measured(RECIPES[name], folder, samples)
                found["costs"]["trained_s"] = took_s
                (folder / "measured.json").write_text(json.dumps(found))
                print(f"{name}: {took_s:.0f} s of a core", file=sys.stderr, flush=True)
    except CausewayError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    show(asked.out)


if __name__ == "__main__":
    main()
