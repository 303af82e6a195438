import json
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causeway.errors import Refused, UnusableInput, UsageError
from causeway.platform.news import Record, write_record
from causeway.platform.upkeep.collect import DAY_US, collect
from causeway.platform.upkeep.reach import Found, needed, roots, unneeded

OLD_US = time.time_ns() // 1000 - 100 * DAY_US


def put(root: Path, kind: str, content_hash: str, inputs: dict[str, str] | None = None, created_us: int = OLD_US) -> Path:
    """An artifact with one file, and the pointer of its step's key."""
    folder = root / kind / content_hash
    folder.mkdir(parents=True)
    (folder / "table.parquet").write_bytes(b"12345")
    manifest = {
        "kind": kind, "schema_version": 1, "content_hash": content_hash, "counts": {}, "inputs": inputs or {},
        "code_version": "c", "config": {}, "sources": [], "location": str(folder), "files": {"table.parquet": "x"},
        "created_us": created_us,
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    pointer = root / "keys" / "step" / f"{content_hash}.json"
    pointer.parent.mkdir(parents=True, exist_ok=True)
    pointer.write_text(json.dumps({"artifact": f"{kind}/{content_hash}", "inputs": inputs or {}}))
    return folder


def test_what_a_kept_artifact_was_made_from_stays(tmp_path: Path):
    put(tmp_path, "clips", "c1")
    put(tmp_path, "samples", "s1", {"clips": "c1"})
    put(tmp_path, "clips", "c2")
    put(tmp_path, "policy", "p1", {"samples": "s1"})
    told = collect(str(tmp_path), "", 90)
    assert told["unneeded"] == ["clips/c2", "policy/p1"]
    assert told["deleted"] is False
    assert told["by_kind"]["clips"] == {"artifacts": 1, "bytes": told["by_kind"]["clips"]["bytes"]}
    assert (tmp_path / "clips" / "c2").is_dir()  # a dry run


def test_deleting_takes_the_bytes_the_manifest_and_the_pointer(tmp_path: Path):
    put(tmp_path, "clips", "c1")
    put(tmp_path, "samples", "s1", {"clips": "c1"})
    put(tmp_path, "clips", "c2")
    assert collect(str(tmp_path), "", 90, delete=True)["unneeded"] == ["clips/c2"]
    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.json"))
    assert left == ["clips/c1/manifest.json", "keys/step/c1.json", "keys/step/s1.json", "samples/s1/manifest.json"]
    assert not (tmp_path / "clips" / "c2").exists()
    assert collect(str(tmp_path), "", 90, delete=True)["unneeded"] == []


def test_young_and_pinned_ones_keep_what_they_stand_on(tmp_path: Path):
    put(tmp_path, "clips", "c1")
    put(tmp_path, "meta_actions", "m1", {"clips": "c1"}, created_us=time.time_ns() // 1000)
    put(tmp_path, "clips", "c2")
    put(tmp_path, "moments", "n1", {"meta": "m2", "clips": ["c2"]})
    assert collect(str(tmp_path), "", 90)["unneeded"] == ["clips/c2", "moments/n1"]
    assert collect(str(tmp_path), "", 90, pinned=["n1"])["unneeded"] == []


def test_inputs_of_another_run_that_made_the_same_content_count(tmp_path: Path):
    put(tmp_path, "clips", "c1")
    put(tmp_path, "samples", "s1", {"clips": "elsewhere"})
    other = tmp_path / "keys" / "step" / "other.json"
    other.write_text(json.dumps({"artifact": "samples/s1", "inputs": {"clips": "c1"}}))
    assert collect(str(tmp_path), "", 90)["unneeded"] == []


def test_what_a_person_named_stays_with_all_that_it_was_made_from(tmp_path: Path):
    put(tmp_path, "clips", "c1")
    put(tmp_path, "clips", "c2")
    put(tmp_path, "samples", "s1", {"clips": "c1"}).rename(tmp_path / "mine")
    (tmp_path / "mine" / "shards").mkdir()
    (tmp_path / "mine" / "shards" / "manifest.json").write_bytes(b"a file of the artifact, not an artifact")
    told = collect(str(tmp_path), "", 90, keep_kinds=("report",), delete=True)
    assert told["unneeded"] == ["clips/c2"]
    assert told["found"] == 3
    assert (tmp_path / "clips" / "c1").is_dir()
    assert (tmp_path / "mine" / "shards" / "manifest.json").is_file()


def test_an_artifact_named_as_a_kind_does_not_hold_the_others_of_that_kind(tmp_path: Path):
    put(tmp_path, "policy", "p1")
    put(tmp_path, "policy", "p2").rename(tmp_path / "p2")
    for file in (tmp_path / "p2").iterdir():
        file.rename(tmp_path / "policy" / file.name)
    told = collect(str(tmp_path), "", 90, keep_kinds=("report",))
    assert (told["found"], told["unneeded"]) == (2, ["policy/p1"])


def test_a_recordings_own_manifest_is_none_of_ours_and_a_damaged_one_of_ours_ends_it(tmp_path: Path):
    put(tmp_path, "clips", "c1")
    for name, text in (("drives/car-7/manifest.json", "[1]"), ("bag/manifest.json", "not json")):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "drives").rename(tmp_path / "recordings")
    assert collect(str(tmp_path), "", 90, delete=True)["unneeded"] == ["clips/c1"]
    assert (tmp_path / "bag" / "manifest.json").is_file()
    (put(tmp_path, "clips", "c2") / "manifest.json").write_text("not json")
    with pytest.raises(UnusableInput, match="c2"):
        collect(str(tmp_path), "", 90)


def test_unfinished_folders_go_at_the_same_age(tmp_path: Path):
    import os

    old, new = tmp_path / "clips" / ("a" * 64), tmp_path / "clips" / ("b" * 64)
    for folder in (old, new):
        folder.mkdir(parents=True)
        (folder / "table.parquet").write_bytes(b"1")
    os.utime(old / "table.parquet", (OLD_US / 1e6, OLD_US / 1e6))
    assert collect(str(tmp_path), "", 90, delete=True)["unfinished"] == [f"clips/{old.name}"]
    assert [path.name for path in (tmp_path / "clips").iterdir()] == [new.name]


@pytest.mark.parametrize("name", ["drives/d1/lidar.bin", "backup/20200101T000000Z/mlflow.jsonl.gz", "runs/clips/c1/t.bin"])
def test_old_files_that_are_no_artifacts_are_never_taken_for_unfinished_ones(tmp_path: Path, name: str):
    import os

    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"a recording")
    os.utime(path, (OLD_US / 1e6, OLD_US / 1e6))
    assert collect(str(tmp_path), "", 90, delete=True)["unfinished"] == []
    assert path.read_bytes() == b"a recording"


