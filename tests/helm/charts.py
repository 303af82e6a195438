"""The charts as data for tests: rendered objects, their pods and containers. Skips, saying so, without helm."""

import functools
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CAUSEWAY, KFP = ROOT / "helm" / "causeway", ROOT / "helm" / "kubeflow-pipelines"
PROFILES = ("laptop", "single-gpu", "multi-node", "air-gapped")
KFP_SECRETS = ("--set", "database.existingSecret=db,objectStore.existingSecret=s3")
EVERYTHING = (
    "--set", "drives=s3://causeway/drives,review.enabled=true,review.labels=s3://b/l,review.clips=s3://b/c,events.enabled=true,events.cron=true",
    "--set", "monitoring.podMonitors=true,monitoring.rules=true,monitoring.dashboards=true,upkeep.collect.enabled=true",
    "--set", "upkeep.backup.enabled=true,upkeep.backup.to=s3://backup/causeway,kubeflow-pipelines.ui.enabled=true",
    "--set", "expose.kind=gateway,expose.hosts.mlflow=m.example.com,expose.hosts.review=r.example.com",
    "--set", "expose.gateway.name=web,expose.authFilter.name=login,expose.authFilter.kind=Middleware,expose.authFilter.group=traefik.io",
    "--set-json", 'schedules=[{"name":"nightly","pipeline":"retraining","cron":"0 0 3 * * *","settings":{"reason":"clock"}}]',
)  # fmt: skip


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} on the PATH: charts are not tested")
    return found


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([tool("helm"), *arguments], capture_output=True, text=True, check=False)


def template(chart: Path, *arguments: str, namespace: str = "kubeflow") -> subprocess.CompletedProcess[str]:
    return helm("template", "r", str(chart), "-n", namespace, "--kube-version", "1.34.0", *arguments)


@functools.cache
def objects(chart: Path, *arguments: str, namespace: str = "kubeflow") -> tuple[dict[str, Any], ...]:
    done = template(chart, *arguments, namespace=namespace)
    if done.returncode:
        raise AssertionError(done.stderr)
    return tuple(made for made in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if made)


def profile(name: str) -> tuple[dict[str, Any], ...]:
    return objects(CAUSEWAY, "-f", str(CAUSEWAY / "values" / f"{name}.yaml"))


def everything() -> tuple[dict[str, Any], ...]:
    return objects(CAUSEWAY, "-f", str(CAUSEWAY / "values" / "single-gpu.yaml"), *EVERYTHING)


def one(made: tuple[dict[str, Any], ...], kind: str, name: str) -> dict[str, Any]:
    (found,) = [o for o in made if o["kind"] == kind and o["metadata"]["name"] == name]
    return found


def pods(made: tuple[dict[str, Any], ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(kind/name, pod spec) of all that makes pods and is a kind of Kubernetes itself."""
    paths = {
        "Pod": ("spec",), "Deployment": ("spec", "template", "spec"), "Job": ("spec", "template", "spec"),
        "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    }  # fmt: skip
    for o in made:
        if o["kind"] in paths:
            spec = functools.reduce(lambda value, key: value[key], paths[o["kind"]], o)
            yield f"{o['kind']}/{o['metadata']['name']}", spec


def containers(made: tuple[dict[str, Any], ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, spec in pods(made):
        for container in [*spec.get("initContainers", []), *spec["containers"]]:
            yield f"{name}/{container['name']}", container
    for o in made:
        if o["kind"] == "ServingRuntime":
            yield "ServingRuntime", o["spec"]["containers"][0]
        if o["kind"] == "TrainingRuntime":
            for job in o["spec"]["template"]["spec"]["replicatedJobs"]:
                yield "TrainingRuntime", job["template"]["spec"]["template"]["spec"]["containers"][0]
        if o["kind"] == "WorkflowTemplate":
            yield from (("WorkflowTemplate", t["container"]) for t in o["spec"]["templates"] if "container" in t)
