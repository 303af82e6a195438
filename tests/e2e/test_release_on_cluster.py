"""A canary step, a promotion and a roll back on a real Kubernetes with KServe, under a steady 10 Hz stream.

The nodes need the image of Dockerfile's target `serve`, named by CAUSEWAY_IMAGE_SERVE or out/images.env.
"""

import json
import os
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from causeway.artifacts import Manifest, Writer, run, step, store
from causeway.errors import CausewayError, Refused
from causeway.model.observation import Sample, example_observation
from causeway.platform.release.cluster import ClusterEndpoint
from causeway.platform.release.drive import deploy, finish, order, trial
from causeway.platform.release.record import Served
from causeway.platform.release.rules import parse_rules, rules_text
from causeway.serving.client import Endpoint
from tests.e2e import clusters

pytestmark = pytest.mark.cluster
NAMESPACE, NAME = "causeway-release-test", "drive"
MANIFESTS = Path(__file__).parents[2] / "manifests" / "serving"
QUICK = {"steps": (20,), "questions": 4, "answers": 6, "least_s": 5.0, "limits": {"ade_m": 1e3, "path_m": 1e3}}
kubectl = partial(clusters.kubectl, namespace=NAMESPACE)


@dataclass(frozen=True)
class SeedConfig:
    seed: int = 0


@step(kind="policy")
def save_policy(*, out: Writer, config: SeedConfig) -> None:
    from causeway.model import Policy

    Policy.from_scale("tiny", seed=config.seed).save(out.path("config.json").parent)


@pytest.fixture(scope="module")
def namespace(s3: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A namespace with the manifests, the store's keys, and the gateway's address as this machine sees it."""
    subprocess.run(["kubectl", "delete", "namespace", NAMESPACE, "--ignore-not-found"], check=True)
    subprocess.run(["kubectl", "create", "namespace", NAMESPACE], check=True)
    kubectl("apply", "-f", "-", given=kubectl("kustomize", str(MANIFESTS / "base")))
    address = json.loads(kubectl("get", "service", "traefik", "-o", "json", namespace="traefik"))["spec"]["clusterIP"]
    settings = {"address": f"{address}:80"}
    kubectl("patch", "configmap", "causeway-endpoint", "--type", "merge", "-p", json.dumps({"data": settings}))
    keys = {name: os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    notes = {"s3-endpoint": "minio-service.kubeflow:9000", "s3-usehttps": "0", "s3-region": "us-east-1"}
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "store", "annotations": {f"serving.kserve.io/{k}": v for k, v in notes.items()}},
        "stringData": keys,
    }
    kubectl("apply", "-f", "-", given=json.dumps(secret))
    kubectl("patch", "serviceaccount", "causeway-endpoint", "-p", json.dumps({"secrets": [{"name": "store"}]}))
    small = {"requests": {"cpu": "100m", "memory": "600Mi"}, "limits": {"cpu": "1", "memory": "2Gi"}}
    changes = [{"op": "replace", "path": "/spec/containers/0/resources", "value": small}]
    if image := clusters.images().get("CAUSEWAY_IMAGE_SERVE"):
        changes.append({"op": "replace", "path": "/spec/containers/0/image", "value": image})
    kubectl("patch", "servingruntime", "causeway", "--type", "json", "-p", json.dumps(changes))
    yield s3
    subprocess.run(["kubectl", "delete", "namespace", NAMESPACE, "--wait=false"], check=True)


def policy(s3: str, folder: Path, seed: int) -> Served:
    """A tiny policy with random weights, in the object store."""
    made: Manifest = run(save_policy, {}, out=str(folder / f"policy-{seed}"), config=SeedConfig(seed))
    location = f"{s3}/release-test/{made.content_hash}"
    for name in ("manifest.json", *made.files):
        store.write_bytes(f"{location}/{name}", Path(made.location, name).read_bytes())
    return Served(made.content_hash, location, seed)


def question(number: int) -> Sample:
    observation = example_observation(seed=number)
    driven = np.zeros((64, 3), np.float32)
    words = ("none", "none")
    return Sample(f"s{number}", "clip", observation.t0_us, "test", "", observation, "", words, driven[:, :2], driven)


class Stream:
    """A vehicle at 10 Hz, whether answers come in time or not: what it heard."""

    def __init__(self, address: str, authority: str) -> None:
        self._connection = Endpoint(address, authority=authority)
        self.heard: Counter[str] = Counter()
        self.failures: list[str] = []

    def __enter__(self) -> "Stream":
        self._connection.__enter__()
        self._stop = threading.Event()
        self._asking: list[threading.Thread] = []
        self._clock = threading.Thread(target=self._tick)
        self._clock.start()
        return self

    def _tick(self) -> None:
        while not self._stop.wait(0.1):
            asking = threading.Thread(target=self._ask)
            asking.start()
            self._asking = [thread for thread in self._asking if thread.is_alive()] + [asking]

    def _ask(self) -> None:
        try:
            self.heard[self._connection.ask(example_observation(seed=1), temperature=0.0).policy_version] += 1
        except Refused:
            self.heard["told that it is full"] += 1  # at once, by a server that knows its limits: nothing is lost
        except CausewayError as error:
            self.failures.append(f"{time.strftime('%H:%M:%S')} {error}")

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._clock.join()
        for thread in self._asking:
            thread.join()
        self._connection.__exit__(None, None, None)
        print(f"stream: {dict(self.heard)}, {len(self.failures)} lost {self.failures[:3]}")


def test_canary_promotion_and_roll_back_lose_no_request(namespace: str, tmp_path: Path) -> None:
    shipped = parse_rules(rules_text(""))
    limits = shipped.limits.model_copy(update=QUICK["limits"] | {"latency_factor": 10.0})
    rules = shipped.model_copy(update=QUICK | {"limits": limits})
    endpoint = ClusterEndpoint(NAMESPACE, NAME)
    questions = [question(number) for number in range(4)]
    first, second, third = (policy(namespace, tmp_path, seed) for seed in (1, 2, 3))
    crowned: list[Served] = []
    deploy(endpoint, first, rules, "test", "the first")
    trial(endpoint, questions, rules, "test")
    assert finish(endpoint, "test", crowned.append).champion == first

    where = endpoint.addresses(first, None)
    with Stream(where.endpoint, where.authority) as stream:
        deploy(endpoint, second, rules, "test", "another")
        trial(endpoint, questions, rules, "test")
        promoted = finish(endpoint, "test", crowned.append)
        assert [move.step for move in promoted.moves[3:]] == ["dark", "canary 20 %", "promoting", "promoted"]
        through = promoted.moves[5].figures["through"]
        assert set(through) == {first.policy, second.policy}

        deploy(endpoint, third, rules, "test", "one more")
        order(endpoint, "rollback", "test", "a person says so")
        assert finish(endpoint, "test", crowned.append).phase == "rolled_back"
        time.sleep(5)
    print(f"stream: {dict(stream.heard)}, through the canary: {through}")
    assert stream.failures == []
    assert set(stream.heard) - {"told that it is full"} == {first.policy, second.policy}
    assert crowned == [first, second]
