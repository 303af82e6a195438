"""Rerun recordings, read back with the SDK's own loader."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from causeway.artifacts import write_artifact
from causeway.errors import UnusableInput
from causeway.platform.show import Wish, show
from tests.platform.shown import write_clips

rerun = pytest.importorskip("rerun")


def _chunks(path: Path) -> dict[str, list]:
    found: dict[str, list] = {}
    for chunk in rerun.recording.load_recording(path).chunks():
        found.setdefault(chunk.entity_path, []).append(chunk.to_record_batch())
    return found


def _column(batches: list, ends: str) -> list:
    names = [n for n in batches[0].schema.names if n.endswith(ends)]
    return [value for batch in batches for value in batch.column(names[0]).to_pylist()]


def _times(batches: list) -> np.ndarray:
    columns = [batch.column("time") for batch in batches]
    return np.sort(np.concatenate([column.cast(pa.int64()).to_numpy() for column in columns]))


@pytest.mark.parametrize("start_us", [0, 1_700_000_000_000_000])
def test_a_recording_of_a_clip_holds_everything_at_its_time(tmp_path, start_us):
    clips = write_clips(tmp_path / "clips", start_us)
    file = tmp_path / "bend.rrd"
    show(clips.location, Wish(rerun=str(file), clip_ids=("bend-001",)))
    found = _chunks(file)
    ticks = start_us + np.arange(100, 200) * 100_000
    assert {
        "/world/ego/body", "/world/path", "/world/map/centres", "/world/map/stop_lines", "/world/map/crosswalks",
        "/meta_actions/longitudinal", "/meta_actions/lateral", "/world/ego/front",
    } <= set(found)  # fmt: skip
    for entity in ("/world/ego", "/world/tracks", "/numbers/speed_mps", "/numbers/curvature_per_m"):
        np.testing.assert_array_equal(_times(found[entity]), ticks * 1000, err_msg=entity)
    assert np.concatenate(_column(found["/numbers/speed_mps"], "scalars")).tolist() == [10.0] * 100
    images = found["/world/ego/front/image"]
    np.testing.assert_array_equal(_times(images), (ticks[::5] + 20_000) * 1000)
    rows = [r for r in clips.table("frames").to_pylist() if r["clip_id"] == "bend-001"]
    assert bytes(_column(images, "blob")[0][0]) == rows[0]["image"]
    assert file.stat().st_size < sum(len(row["image"]) for row in rows) + 300_000
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bend.rrd", "clips"]


def _rollouts(folder: Path, rows: int) -> str:
    tick = {"driver": "policy", "scene": "curve", "seed": 3, "yaw_rad": 0.0, "speed_mps": 5.0, "accel_mps2": None}
    made = [
        {**tick, "tick": k, "t_us": k * 100_000, "x_m": 0.5 * k, "y_m": 0.0, "progress_m": 0.5 * k,
         "collision": "rear" if k > 5 else None, "off_road": False, "done": k == rows - 1}
        for k in range(rows)
    ]  # fmt: skip
    return write_artifact("rollouts", {"rollouts": made}, folder).location


def test_a_recording_of_rollouts_says_when_what_happened(tmp_path):
    show(_rollouts(tmp_path / "rollouts", 10), Wish(rerun=str(tmp_path / "r.rrd")))
    found = _chunks(tmp_path / "r.rrd")
    assert len(_times(found["/curve/3/policy/ego"])) == 10
    assert _times(found["/events/curve/3"]).tolist() == [600_000_000]
    assert _column(found["/events/curve/3"], "text") == [["policy: collision (rear)"]]
    assert "/numbers/curve/3/policy/accel_mps2" not in found


def test_no_rollouts_is_one_line_and_no_file(tmp_path):
    with pytest.raises(UnusableInput, match="holds no rollouts"):
        show(_rollouts(tmp_path / "rollouts", 0), Wish(rerun=str(tmp_path / "r.rrd")))
    assert not (tmp_path / "r.rrd").exists()
