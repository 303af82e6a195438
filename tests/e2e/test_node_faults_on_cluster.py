"""Faults below runs, on a real cluster: a key missing in a Secret, the API server away, a node drained.

They hold for everything on a cluster, so each is asked for: CAUSEWAY_TEST_API_RESTART is a command that ends the API
server and starts it again, CAUSEWAY_TEST_DRAIN=1 allows to drain a cluster's one node, which takes Kubeflow, the object
store and the run down at once; pods that nobody owns are gone for ever.
"""

import base64
import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.e2e.clusters import kubectl, until
from tests.e2e.started import Begin, at_work, ended, jobs_of, names_in, run_of, run_words, steps_done

pytestmark = pytest.mark.cluster
KEY = "AWS_SECRET_ACCESS_KEY"


def patched(name: str, data: dict[str, str | None]) -> None:
    """Change keys of a Secret; None takes one away."""
    words = {key: text and base64.b64encode(text.encode()).decode() for key, text in data.items()}
    kubectl("patch", "secret", name, "--type", "merge", "-p", json.dumps({"data": words}))


def answers() -> bool:
    """Whether the API server does."""
    words = ["kubectl", "get", "--raw", "/readyz", "--request-timeout=2s"]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def test_a_key_that_a_secret_lacks_is_named_and_the_run_goes_on_with_it(place: str, begun: Begin) -> None:
    held = json.loads(kubectl("get", "secret", "causeway-s3", "-o", "json"))["data"]
    patched("causeway-s3", {KEY: None})
    try:
        process, said = begun(run_words("data", f"{place}/key", drives=f"{place}/drives"))
        run = run_of(said)
        assert until(lambda: f"couldn't find key {KEY} in Secret" in said.read_text(), 240)
    finally:
        patched("causeway-s3", {KEY: base64.b64decode(held[KEY]).decode()})
    assert until(lambda: steps_done(said) >= 1, 300)
    ended(run)
    assert process.wait(timeout=120) == 4


def test_an_api_server_that_is_restarted_costs_nothing_but_time(place: str, samples: str, begun: Begin) -> None:
    restart = os.environ.get("CAUSEWAY_TEST_API_RESTART", "")
    if not restart:
        pytest.skip("CAUSEWAY_TEST_API_RESTART says no command that restarts the API server")
    process, said = begun(run_words("training", f"{place}/api", data=samples, steps=120))
    run = run_of(said)
    assert until(lambda: bool(jobs_of(run)) and any(n.startswith("checkpoints/") for n in names_in(f"{place}/api")))
    jobs = {job["metadata"]["uid"] for job in jobs_of(run)}
    with subprocess.Popen(restart.split()) as restarting:
        assert until(lambda: not answers(), 30)
        assert restarting.wait(timeout=300) == 0
    assert answers()
    assert until(lambda: steps_done(said) >= 3)  # stage one and its gate are done
    assert jobs <= {job["metadata"]["uid"] for job in jobs_of(run)}
    ended(run)
    assert process.wait(timeout=120) == 4


def test_a_node_drained_during_training_ends_the_run_at_most_and_loses_nothing(
    place: str, samples: str, tmp_path: Path, begun: Begin
) -> None:
    nodes = kubectl("get", "nodes", "-o", "name").split()
    if os.environ.get("CAUSEWAY_TEST_DRAIN") != "1" or len(nodes) != 1:
        pytest.skip(f"{len(nodes)} nodes, and draining is tried on one, with CAUSEWAY_TEST_DRAIN=1")
    words = run_words("training", f"{place}/drained", data=samples, steps=120)
    process, said = begun(words)
    run = run_of(said)
    assert until(lambda: bool(jobs_of(run)) and bool(at_work(run)))
    assert until(lambda: any(name.startswith("checkpoints/") for name in names_in(f"{place}/drained")))
    try:
        how = ("--ignore-daemonsets", "--delete-emptydir-data", "--force", "--disable-eviction", "--timeout=180s")
        kubectl("drain", nodes[0], *how)
    finally:
        kubectl("uncordon", nodes[0])
    assert until(lambda: process.poll() is not None or steps_done(said) >= 3)
    if process.poll() is not None:
        # Argo's controller was away too, and does not try a step again whose pod is just gone
        process, said = begun(words)
        run = run_of(said)
        assert until(lambda: steps_done(said) >= 3)
    log = (tmp_path / "out" / "logs" / "training.log").read_text()
    assert "vlm: going on from step" in log  # the job's new pod took up its checkpoint
    ended(run)
    assert process.wait(timeout=120) == 4
