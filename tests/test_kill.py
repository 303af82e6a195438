"""kill -9 in the middle of the data pipeline, again and again: the same command ends with the same samples."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from causeway.artifacts import Manifest
from causeway.platform.laptop import run_pipeline
from causeway.platform.steps import run_named
from tests.conftest import SEED

KILLS = 5


def _start(root: Path, drives: str) -> subprocess.Popen:
    causeway = str(Path(sys.executable).with_name("causeway"))
    settings = ["--set", f"drives={drives}", "--set", "layout=physicalai-av"]
    command = [causeway, "run", "data", *settings, "--root", str(root)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


@pytest.mark.slow
def test_killed_runs_end_with_the_same_samples(tmp_path: Path) -> None:
    world = run_named("make_world", {}, {"scenes": 2}, out=str(tmp_path / "drives"))

    def finish(root: Path) -> Manifest:
        arguments = {"root": str(root), "drives": world.location, "layout": "physicalai-av"}
        return run_pipeline("data", arguments, tmp_path / "data.log")

    started = time.monotonic()
    undisturbed = finish(tmp_path / "undisturbed")
    took_s, chance = time.monotonic() - started, random.Random(SEED)
    for _ in range(KILLS):
        victim = _start(tmp_path / "killed", world.location)
        time.sleep(chance.uniform(0.5, took_s * 0.6))
        os.killpg(victim.pid, signal.SIGKILL)  # the run and the step it is in
        victim.wait()
    assert finish(tmp_path / "killed").content_hash == undisturbed.content_hash
