"""The clips behind samples: found for a replay while they are there, and not those of the built-in world."""

import shutil

import pytest

from causeway.artifacts import Artifact, Writer, run, step
from causeway.platform.lineage import WORLD, recorded_clips


@step(kind="clips")
def road_clips(*, out: Writer) -> None:
    out.source("a road", "none")


@step(kind="clips")
def world_clips(*, out: Writer) -> None:
    out.source(WORLD, "none")


@step(kind="samples")
def cut(clips: Artifact, *, out: Writer) -> None:
    out.count(read=0, kept=0)


@pytest.mark.parametrize(("made", "found"), [(road_clips, True), (world_clips, False)])
def test_clips_are_found_through_the_samples(tmp_path, made, found):
    root = str(tmp_path / "artifacts")
    clips = run(made, {}, root=root)
    samples = run(cut, {"clips": clips.location}, root=root)
    assert recorded_clips(samples.location, root) == (clips.location if found else None)
    shutil.rmtree(clips.location)
    assert recorded_clips(samples.location, root) is None
