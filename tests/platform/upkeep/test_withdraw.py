import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from causeway.errors import Refused, UnusableInput, UsageError
from causeway.platform import registry
from causeway.platform.news import Record, write_record
from causeway.platform.upkeep.collect import remove_artifact
from causeway.platform.upkeep.withdraw import withdraw
from tests.platform.upkeep.test_collect import put


def held(root: Path, kind: str, content_hash: str, columns: dict[str, list[str]], **inputs: Any) -> Path:
    """An artifact with one table."""
    folder = put(root, kind, content_hash, inputs)
    pq.write_table(pa.table(columns), folder / "table.parquet")
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Drive d1 and d2 → clips c12 → samples s12 → policies p1, p2 begun from p1; a union s2 without d1 → policy p3."""
    held(tmp_path, "clips", "c12", {"clip_id": ["d1-000", "d2-000"], "drive_id": ["d1", "d2"]})
    held(tmp_path, "samples", "s12", {"clip_id": ["d1-000", "d2-000"]}, clips="c12")
    held(tmp_path, "samples", "s2", {"clip_id": ["d2-000"]}, before="s12", samples="s12")
    held(tmp_path, "policy", "p1", {"where": ["-"]}, samples="s12")
    held(tmp_path, "policy", "p2", {"where": ["-"]}, samples="s2", policy="p1")
    held(tmp_path, "policy", "p3", {"where": ["-"]}, samples="s2")
    held(tmp_path, "report", "r1", {"cluster": ["d1-000"], "value": ["1"]}, policy="p3")
    held(tmp_path, "report", "r2", {"cluster": ["d2-000"], "value": ["1"]}, policy="p1")
    return tmp_path


GONE_OF_D1 = ["clips/c12", "policy/p1", "policy/p2", "report/r1", "samples/s12"]


def test_what_holds_the_drive_or_learned_from_it_goes_and_the_union_without_it_stays(root: Path):
    assert withdraw(str(root), "", ["d1"])["artifacts"] == GONE_OF_D1
    assert (root / "clips" / "c12").is_dir()  # a dry run
    assert withdraw(str(root), "", ["d1"], delete=True)["artifacts"] == GONE_OF_D1
    left = sorted(path.parent.relative_to(root).as_posix() for path in root.rglob("manifest.json"))
    assert left == ["policy/p3", "report/r2", "samples/s2"]
    assert sorted(path.stem for path in (root / "keys").rglob("*.json")) == ["p3", "r2", "s2"]


def test_a_name_that_nothing_holds_is_told(root: Path):
    with pytest.raises(UnusableInput, match="nothing holds drive d3"):
        withdraw(str(root), "", ["d1", "d3"], delete=True)
    with pytest.raises(UsageError, match="name the drives"):
        withdraw(str(root), "", [""])
    assert (root / "clips" / "c12").is_dir()


def test_a_drive_whose_name_begins_another_takes_nothing_of_the_other(root: Path):
    held(root, "drives", "v3", {"clip_id": ["d1-2"]})  # recordings call a drive a clip
    held(root, "clips", "c3", {"clip_id": ["d1-2-000", "d10-000"], "drive_id": ["d1-2", "d10"]})
    held(root, "samples", "s3", {"clip_id": ["d1-2-000", "d10-000"]}, clips="c3")
    assert withdraw(str(root), "", ["d1"])["artifacts"] == GONE_OF_D1
    assert withdraw(str(root), "", ["d1-2"])["artifacts"] == ["clips/c3", "drives/v3", "samples/s3"]
    assert withdraw(str(root), "", ["d10"])["artifacts"] == ["clips/c3", "samples/s3"]


@pytest.mark.parametrize("name", ["table", "clips", "d2-000", "d"])
def test_what_only_looks_like_a_drive_is_none(root: Path, name: str):
    held(root, "clips", "c2", {"clip_id": ["d-2-000"], "drive_id": ["d-2"]})
    with pytest.raises(UnusableInput, match=f"nothing holds drive {name}; look"):
        withdraw(str(root), "", ["d1", name], delete=True)


def test_a_removal_that_broke_off_is_ended_by_the_next(root: Path, monkeypatch: pytest.MonkeyPatch):
    manifest = json.loads((root / "policy" / "p2" / "manifest.json").read_text())
    manifest["created_us"] += 1
    (root / "policy" / "p2" / "manifest.json").write_text(json.dumps(manifest))
    removed: list[str] = []

    def two(root: str, name: str, there: Any) -> None:
        if len(removed) == 2:
            raise KeyboardInterrupt
        removed.append(name)
        remove_artifact(root, name, there)

    monkeypatch.setattr("causeway.platform.upkeep.withdraw.remove_artifact", two)
    with pytest.raises(KeyboardInterrupt):
        withdraw(str(root), "", ["d1"], delete=True)
    monkeypatch.undo()
    left = withdraw(str(root), "", ["d1"], delete=True)["artifacts"]
    assert sorted([*removed, *left]) == GONE_OF_D1


def test_folders_that_cannot_be_read_are_told(root: Path):
    checkpoint = root / "checkpoints" / ("a" * 64)
    checkpoint.mkdir(parents=True)
    (checkpoint / "index.json").write_text("{}")
    assert withdraw(str(root), "", ["d1"])["unfinished"] == [f"checkpoints/{'a' * 64}"]
    with pytest.raises(UnusableInput, match=r"drive d3 \(1 unfinished folders were not read\)"):
        withdraw(str(root), "", ["d3"])


def test_a_damaged_table_is_told(root: Path):
    (root / "report" / "r2" / "table.parquet").write_bytes(b"12345")
    with pytest.raises(UnusableInput, match=r"table\.parquet"):
        withdraw(str(root), "", ["d1"], delete=True)


def test_policies_stay_where_the_registry_names_none(root: Path):
    wrong = f"sqlite:///{root}/mistyped.db"
    with pytest.raises(Refused, match=r"mistyped\.db names no policy"):
        withdraw(str(root), wrong, ["d1"], delete=True)
    assert (root / "policy" / "p1").is_dir()
    held(root, "clips", "c4", {"clip_id": ["d4-000"]})
    assert withdraw(str(root), wrong, ["d4"], delete=True)["artifacts"] == ["clips/c4"]


def test_scenes_of_the_built_in_world_are_no_drives_and_replayed_clips_are(root: Path):
    rows = {"suite": ["closed-loop", "replay"], "cluster": ["curve-900000", "d7-000"], "value": ["1", "1"]}
    held(root, "report", "r3", rows, policy="p3")
    with pytest.raises(UnusableInput, match="nothing holds drive curve"):
        withdraw(str(root), "", ["curve"])
    assert withdraw(str(root), "", ["d7"])["artifacts"] == ["report/r3"]


def test_what_a_person_named_goes_too(root: Path):
    (root / "samples" / "s12").rename(root / "mine")
    held(root / "kept", "clips", "c9", {"clip_id": ["d9-000"], "drive_id": ["d9"]})
    assert withdraw(str(root), "", ["d1"], delete=True)["artifacts"] == [
        "clips/c12", "mine", "policy/p1", "policy/p2", "report/r1",
    ]  # fmt: skip
    assert not (root / "mine").exists()
    assert (root / "kept" / "clips" / "c9").is_dir()


def test_a_recording_is_found_by_its_files_names(root: Path):
    folder = put(root, "drives", "v1")
    (folder / "camera").mkdir()
    (folder / "camera" / "d1.camera_front.mp4").write_bytes(b"1")
    (folder / "table.parquet").rename(folder / "camera" / "d9.parquet.bin")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"] = {"camera/d1.camera_front.mp4": "x"}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert withdraw(str(root), "", ["d1"])["artifacts"] == sorted([*GONE_OF_D1, "drives/v1"])


def test_the_last_retrainings_samples_are_kept_until_there_are_newer_ones(root: Path):
    write_record(str(root), Record(str(root / "samples" / "s12"), 3))
    assert withdraw(str(root), "", ["d1"])["first"] == [
        "the last retraining's samples s12 hold it: retrain with --set withdrawn=…"
    ]
    with pytest.raises(Refused, match="retrain with"):
        withdraw(str(root), "", ["d1"], delete=True)
    assert (root / "clips" / "c12").is_dir()
    write_record(str(root), Record(str(root / "samples" / "s2"), 4))
    assert withdraw(str(root), "", ["d1"], delete=True)["artifacts"] == GONE_OF_D1


def test_policies_that_learned_from_it_leave_the_registry_but_a_champion_is_replaced_first(root: Path):
    from causeway.artifacts import Artifact

    uri = f"sqlite:///{root}/registry.db"
    for name, verdict in (("p1", "promote"), ("p3", "refuse")):
        folder, report = root / "policy" / name, root / "report" / "r2"
        (report / "report.json").write_text('{"metrics": {}}')
        manifest = json.loads((report / "manifest.json").read_text())
        manifest["files"] = {"table.parquet": "x", "report.json": "x"}
        (report / "manifest.json").write_text(json.dumps(manifest))
        registry.register(Artifact.open(folder), Artifact.open(report), {"decision": verdict}, uri, [])
    with pytest.raises(Refused, match="version 1 is the champion"):
        withdraw(str(root), uri, ["d1"], delete=True)
    registry.crown(uri, "p3")
    held(root, "clips", "c5", {"clip_id": ["d5-000"]})
    pq.write_table(pa.table({"cluster": ["d5-000"]}), root / "report" / "r2" / "table.parquet")
    with pytest.raises(Refused, match="the report of version 2, the champion, holds it"):
        withdraw(str(root), uri, ["d5"], delete=True)
    assert withdraw(str(root), uri, ["d1"], delete=True)["versions"] == [1]
    assert [(version.policy, version.alias) for version in registry.history(uri)] == [("p3", "champion")]
