"""Drives of own rigs found by a pattern or by name."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from causeway.artifacts import Artifact, run
from causeway.clips.ingest import IngestConfig, ingest
from causeway.clips.readers.tables import reader as tables
from causeway.errors import UnusableInput
from tests.clips.own_tables import POSES, put


def test_drives_by_a_pattern_and_one_said_more_of(rig, tmp_path):
    root, mapping = rig
    for name in ("mon/a_ego", "mon/b_ego", "tue/c_ego"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / f"{name}.parquet").write_bytes((root / "ego.parquet").read_bytes())
    ego = mapping["ego"] | {"file": "{day}/{drive}_ego.parquet"}
    drives = [
        {"id": "b", "values": {"day": "mon"}, "until": 1.0, "place": "here"},
        {"glob": "{day}/{drive}_ego.parquet"},
    ]
    found = [r.open() for r in tables.recordings(put(root, mapping | {"ego": ego, "drives": drives}))]
    assert [(d.drive_id, d.place, len(d.ego.t_us)) for d in found] == [
        ("b", "here", 11),
        ("a", "", POSES),
        ("c", "", POSES),
    ]
    found = [r.open() for r in tables.recordings(put(root, mapping | {"ego": ego, "drives": drives[::-1]}))]
    assert [(d.drive_id, len(d.ego.t_us)) for d in found] == [("a", POSES), ("c", POSES), ("b", 11)]
    with pytest.raises(UnusableInput, match="finds nothing"):
        tables.recordings(put(root, mapping | {"drives": [{"glob": "{drive}.none"}]}))


def test_a_drive_whose_name_is_no_id_is_read_all_the_same(rig):
    root, mapping = rig
    (root / "my drive (2)").mkdir()
    (root / "my drive (2)" / "ego.parquet").write_bytes((root / "ego.parquet").read_bytes())
    ego = mapping["ego"] | {"file": "{drive}/ego.parquet"}
    (recording,) = tables.recordings(put(root, mapping | {"ego": ego, "drives": [{"glob": "{drive}/ego.parquet"}]}))
    assert recording.drive_id == "my_drive_2_"
    assert len(recording.open().ego.t_us) == POSES


def test_drives_of_one_name_in_two_folders_are_not_silently_one(rig, tmp_path):
    root, mapping = rig
    for day in ("mon", "tue"):
        (root / day).mkdir()
        (root / day / "a.parquet").write_bytes((root / "ego.parquet").read_bytes())
    ego = mapping["ego"] | {"file": "{day}/{drive}.parquet"}
    path = put(root, mapping | {"ego": ego, "drives": [{"glob": "{day}/{drive}.parquet"}]})
    clips = Artifact(run(ingest, {"drives": str(path)}, out=str(tmp_path / "c"), config=IngestConfig()))
    (row,) = clips.table("quarantine").to_pylist()
    assert (row["source"], "a second drive of this name" in row["detail"]) == ("a", True)


def test_many_drives_in_one_table_and_one_that_lacks_its_file(rig, tmp_path):
    root, mapping = rig
    table = pq.read_table(root / "ego.parquet")
    both = pa.concat_tables([table.append_column("run", pa.array([name] * POSES)) for name in ("r1", "r2")])
    pq.write_table(both, root / "all.parquet")
    ego = mapping["ego"] | {"file": "all.parquet", "rows": {"run": ["{drive}", "x"]}}
    found = [
        r.open() for r in tables.recordings(put(root, mapping | {"ego": ego, "drives": [{"id": "r1"}, {"id": "r2"}]}))
    ]
    assert [len(d.ego.t_us) for d in found] == [POSES, POSES]
    ego = mapping["ego"] | {"file": "{drive}.parquet"}
    path = put(root, mapping | {"ego": ego, "drives": [{"id": "ego"}, {"id": "gone"}]})
    clips = Artifact(run(ingest, {"drives": str(path)}, out=str(tmp_path / "c"), config=IngestConfig()))
    (row,) = clips.table("quarantine").to_pylist()
    assert (row["source"], row["reason"]) == ("gone", "drive_unusable")
    assert "gone.parquet: not there" in row["detail"]
