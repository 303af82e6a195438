"""The data pipeline, a tiny training pipeline by TrainJobs, and a schedule, from the command line to a real cluster.

The nodes need the images of Dockerfile's targets data, train, sim and pipelines; CAUSEWAY_IMAGE_… name them.
"""

import json
import time
from pathlib import Path

import pytest

from causeway.artifacts import store
from causeway.platform.steps import run_named
from tests.e2e import clusters
from tests.e2e.clusters import kubectl

pytestmark = pytest.mark.cluster
MANIFESTS = Path(__file__).parents[2] / "manifests" / "training"
STEPS = "4"


def workflows() -> set[str]:
    """The Workflows of all runs."""
    return set(kubectl("get", "workflows", "-o", "name").split())


def causeway(*words: str, api: str) -> dict:
    """Run the command line as a person does; returns what --json tells."""
    return clusters.causeway(*words, environment={"CAUSEWAY_KFP": api, "CAUSEWAY_TRAINING_RUNTIME": "causeway-train"})


@pytest.fixture(scope="module")
def root(s3: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A place in the bucket with the drives of a small world."""
    world = run_named("make_world", {}, {"scenes": 4}, out=str(tmp_path_factory.mktemp("world") / "drives"))
    root = f"{s3}/runs-{time.time_ns()}"
    for name in world.files:
        store.write_bytes(f"{root}/drives/{name}", Path(world.location, name).read_bytes())
    kubectl("apply", "-k", str(MANIFESTS))
    return root


def test_drives_become_a_policy_and_the_same_again_costs_nothing(pipelines_api: str, root: str) -> None:
    data = causeway("run", "data", "--on", "cluster", "--root", root, "--set", f"drives={root}/drives", api=pipelines_api)
    assert data["kind"] == "samples"
    words = ["run", "training", "--on", "cluster", "--root", root, "--set", f"data={data['location']}"]
    trained = causeway(*words, "--set", f"steps={STEPS}", api=pipelines_api)
    assert trained["state"] == "SUCCEEDED"
    record = json.loads(store.read_bytes(f"{root}/runs/{trained['run']}.json") or b"{}")
    assert record["pipeline"] == "causeway-training"
    assert kubectl("get", "trainjobs", "-l", f"causeway/run={trained['run']}", "-o", "name").count("trainjob") == 4


def test_a_schedule_fires_and_is_made_once(pipelines_api: str, root: str) -> None:
    causeway("submit", "data", "--upload-only", api=pipelines_api)
    words = ["schedule", "create", "e2e", "data", "--cron", "0 * * * * *", "--root", root, "--set", f"drives={root}/drives"]
    try:
        assert causeway(*words, api=pipelines_api)["kept"] is False
        assert causeway(*words, api=pipelines_api)["kept"] is True
        before, fired = workflows(), set()
        for _ in range(60):
            fired = workflows() - before
            if fired:
                break
            time.sleep(3)
        assert fired
    finally:
        assert causeway("schedule", "delete", "e2e", api=pipelines_api)["deleted"] == 1
