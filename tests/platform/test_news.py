"""What retraining trains on: news or none, the union without withdrawn drives, and where training starts."""

import json
from pathlib import Path

import numpy as np
import pytest

from causeway.artifacts import Artifact, Writer, run, step
from causeway.errors import UnusableInput
from causeway.model.observation import Sample, example_observation
from causeway.platform import rounds, steps
from causeway.platform.news import News, Record, find_news, read_record, unless_refused, write_record
from causeway.training.joined_samples import JoinConfig, drive_of, join_samples
from causeway.training.sample_store import index_row, shard_file, write_shard
from causeway.training.samples import load_samples

BEST = {"policy": "s3://b/champion", "report": "s3://b/report"}


def samples(folder: Path, name: str, rows: dict[str, str]) -> Artifact:
    """Samples {"drive-000@1": reasoning}: two to a shard."""

    @step(kind="samples")
    def given(*, out: Writer) -> None:
        made, index = [_sample(sample_id, words) for sample_id, words in rows.items()], []
        for number in range(0, len(made), 2):
            shard, part = f"{number:06d}", made[number : number + 2]
            write_shard(part, part[0].observation.cameras, out.path(shard_file(shard)))
            index += [index_row(sample, shard, i, "test") for i, sample in enumerate(part)]
        out.table("samples", index)

    return Artifact.open(run(given, {}, out=str(folder / name)).location)


def _sample(sample_id: str, words: str) -> Sample:
    seen = example_observation(seed=int(sample_id[-1]))
    driven = np.zeros((64, 3), np.float32)
    decision = ("yield", "none") if words else ("none", "none")
    clip = sample_id.partition("@")[0]
    return Sample(sample_id, clip, seen.t0_us, "train", "", seen, words, decision, driven[:, :2], driven)


def joined(folder: Path, name: str, new: Artifact, before: Artifact | None, *withdrawn: str) -> Artifact:
    inputs = {"samples": new.location, "before": before.location if before else None}
    made = run(join_samples, inputs, out=str(folder / name), config=JoinConfig(withdrawn))
    return Artifact.open(made.location)


def test_the_drive_of_a_clip() -> None:
    assert drive_of("drive-3-000") == "drive-3"


def test_the_union_takes_the_newer_label_and_each_sample_once(tmp_path: Path) -> None:
    old = samples(tmp_path, "old", {"a-000@1": "", "a-000@2": "stop", "b-000@3": ""})
    new = samples(tmp_path, "new", {"a-000@1": "mended", "c-000@4": ""})
    found = {one.sample_id: one.reasoning for one in load_samples(joined(tmp_path, "union", new, old))}
    assert found == {"a-000@1": "mended", "a-000@2": "stop", "b-000@3": "", "c-000@4": ""}


def test_a_withdrawn_drive_is_in_no_file_of_it(tmp_path: Path) -> None:
    old = samples(tmp_path, "old", {"a-000@1": "", "b-000@2": "secret of b", "b-000@3": "", "b-001@4": ""})
    new = samples(tmp_path, "new", {"c-000@5": ""})
    union = joined(tmp_path, "union", new, old, "b")
    assert sorted(one.sample_id for one in load_samples(union)) == ["a-000@1", "c-000@5"]
    assert union.manifest.counts["withdrawn"] == 3
    held = b"".join(path.read_bytes() for path in Path(union.location).rglob("*") if path.is_file())
    assert b"b-000@2" not in held


def test_the_first_round_trains_on_everything_from_scratch(tmp_path: Path) -> None:
    new = samples(tmp_path, "new", {"a-000@1": ""})
    found = find_news(new, str(tmp_path), [], 8, BEST)
    assert (found.news, found.before, found.start, found.champion) == ("yes", "", "", "s3://b/report")


def test_without_news_there_is_nothing_to_do(tmp_path: Path) -> None:
    old = samples(tmp_path, "old", {"a-000@1": "", "b-000@2": ""})
    write_record(str(tmp_path), Record(old.location, 3))
    new = samples(tmp_path, "new", {"a-000@1": ""})
    found = find_news(new, str(tmp_path), [], 8, BEST)
    assert found.news == "no"
    assert "nothing new in 2 samples since round 3" in found.why


@pytest.mark.parametrize("rows", [{"c-000@3": ""}, {"a-000@1": "mended"}])
def test_a_new_sample_and_a_mended_label_are_news(tmp_path: Path, rows: dict[str, str]) -> None:
    old = samples(tmp_path, "old", {"a-000@1": ""})
    write_record(str(tmp_path), Record(old.location, 3))
    found = find_news(samples(tmp_path, "new", rows), str(tmp_path), [], 8, BEST)
    assert (found.news, found.start, found.before) == ("yes", "s3://b/champion", old.location)


