"""A cluster at KUBECONFIG with Kubeflow Pipelines, reached through port-forwards on loopback; skips without one."""

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.clusters import NAMESPACE, ROOT, causeway, forwarded, images, kubectl
from tests.e2e.started import Begin, Begun, begin, bring_drives, end, run_words

BUCKET = "causeway"


@pytest.fixture(scope="session")
def cluster() -> None:
    if not os.environ.get("KUBECONFIG") or shutil.which("kubectl") is None:
        pytest.skip("no cluster here: set KUBECONFIG and put kubectl on the PATH")
    if subprocess.run(["kubectl", "get", "nodes"], capture_output=True, check=False).returncode:
        pytest.skip("the cluster at KUBECONFIG does not answer")


@pytest.fixture(scope="session")
def pipelines_api(cluster: None) -> Iterator[str]:
    with forwarded("ml-pipeline", 8888) as address:
        yield f"http://{address}"


@pytest.fixture(scope="session")
def s3(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The cluster's object store: a bucket of ours, keys in this process and as a secret for the steps."""
    held = json.loads(kubectl("get", "secret", "mlpipeline-minio-artifact", "-o", "json"))["data"]
    access, secret = (base64.b64decode(held[key]).decode() for key in ("accesskey", "secretkey"))
    inside = {"AWS_ENDPOINT_URL": f"http://minio-service.{NAMESPACE}:9000", "AWS_REGION": "us-east-1"}
    keys = {"AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret}
    manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "causeway-s3"}, "stringData": keys | inside}
    kubectl("apply", "-f", "-", given=json.dumps(manifest))
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        address = stack.enter_context(forwarded("minio-service", 9000))
        for name, value in (keys | {"AWS_ENDPOINT_URL": f"http://{address}"}).items():
            patch.setenv(name, value)
        patch.setenv("CAUSEWAY_CACHE", str(tmp_path_factory.mktemp("cache")))
        from causeway.artifacts import store_s3

        if not store_s3.client().bucket_exists(BUCKET):
            store_s3.client().make_bucket(BUCKET)
        yield f"s3://{BUCKET}"


@pytest.fixture(scope="session")
def place(s3: str, pipelines_api: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A place in the bucket with the drives of a small world; the images' names and the API in the environment."""
    if not images():
        pytest.skip("the images have no names: make images, or set the five CAUSEWAY_IMAGE_…")
    place = f"{s3}/e2e-{time.time_ns()}"
    bring_drives(tmp_path_factory.mktemp("world"), place)
    kubectl("apply", "-k", str(ROOT / "manifests" / "training"))
    known = images() | {"CAUSEWAY_KFP": pipelines_api, "CAUSEWAY_TRAINING_RUNTIME": "causeway-train"}
    with pytest.MonkeyPatch.context() as patch:
        for name, text in known.items():
            patch.setenv(name, text)
        yield place


@pytest.fixture(scope="session")
def samples(place: str) -> str:
    """Where the samples of those drives are, made on the cluster."""
    told = causeway(*run_words("data", place, drives=f"{place}/drives"), environment={})
    assert told["kind"] == "samples"
    return str(told["location"])


@pytest.fixture
def begun(tmp_path: Path) -> Iterator[Begin]:
    """Starts the command line in the test's folder: begun(words, VARIABLE=…). What is left at work ends with the test."""
    all_begun: list[Begun] = []

    def one(words: list[str], **environment: str) -> Begun:
        all_begun.append(begin(words, tmp_path, environment))
        return all_begun[-1]

    yield one
    for each in all_begun:
        end(each)
