"""Faults of runs and stores, on a real cluster: what the person who started a run is told; nothing is lost or left over.

The nodes need the images of Dockerfile's targets data, train and pipelines; CAUSEWAY_IMAGE_… name them.
"""

import json
import time
from pathlib import Path

import pytest

from causeway.artifacts import store
from tests.e2e.clusters import PATIENCE_S, causeway, kubectl, until
from tests.e2e.started import Begin, at_work, ended, failed, jobs_of, names_in, placed, pods_of, run_of, run_words

pytestmark = pytest.mark.cluster
AWAY_S = 120


def test_a_wrong_bucket_is_named(place: str, begun: Begin) -> None:
    code, last = failed(begun(run_words("data", "s3://nowhere/x", drives=f"{place}/drives")))
    assert code == 4
    assert "nowhere" in last


def test_an_image_that_cannot_be_pulled_is_named_and_the_run_can_be_ended(place: str, begun: Begin) -> None:
    words = run_words("data", f"{place}/image", drives=f"{place}/drives")
    process, said = begun(words, CAUSEWAY_IMAGE_DATA="causeway/data:absent")
    run = run_of(said)
    assert until(lambda: "causeway/data:absent" in said.read_text(), 240)
    ended(run)
    assert process.wait(timeout=120) == 4
    assert "was cancelled" in said.read_text().splitlines()[-1]


def test_a_step_for_which_no_machine_is_there_is_named(place: str, tmp_path: Path, begun: Begin) -> None:
    here = placed(tmp_path, steps={"ingest": {"accelerators": 99}})
    process, said = begun(run_words("data", f"{place}/gpu", drives=f"{place}/drives"), **here)
    run = run_of(said)
    assert until(lambda: "Insufficient nvidia.com/gpu" in said.read_text(), 240)
    ended(run)
    assert process.wait(timeout=120) == 4


def test_a_step_killed_for_memory_is_named(place: str, tmp_path: Path, begun: Begin) -> None:
    here = placed(tmp_path, steps={"ingest": {"memory_request": "64Mi", "memory_limit": "64Mi", "retries": 0}})
    code, last = failed(begun(run_words("data", f"{place}/memory", drives=f"{place}/drives"), **here))
    assert (code, "ingest: killed for memory" in last) == (4, True)


def test_a_training_job_killed_for_memory_is_named_and_leaves_no_job(
    place: str, samples: str, tmp_path: Path, begun: Begin
) -> None:
    here = placed(
        tmp_path,
        steps={"train_vlm": {"retries": 0}},
        jobs={"train_vlm": {"memory_request": "200Mi", "memory_limit": "200Mi"}},
    )
    process, said = begun(run_words("training", f"{place}/job-memory", data=samples, steps=4), **here)
    run = run_of(said)
    assert process.wait(timeout=PATIENCE_S) == 4
    assert "raise memory_limit of vlm" in said.read_text()
    assert until(lambda: not pods_of(f"causeway/run={run}"), 60)


def test_a_run_cancelled_during_training_leaves_no_job_and_goes_on_later(
    place: str, samples: str, tmp_path: Path, begun: Begin
) -> None:
    root = f"{place}/cancelled"
    words = run_words("training", root, data=samples, steps=400)
    process, said = begun(words)
    run = run_of(said)
    assert until(lambda: any(name.startswith("checkpoints/") for name in names_in(root)))
    ended(run)
    assert process.wait(timeout=120) == 4
    assert until(lambda: not jobs_of(run), 60)
    process, said = begun(words)
    again = run_of(said)
    log = tmp_path / "out" / "logs" / "training.log"
    assert until(lambda: "vlm: going on from step" in log.read_text(), 240)
    ended(again)
    process.wait(timeout=120)


def test_a_launcher_that_is_evicted_finds_its_job_again(place: str, samples: str, begun: Begin) -> None:
    process, said = begun(run_words("training", f"{place}/evicted", data=samples, steps=30))
    run = run_of(said)
    assert until(lambda: bool(jobs_of(run)) and bool(at_work(run)))
    job = jobs_of(run)[0]["metadata"]["uid"]
    kubectl("delete", at_work(run)[0], "--wait=false")
    assert until(lambda: "train-vlm" in said.read_text().rpartition("1 of 12 steps done")[0])
    assert job in {one["metadata"]["uid"] for one in jobs_of(run)}
    ended(run)
    process.wait(timeout=120)


def test_a_store_that_is_away_for_two_minutes_costs_nothing_but_time(place: str, begun: Begin) -> None:
    process, said = begun(run_words("data", f"{place}/away", drives=f"{place}/drives"))
    assert until(lambda: "2 of 11 steps done" in said.read_text())
    kubectl("scale", "deployment/minio", "--replicas=0")
    time.sleep(AWAY_S)
    kubectl("scale", "deployment/minio", "--replicas=1")
    assert process.wait(timeout=PATIENCE_S) == 0


def test_two_runs_at_once_end_with_one_result(place: str, tmp_path: Path) -> None:
    root = f"{place}/twice"
    settings = [word for one in (f"drives={place}/drives",) for word in ("--set", one)]
    started = [
        causeway("submit", "data", "--root", root, *settings, *extra, environment={})["run"]
        for extra in ([], ["--set", "in_flight=15"])  # another setting, so another name, the same steps
    ]
    records = [f"{root}/runs/{run}.json" for run in started]
    assert len(set(started)) == 2
    assert until(lambda: all(store.read_bytes(record) for record in records))
    assert {json.loads(store.read_bytes(record) or b"{}")["state"] for record in records} == {"SUCCEEDED"}
    assert len([name for name in names_in(root) if name.startswith("samples/") and name.endswith("manifest.json")]) == 1
