"""Faults, on a real cluster: what the person who started a run is told, and that nothing is lost or left over.

The nodes need the images of Dockerfile's targets data, train and pipelines; CAUSEWAY_IMAGE_… name them. What cannot be
done from here without harm to others (the API server restarted, a whole node drained) is in docs/runbook/faults.md.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from causeway.artifacts import store
from causeway.platform.steps import run_named
from tests.e2e.clusters import ROOT, causeway, images, kubectl

pytestmark = pytest.mark.cluster
AWAY_S = 120
PATIENCE_S = 900


@pytest.fixture(scope="module")
def place(s3: str, pipelines_api: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A place in the bucket with the drives of a small world; the images' names and the API in the environment."""
    if not images():
        pytest.skip("the images have no names: make images, or set the five CAUSEWAY_IMAGE_…")
    world = run_named("make_world", {}, {"scenes": 4}, out=str(tmp_path_factory.mktemp("world") / "drives"))
    place = f"{s3}/faults-{time.time_ns()}"
    for name in world.files:
        store.write_bytes(f"{place}/drives/{name}", Path(world.location, name).read_bytes())
    kubectl("apply", "-k", str(ROOT / "manifests" / "training"))
    with pytest.MonkeyPatch.context() as patch:
        for name, text in (images() | {"CAUSEWAY_KFP": pipelines_api, "CAUSEWAY_TRAINING_RUNTIME": "causeway-train"}).items():
            patch.setenv(name, text)
        yield place


@pytest.fixture(scope="module")
def samples(place: str) -> str:
    """Where the samples of those drives are."""
    return str(causeway(*run_words("data", place, drives=f"{place}/drives"), environment={})["location"])


def run_words(pipeline: str, root: str, **settings: object) -> list[str]:
    words = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    return ["run", pipeline, "--on", "cluster", "--root", root, *words]


def placed(folder: Path, **changes: object) -> dict[str, str]:
    """The environment in which pipelines are compiled with another placement."""
    file = folder / "placement.yaml"
    file.write_text(yaml.safe_dump(changes))
    return {"CAUSEWAY_PLACEMENT": str(file)}


def begun(words: list[str], folder: Path, **environment: str) -> tuple[subprocess.Popen[str], Path]:
    """The command line at work, and the file in which its stderr is."""
    said = folder / "said.txt"
    with said.open("w") as file:
        command = [sys.executable, "-m", "causeway.cli", *words, "--json"]
        environment = os.environ | environment
        return subprocess.Popen(command, env=environment, stdout=file, stderr=file, text=True, cwd=folder), said


def failed(words: list[str], folder: Path, **environment: str) -> tuple[int, str]:
    """(exit code, last line) of a command that is to fail."""
    process, said = begun(words, folder, **environment)
    code = process.wait(timeout=PATIENCE_S)
    return code, said.read_text().strip().splitlines()[-1]


def until(found: Callable[[], object], seconds: float = PATIENCE_S) -> bool:
    """Whether it came true in time."""
    for _ in range(round(seconds)):
        if found():
            return True
        time.sleep(1)
    return False


def run_of(said: Path) -> str:
    """The id of the run that the command line started."""
    assert until(lambda: "(run " in said.read_text(), 120)
    return said.read_text().partition("(run ")[2].partition(")")[0]


def ended(run: str) -> None:
    """Cancel a run."""
    assert causeway("cancel", run, environment={})["state"] == "CANCELED"


def jobs_of(run: str) -> list[dict]:
    return list(json.loads(kubectl("get", "trainjobs", "-l", f"causeway/run={run}", "-o", "json"))["items"])


def pods_of(selector: str, phase: str = "Running") -> list[str]:
    words = ["get", "pods", "-l", selector, "--field-selector", f"status.phase={phase}", "-o", "name"]
    return kubectl(*words).split()


def launchers(run: str) -> list[str]:
    return [name for name in pods_of(f"pipeline/runid={run}") if "system-container-impl" in name]


def test_a_wrong_bucket_is_named(place: str, tmp_path: Path) -> None:
    code, last = failed(run_words("data", "s3://nowhere/x", drives=f"{place}/drives"), tmp_path)
    assert code == 4
    assert "nowhere" in last


