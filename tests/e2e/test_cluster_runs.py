"""A tiny training pipeline by TrainJobs, a schedule, and labels in many tasks, from the command line to a real cluster.

The nodes need the images of Dockerfile's targets data, train, sim and pipelines; CAUSEWAY_IMAGE_… name them.
"""

import json
import time
from pathlib import Path

import pytest

from causeway.artifacts import store
from tests.e2e.clusters import PATIENCE_S, causeway, kubectl
from tests.e2e.started import Begin, at_work, placed, run_of, run_words

pytestmark = pytest.mark.cluster
SHARDS, AT_ONCE = 50, 8


def workflows() -> set[str]:
    """The Workflows of all runs."""
    return set(kubectl("get", "workflows", "-o", "name").split())


def test_samples_become_a_policy_by_four_training_jobs(place: str, samples: str) -> None:
    trained = causeway(*run_words("training", place, data=samples, steps=4), environment={})
    assert trained["state"] == "SUCCEEDED"
    record = json.loads(store.read_bytes(f"{place}/runs/{trained['run']}.json") or b"{}")
    assert record["pipeline"] == "causeway-training"
    assert kubectl("get", "trainjobs", "-l", f"causeway/run={trained['run']}", "-o", "name").count("trainjob") == 4


def test_labels_in_fifty_tasks_are_the_same_and_at_most_eight_work_at_once(
    place: str, samples: str, tmp_path: Path, begun: Begin
) -> None:
    wide = placed(tmp_path, fan_out={"label_moments": {"shards": SHARDS, "at_once": AT_ONCE}})
    process, said = begun(run_words("data", f"{place}/wide", drives=f"{place}/drives"), **wide)
    run, seen, most, started = run_of(said), set[str](), 0, time.monotonic()
    while process.poll() is None and time.monotonic() - started < 2 * PATIENCE_S:
        now = at_work(run)
        seen, most = seen | set(now), max(most, len(now))
        time.sleep(1)
    print(f"{SHARDS} tasks: at most {most} pods at once, {len(seen)} seen, {time.monotonic() - started:.0f} s")
    assert process.returncode == 0, said.read_text()[-500:]
    told = json.loads(said.read_text().splitlines()[-1])
    assert told["location"].rpartition("/")[2] == samples.rpartition("/")[2]  # the content hash
    assert most <= AT_ONCE
    assert len(seen) > AT_ONCE


def test_a_schedule_fires_and_is_made_once(place: str) -> None:
    causeway("submit", "data", "--upload-only", environment={})
    drives = ["--root", place, "--set", f"drives={place}/drives"]
    words = ["schedule", "create", "e2e", "data", "--cron", "0 * * * * *", *drives]
    try:
        assert causeway(*words, environment={})["kept"] is False
        assert causeway(*words, environment={})["kept"] is True
        before, fired = workflows(), set()
        for _ in range(60):
            fired = workflows() - before
            if fired:
                break
            time.sleep(3)
        assert fired
    finally:
        assert causeway("schedule", "delete", "e2e", environment={})["deleted"] == 1
