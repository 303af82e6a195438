"""The platform from `helm install` to `helm uninstall`, in a namespace of its own, as docs/install.md says.

Skips, saying so, without a cluster, helm, KServe with a Gateway, or the five images' names (`make images` writes
out/images.env). CAUSEWAY_TEST_VALUES names a further file of values, where the stores' images have other names.
CAUSEWAY_TEST_KEEP=1 leaves the namespace there. Where Kubeflow Pipelines runs in another namespace, its kinds are taken
as they are (`crds.install=false`); both then work side by side, each in its namespace.
"""

import base64
import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml
from minio.error import S3Error

from causeway.artifacts import Artifact, store, store_s3
from causeway.platform.registry import champion
from causeway.platform.release.cluster_objects import hostname, route_name, settings_from
from causeway.platform.steps import run_named
from causeway.serving.client import Endpoint
from causeway.training.samples import load_samples
from tests.e2e import clusters
from tests.e2e.clusters import ROOT, causeway, forwarded, images, kubectl

pytestmark = pytest.mark.cluster
HERE, RUNS, NAME = "causeway-e2e", "s3://causeway/runs", "drive"
helm = partial(clusters.helm, namespace=HERE)
CHART, LAPTOP = ROOT / "helm" / "causeway", ROOT / "helm" / "causeway" / "values" / "laptop.yaml"
ANSWERS = 'version: 1\nrules:\n- {metric: failed_answers, op: "<=", limit: 0, why: "whether it answers, not how well"}'
RIGHTS = (  # account, verb, resource, whether it may
    ("pipeline-runner", "get", "secrets/causeway-s3", True),
    ("pipeline-runner", "create", "inferenceservices.serving.kserve.io", True),
    ("pipeline-runner", "update", "httproutes.gateway.networking.k8s.io", True),
    ("pipeline-runner", "get", "secrets/causeway-s3-root", False),
    ("pipeline-runner", "get", "secrets/causeway-database", False),
    ("pipeline-runner", "list", "secrets", False),
    ("pipeline-runner", "create", "pods", False),
    ("causeway-submitter", "create", "workflows.argoproj.io", False),
    ("causeway-app", "get", "pods", False),
    ("causeway-upkeep", "get", "secrets", False),
    ("argo", "list", "secrets", False),
)


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
    yield given
    if not os.environ.get("CAUSEWAY_TEST_KEEP"):
        kubectl("delete", "namespace", HERE, "--wait=false")


def make_secrets() -> None:
    """The Secrets of docs/install.md."""
    words = {name: secrets.token_hex(16) for name in ("s3", "root", "database", "redis", "mysql")}
    keys = {"AWS_ACCESS_KEY_ID": "causeway", "AWS_SECRET_ACCESS_KEY": words["s3"]}
    notes = {"s3-endpoint": f"causeway-s3.{HERE}:9000", "s3-usehttps": "0", "s3-region": "us-east-1"}
    made = {
        "causeway-s3": keys | {"AWS_ENDPOINT_URL": "http://causeway-s3:9000", "AWS_REGION": "us-east-1"},
        "causeway-s3-root": {"user": "root-of-the-store", "password": words["root"]},
        "causeway-database": {"password": words["database"]},
        "causeway-redis": {"password": words["redis"]},
        "kfp-database": {"username": "root", "password": words["mysql"]},
        "kserve-s3": keys,
    }
    for name, data in made.items():
        told = {f"serving.kserve.io/{key}": text for key, text in notes.items()} if name == "kserve-s3" else {}
        metadata = {"name": name, "labels": {"for": "causeway"}, "annotations": told}
        one = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}
        kubectl("apply", "-f", "-", given=json.dumps(one), namespace=HERE)


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


@contextmanager
def reached() -> Iterator[None]:
    """The environment of a person at the command line, while the services are forwarded to this machine."""
    held = json.loads(kubectl("get", "secret", "causeway-s3", "-o", "json", namespace=HERE))["data"]
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        api, objects = (stack.enter_context(forwarded(*at, HERE)) for at in (("ml-pipeline", 8888), ("causeway-s3", 9000)))
        known = images() | {name: base64.b64decode(text).decode() for name, text in held.items()}
        known |= {"AWS_ENDPOINT_URL": f"http://{objects}", "CAUSEWAY_KFP": f"http://{api}", "CAUSEWAY_ROOT": RUNS}
        known |= {"CAUSEWAY_NAMESPACE": HERE, "MLFLOW_TRACKING_URI": "http://causeway-mlflow:5000"}
        for name, text in (known | {"CAUSEWAY_TRAINING_RUNTIME": ""}).items():
            patch.setenv(name, text)
        yield