def test_an_image_that_cannot_be_pulled_is_named_and_the_run_can_be_ended(place: str, tmp_path: Path) -> None:
    words = run_words("data", f"{place}/image", drives=f"{place}/drives")
    process, said = begun(words, tmp_path, CAUSEWAY_IMAGE_DATA="causeway/data:absent")
    run = run_of(said)
    assert until(lambda: "causeway/data:absent" in said.read_text(), 240)
    ended(run)
    assert process.wait(timeout=120) == 4
    assert "causeway/data:absent" in said.read_text().splitlines()[-1]


def test_a_step_for_which_no_machine_is_there_is_named(place: str, tmp_path: Path) -> None:
    here = placed(tmp_path, steps={"ingest": {"accelerators": 99}})
    process, said = begun(run_words("data", f"{place}/gpu", drives=f"{place}/drives"), tmp_path, **here)
    run = run_of(said)
    assert until(lambda: "Insufficient nvidia.com/gpu" in said.read_text(), 240)
    ended(run)
    assert process.wait(timeout=120) == 4


def test_a_step_killed_for_memory_is_named(place: str, tmp_path: Path) -> None:
    here = placed(tmp_path, steps={"ingest": {"memory_request": "64Mi", "memory_limit": "64Mi", "retries": 0}})
    code, last = failed(run_words("data", f"{place}/memory", drives=f"{place}/drives"), tmp_path, **here)
    assert (code, "ingest: killed for memory" in last) == (4, True)


def test_a_training_job_killed_for_memory_is_named_and_leaves_no_job(place: str, samples: str, tmp_path: Path) -> None:
    here = placed(
        tmp_path,
        steps={"train_vlm": {"retries": 0}},
        jobs={"train_vlm": {"memory_request": "200Mi", "memory_limit": "200Mi"}},
    )
    process, said = begun(run_words("training", f"{place}/job-memory", data=samples, steps=4), tmp_path, **here)
    run = run_of(said)
    assert process.wait(timeout=PATIENCE_S) == 4
    assert "raise memory_limit of vlm" in said.read_text()
    assert until(lambda: not pods_of(f"causeway/run={run}"), 60)


def test_a_run_cancelled_during_training_leaves_no_job_and_goes_on_later(place: str, samples: str, tmp_path: Path) -> None:
    root = f"{place}/cancelled"
    words = run_words("training", root, data=samples, steps=400)
    process, said = begun(words, tmp_path)
    run = run_of(said)
    assert until(lambda: any(name.startswith("checkpoints/") for name in names_in(root)))
    ended(run)
    assert process.wait(timeout=120) == 4
    assert until(lambda: not jobs_of(run), 60)
    process, said = begun(words, tmp_path)
    again = run_of(said)
    log = tmp_path / "out" / "logs" / "training.log"
    assert until(lambda: "vlm: going on from step" in log.read_text(), 240)
    ended(again)
    process.wait(timeout=120)


def test_a_launcher_that_is_evicted_finds_its_job_again(place: str, samples: str, tmp_path: Path) -> None:
    process, said = begun(run_words("training", f"{place}/evicted", data=samples, steps=30), tmp_path)
    run = run_of(said)
    assert until(lambda: bool(jobs_of(run)) and bool(launchers(run)))
    job = jobs_of(run)[0]["metadata"]["uid"]
    kubectl("delete", launchers(run)[0], "--wait=false")
    assert until(lambda: "train-vlm" in said.read_text().rpartition("1 of 12 steps done")[0])
    assert job in {one["metadata"]["uid"] for one in jobs_of(run)}
    ended(run)
    process.wait(timeout=120)


def test_a_store_that_is_away_for_two_minutes_costs_nothing_but_time(place: str, tmp_path: Path) -> None:
    process, said = begun(run_words("data", f"{place}/away", drives=f"{place}/drives"), tmp_path)
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


def names_in(root: str) -> list[str]:
    """Names of all that lies below a place."""
    from causeway.platform.upkeep.listing import files

    return [file.name for file in files(root)]
