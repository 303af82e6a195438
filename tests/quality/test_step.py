import io
import json

import numpy as np
import pytest
from PIL import Image

from causeway.artifacts import Artifact, run, write_artifact
from causeway.errors import Refused
from causeway.quality.step import (
    QualityConfig,
    ValidateConfig,
    validate_artifact,
    validate_clips,
    validate_labels,
)

TICKS = 30
POSE = np.array([[0, 0, 1, 1.5], [-1, 0, 0, 0], [0, -1, 0, 1.4], [0, 0, 0, 1.0]]).ravel().tolist()


def clip_rows(clip_id, speed, rng, told=None):
    """Tables of one clip that drives straight on; `told` is the speed it claims."""
    end_us = (TICKS - 1) * 100_000
    clip = {"clip_id": clip_id, "drive_id": clip_id, "start_us": 0, "end_us": end_us, "ticks": TICKS, "place": ""}
    clip |= {f"origin_{k}": 0.0 for k in ("x_m", "y_m", "z_m", "yaw_rad", "qx", "qy", "qz")} | {"origin_qw": 1.0}
    still = {"y_m": 0.0, "z_m": 0.0, "qw": 1.0, "qx": 0.0, "qy": 0.0, "qz": 0.0, "accel_mps2": 0.0}
    still |= {"yaw_rate_radps": 0.0, "curvature_per_m": 0.0, "speed_source": "measured", "clip_id": clip_id}
    still |= {"speed_mps": speed if told is None else told}
    ego = [{**still, "t_us": t * 100_000, "observed_us": t * 100_000, "x_m": t * speed / 10} for t in range(TICKS)]
    frames = [
        {"clip_id": clip_id, "camera": "f", "t_us": t * 500_000, "image": jpeg(rng), "width": 96, "height": 64}
        for t in range(4)
    ]
    rig = {"clip_id": clip_id, "camera": "f", "model": "pinhole", "fx": 90.0, "fy": 90.0, "cx": 48.0, "cy": 32.0}
    return {"clips": [clip], "ego": ego, "frames": frames, "rigs": [{**rig, "rig_from_camera": POSE}]}


def jpeg(rng):
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (64, 96, 3), dtype=np.uint8)).save(buffer, "JPEG")
    return buffer.getvalue()


def clips_of(parts, out):
    tables = {name: [row for part in parts for row in part[name]] for name in parts[0]}
    write_artifact("clips", tables, out)
    return str(out)


def test_a_clip_that_contradicts_itself_is_dropped_with_its_reason(tmp_path, rng):
    parts = [clip_rows("a", 8.0, rng), clip_rows("b", 9.0, rng), clip_rows("bad", 10.0, rng, told=36.0)]
    clips = clips_of(parts, tmp_path / "clips")
    manifest = run(validate_clips, {"clips": clips}, out=str(tmp_path / "v"), config=QualityConfig())
    kept = Artifact(manifest)
    assert kept.table("clips").column("clip_id").to_pylist() == ["a", "b"]
    assert set(kept.table("frames").column("clip_id").to_pylist()) == {"a", "b"}
    (row,) = kept.table("quarantine").to_pylist()
    assert (row["where"], row["detail"]) == ("bad", "speed_agrees_with_path")
    assert manifest.counts["read"] == manifest.counts["kept"] + 1
    report = json.loads(kept.path("quality.json").read_text())
    assert report["passed"]
    assert "speed_agrees_with_path" in kept.path("quality.html").read_text()


def test_repeated_motion_and_unreadable_pictures_are_dropped(tmp_path, rng):
    parts = [clip_rows("a", 8.0, rng), clip_rows("again", 8.0, rng), clip_rows("b", 9.0, rng)]
    parts[2]["frames"][1]["image"] = b"no picture"
    clips = clips_of(parts, tmp_path / "clips")
    kept = Artifact(run(validate_clips, {"clips": clips}, out=str(tmp_path / "v"), config=QualityConfig()))
    assert kept.table("clips").column("clip_id").to_pylist() == ["a", "b"]
    details = {r["where"]: r["detail"] for r in kept.table("quarantine").to_pylist()}
    assert details == {"again": "seen_once", "b f 500000": "decodable"}
    assert kept.manifest.counts["frames"] == 7


def test_too_little_left_is_refused_with_numbers(tmp_path, rng):
    parts = [clip_rows("a", 8.0, rng), clip_rows("b", 9.0, rng, told=30.0), clip_rows("c", 7.0, rng, told=30.0)]
    clips = clips_of(parts, tmp_path / "clips")
    with pytest.raises(Refused, match=r"2 of 3 clips would be dropped .* speed_agrees_with_path"):
        run(validate_clips, {"clips": clips}, out=str(tmp_path / "v"), config=QualityConfig())
    assert not (tmp_path / "v").exists()


def label(**changes):
    row = {"moment_id": "m", "clip_id": "a", "t0_us": 100, "status": "review", "consistent": "yes", "teacher": "rules"}
    row |= {"longitudinal_decision": "none", "lateral_decision": "none", "trace": "", "critic_score": 1.0}
    return row | {"components": [], "reasons": []} | changes


def test_labels_pass_as_they_are_or_are_refused(tmp_path):
    write_artifact("labels", {"labels": [label()]}, tmp_path / "good")
    inputs = {"labels": str(tmp_path / "good")}
    kept = Artifact(run(validate_labels, inputs, out=str(tmp_path / "v"), config=ValidateConfig()))
    assert kept.table("labels").to_pylist() == Artifact.open(tmp_path / "good").table("labels").to_pylist()
    late = {"category": "critical_object", "observed_from_us": 0, "observed_to_us": 200, "rank": 1}
    write_artifact("labels", {"labels": [label(components=[late])]}, tmp_path / "late")
    with pytest.raises(Refused, match="nothing_from_the_future: 1 of 1"):
        run(validate_labels, {"labels": str(tmp_path / "late")}, out=str(tmp_path / "w"), config=ValidateConfig())


def test_the_report_on_a_refused_artifact_is_written(tmp_path):
    write_artifact("labels", {"labels": [label(status="perhaps")]}, tmp_path / "labels")
    inputs = {"artifact": str(tmp_path / "labels")}
    found = Artifact(run(validate_artifact, inputs, out=str(tmp_path / "q"), config=ValidateConfig()))
    report = json.loads(found.path("quality.json").read_text())
    assert not report["passed"]
    failed = [c["expectation"]["name"] for c in report["checks"] if not c["passed"]]
    assert failed == ["status_known"]
