"""The data pipeline on a real Kubernetes with Kubeflow Pipelines, through S3, unchanged."""

import time
import uuid
import warnings
from pathlib import Path

import pytest

from causeway.artifacts import Artifact, store
from causeway.platform.compiled import compile_all
from causeway.platform.laptop import run_pipeline
from causeway.platform.steps import run_named

pytestmark = pytest.mark.cluster
SCENES = 4
TIMEOUT_S = 1500


def run_on_cluster(api: str, package: Path, arguments: dict) -> str:
    """Run a compiled pipeline to its end; returns its state."""
    warnings.simplefilter("ignore")
    from kfp import Client

    client = Client(host=api)
    run = client.create_run_from_pipeline_package(str(package), arguments=arguments, enable_caching=False)
    started = time.monotonic()
    while time.monotonic() - started < TIMEOUT_S:
        state = client.get_run(run.run_id).state
        if state in ("SUCCEEDED", "FAILED", "CANCELED"):
            print(f"run {run.run_id}: {state} after {time.monotonic() - started:.0f} s")
            return str(state)
        time.sleep(3)
    return "TIMEOUT"


def test_the_data_pipeline_gives_the_same_samples_as_on_a_laptop(pipelines_api: str, s3: str, tmp_path: Path) -> None:
    world = run_named("make_world", {}, {"scenes": SCENES}, out=str(tmp_path / "drives"))
    arguments = {"root": str(tmp_path / "root"), "drives": world.location, "layout": "physicalai-av"}
    here = run_pipeline("data", arguments, tmp_path / "data.log")

    run_id = uuid.uuid4().hex[:8]
    for name in world.files:
        store.write_bytes(f"{s3}/{run_id}/drives/{name}", Path(world.location, name).read_bytes())
    compile_all(tmp_path / "compiled")
    root = f"{s3}/{run_id}/root"
    there = {"root": root, "drives": f"{s3}/{run_id}/drives", "layout": "physicalai-av"}
    assert run_on_cluster(pipelines_api, tmp_path / "compiled" / "data.yaml", there) == "SUCCEEDED"

    samples = Artifact.open(f"{root}/samples/{here.content_hash}")
    assert samples.manifest.content_hash == here.content_hash
    assert samples.table("samples").num_rows == here.counts["samples"]
