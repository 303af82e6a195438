"""Steps are run once, resume after a kill, and never leave half an artifact."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from causeway.artifacts import Artifact, Writer, run, step, write_artifact
from causeway.errors import CausewayError, UnusableInput, UsageError

TICK = {"longitudinal": "stop", "lateral": "go_straight", "lane": None}
CALLS: list[str] = []


@dataclass(frozen=True)
class Config:
    offset_us: int = 0


@step(kind="meta_actions")
def shift(meta: Artifact, *, out: Writer, config: Config) -> None:
    CALLS.append("shift")
    rows = meta.table("meta_actions").to_pylist()
    for clip_id in sorted({row["clip_id"] for row in rows}):
        with out.shard(clip_id) as shard:
            if shard is None:
                continue
            CALLS.append(clip_id)
            mine = [{**r, "t_us": r["t_us"] + config.offset_us} for r in rows if r["clip_id"] == clip_id]
            shard.table("meta_actions", mine)
            shard.count(read=len(mine), kept=len(mine))
            if os.environ.get("CAUSEWAY_TEST_FAIL_AFTER") == clip_id:
                raise UnusableInput("asked to fail")


@step(kind="meta_actions")
def lossy(meta: Artifact, *, out: Writer) -> None:
    out.table("meta_actions", [])
    out.count(read=2, kept=1)


@pytest.fixture
def meta(tmp_path) -> str:
    rows = [{"clip_id": c, "t_us": t, **TICK} for c in "abc" for t in (200_000, 100_000)]
    write_artifact("meta_actions", {"meta_actions": rows}, tmp_path / "meta")
    CALLS.clear()
    return str(tmp_path / "meta")


def test_rows_come_out_in_key_order_and_counted(meta, tmp_path):
    manifest = run(shift, {"meta": meta}, out=str(tmp_path / "out"))
    table = Artifact.open(tmp_path / "out").table("meta_actions")
    assert table["clip_id"].to_pylist() == ["a", "a", "b", "b", "c", "c"]
    assert table["t_us"].to_pylist() == [100_000, 200_000] * 3
    assert manifest.counts == {"kept": 6, "meta_actions": 6, "quarantine": 0, "read": 6}


def test_same_inputs_and_config_are_not_run_again(meta, tmp_path, capsys):
    first = run(shift, {"meta": meta}, root=str(tmp_path / "root"))
    again = run(shift, {"meta": meta}, root=str(tmp_path / "root"))
    assert CALLS == ["shift", "a", "b", "c"]
    assert again.content_hash == first.content_hash
    assert Path(first.location).name == first.content_hash
    assert "kept, already done" in capsys.readouterr().err


def test_other_config_runs_again_and_has_another_hash(meta, tmp_path):
    first = run(shift, {"meta": meta}, out=str(tmp_path / "out"))
    second = run(shift, {"meta": meta}, out=str(tmp_path / "out"), config=Config(offset_us=1))
    assert first.content_hash != second.content_hash
    assert Artifact.open(tmp_path / "out").manifest.content_hash == second.content_hash


def test_sharded_and_whole_give_the_same_hash(meta, tmp_path):
    sharded = run(shift, {"meta": meta}, out=str(tmp_path / "out"))
    assert sharded.content_hash == Artifact.open(meta).manifest.content_hash


def test_a_failed_run_leaves_nothing_and_resumes_at_the_shard(meta, tmp_path, monkeypatch):
    monkeypatch.setenv("CAUSEWAY_TEST_FAIL_AFTER", "b")
    with pytest.raises(UnusableInput):
        run(shift, {"meta": meta}, out=str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    monkeypatch.delenv("CAUSEWAY_TEST_FAIL_AFTER")
    run(shift, {"meta": meta}, out=str(tmp_path / "out"))
    assert CALLS == ["shift", "a", "b", "shift", "b", "c"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["meta", "out"]


def test_lost_rows_are_an_error(meta, tmp_path):
    with pytest.raises(CausewayError, match="rows were lost: read 2 but kept 1"):
        run(lossy, {"meta": meta}, out=str(tmp_path / "out"))


def test_a_folder_with_other_files_is_not_replaced(meta, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("dear")
    with pytest.raises(UsageError, match="no artifact"):
        run(shift, {"meta": meta}, out=str(tmp_path / "mine"))
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "dear"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"kind": 1}'])
def test_a_broken_manifest_is_one_line(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(UnusableInput, match="not a manifest"):
        Artifact.open(tmp_path)


def test_a_moved_artifact_still_opens(meta, tmp_path):
    Path(meta).rename(tmp_path / "elsewhere")
    assert Artifact.open(tmp_path / "elsewhere").table("meta_actions").num_rows == 6


def test_a_lone_manifest_leads_to_the_bytes(meta, tmp_path):
    (tmp_path / "travelling").write_text((Path(meta) / "manifest.json").read_text())
    assert Artifact.open(tmp_path / "travelling").table("meta_actions").num_rows == 6


@pytest.mark.parametrize("row", [{"clip_id": "a", "nonsense": 1}])
def test_unknown_columns_are_refused(tmp_path, row):
    with pytest.raises(CausewayError, match="nonsense"):
        write_artifact("meta_actions", {"meta_actions": [row]}, tmp_path / "x")


def test_kill_9_in_the_middle_loses_one_shard_at_most(meta, tmp_path):
    script = tmp_path / "slow.py"
    script.write_text(
        textwrap.dedent(f"""
        import os, sys, time
        from causeway.artifacts import Artifact, Writer, run, step
        @step(kind="meta_actions")
        def slow(meta: Artifact, *, out: Writer) -> None:
            for clip_id in "abc":
                with out.shard(clip_id) as shard:
                    if shard is None:
                        continue
                    print(clip_id, flush=True)
                    rows = [r for r in meta.table("meta_actions").to_pylist() if r["clip_id"] == clip_id]
                    shard.table("meta_actions", rows)
                    if clip_id == "b" and "die" in sys.argv:
                        time.sleep(60)
        print(run(slow, {{"meta": {meta!r}}}, out={str(tmp_path / "out")!r}).content_hash)
        """)
    )
    victim = subprocess.Popen([sys.executable, str(script), "die"], stdout=subprocess.PIPE, text=True)
    assert victim.stdout is not None
    assert [victim.stdout.readline().strip() for _ in "ab"] == ["a", "b"]
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    assert not (tmp_path / "out").exists()
    again = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    *redone, content_hash = again.stdout.split()
    assert redone == ["b", "c"]
    assert content_hash == json.loads((Path(meta) / "manifest.json").read_text())["content_hash"]
