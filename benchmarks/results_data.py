"""Held-out world drives for reported results: made once, in steps that are looked up, then only samples remain.

Knows how many drives a result stands on and which steps lead to samples. Does not know training or metrics. A killed
run goes on at the drive it was at.

    .venv/bin/python benchmarks/results_data.py --out out/results/data --turns 80
"""

import argparse
import shutil
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rl_moments import make_held_out

from causeway.artifacts import Artifact
from causeway.errors import CausewayError
from causeway.platform.steps import run_named

TURNS = 80  # drives of each of the sixteen scenarios
ROUTE_POINTS = 16  # of the way ahead, one each 4 m: which way to turn is the navigation's to say, no picture shows it
FIRST_SEED = 40_000  # of the first drive of each scenario: no other measurement of this repository uses these
LEARN = (75, 50_000)  # turns and first seed of the drives that stage four alone learns from
HELD_OUT = (105, 60_000)  # of those that nothing learns from


def make_samples(
    folder: Path, turns: int = TURNS, world: Mapping[str, Any] | None = None, cut: Mapping[str, Any] | None = None
) -> Artifact:
    """The samples of `turns` drives of every scenario; drives and clips are removed once the samples stand.

    world, cut: more settings of the drives and of the samples.
    """
    samples = folder / "samples"
    if not (samples / "manifest.json").is_file():
        _label(folder, turns, {"seed": FIRST_SEED, **(world or {})}, {"route_points": ROUTE_POINTS, **(cut or {})})
    if (folder / "clips").is_dir() and not (folder / "held-out" / "manifest.json").is_file():
        make_held_out(folder / "passed", folder / "clips", folder, ROUTE_POINTS)
    _forget_drives(folder)
    return Artifact.open(samples)


def unseen_at(folder: Path, turns: int, seed: int) -> Path:
    """Where the samples of drives are that no stage before the fourth has seen; named after what makes them."""
    return folder / f"unseen-{seed}-{turns}" / "samples"


def make_unseen(folder: Path, turns: int, seed: int) -> Artifact:
    """The samples of `turns` more drives of every scenario, made now unless they are there."""
    samples = unseen_at(folder, turns, seed)
    if not (samples / "manifest.json").is_file():
        _label(samples.parent, turns, {"seed": seed}, {"route_points": ROUTE_POINTS})
    _forget_drives(samples.parent)
    return Artifact.open(samples)


def _label(folder: Path, turns: int, world: Mapping[str, Any], cut: Mapping[str, Any]) -> None:
    """Drives, clips, meta actions, moments, evidence, labels and samples, each into its folder."""
    from causeway.simulation.scenarios import SCENARIOS

    at = {name: str(folder / name) for name in ("drives", "clips", "meta", "moments", "evidence", "labels", "passed")}
    run_named("make_world", {}, {"scenes": turns * len(SCENARIOS), **world}, out=at["drives"])
    run_named("ingest", {"drives": at["drives"]}, {"layout": "physicalai-av"}, out=at["clips"])
    run_named("extract_meta_actions", {"clips": at["clips"]}, {}, out=at["meta"])
    run_named("find_moments", {"meta": at["meta"], "clips": at["clips"]}, {}, out=at["moments"])
    run_named("build_features", {"moments": at["moments"], "clips": at["clips"]}, {}, out=at["evidence"])
    run_named("label_moments", {"evidence": at["evidence"], "clips": at["clips"]}, {}, out=at["labels"])
    run_named("validate_labels", {"labels": at["labels"]}, {}, out=at["passed"])
    run_named("build_samples", {"labels": at["passed"], "clips": at["clips"]}, cut, out=str(folder / "samples"))


def _forget_drives(folder: Path) -> None:
    for name in ("drives", "clips"):  # gigabytes, and every number of a result comes from the samples
        shutil.rmtree(folder / name, ignore_errors=True)


def main() -> None:
    """Make the samples and say how many there are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("out/results/data"))
    parser.add_argument("--turns", type=int, default=TURNS)
    asked = parser.parse_args()
    try:
        index = make_samples(asked.out, asked.turns).table("samples").to_pylist()
    except CausewayError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    for name, rows in (("all", index), ("with reasoning", [row for row in index if row["has_reasoning"]])):
        print(f"{name}: {len(rows)} {dict(Counter(row['split'] for row in rows))}")


if __name__ == "__main__":
    main()
