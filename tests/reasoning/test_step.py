import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from causeway.artifacts import Artifact, run, write_artifact
from causeway.artifacts.schemas import tables_of
from causeway.errors import UnusableInput, UsageError
from causeway.meta_actions.step import meta_actions_of
from causeway.reasoning.behaviour import Behaviour, Behaviours
from causeway.reasoning.review import ReviewConfig
from causeway.reasoning.step import LabelConfig, label_moments, merge_labels, queue_review, shard_of
from tests.evidence.scenes import TICK_US, clip_row, ego_rows
from tests.reasoning.seen import LEAD, RED

T0_US = 3_000_000
TICKS = 120
BORDER = 33  # the drive's second clip begins between t0 and the change
ACCEL_MPS2 = {"lead": -0.8, "red": -2.5, "odd": -0.8}  # from 0.5 s after t0 on: gently, strongly, gently
SEEN: dict[str, dict[str, Any]] = {"lead": LEAD, "red": RED, "odd": {}, "lies": LEAD}


def evidence_row(name: str) -> dict[str, Any]:
    row = dict.fromkeys(tables_of("evidence")["evidence"].schema.names)
    plain = {"moment_id": f"{name}@{T0_US}", "clip_id": f"{name}-000", "t0_us": T0_US, "ego_speed_mps": 9.0}
    known = {"event_us": T0_US, "created_us": T0_US, "has_tracks": True, "has_map": True, "has_signals": True}
    since = {key: 1_000_000 for key in SEEN[name] if key.endswith("since_us")}
    return row | plain | known | SEEN[name] | since | {"scenario": "slow", "split": "train"}


def speeds(name: str) -> list[float]:
    """Twelve seconds: 9 m/s up to 0.5 s after t0, then slowing down."""
    return [max(9.0 + ACCEL_MPS2[name] * 0.1 * max(tick - 35, 0), 0.0) for tick in range(TICKS)]


def write_drives(folder: Path, driven: dict[str, list[float]]) -> str:
    """A clips artifact of drives in two clips each, given the speed at every tick."""
    clips, ego = [], []
    border_us = BORDER * TICK_US
    for name, speed in driven.items():
        clips += [clip_row(f"{name}-000", name, BORDER, 0), clip_row(f"{name}-001", name, TICKS - BORDER, border_us)]
        ego += ego_rows(f"{name}-000", speed[:BORDER], 0)
        ego += ego_rows(f"{name}-001", speed[BORDER:], border_us, sum(speed[:BORDER]) / 10)
    write_artifact("clips", {"clips": clips, "ego": ego}, folder)
    return str(folder)


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, str]:
    write_artifact("evidence", {"evidence": [evidence_row(name) for name in SEEN]}, tmp_path / "evidence")
    driven = {name: speeds(name) for name in ACCEL_MPS2}  # the drive "lies" is not among them
    return {"evidence": str(tmp_path / "evidence"), "clips": write_drives(tmp_path / "clips", driven)}


def label(inputs: dict[str, str], out: Path, **config: Any) -> Artifact:
    run(label_moments, inputs, out=str(out), config=LabelConfig(**config))
    return Artifact.open(out)


def test_labels_of_a_shard(inputs: dict[str, str], tmp_path: Path) -> None:
    labels = label(inputs, tmp_path / "labels")
    rows = {row["moment_id"].split("@")[0]: row for row in labels.table("labels").to_pylist()}
    assert {name: row["trace"] for name, row in rows.items()} == {
        "lead": "Keep distance to the slowing car ahead.",
        "red": "Stop for the red light ahead.",
        "odd": "Adapt speed.",
    }
    assert [rows[name]["status"] for name in ("lead", "red", "odd")] == ["accepted", "accepted", "review"]
    assert rows["lead"]["components"][0]["track_id"] == "7"
    assert rows["odd"]["components"] == []
    assert (rows["red"]["teacher"], rows["red"]["split"], rows["red"]["scenario"]) == ("rules", "train", "slow")
    assert rows["red"]["evidence_hash"] != rows["lead"]["evidence_hash"]
    quarantined = labels.table("quarantine").to_pylist()
    assert [(q["where"], q["reason"]) for q in quarantined] == [(f"lies@{T0_US}", "no_behaviour")]
    assert labels.manifest.counts["read"] == 4


def test_shards_together_are_the_whole(inputs: dict[str, str], tmp_path: Path) -> None:
    whole = label(inputs, tmp_path / "whole")
    parts = [label(inputs, tmp_path / f"part{i}", shard=i, shards=3).location for i in range(3)]
    merged = run(merge_labels, {"labels": parts}, out=str(tmp_path / "merged"))
    assert Artifact(merged).table("labels").equals(whole.table("labels"))
    assert Artifact(merged).table("quarantine").equals(whole.table("quarantine"))
    assert merged.content_hash == run(merge_labels, {"labels": parts[::-1]}, out=str(tmp_path / "m2")).content_hash


def test_a_moment_labelled_twice_is_refused(inputs: dict[str, str], tmp_path: Path) -> None:
    part = label(inputs, tmp_path / "part").location
    with pytest.raises(UnusableInput, match="labelled in two"):
        run(merge_labels, {"labels": [part, part]}, out=str(tmp_path / "merged"))


def test_shards_are_stable_and_used() -> None:
    shards = [shard_of(f"drive-{i}-000", 4) for i in range(200)]
    assert shards[:6] == [1, 3, 0, 0, 1, 2]
    assert {shards.count(i) > 30 for i in range(4)} == {True}


