"""All recipes at `tiny` on the same drives of the built-in world, the same number of optimiser steps, one table a seed.

Resumable: a stage that is there is not trained again; out of time it saves, exits 75 and goes on when called again.
What such a bench can tell is whether a part learns at this size and what it costs; what it cannot is which family is
better: sizes, data and published weights, on which the papers' numbers stand, are not here.

    make results PART=families SEED=0
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from results_data import TURNS, make_samples
from results_policy import Row, _mean, show

from causeway.artifacts import Artifact, run
from causeway.errors import EXIT_TRY_AGAIN, CausewayError
from causeway.training.config import ActionConfig, CocConfig, RecipeConfig, TrainConfig, VlmConfig
from causeway.training.recipes import RECIPES, Recipe

STEPS = {"seeing": 600, "acting": 3600}  # of every recipe, shared among the stages of each kind
ALPAMAYO: dict[str, tuple[type[TrainConfig], float]] = {
    "vlm": (VlmConfig, 1e-3),
    "action": (ActionConfig, 1e-3),
    "coc": (CocConfig, 4e-4),
}


def stages_of(recipe: Recipe) -> dict[str, int]:
    """Optimiser steps of each stage: of those that see (questions) and of those that act an equal share each."""
    taught = [stage for stage in recipe.stages if stage.loss != "rewards"]
    seeing = [stage.name for stage in taught if stage.loss == "questions"]
    each = {True: STEPS["seeing"] // max(len(seeing), 1), False: STEPS["acting"] // (len(taught) - len(seeing))}
    return {stage.name: each[stage.name in seeing] for stage in taught}


def trained(recipe: Recipe, folder: Path, seed: int, samples: str) -> str:
    """The location of a recipe's policy after its last stage, trained now unless it is there."""
    from causeway.training import step

    before = None
    for name, steps in stages_of(recipe).items():
        place = str(folder / f"seed-{seed}" / "families" / recipe.name / name)
        inputs: dict[str, Any] = {"samples": samples, "policy": before}
        config: TrainConfig
        if recipe.name == "alpamayo":
            kind, lr = ALPAMAYO[name]
            function, config = getattr(step, f"train_{name}"), kind(steps=steps, seed=seed, lr=lr, expert_lr=lr)
            inputs = {key: value for key, value in inputs.items() if value}
        else:
            function = step.train_recipe
            config = RecipeConfig(**recipe.settings(name, {"steps": steps, "seed": seed}))
        before = run(function, inputs, out=place, config=config).location
    assert before is not None
    return before


def measured(recipe: Recipe, policy_at: str, samples_at: str, limit: int) -> list[Row]:
    """The rows of one recipe."""
    from causeway.evaluation.answers import AskConfig, ask
    from causeway.evaluation.open_loop_suite import open_loop
    from causeway.evaluation.selection import pick
    from causeway.model import Policy

    policy = Policy.load(policy_at)
    held, _ = pick(Artifact.open(samples_at), "test", limit, labelled=False)
    began = time.perf_counter()
    found = open_loop(policy, held, AskConfig(n=6))
    took_ms = 1e3 * (time.perf_counter() - began) / len(held)
    rows = [
        _mean(f"{recipe.name}: {name}", found.values[key], found.clusters)
        for name, key in (("ADE (m)", "ade"), ("minADE_6 (m)", "min_ade_6"))
    ]
    if recipe.design.speaks:
        labelled = [sample for sample in held if sample.reasoning]
        said = ask(policy, labelled, AskConfig(), temperature=0.0).decision
        right = [answer[0] == sample.decision for answer, sample in zip(said, labelled, strict=True)]
        clips = [sample.clip_id for sample in labelled]
        rows.append(_mean(f"{recipe.name}: both decisions right", np.array(right, dtype=float), clips))
    learned = sum(p.numel() for part in recipe.stages[-1].trains for p in policy.trained_parameters(part))
    rows.append(Row(f"{recipe.name}: ms for six paths", took_ms, None, None, len(held), None, "", "", None))
    rows.append(Row(f"{recipe.name}: parameters trained last", learned, None, None, 1, policy.parameter_count(),
                    "of all", "", None))  # fmt: skip
    return rows


def main() -> None:
    """Train and measure every recipe of one seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=("families",), default="families")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out/results"))
    parser.add_argument("--turns", type=int, default=TURNS, help="drives of each scenario")
    parser.add_argument("--minutes", type=float, default=38.0, help="after so long a stage saves and exits 75")
    parser.add_argument("--limit", type=int, default=0, help="held-out samples; 0 = all")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_TRY_AGAIN))  # outside training nothing has to be saved first
    clock = threading.Timer(60 * asked.minutes, os.kill, (os.getpid(), signal.SIGTERM))
    clock.daemon = True
    clock.start()
    samples = str(asked.out / "data" / "samples")
    try:
        make_samples(asked.out / "data", asked.turns)
        rows = []
        for recipe in RECIPES.values():
            rows += measured(recipe, trained(recipe, asked.out, asked.seed, samples), samples, asked.limit)
    except CausewayError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    show(rows)
    with (asked.out / "families.jsonl").open("a") as file:
        file.write(json.dumps({"seed": asked.seed, "rows": [asdict(row) for row in rows]}) + "\n")


if __name__ == "__main__":
    main()
