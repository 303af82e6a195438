"""An installation of the chart in a namespace of its own: its Secrets, how a person reaches it, what is asked of it.

Knows the commands of docs/install.md, and which rights accounts must and must not have. Knows no order of events.
"""

import base64
import json
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import numpy as np
import pytest
import yaml

from causeway.artifacts import Artifact, store
from causeway.platform.release.cluster_objects import hostname, settings_from
from causeway.platform.upkeep.listing import files
from causeway.serving.client import Endpoint
from causeway.training.samples import load_samples
from tests.e2e import clusters
from tests.e2e.clusters import causeway, forwarded, images, kubectl
from tests.e2e.started import run_words

HERE, RUNS, NAME = "causeway-e2e", "s3://causeway/runs", "drive"
helm = partial(clusters.helm, namespace=HERE)
RIGHTS = (  # account, verb, resource, whether it may
    ("pipeline-runner", "get", "secrets/causeway-s3", True),
    ("pipeline-runner", "create", "inferenceservices.serving.kserve.io", True),
    ("pipeline-runner", "update", "httproutes.gateway.networking.k8s.io", True),
    ("pipeline-runner", "get", "secrets/causeway-s3-root", False),
    ("pipeline-runner", "get", "secrets/causeway-database", False),
    ("pipeline-runner", "list", "secrets", False),
    ("pipeline-runner", "create", "pods", False),
    ("pipeline-runner", "list", "workflows.argoproj.io", True),
    ("pipeline-runner", "delete", "workflows.argoproj.io", False),
    ("causeway-submitter", "create", "workflows.argoproj.io", False),
    ("causeway-app", "get", "pods", False),
    ("causeway-upkeep", "get", "secrets", False),
    ("argo", "list", "secrets", False),
)


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


@contextmanager
def reached() -> Iterator[None]:
    """The environment of a person at the command line, while the services are forwarded to this machine."""
    held = json.loads(kubectl("get", "secret", "causeway-s3", "-o", "json", namespace=HERE))["data"]
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        api, objects = (
            stack.enter_context(forwarded(*at, HERE)) for at in (("ml-pipeline", 8888), ("causeway-s3", 9000))
        )
        known = images() | {name: base64.b64decode(text).decode() for name, text in held.items()}
        known |= {"AWS_ENDPOINT_URL": f"http://{objects}", "CAUSEWAY_KFP": f"http://{api}", "CAUSEWAY_ROOT": RUNS}
        known |= {"CAUSEWAY_NAMESPACE": HERE, "MLFLOW_TRACKING_URI": "http://causeway-mlflow:5000"}
        for name, text in (known | {"CAUSEWAY_TRAINING_RUNTIME": ""}).items():
            patch.setenv(name, text)
        yield


def run(pipeline: str, **settings: object) -> str:
    """`causeway run PIPELINE --on cluster` to its end; where its result is. Its record says how it ended too."""
    told = causeway(*run_words(pipeline, RUNS, **settings), environment={})
    record = json.loads(store.read_bytes(told["record"]) or b"{}")
    assert (told["state"], record.get("state")) == ("SUCCEEDED", "SUCCEEDED"), record
    return str(told["location"])


def answer(samples: str) -> tuple[str, np.ndarray]:
    """(policy that answered, its path) of one question through the gateway."""
    settings = settings_from(
        json.loads(kubectl("get", "cm", "causeway-endpoint", "-o", "json", namespace=HERE))["data"]
    )
    service, _, port = settings.address.partition(":")
    name, _, where = service.partition(".")
    asked = load_samples(Artifact.open(samples))[0].observation
    host = hostname(HERE, NAME, settings)
    with forwarded(name, int(port), where) as address, Endpoint(address, authority=host) as endpoint:
        told = endpoint.ask(asked, temperature=0.0, retry_s=60.0)
    return told.policy_version, told.trajectory


def ended_because(reason: str) -> list[str]:
    """How the runs ended that were started for a reason, or for one that begins so."""
    told = [json.loads(store.read_bytes(f"{RUNS}/runs/{one.name}") or b"{}") for one in files(f"{RUNS}/runs")]
    return [one["state"] for one in told if one.get("reason", "").startswith(reason)]


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
