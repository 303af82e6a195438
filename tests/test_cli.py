"""The command line as a user meets it: exit codes, one line each, nothing heavy for help, pure JSON."""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from causeway.artifacts import write_artifact
from causeway.cli_frame import keep_interrupts

VERBS = (
    "demo world ingest validate meta-actions moments features label review samples train evaluate gate serve ask run "
    "show compile submit cancel"
)
ROWS = [{"clip_id": "a", "t_us": 1, "longitudinal": "stop", "lateral": "go_straight", "lane": None}]


def _causeway(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "causeway.cli", *arguments], check=False, capture_output=True, text=True, timeout=120, cwd=cwd
    )


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"]])
def test_help_imports_nothing_heavy(arguments):
    program = (
        "import sys\n"
        "from causeway import cli\n"
        f"sys.argv = ['causeway', *{arguments!r}]\n"
        "try:\n    cli.main()\n"
        "except SystemExit as ended:\n    code = ended.code\n"
        "heavy = {'torch', 'pyarrow', 'kfp', 'numpy', 'pandas', 'mlflow', 'kserve', 'minio'} & set(sys.modules)\n"
        "print(code, sorted(heavy), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("Usage:")
    assert done.stderr.strip().splitlines()[-1] == "0 []"


def test_every_verb_says_what_it_reads_or_writes_with_an_example():
    program = (
        "from causeway.cli import app\n"
        "from causeway.cli_cluster import cluster_app\n"
        "for verb in [*app.registered_commands, *cluster_app.registered_commands]:\n"
        "    text = verb.callback.__doc__\n"
        "    name = verb.name or verb.callback.__name__\n"
        "    print(name, 'Reads ' in text or 'Writes ' in text, f'causeway {name}' in ' '.join(text.split()))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == [f"{verb} True True" for verb in VERBS.split()]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["nonsense"], 2, "No such command"),
        (["ingest"], 2, "Missing argument"),
        (["train", "five", "--samples", "s", "--out", "o"], 2, "no such stage"),
        (["train", "vlm", "--recipe", "pi1", "--samples", "s", "--out", "o"], 2, "choose one of alpamayo, pi0"),
        (["train", "rl", "--recipe", "pi0", "--samples", "s", "--out", "o"], 2, "recipe pi0 are vlm, broad, post"),
        (["train", "post", "--recipe", "pi0", "--samples", "s", "--out", "o"], 2, "train stage broad first"),
        (["train", "action", "--recipe", "act", "--samples", "s", "--from", "p", "--out", "o"], 2, "begins a new policy"),
        (["ingest", "empty", "--layout", "zzz", "--out", "o"], 2, "no such layout"),
        (["ingest", "empty", "--out", ""], 2, "name where the artifact goes"),
        (["world", "--scenes", "1", "--out", "meta"], 2, "would be replaced by drives"),
        (["run", "nonsense"], 2, "no such pipeline"),
        (["run", "data"], 2, "'drives' is missing"),
        (["run", "data", "--on", "cluster", "--set", "drives=x"], 2, "a cluster's artifacts go to --root"),
        (["demo", "--layout", "tables"], 2, "--drives"),
        (["demo", "--out", "s3://bucket/x"], 2, "name a folder"),
        (["compile", "--out", "s3://bucket/x"], 2, "name a folder"),
        (["ingest", "empty", "--out", "o"], 4, "empty folder"),
        (["ingest", "missing", "--out", "o"], 4, "missing"),
        (["ingest", "empty", "--layout", "kitti-odometry", "--out", "o"], 4, "empty"),
        (["show", "missing"], 4, "no manifest.json"),
        (["meta-actions", "meta", "--out", "o"], 4, "holds no"),
        (["world", "--scenes", "1", "--out", "file/o"], 4, "file"),
    ],
)
def test_exit_codes_and_one_clear_line(tmp_path, arguments, code, says):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    write_artifact("meta_actions", {"meta_actions": ROWS}, tmp_path / "meta")
    done = _causeway(*arguments, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert not (tmp_path / "o").exists()


def test_json_is_all_there_is_on_stdout(tmp_path):
    write_artifact("meta_actions", {"meta_actions": ROWS}, tmp_path / "meta")
    done = _causeway("show", str(tmp_path / "meta"), "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["kind"] == "meta_actions"
    assert done.stdout.count("\n") == 1


NOISY = """
import os, subprocess, sys
from causeway import cli
from causeway.cli_frame import Verb, tell
from causeway.errors import Refused
@cli.app.command("noisy", cls=Verb)
def noisy() -> None:
    print("a library prints")
    os.write(1, b"so does its C code\\n")
    subprocess.run(["echo", "and a child"])
    tell({"a": 1}, "text", True)
    raise Refused("n 3 < 10")
sys.argv = ["causeway", "noisy"]
cli.main()
"""


def test_what_libraries_print_goes_to_stderr_and_a_refusal_still_tells_its_result():
    done = subprocess.run([sys.executable, "-c", NOISY], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3
    assert done.stdout == '{"a": 1}\n'
    for said in ("a library prints", "so does its C code", "and a child", "causeway: n 3 < 10"):
        assert said in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full of Linux")
def test_a_full_disk_behind_stdout_is_4(tmp_path):
    write_artifact("meta_actions", {"meta_actions": ROWS}, tmp_path / "meta")
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "causeway.cli", "show", str(tmp_path / "meta")]
        done = subprocess.run(command, check=False, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 4
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def key_heard() -> Iterator[None]:
    """Ctrl-C as in a terminal: a job in the background passes over it, and so would its children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("key_heard")
def test_ctrl_c_inside_a_callback_of_native_code_is_not_lost(monkeypatch):
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)
    keep_interrupts()
    callback = ctypes.CFUNCTYPE(None)(lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012
        callback()
        time.sleep(10)


@pytest.mark.usefixtures("key_heard")
def test_ctrl_c_is_130_and_the_same_command_goes_on(tmp_path):
    command = [sys.executable, "-m", "causeway.cli", "world", "--scenes", "3", "--out", str(tmp_path / "drives")]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(400):
        if any(tmp_path.iterdir()):
            break
        time.sleep(0.05)
    os.kill(running.pid, signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert out == ""
    assert err.splitlines()[-1] == "causeway: interrupted; the same command goes on where it stopped"
    assert "Traceback" not in err
    assert not (tmp_path / "drives").exists()
    again = subprocess.run([*command, "--json"], check=False, capture_output=True, text=True, timeout=120)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["counts"]["drives"] == 3
