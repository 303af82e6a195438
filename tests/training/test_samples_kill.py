"""kill -9 while samples are built: the same command goes on and ends with the same bytes."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from causeway.artifacts import Artifact, run
from causeway.training.samples import SamplesConfig, build_samples
from tests.training.test_samples import SMALL, build, label

BUILD = """
import sys
from causeway.artifacts import run
from causeway.training.samples import SamplesConfig, build_samples
folder = sys.argv[1]
inputs = {"labels": folder + "/labels0", "clips": folder + "/clips0"}
run(build_samples, inputs, out=folder + "/killed", config=SamplesConfig(height=8, width=12, shard_samples=3))
"""


@pytest.mark.slow
def test_five_kills_end_with_the_same_bytes(tmp_path: Path) -> None:
    whole = build(tmp_path, [label(2_000_000 + i * 100_000) for i in range(110)], shard_samples=3)
    shards = len([name for name in whole.manifest.files if name.startswith("shards/")])
    killed = 0
    for wanted in range(0, shards, shards // 5):
        process = subprocess.Popen([sys.executable, "-c", BUILD, str(tmp_path)], stderr=subprocess.DEVNULL)
        while process.poll() is None and len(list(tmp_path.glob(".killed.*/shards/*"))) <= wanted:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
    assert killed >= 3
    inputs = {"labels": str(tmp_path / "labels0"), "clips": str(tmp_path / "clips0")}
    run(build_samples, inputs, out=str(tmp_path / "killed"), config=SamplesConfig(**SMALL, shard_samples=3))
    made = Artifact.open(tmp_path / "killed").manifest
    assert (made.content_hash, made.files, made.counts) == (
        whole.manifest.content_hash,
        whole.manifest.files,
        whole.manifest.counts,
    )
