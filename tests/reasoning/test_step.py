import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from causeway.artifacts import Artifact, run, write_artifact
from causeway.artifacts.schemas import tables_of
from causeway.errors import UnusableInput, UsageError
from causeway.meta_actions.step import each_drive_meta_actions
from causeway.reasoning.behaviour import Behaviour, DriveBehaviour
from causeway.reasoning.label import Asked, Label
from causeway.reasoning.labelling import by_rules, shard_of
from causeway.reasoning.review import ReviewConfig
from causeway.reasoning.step import LabelConfig, label_moments, merge_labels, queue_review
from tests.evidence.scenes import TICK_US
from tests.reasoning.small_drives import ACCEL_MPS2, SEEN, T0_US, TICKS, evidence_row, speeds, write_drives


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
        return each_drive_meta_actions(clips, drive_ids)

    monkeypatch.setattr("causeway.reasoning.labelling.each_drive_meta_actions", spy)
    for shard in range(3):
        label(inputs, tmp_path / f"part{shard}", shard=shard, shards=3)
    shards = [{n for n in ACCEL_MPS2 if shard_of(f"{n}-000", 3) == shard} for shard in range(3)]
    assert asked == [drives for drives in shards if drives]


def test_drives_cut_into_other_chunks_give_the_same_labels(
    inputs: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = label(inputs, tmp_path / "whole").manifest
    monkeypatch.setattr("causeway.reasoning.labelling._CLIPS_AT_ONCE", 1)
    assert label(inputs, tmp_path / "cut").manifest.content_hash == whole.content_hash


def test_a_run_goes_on_after_the_chunks_that_are_done(
    inputs: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("causeway.reasoning.labelling._CLIPS_AT_ONCE", 1)
    labelled: list[str] = []

    def one(asked: Iterator[Asked]) -> list[tuple[Asked, Label]]:
        made = by_rules(asked)
        labelled.extend(a.evidence.moment_id for a, _ in made)
        if len(labelled) == fails_after:
            raise KeyboardInterrupt
        return made

    monkeypatch.setattr("causeway.reasoning.labelling.by_rules", one)
    fails_after = 2
    with pytest.raises(KeyboardInterrupt):
        label(inputs, tmp_path / "labels")
    fails_after = -1
    done = label(inputs, tmp_path / "labels")
    # rows without a drive come first; the second drive was in the chunk that broke off
    assert labelled == [f"{name}@{T0_US}" for name in ("lead", "odd", "odd", "red")]
    assert done.manifest.content_hash == label(inputs, tmp_path / "undisturbed").manifest.content_hash


def test_a_drive_goes_on_in_its_own_next_clip_until_a_gap() -> None:
    names = {"longitudinal": "stop", "lateral": "go_straight", "lane": None}
    ticks = [("d-001", 9), ("d-000", 0), ("d-000", 1), ("d-001", 2)]
    rows = [{"clip_id": clip_id, "t_us": tick * TICK_US} | names for clip_id, tick in ticks]
    behaviour = DriveBehaviour(pa.Table.from_pylist(rows, tables_of("meta_actions")["meta_actions"].schema))
    assert behaviour.after(0).longitudinal == ("stop",) * 2
    assert behaviour.after(2 * TICK_US) == Behaviour((), (), ())


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


def test_corrections_are_checked_again_where_evidence_and_clips_are_given(
    inputs: dict[str, str], tmp_path: Path
) -> None:
    labels = label(inputs, tmp_path / "labels").location
    folder = tmp_path / "corrections"
    folder.mkdir()
    (folder / "ann.jsonl").write_text(correction("odd") + "\n" + correction("lead") + "\n")
    config = ReviewConfig(corrections=str(folder))
    done = Artifact(run(queue_review, {"labels": labels, **inputs}, out=str(tmp_path / "checked"), config=config))
    rows = {row["moment_id"].split("@")[0]: row for row in done.table("labels").to_pylist()}
    assert rows["odd"]["critic_score"] < 1.0  # no truck was observed there: said in its reasons
    assert any("observation" in reason for reason in rows["odd"]["reasons"])
    assert rows["odd"]["consistent"] != rows["lead"]["consistent"] or rows["odd"]["consistent"] == "yes"
    alone = review(labels, tmp_path / "alone", corrections=str(folder))
    unchecked = next(r for r in alone.table("labels").to_pylist() if r["moment_id"].startswith("odd"))
    assert (unchecked["critic_score"], unchecked["status"]) == (None, "accepted")
