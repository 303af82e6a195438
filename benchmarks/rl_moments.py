"""Held-out moments without labels: a grid of t0 over every drive that no policy was trained on.

Knows which drives are held out and how their moments are spaced. Does not know policies or metrics. Paths against
recorded agents can be judged at any moment, and need more of them than there are labels.
"""

from dataclasses import dataclass
from pathlib import Path

from causeway.artifacts import Artifact, Writer, run, step
from causeway.clips.access import clips_of
from causeway.training.samples import SamplesConfig, build_samples


@dataclass(frozen=True)
class GridConfig:
    """Which t0 of a drive; the last has its whole future inside the drive's 20 s."""

    first_s: float = 2.0
    every_s: float = 1.6
    each: int = 8


@step(kind="labels")
def grid_of_moments(labels: Artifact, clips: Artifact, *, out: Writer, config: GridConfig) -> None:
    """Labels in review, hence samples without reasoning, at a grid of t0 of the drives of splits val and test."""
    table = labels.table("labels", ["clip_id", "split"]).to_pylist()
    split_of = {row["clip_id"]: row["split"] for row in table if row["split"] in ("val", "test")}
    start_us = {clip_id: clip.start_us for clip_id, clip in clips_of(clips).items()}
    rows = [
        _row(clip_id, split, start_us[clip_id] + round(1e6 * (config.first_s + number * config.every_s)))
        for clip_id, split in sorted(split_of.items())
        for number in range(config.each)
    ]
    out.table("labels", rows)
    out.count(moments=len(rows), clips=len(split_of))


def _row(clip_id: str, split: str, t0_us: int) -> dict[str, object]:
    return {
        "moment_id": f"{clip_id}@{t0_us}", "clip_id": clip_id, "t0_us": t0_us, "split": split, "status": "review",
        "longitudinal_decision": "none", "lateral_decision": "none", "components": [], "trace": "", "teacher": "none",
        "reasons": ["held_out"], "scenario": clip_id.rsplit("-", 2)[0],
    }  # fmt: skip


def make_held_out(labels: Path, clips: Path, folder: Path, route_points: int) -> str:
    """Where the samples of the grid are, made now unless they are there."""
    grid = run(grid_of_moments, {"labels": str(labels), "clips": str(clips)}, out=str(folder / "grid"),
               config=GridConfig())  # fmt: skip
    config = SamplesConfig(route_points=route_points)
    inputs = {"labels": grid.location, "clips": str(clips)}
    return run(build_samples, inputs, out=str(folder / "held-out"), config=config).location


if __name__ == "__main__":
    import sys

    from results_data import ROUTE_POINTS

    print(make_held_out(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), ROUTE_POINTS))