def test_what_the_last_retraining_trained_on_stays_whatever_kinds_are_kept(tmp_path: Path):
    put(tmp_path, "clips", "c1")
    last = put(tmp_path, "samples", "s1", {"clips": "c1"})
    put(tmp_path, "samples", "s2")
    write_record(str(tmp_path), Record(str(last), 1))
    assert collect(str(tmp_path), "", 90, keep_kinds=("report",))["unneeded"] == ["samples/s2"]


def test_registered_policies_and_their_reports_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from causeway.platform import registry

    put(tmp_path, "policy", "p1")
    put(tmp_path, "report", "r1", {"policy": "p1"})
    put(tmp_path, "policy", "p2")
    version = registry.Version("causeway", 1, "champion", "p1", "", "s3://b/report/r1", "promote", "")
    monkeypatch.setattr(registry, "history", lambda uri: [version] if uri == "sqlite:///r" else [])
    assert collect(str(tmp_path), "sqlite:///r", 90)["unneeded"] == ["policy/p2"]


def test_no_policy_goes_while_the_registry_names_none(tmp_path: Path):
    policy = put(tmp_path, "policy", "p1")
    put(tmp_path, "clips", "c1")
    gone = f"sqlite:///{tmp_path}/lost.db"
    assert collect(str(tmp_path), gone, 90)["unneeded"] == ["clips/c1", "policy/p1"]
    with pytest.raises(Refused, match="names no policy, and 1 under"):
        collect(str(tmp_path), gone, 90, delete=True)
    assert (policy / "table.parquet").is_file()
    assert (tmp_path / "clips" / "c1").is_dir()
    assert collect(str(tmp_path), gone, 90, keep_kinds=("policy",), delete=True)["unneeded"] == ["clips/c1"]


def test_a_damaged_manifest_ends_it_before_anything_goes(tmp_path: Path):
    put(tmp_path, "clips", "c1")
    (put(tmp_path, "clips", "c2") / "manifest.json").write_text("{")
    with pytest.raises(UnusableInput, match="not a manifest"):
        collect(str(tmp_path), "", 90, delete=True)
    assert (tmp_path / "clips" / "c1" / "table.parquet").is_file()


def test_an_age_that_a_run_may_outlast_is_refused(tmp_path: Path):
    with pytest.raises(UsageError, match="at least 7"):
        collect(str(tmp_path), "", 1)


graphs = st.integers(1, 12).flatmap(
    lambda n: st.lists(st.frozensets(st.integers(0, n - 1), max_size=3), min_size=n, max_size=n)
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graphs, st.sets(st.integers(0, 11), max_size=4))
def test_nothing_kept_stands_on_what_goes(inputs: list[frozenset[int]], chosen: set[int]):
    found = [Found("clips", str(n), n, 1, frozenset(map(str, made_from))) for n, made_from in enumerate(inputs)]
    pinned = [str(n) for n in chosen if n < len(found)]
    kept = roots(found, (), pinned, (), young_us=100)
    gone = {artifact.content_hash for artifact in unneeded(found, kept)}
    stays = [artifact for artifact in found if artifact.content_hash not in gone]
    assert all(not artifact.inputs & gone for artifact in stays)
    assert {artifact.content_hash for artifact in stays} == needed(found, pinned)
    assert gone.isdisjoint(pinned)
