"""Where artifacts appear: nothing of value is replaced, a kill while publishing is mended, keys stay exact."""

import json
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from causeway.artifacts import Artifact, Writer, lookup, run, step, steps, store, write_artifact
from causeway.artifacts.locks import alone
from causeway.errors import UnusableInput, UsageError

ROWS = [{"clip_id": c, "t_us": 1, "longitudinal": "stop", "lateral": "go_straight", "lane": None} for c in "ab"]


@dataclass(frozen=True)
class Config:
    word: str = ""


@step(kind="meta_actions")
def copy(meta: Artifact, *, out: Writer, config: Config) -> None:
    for row in meta.table("meta_actions").to_pylist():
        with out.shard(row["clip_id"]) as shard:
            if shard is not None:
                shard.table("meta_actions", [row])


@step(kind="labels")
def other_kind(meta: Artifact, *, out: Writer) -> None:
    raise AssertionError("must not be reached")


@pytest.fixture
def meta(tmp_path) -> str:
    return write_artifact("meta_actions", {"meta_actions": ROWS}, tmp_path / "meta").location


def test_an_input_and_another_kind_are_not_replaced(meta, tmp_path):
    with pytest.raises(UsageError, match="input of this step"):
        run(copy, {"meta": meta}, out=meta)
    write_artifact("meta_actions", {"meta_actions": ROWS}, tmp_path / "dear")
    with pytest.raises(UsageError, match="holds meta_actions and would be replaced by labels"):
        run(other_kind, {"meta": meta}, out=str(tmp_path / "dear"))
    assert Artifact.open(tmp_path / "dear").table("meta_actions").num_rows == 2


def test_an_artifact_with_foreign_files_inside_is_not_replaced(meta, tmp_path):
    run(copy, {"meta": meta}, out=str(tmp_path / "out"))
    (tmp_path / "out" / "notes").mkdir()
    (tmp_path / "out" / "notes" / "thesis.txt").write_text("dear")
    with pytest.raises(UsageError, match=r"notes/thesis\.txt"):
        run(copy, {"meta": meta}, out=str(tmp_path / "out"), config=Config("changed"))
    assert (tmp_path / "out" / "notes" / "thesis.txt").read_text() == "dear"


def test_no_place_is_wrong_usage(meta):
    with pytest.raises(UsageError, match="name where the artifact goes"):
        run(copy, {"meta": meta}, out="")


def test_the_working_folder_may_be_named_as_a_dot(meta, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    run(copy, {"meta": meta}, out=".")
    assert Artifact.open(tmp_path / "here").table("meta_actions").num_rows == 2


@pytest.mark.parametrize("victim", ["publish", "forget_parts"])
def test_a_kill_before_publication_keeps_content_and_rows(meta, tmp_path, monkeypatch, victim):
    wanted = run(copy, {"meta": meta}, out=str(tmp_path / "whole")).content_hash

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(*((store, "publish") if victim == "publish" else (steps, "forget_parts")), killed)
    with pytest.raises(KeyboardInterrupt):
        run(copy, {"meta": meta}, out=str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    monkeypatch.undo()
    again = run(copy, {"meta": meta}, out=str(tmp_path / "out"))
    assert again.content_hash == wanted
    assert sorted(again.files) == sorted(Artifact.open(tmp_path / "whole").manifest.files)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["meta", "out", "whole"]


def test_an_artifact_that_lost_a_file_is_made_again(meta, tmp_path):
    for place in ({"root": str(tmp_path / "root")}, {"out": str(tmp_path / "out")}):
        made = run(copy, {"meta": meta}, **place)
        (Path(made.location) / "meta_actions.parquet").unlink()
        assert Artifact(run(copy, {"meta": meta}, **place)).table("meta_actions").num_rows == 2


def test_same_content_from_two_questions_keeps_each_ones_inputs(meta, tmp_path):
    root = str(tmp_path / "root")
    first = run(copy, {"meta": meta}, root=root, config=Config("one"))
    second = run(copy, {"meta": meta}, root=root, config=Config("two"))
    assert first.content_hash == second.content_hash
    assert (first.config, second.config) == ({"word": "one"}, {"word": "two"})
    found = run(copy, {"meta": meta}, root=root, config=Config("two"))
    assert (found.config, found.key) == ({"word": "two"}, second.key)


def test_a_broken_pointer_counts_as_none(tmp_path):
    for number, text in enumerate(["", "[]", '{"artifact": 3}', "{"]):
        store.write_bytes(str(tmp_path / "keys" / "copy" / f"k{number}.json"), text.encode())
        assert lookup.find("copy", f"k{number}", str(tmp_path)) is None


@pytest.mark.parametrize("shard_id", [".hidden", "=whole", "a/b", "a%2Fb", "x" * 300, "ü" * 200])
def test_every_shard_id_keeps_its_rows(tmp_path, shard_id):
    @step(kind="meta_actions")
    def two(*, out: Writer) -> None:
        for name in (shard_id, "a/b " + shard_id[:3]):
            with out.shard(name) as shard:
                assert shard is not None
                shard.table("meta_actions", [{**ROWS[0], "clip_id": name}])
                shard.count(read=1, kept=1)

    assert run(two, {}, out=str(tmp_path / "out")).counts["meta_actions"] == 2


def test_a_manifest_cannot_lead_out_of_its_artifact(meta, tmp_path):
    raw = json.loads((Path(meta) / "manifest.json").read_text())
    raw["files"] = {"../../secret": "0"}
    (tmp_path / "travelling").write_text(json.dumps(raw))
    with pytest.raises(UnusableInput, match="leads out of the artifact"):
        Artifact.open(tmp_path / "travelling")


def test_a_truncated_table_is_one_line_however_it_is_read(meta):
    file = Path(meta) / "meta_actions.parquet"
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(UnusableInput, match="remove the artifact and make it again"):
        Artifact.open(meta).table("meta_actions")
    with pytest.raises(UnusableInput, match="remove the artifact and make it again"):
        list(Artifact.open(meta).batches("meta_actions"))


def test_a_lock_file_that_is_removed_while_others_wait_lets_one_in_at_a_time(tmp_path):
    inside, most, turns = [], [], 12

    def work() -> None:
        for _ in range(turns):
            with alone(tmp_path / "lock", "work"):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.001)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * (4 * turns)
    assert not (tmp_path / "lock").exists()


def test_two_processes_with_one_key_make_it_once(meta, tmp_path):
    script = tmp_path / "one.py"
    script.write_text(
        textwrap.dedent(f"""
        import time
        from causeway.artifacts import Artifact, Writer, run, step
        @step(kind="meta_actions")
        def slow(meta: Artifact, *, out: Writer) -> None:
            print("made", flush=True)
            time.sleep(1)
            out.table("meta_actions", meta.table("meta_actions"))
        run(slow, {{"meta": {meta!r}}}, root={str(tmp_path / "root")!r})
        """)
    )
    both = [subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) for _ in "12"]
    said = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(said) == ["", "made\n"]


def test_a_failed_write_leaves_no_piece(tmp_path, monkeypatch):
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        store.write_bytes(str(tmp_path / "a.json"), b"{}")
    assert list(tmp_path.iterdir()) == []
