"""The platform from `helm install` to `helm uninstall`, in a namespace of its own, as docs/install.md says.

Skips, saying so, without a cluster, helm, KServe with a Gateway, or the five images' names (`make images` writes
out/images.env). CAUSEWAY_TEST_VALUES names a further file of values, where the stores' images have other names;
CAUSEWAY_TEST_EVENT_BUS a manifest of an EventBus `causeway`: without it events and the CronWorkflow are not tried.
CAUSEWAY_TEST_KEEP=1 leaves the namespace there. Where Kubeflow Pipelines runs in another namespace, its kinds are taken
as they are (`crds.install=false`); both then work side by side, each in its namespace.
"""

import json
import os
import shutil
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml
from minio.error import S3Error

from causeway.artifacts import Artifact, store_s3
from causeway.platform.registry import champion
from causeway.platform.release.cluster_objects import route_name
from tests.e2e.clusters import ROOT, causeway, forwarded, images, kubectl, until
from tests.e2e.installed import (
    HERE,
    NAME,
    RUNS,
    answer,
    ended_because,
    helm,
    make_secrets,
    reached,
    run,
    what_stays,
    wrong_rights,
)
from tests.e2e.started import bring_drives

pytestmark = pytest.mark.cluster
CHART, LAPTOP = ROOT / "helm" / "causeway", ROOT / "helm" / "causeway" / "values" / "laptop.yaml"
CRON = "workflows.argoproj.io/cron-workflow=causeway-retraining"
BUS = os.environ.get("CAUSEWAY_TEST_EVENT_BUS", "")
EVENTS = f"drives={RUNS}/drives,events.enabled=true,events.cron=true"
ANSWERS = 'version: 1\nrules:\n- {metric: failed_answers, op: "<=", limit: 0, why: "whether it answers, not how well"}'