@pytest.mark.parametrize("config", [{"shard": 2, "shards": 2}, {"teacher": "oracle"}])
def test_wrong_settings_are_refused(inputs: dict[str, str], tmp_path: Path, config: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        label(inputs, tmp_path / "labels", **config)


def test_what_comes_long_after_t0_changes_no_label(inputs: dict[str, str], tmp_path: Path) -> None:
    before = label(inputs, tmp_path / "before").table("labels")
    late = (T0_US + 4_000_000) // TICK_US
    backwards = {name: speeds(name)[:late] + [-5.0] * (TICKS - late) for name in ACCEL_MPS2}
    other = inputs | {"clips": write_drives(tmp_path / "backwards", backwards)}
    assert label(other, tmp_path / "after").table("labels").equals(before)


def test_the_drives_of_other_shards_are_not_looked_at(
    inputs: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[set[str]] = []

    def spy(clips: Artifact, drive_ids: set[str]) -> Any:
        asked.append(drive_ids)
        return meta_actions_of(clips, drive_ids)

    monkeypatch.setattr("causeway.reasoning.step.meta_actions_of", spy)
    for shard in range(3):
        label(inputs, tmp_path / f"part{shard}", shard=shard, shards=3)
    assert asked == [{n for n in ACCEL_MPS2 if shard_of(f"{n}-000", 3) == shard} for shard in range(3)]


def test_a_drive_goes_on_in_its_own_next_clip_only() -> None:
    names = {"longitudinal": "stop", "lateral": "go_straight", "lane": None}
    ticks = [("d-000", 0), ("d-000", 1), ("d-001", 2), ("d1-000", 3), ("d-001", 9)]
    rows = [{"clip_id": clip_id, "t_us": tick * TICK_US} | names for clip_id, tick in ticks]
    drive_of = {"d-000": "d", "d-001": "d", "d1-000": "d1"}
    behaviours = Behaviours(pa.Table.from_pylist(rows, tables_of("meta_actions")["meta_actions"].schema), drive_of)
    assert behaviours.after("d", 0).longitudinal == ("stop",) * 2
    assert behaviours.after("d", 2 * TICK_US) == Behaviour((), (), ())
    assert behaviours.after("elsewhere", 0) == Behaviour((), (), ())


def correction(name: str, **fields: Any) -> str:
    part = {"category": "critical_object", "kind": "truck", "track_id": "12", "relative_pose": "in_path"}
    row = {"moment_id": f"{name}@{T0_US}", "who": "ann", "when_us": 1, "state": "accepted"}
    row |= {"longitudinal_decision": "lead_following", "lateral_decision": "none", "components": [part]}
    return json.dumps(row | fields)


def review(labels: str, out: Path, **config: Any) -> Artifact:
    return Artifact(run(queue_review, {"labels": labels}, out=str(out), config=ReviewConfig(**config)))


def test_review_queues_and_takes_the_last_accepted_correction(inputs: dict[str, str], tmp_path: Path) -> None:
    labels = label(inputs, tmp_path / "labels").location
    folder = tmp_path / "corrections"
    folder.mkdir()
    lines = [
        correction("odd", when_us=5),
        correction("odd", when_us=9, who="bob", longitudinal_decision="yield", components=[]),
        correction("odd", when_us=7),
        correction("red", when_us=8, state="draft"),
        correction("gone"),
        correction("red", longitudinal_decision="fly"),
        "{half a line",
    ]
    (folder / "ann.jsonl").write_text("\n".join(lines) + "\n")
    done = review(labels, tmp_path / "reviewed", corrections=str(folder), sample_share=0.0)
    rows = {row["moment_id"].split("@")[0]: row for row in done.table("labels").to_pylist()}
    assert (rows["odd"]["teacher"], rows["odd"]["longitudinal_decision"]) == ("human:bob", "yield")
    assert rows["odd"]["status"] == "review"  # no cause named
    assert rows["red"]["teacher"] == "rules"
    reasons = sorted((q["where"], q["reason"]) for q in done.table("quarantine").to_pylist())
    assert reasons == [
        ("ann.jsonl:6", "not_a_correction"),
        ("ann.jsonl:7", "not_a_correction"),
        (f"gone@{T0_US}", "no_such_label"),
        (f"lies@{T0_US}", "no_behaviour"),
    ]
    assert done.table("review_queue").num_rows == 0


def test_a_new_correction_makes_a_new_artifact(inputs: dict[str, str], tmp_path: Path) -> None:
    labels = label(inputs, tmp_path / "labels").location
    first = review(labels, tmp_path / "out")
    queue = first.table("review_queue").to_pylist()
    assert [(q["moment_id"], q["status"]) for q in queue if q["why"] != "sample"] == [(f"odd@{T0_US}", "review")]
    folder = tmp_path / "corrections"
    folder.mkdir()
    unchanged = review(labels, tmp_path / "out2", corrections=str(folder))
    assert unchanged.manifest.content_hash == first.manifest.content_hash
    (folder / "ann.jsonl").write_text(correction("odd") + "\n")
    second = review(labels, tmp_path / "out2", corrections=str(folder))
    odd = next(row for row in second.table("labels").to_pylist() if row["moment_id"].startswith("odd"))
    assert (odd["status"], odd["trace"]) == ("accepted", "Keep distance to the truck ahead.")
    assert odd["components"][0]["rank"] == 1


def test_a_missing_folder_of_corrections_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder"):
        ReviewConfig(corrections=str(tmp_path / "nowhere"))
