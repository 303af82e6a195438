"""Reading a clips artifact drive by drive: the same rows as reading it whole, and no more than a drive at a time."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from causeway.artifacts import Artifact, write_artifact
from causeway.clips import each_drive, each_drive_tables, ego_by_drive
from causeway.clips.row_groups import clip_rows, rows_of_each
from causeway.errors import UnusableInput

TICK_US = 100_000
DRIVES = {"b": ["b-000", "b-001"], "a": ["a-000"], "a-000": ["z"], "c": ["early", "b-0005"]}


def clips_at(folder):
    clips, ego, frames = [], [], []
    for d, (drive_id, clip_ids) in enumerate(DRIVES.items()):
        for n, clip_id in enumerate(clip_ids):
            start = n * 5 * TICK_US
            row = {"clip_id": clip_id, "drive_id": drive_id, "place": "", "start_us": start, "ticks": 5}
            row |= {f"origin_{k}": 0.0 for k in ("y_m", "z_m", "yaw_rad", "qx", "qy", "qz")}
            clips.append(row | {"end_us": start + 4 * TICK_US, "origin_x_m": 100.0 * n, "origin_qw": 1.0})
            for i in range(5):
                tick = {
                    "clip_id": clip_id,
                    "t_us": start + i * TICK_US,
                    "x_m": float(i),
                    "speed_mps": float(d),
                    "qw": 1.0,
                }
                still = ("y_m", "z_m", "qx", "qy", "qz", "accel_mps2", "yaw_rate_radps", "curvature_per_m")
                ego.append(tick | dict.fromkeys(still, 0.0) | {"observed_us": tick["t_us"]})
            frames.append({"clip_id": clip_id, "camera": "front", "t_us": start, "image": b"picture"})
    write_artifact("clips", {"clips": clips, "ego": ego, "frames": frames}, folder)
    return Artifact.open(folder)


def regrouped(clips, rows_a_group):
    """The same artifact with row groups of another size."""
    path = clips.path("ego.parquet")
    pq.write_table(pq.read_table(path), path, row_group_size=rows_a_group)
    return clips


@pytest.mark.parametrize("rows_a_group", [1, 3, 7, 1000])
def test_each_drive_in_order_with_its_clips_chained(tmp_path, rows_a_group):
    clips = regrouped(clips_at(tmp_path / "clips"), rows_a_group)
    found = list(each_drive(clips))
    assert [drive_id for drive_id, _ in found] == ["a", "a-000", "b", "c"]
    ego = dict(found)["c"]
    assert ego.clip_id.tolist() == ["early"] * 5 + ["b-0005"] * 5
    assert ego.t_us.tolist() == (np.arange(10) * TICK_US).tolist()
    assert ego.x_m.tolist() == [0, 1, 2, 3, 4, 100, 101, 102, 103, 104]
    assert set(ego.speed_mps) == {3.0}


def test_only_the_drives_named(tmp_path):
    clips = clips_at(tmp_path / "clips")
    assert [drive_id for drive_id, _ in each_drive(clips, {"c", "a", "none"})] == ["a", "c"]
    assert list(each_drive(clips, ())) == []


def test_all_at_once_is_the_same(tmp_path):
    clips = clips_at(tmp_path / "clips")
    for drive_id, ego in ego_by_drive(clips).items():
        (_, alone), *none = each_drive(clips, [drive_id])
        assert not none
        assert all((getattr(ego, name) == getattr(alone, name)).all() for name in ego.__dataclass_fields__)


def test_tables_of_a_drive_hold_its_rows_and_the_columns_asked_for(tmp_path):
    clips = clips_at(tmp_path / "clips")
    wanted = {"frames": ["t_us"], "lanes": None}
    found = {drive_id: (parts, tables) for drive_id, parts, tables in each_drive_tables(clips, wanted)}
    parts, tables = found["b"]
    assert [clip.clip_id for clip in parts] == ["b-000", "b-001"]
    assert tables["frames"].to_pylist() == [{"clip_id": "b-000", "t_us": 0}, {"clip_id": "b-001", "t_us": 500_000}]
    assert tables["lanes"].num_rows == 0
    assert "successors" in tables["lanes"].column_names
    assert rows_of_each(tables["frames"])["b-001"].column("t_us").to_pylist() == [500_000]


def test_row_groups_of_other_clips_are_not_decoded(tmp_path, monkeypatch):
    path = tmp_path / "rows.parquet"
    ids = [f"clip-{i:03d}" for i in range(50) for _ in range(4)]
    pq.write_table(pa.table({"clip_id": ids, "n": range(200)}), path, row_group_size=4)
    decoded, really = [], pq.ParquetFile.read_row_group

    def spy(file, number, columns=None):
        decoded.append(number)
        return really(file, number, columns=columns)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", spy)
    read = clip_rows(path, ["n"])
    assert read(["clip-007"]).column("n").to_pylist() == [28, 29, 30, 31]
    assert read(["clip-007", "clip-008"]).num_rows == 8
    assert decoded == [7, 8]  # the group read last is still there
    assert read(["no such clip"]).num_rows == 0
    assert decoded == [7, 8]


def test_no_bit_that_flipped_in_a_page_becomes_a_number(tmp_path):
    path = clips_at(tmp_path / "clips").path("ego.parquet")
    whole, ids = path.read_bytes(), ["a-000", "b-000", "b-001"]
    kept = clip_rows(path)(ids)
    assert kept.num_rows > 0
    end = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")  # there the footer begins
    refused = 0
    for place in range(4, end, 13):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        try:
            assert clip_rows(path)(ids).equals(kept)
        except UnusableInput:
            refused += 1
    assert refused > end // 30


def test_a_table_without_clip_ids_is_said(tmp_path):
    pq.write_table(pa.table({"clip": ["a"]}), tmp_path / "rows.parquet")
    with pytest.raises(UnusableInput, match=r"rows\.parquet: not a readable Parquet file"):
        clip_rows(tmp_path / "rows.parquet")


def test_a_damaged_file_is_said(tmp_path):
    clips = clips_at(tmp_path / "clips")
    clips.path("ego.parquet").write_bytes(b"PAR1 nonsense")
    with pytest.raises(UnusableInput, match=r"ego\.parquet: not a readable Parquet file"):
        list(each_drive(clips))