def test_a_new_sample_of_a_withdrawn_drive_is_none_and_its_old_one_must_go(tmp_path: Path) -> None:
    old = samples(tmp_path, "old", {"a-000@1": "", "b-000@2": ""})
    write_record(str(tmp_path), Record(old.location, 3))
    new = samples(tmp_path, "new", {"c-000@3": ""})
    assert find_news(new, str(tmp_path), ["c"], 8, BEST).news == "no"
    gone = find_news(new, str(tmp_path), ["b", "c"], 8, BEST)
    assert (gone.news, gone.start) == ("yes", "")
    assert "withdrawn: b" in gone.why


def test_every_nth_round_and_one_without_a_champion_begin_from_scratch(tmp_path: Path) -> None:
    old = samples(tmp_path, "old", {"a-000@1": ""})
    new = samples(tmp_path, "new", {"c-000@3": ""})
    write_record(str(tmp_path), Record(old.location, 8))
    assert find_news(new, str(tmp_path), [], 8, BEST).start == ""
    assert find_news(new, str(tmp_path), [], 0, BEST).start == "s3://b/champion"
    assert find_news(new, str(tmp_path), [], 0, None).start == ""


SETTINGS = {"settings": "scale=tiny steps=0", "rules": "", "canary": ""}


def test_a_round_that_was_refused_is_no_news_until_something_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = str(tmp_path)
    new, more = samples(tmp_path, "new", {"a-000@1": ""}), samples(tmp_path, "more", {"a-000@1": "", "b-000@2": ""})

    def asked(run: str, given: Artifact = new, settings: dict[str, str] = SETTINGS, withdrawn: tuple = ()) -> News:
        monkeypatch.setenv("CAUSEWAY_RUN", run)
        return unless_refused(find_news(given, root, withdrawn, 8, BEST), given, root, withdrawn, settings)

    assert asked("run-1").news == "yes"
    assert asked("run-2").news == "yes"  # run-1 has not ended, or has failed: that is no refusal
    rounds.refuse(root, "gate_stage: refuse: min_ade_6 is 4.1")
    again = asked("run-3")
    assert again.news == "no"
    assert "refused before: gate_stage: refuse: min_ade_6 is 4.1" in again.why
    rounds.refuse(root, "of a run that is no round")  # run-3 began none
    assert len(list(tmp_path.glob("refused/*.json"))) == 1
    assert asked("run-4", more).news == "yes"
    assert asked("run-5", settings=SETTINGS | {"settings": "scale=tiny steps=9"}).news == "yes"
    assert asked("run-6", withdrawn=("z",)).news == "yes"
    monkeypatch.setattr(rounds, "code_hash", lambda module: f"other {module}")
    assert asked("run-7").news == "yes"
    monkeypatch.undo()
    (removed,) = tmp_path.glob("refused/*.json")
    removed.unlink()
    assert asked("run-8").news == "yes"


def test_a_gate_between_stages_and_a_roll_back_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(steps, "fail", lambda error: told.append(str(error)))
    monkeypatch.setenv("CAUSEWAY_RUN", "run-1")
    rounds.begin(str(tmp_path), "abc")
    steps._refuse(str(tmp_path), "gate_stage: refuse: too far off")
    assert told == ["gate_stage: refuse: too far off"]
    assert rounds.refused(str(tmp_path), "abc") == "gate_stage: refuse: too far off"
    assert rounds.refused(str(tmp_path), "abd") == ""
    (tmp_path / "refused" / "abd.json").write_text("{")
    with pytest.raises(UnusableInput, match=r"abd\.json: not the note"):
        rounds.refused(str(tmp_path), "abd")


@pytest.mark.parametrize(("ready", "remembered"), [(True, 1), (False, 0)])
def test_a_roll_back_for_want_of_a_server_is_not_remembered(
    ready: bool, remembered: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @step(kind="release")
    def released(*, out: Writer) -> None:
        said = {"policy": "p" * 64, "step": "rolled back", "why": "it did not start", "ready": ready}
        out.path("release.json").write_text(json.dumps(said))

    class Ended(Exception):
        """What stands for the end of the process."""

    def end(error: Exception) -> None:
        raise Ended(str(error))

    made = run(released, {}, out=str(tmp_path / "release"))
    monkeypatch.setattr(steps, "run_in_component", lambda *given: made)
    monkeypatch.setattr(steps, "fail", end)
    monkeypatch.setenv("CAUSEWAY_RUN", "run-1")
    rounds.begin(str(tmp_path), "abc")
    with pytest.raises(Ended, match="rolled back: it did not start"):
        steps.release_in_component("promote_policy", {}, {}, str(tmp_path), "")
    assert len(list(tmp_path.glob("refused/*.json"))) == remembered


def test_another_graph_is_another_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "code_hash", lambda module: module)
    monkeypatch.setattr(rounds, "ROOT", tmp_path)
    (tmp_path / "pipelines").mkdir()
    keys = set()
    for text in ("three stages", "four stages", "four stages"):
        (tmp_path / "pipelines" / "training.py").write_text(text)
        keys.add(rounds.round_key("s", "", [], {}))
    assert len(keys) == 2


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    (tmp_path / "retrained.json").write_text("{}")
    with pytest.raises(UnusableInput, match=r"retrained\.json"):
        read_record(str(tmp_path))
