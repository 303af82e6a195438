"""A cluster at KUBECONFIG with Kubeflow Pipelines, reached through port-forwards on loopback; skips without one."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.e2e.clusters import NAMESPACE, forwarded, kubectl

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
