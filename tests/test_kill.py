"""kill -9 at random points of the data pipeline, again and again: the same command ends with the same content."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from causeway.artifacts import Manifest
from causeway.platform.laptop import run_pipeline
from causeway.platform.steps import run_named
from tests.conftest import SEED
from tests.data_steps import DATA_STEPS, HEAVY, hashes, make_data

RUN_KILLS, STEP_KILLS = 3, 100
def killable(folder: Path, drives: Path) -> None:
    """The data steps in a process group of its own: what a person types, less the imports. Clips are short, so that
    there are many shards.
    """
    os.setsid()
    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    make_data(drives, folder / "made", layout="physicalai-av", clip_s=5.0)


def started(folder: Path, drives: Path) -> ForkServerProcess:
    """`killable` in a process forked from one that has imported everything once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(HEAVY))
    folder.mkdir(parents=True, exist_ok=True)
    process = context.Process(target=killable, args=(folder, drives))
    process.start()
    while process.is_alive() and not (folder / "log").exists():  # by then it leads its group
        time.sleep(0.002)
    return process


def killed(process: ForkServerProcess, after_s: float) -> bool:
    """Whether the process and all that it started were still there to be killed after so long."""
    process.join(after_s)
    if not process.is_alive():
        return False
    assert process.pid is not None
    os.killpg(process.pid, signal.SIGKILL)
    process.join()
    return process.exitcode == -signal.SIGKILL


def names_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.slow
def test_a_hundred_kills_of_the_data_steps(tmp_path: Path) -> None:
    drives = tmp_path / "drives"
    run_named("make_world", {}, {"scenes": 2, "camera_hz": 2}, out=str(drives))
    for folder in (tmp_path / "warm", tmp_path / "whole"):
        begun = time.monotonic()
        whole = started(folder, drives)
        whole.join()
        took_s = time.monotonic() - begun
        assert whole.exitcode == 0, (folder / "log").read_text()[-2000:]
    expected, chance, kills, campaigns = hashes(folder / "made"), random.Random(SEED), 0, 0
    assert len(set(expected.values())) == len(DATA_STEPS)
    while kills < STEP_KILLS:
        campaigns += 1
        folder = tmp_path / f"killed{campaigns}"
        while killed(process := started(folder, drives), chance.uniform(0.0, 0.6 * took_s)):
            kills += 1
            (folder / "log").unlink()
        assert process.exitcode == 0, (folder / "log").read_text()[-2000:]
        assert hashes(folder / "made") == expected, f"campaign {campaigns}"
        assert names_in(folder / "made") == names_in(tmp_path / "whole" / "made")  # nothing is left lying about
    print(f"{kills} kills in {campaigns} campaigns; undisturbed: {took_s:.1f} s")


def _start(root: Path, drives: str) -> subprocess.Popen:
    causeway = str(Path(sys.executable).with_name("causeway"))
    settings = ["--set", f"drives={drives}", "--set", "layout=physicalai-av"]
    command = [causeway, "run", "data", *settings, "--root", str(root)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


@pytest.mark.slow
def test_killed_runs_end_with_the_same_samples(tmp_path: Path) -> None:
    world = run_named("make_world", {}, {"scenes": 2, "camera_hz": 2}, out=str(tmp_path / "drives"))

    def finish(root: Path) -> Manifest:
        arguments = {"root": str(root), "drives": world.location, "layout": "physicalai-av"}
        return run_pipeline("data", arguments, tmp_path / "data.log")

    begun = time.monotonic()
    undisturbed = finish(tmp_path / "undisturbed")
    took_s, chance = time.monotonic() - begun, random.Random(SEED)
    for _ in range(RUN_KILLS):
        victim = _start(tmp_path / "killed", world.location)
        time.sleep(chance.uniform(0.5, took_s * 0.6))
        os.killpg(victim.pid, signal.SIGKILL)  # the run and the step it is in
        victim.wait()
    assert finish(tmp_path / "killed").content_hash == undisturbed.content_hash