@pytest.fixture(scope="module")
def values(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """The namespace with its Secrets; what `helm install` is given."""
    if shutil.which("helm") is None:
        pytest.skip("no helm on the PATH")
    kinds = kubectl("get", "crd", "-o", "name")
    if "inferenceservices.serving.kserve.io" not in kinds or "httproutes.gateway.networking.k8s.io" not in kinds:
        pytest.skip("no KServe or no Gateway API on this cluster: nothing could be deployed")
    if not images():
        pytest.skip("the images have no names: make images, or set the five CAUSEWAY_IMAGE_…")
    split = {name.rpartition("_")[2].lower(): text.rpartition(":") for name, text in images().items()}
    named = tmp_path_factory.mktemp("values") / "images.yaml"
    named.write_text(yaml.safe_dump({"images": {key: {"name": n, "tag": tag} for key, (n, _, tag) in split.items()}}))
    given = ["-f", str(LAPTOP), "-f", str(named), "--set", "serving.enabled=true,serving.storeSecret=kserve-s3"]
    given += ["-f", os.environ["CAUSEWAY_TEST_VALUES"]] if os.environ.get("CAUSEWAY_TEST_VALUES") else []
    given += ["--set", "kubeflow-pipelines.crds.install=false"] if "workflows.argoproj.io" in kinds else []
    kubectl("delete", "namespace", HERE, "--ignore-not-found")
    kubectl("create", "namespace", HERE)
    make_secrets()
    if BUS:
        kubectl("apply", "-f", BUS, namespace=HERE)
        given += ["--set", EVENTS]
    yield given
    if not os.environ.get("CAUSEWAY_TEST_KEEP"):
        kubectl("delete", "namespace", HERE, "--wait=false")


@pytest.fixture(scope="module")
def took() -> Iterator[dict[str, float]]:
    """Seconds of each step, told as a table at the end, also of a test that fails."""
    found: dict[str, float] = {}
    yield found
    print("\n| step | seconds |\n|---|---|")
    print("\n".join(f"| {name} | {seconds:.0f} |" for name, seconds in found.items()))


@contextmanager
def timed(took: dict[str, float], name: str) -> Iterator[None]:
    print(f"--- {name}", flush=True)
    started = time.monotonic()
    yield
    took[name] = time.monotonic() - started


def in_turn(settings: list[str]) -> bool:
    """Whether a schedule of every minute starts a run, and its next one leaves while that is at work."""
    before = set(workflows())
    words = ["schedule", "create", "e2e", "data", "--cron", "0 * * * * *", "--root", RUNS, *settings]
    causeway(*words, environment={})
    try:
        for _ in range(100):
            first, *later = [phase for name, phase in workflows().items() if name not in before] or [""]
            if first == "Running" and "Succeeded" in later:
                return True
            time.sleep(3)
        return False
    finally:
        causeway("schedule", "delete", "e2e", environment={})


def workflows() -> dict[str, str]:
    """{Workflow: phase}, oldest first."""
    told = kubectl("get", "workflows", "--sort-by=.metadata.creationTimestamp", "-o", "json", namespace=HERE)
    return {one["metadata"]["name"]: one.get("status", {}).get("phase", "") for one in json.loads(told)["items"]}


def idle() -> bool:
    """Whether no Workflow is at work."""
    return set(workflows().values()) <= {"Succeeded", "Failed", "Error"}


def event_starts_a_run() -> bool:
    """Whether two events at the webhook become one run, which ends well."""
    place = f"{RUNS}/drives/{time.time_ns()}"  # a bus may still hold events of an earlier try
    with forwarded("causeway-new-data-eventsource-svc", 12000, HERE) as address:
        for drive in ("d1", "d2"):
            assert until(partial(posted, f"http://{address}/new-data", {"drive": f"{place}/{drive}"}), 60)
    why = f"new data: {place}"
    return until(lambda: ended_because(why)) and until(idle) and ended_because(why) == ["SUCCEEDED"]


def posted(url: str, body: dict[str, str]) -> bool:
    """Whether a webhook took an event."""
    asked = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST")
    with urllib.request.urlopen(asked, timeout=30) as told:
        return bool(told.status == 200)


def cron_workflow_starts_a_run() -> bool:
    """Whether the CronWorkflow, set to every minute until it fires, starts a run, which ends well."""
    change = partial(kubectl, "patch", "cronworkflow", "causeway-retraining", "--type", "merge", "-p", namespace=HERE)
    change(json.dumps({"spec": {"schedules": ["* * * * *"]}}))
    try:
        fired = partial(kubectl, "get", "workflows", "-l", CRON, "-o", "name", namespace=HERE)
        assert until(fired, 120)
    finally:
        change(json.dumps({"spec": {"suspend": True}}))
    return until(lambda: ended_because("cron ") == ["SUCCEEDED"]) and until(idle)


def test_from_install_to_uninstall(values: list[str], took: dict[str, float], tmp_path: Path) -> None:
    with timed(took, "helm install to ready, pipelines compiled and uploaded"):
        helm("install", "causeway", str(CHART), *values, "--wait", "--timeout", "15m")
    with timed(took, "helm test"):
        assert "Succeeded" in helm("test", "causeway", "--timeout", "5m")
    assert wrong_rights() == []
    with reached():
        with timed(took, "drives into the bucket"):
            bring_drives(tmp_path, RUNS)
        with pytest.raises(S3Error, match="AccessDenied"):  # runs are not root of the store
            store_s3.client().make_bucket("not-ours")
        with timed(took, "data pipeline"):
            samples = run("data", drives=f"{RUNS}/drives")
        with timed(took, "retraining, the first round: four stages, five suites, to an endpoint"):
            where = f"kserve://{HERE}/{NAME}"
            run("retraining", drives=f"{RUNS}/drives", steps=4, scenes=1, endpoint=where, rules=ANSWERS)
        with timed(took, "a question"):
            version, path = answer(samples)
        assert path.shape[-2:] == (64, 3)
        assert np.isfinite(path).all()
        if BUS:
            with timed(took, "two events start one retraining, which finds nothing new"):
                assert event_starts_a_run()
            with timed(took, "the CronWorkflow starts one, which finds nothing new"):
                assert cron_workflow_starts_a_run()
        with timed(took, "a schedule of every minute fires twice, one run at a time"):
            assert in_turn(["--set", f"drives={RUNS}/drives"])
    with timed(took, "helm upgrade"):
        helm("upgrade", "causeway", str(CHART), *values, "--set", "mlflow.workers=2", "--wait", "--timeout", "15m")
    assert "--workers=2" in kubectl("get", "deployment", "causeway-mlflow", "-o", "yaml", namespace=HERE)
    with timed(took, "helm rollback"):
        helm("rollback", "causeway", "1", "--wait", "--timeout", "15m")
    assert "--workers=1" in kubectl("get", "deployment", "causeway-mlflow", "-o", "yaml", namespace=HERE)
    with timed(took, "data, registry, endpoint are what they were"):
        assert "Succeeded" in helm("test", "causeway", "--timeout", "5m")
        with reached(), forwarded("causeway-mlflow", 5000, HERE) as registry:
            best = champion(f"http://{registry}")
            assert best is not None
            assert best.source.endswith(version)
            assert Artifact.open(samples).table("samples").num_rows > 0
            again, same = answer(samples)
        assert again == version
        assert np.allclose(same, path, atol=1e-4)
    with timed(took, "helm uninstall"):
        objects = helm("get", "manifest", "causeway")
        endpoint = [f"inferenceservice/{NAME}", f"httproute/{route_name(NAME)}", f"configmap/{NAME}-release"]
        kubectl("delete", *endpoint, namespace=HERE)  # a release made it, and vehicles ask it: Helm leaves it alone
        helm("uninstall", "causeway", "--wait", "--timeout", "10m")
    left, asked = what_stays(objects)
    assert left == asked
    claims = json.loads(kubectl("get", "pvc", "-o", "json", namespace=HERE))["items"]
    assert {claim["status"]["phase"] for claim in claims} == {"Bound"}
    assert len(kubectl("get", "secrets", "-l", "for=causeway", "-o", "name", namespace=HERE).split()) == 6