def run(pipeline: str, **settings: object) -> str:
    """`causeway run PIPELINE --on cluster` to its end; where its result is. Its record says how it ended too."""
    words = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    told = causeway("run", pipeline, "--on", "cluster", "--root", RUNS, *words, environment={})
    record = json.loads(store.read_bytes(told["record"]) or b"{}")
    assert (told["state"], record.get("state")) == ("SUCCEEDED", "SUCCEEDED"), record
    return str(told["location"])


def bring_drives(folder: Path) -> None:
    """The drives of a small world, in the bucket."""
    world = run_named("make_world", {}, {"scenes": 4}, out=str(folder / "drives"))
    for name in world.files:
        store.write_bytes(f"{RUNS}/drives/{name}", Path(world.location, name).read_bytes())


def answer(samples: str) -> tuple[str, np.ndarray]:
    """(policy that answered, its path) of one question through the gateway."""
    settings = settings_from(json.loads(kubectl("get", "cm", "causeway-endpoint", "-o", "json", namespace=HERE))["data"])
    service, _, port = settings.address.partition(":")
    name, _, where = service.partition(".")
    asked = load_samples(Artifact.open(samples))[0].observation
    host = hostname(HERE, NAME, settings)
    with forwarded(name, int(port), where) as address, Endpoint(address, authority=host) as endpoint:
        told = endpoint.ask(asked, temperature=0.0, retry_s=60.0)
    return told.policy_version, told.trajectory


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


def wrong_rights() -> list[str]:
    """The rights of accounts that are not as they must be."""
    wrong = []
    for account, verb, resource, may in RIGHTS:
        words = ["kubectl", "-n", HERE, "auth", "can-i", verb, resource, f"--as=system:serviceaccount:{HERE}:{account}"]
        said = subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()
        wrong += [f"{account} {verb} {resource}: {said}"] if said != ("yes" if may else "no") else []
    return wrong


def what_stays(before: str) -> tuple[set[str], set[str]]:
    """(objects of a release that are still there, those that were asked to stay), by kind/name."""
    listed = [one for one in yaml.load_all(before, Loader=yaml.CSafeLoader) if one]
    told = kubectl("get", "-f", "-", "--ignore-not-found", "-o", "json", given=before, namespace=HERE)
    items = json.loads(told or '{"items": []}')
    there = items.get("items", [items] if items.get("kind") else [])
    keep = [o for o in listed if o["metadata"].get("annotations", {}).get("helm.sh/resource-policy") == "keep"]
    left, asked = ({f"{one['kind']}/{one['metadata']['name']}" for one in some} for some in (there, keep))
    return left, asked


def test_from_install_to_uninstall(values: list[str], took: dict[str, float], tmp_path: Path) -> None:
    with timed(took, "helm install to ready, pipelines compiled and uploaded"):
        helm("install", "causeway", str(CHART), *values, "--wait", "--timeout", "15m")
    with timed(took, "helm test"):
        assert "Succeeded" in helm("test", "causeway", "--timeout", "5m")
    assert wrong_rights() == []
    with reached():
        with timed(took, "drives into the bucket"):
            bring_drives(tmp_path)
        with pytest.raises(S3Error, match="AccessDenied"):  # runs are not root of the store
            store_s3.client().make_bucket("not-ours")
        with timed(took, "data pipeline"):
            samples = run("data", drives=f"{RUNS}/drives")
        with timed(took, "training pipeline, four stages"):
            policy = run("training", data=samples, steps=4)
        with timed(took, "release pipeline, five suites, to an endpoint"):
            where = f"kserve://{HERE}/{NAME}"
            run("release", policy=policy, data=samples, scenes=1, endpoint=where, rules=ANSWERS)
        with timed(took, "a question"):
            version, path = answer(samples)
        assert policy.endswith(version)
        assert path.shape[-2:] == (64, 3)
        assert np.isfinite(path).all()
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
            assert best.source == policy
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
