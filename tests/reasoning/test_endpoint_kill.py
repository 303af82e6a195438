"""kill -9 while an endpoint labels: nothing that was answered is paid again, and nothing is lost."""

import json
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from causeway.artifacts import Artifact, run, write_artifact
from causeway.reasoning.step import LabelConfig, label_moments
from tests.reasoning.fake_endpoint import FakeEndpoint, Reply, Request, fake_endpoint, good
from tests.reasoning.small_drives import T0_US, evidence_row, speeds, write_drives

MOMENTS, IN_FLIGHT = 40, 4
HEAVY = ("causeway.reasoning.step", "causeway.reasoning.panel", "numba")


def label(inputs: dict[str, str], out: str, url: str, ledger: str) -> None:
    config = LabelConfig(teacher=f"m@{url}", in_flight=IN_FLIGHT, ledger=ledger)
    run(label_moments, inputs, out=out, config=config)


def answered(ledger: Path) -> set[str]:
    found = set()
    for file in ledger.glob("*.jsonl"):
        for line in file.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n") and (row := json.loads(line))["event"] == "answered":
                found.add(row["key"])
    return found


def killed_after(requests: int, fake: FakeEndpoint, *arguments: object) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(HEAVY))
    process = context.Process(target=label, args=arguments)
    process.start()
    while len(fake.requests) < requests and process.is_alive():
        time.sleep(0.001)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("kills", [(14,), pytest.param((3, 8, 14, 20, 30), marks=pytest.mark.slow)])  # after so many requests
def test_nothing_is_paid_twice_and_nothing_lost(tmp_path: Path, kills: tuple[int, ...]) -> None:
    row = evidence_row("lead")
    rows = [row | {"moment_id": f"{n:03d}@{T0_US}", "lead_distance_m": 10.0 + n} for n in range(MOMENTS)]
    write_artifact("evidence", {"evidence": rows}, tmp_path / "evidence")
    inputs = {"evidence": str(tmp_path / "evidence"), "clips": write_drives(tmp_path / "clips", {"lead": speeds("lead")})}
    ledger, paid = tmp_path / "ledger", []

    def slow(request: Request) -> Reply:
        return Reply(good(request).body, wait_s=0.02)

    with fake_endpoint(slow) as fake:
        for count in kills:
            killed_after(count, fake, inputs, str(tmp_path / "labels"), fake.url, str(ledger))
            assert not (tmp_path / "labels").exists()
            paid.append((len(fake.requests), answered(ledger)))
        label(inputs, str(tmp_path / "labels"), fake.url, str(ledger))
        asked = [request.key for request in fake.requests]
        label(inputs, str(tmp_path / "undisturbed"), fake.url, str(tmp_path / "another ledger"))
    for requests, keys in paid:
        assert not keys & set(asked[requests:])  # what stood on the disk was not asked again
    assert len(paid[-1][1]) >= kills[-1] - len(kills) * IN_FLIGHT > 0
    assert len(asked) - len(set(asked)) <= len(kills) * IN_FLIGHT  # only what was under way at a kill
    labels = [Artifact.open(tmp_path / name).table("labels") for name in ("labels", "undisturbed")]
    assert labels[0].equals(labels[1])
    assert labels[0].num_rows == MOMENTS
