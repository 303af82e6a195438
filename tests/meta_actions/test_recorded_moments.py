"""Moments of a recorded drive, against what its pictures show."""

from pathlib import Path

from causeway.artifacts import Artifact, run
from causeway.clips.ingest import IngestConfig, ingest
from causeway.meta_actions.moments import MomentConfig, find_moments
from causeway.meta_actions.step import extract_meta_actions

MAPPING = Path(__file__).parents[2] / "examples" / "tables" / "nuscenes_0061.yaml"


def test_the_left_turn_of_a_recorded_scene_is_a_moment(test_drives, tmp_path, monkeypatch):
    """The car leaves its lane's middle while it turns off: the turn counts, not the drift across the lane alone."""
    monkeypatch.setenv("CAUSEWAY_TEST_DRIVES", str(test_drives))
    clips, meta, out = (str(tmp_path / name) for name in ("clips", "meta", "moments"))
    run(ingest, {"drives": str(MAPPING)}, out=clips, config=IngestConfig())
    run(extract_meta_actions, {"clips": clips}, out=meta)
    run(find_moments, {"meta": meta, "clips": clips}, out=out, config=MomentConfig())
    rows = Artifact.open(out).table("moments").to_pylist()
    assert [(row["t0_us"], row["scenario"]) for row in rows] == [(5_200_000, "turn_left")]
