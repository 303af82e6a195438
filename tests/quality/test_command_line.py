"""`causeway validate` as a user meets it: exit codes, and messages that name the expectation with its numbers."""

import json
import subprocess
import sys

import numpy as np

from causeway.artifacts import write_artifact
from tests.quality.planted import clip_parts

ROW = {
    "moment_id": "d@1",
    "clip_id": "d-000",
    "t0_us": 1,
    "channel": "lateral",
    "before": "go_straight",
    "after": "steer_left",
}


def causeway(*arguments):
    command = [sys.executable, "-m", "causeway.cli", *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=240)


def test_a_refused_artifact_ends_with_3_and_its_report_is_there(tmp_path):
    write_artifact("moments", {"moments": [ROW | {"scenario": "steer", "split": "exam"}]}, tmp_path / "moments")
    done = causeway("validate", tmp_path / "moments", "--out", tmp_path / "quality", "--json")
    assert done.returncode == 3
    last = done.stderr.strip().splitlines()[-1]
    assert "moment_split: 1 of 1 violate split (expected one of train, val, test), for example d@1: exam" in last
    assert "Traceback" not in done.stderr
    assert json.loads(done.stdout)["kind"] == "quality"
    assert json.loads((tmp_path / "quality" / "quality.json").read_text())["passed"] is False
    assert "Refused" in (tmp_path / "quality" / "quality.html").read_text()


def test_a_suite_that_is_none_or_of_another_kind_ends_with_2(tmp_path):
    write_artifact("moments", {"moments": [ROW | {"scenario": "steer", "split": "train"}]}, tmp_path / "moments")
    wrong = causeway("validate", tmp_path / "moments", "--suite", "nonsense", "--out", tmp_path / "q")
    assert (wrong.returncode, "suites are columns, truth, clips, ego" in wrong.stderr) == (2, True)
    other = causeway("validate", tmp_path / "moments", "--suite", "ego", "--out", tmp_path / "q")
    assert other.returncode == 2
    assert "suite ego is not for moments artifacts; theirs are columns, moments" in other.stderr
    assert not (tmp_path / "q").exists()


def test_what_is_no_artifact_or_cannot_be_read_ends_with_4(tmp_path):
    assert causeway("validate", tmp_path, "--out", tmp_path / "q").returncode == 4
    write_artifact("moments", {"moments": []}, tmp_path / "moments")
    (tmp_path / "moments" / "moments.parquet").write_bytes(b"PAR1")
    done = causeway("validate", tmp_path / "moments", "--out", tmp_path / "q")
    assert done.returncode == 4
    assert "moments.parquet: not a readable Parquet file" in done.stderr
    assert "Traceback" not in done.stderr


def test_clips_of_which_most_would_be_dropped_end_with_3_and_half_of_them_with_0(tmp_path):
    rng = np.random.default_rng(3)
    parts = [clip_parts(rng, f"c{i}", speed=6.0 + i) for i in range(3)]
    for part in parts[:2]:
        for row in part["ego"]:
            row["speed_mps"] *= 3.6
    for name, kept in (("most", parts), ("half", parts[1:])):
        write_artifact("clips", {table: [r for p in kept for r in p[table]] for table in parts[0]}, tmp_path / name)
    most = causeway("validate", tmp_path / "most", "--out", tmp_path / "q")
    assert most.returncode == 3
    assert "2 of 3 clips would be dropped, most of them for " in most.stderr.strip().splitlines()[-1]
    half = causeway("validate", tmp_path / "half", "--out", tmp_path / "r")
    assert (half.returncode, "enough_left" in half.stderr) == (0, False)
    alone = causeway("validate", tmp_path / "most", "--suite", "clips_left", "--out", tmp_path / "s")
    assert alone.returncode == 3
