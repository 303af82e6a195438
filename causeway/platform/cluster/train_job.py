"""A training stage as a TrainJob of Kubeflow Trainer: the object, and what its status says.

Pure: numbers and names in, an object out. Knows `trainer.kubeflow.org/v1alpha1` as Trainer 2.3 has it. Does not talk to
a cluster. What every job has in common (restarts, security) is in the TrainingRuntime (`manifests/training`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from causeway.artifacts.store import is_s3, join

GROUP, VERSION, PLURAL = "trainer.kubeflow.org", "v1alpha1", "trainjobs"
RUN_LABEL = "causeway/run"
STAGE_LABEL = "causeway/stage"
SPENT_NOTE = "causeway/spent"  # JSON [core seconds, GPU seconds] of jobs of the same run that this one replaces
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
STORE_SECRET = "causeway-s3"
STORE_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_REGION")
_NODE = "node"  # the replicated job and its container, as Trainer's torch plug-in names both


@dataclass(frozen=True)
class Order:
    """What is to be trained, and with what. `job`: an entry of the pipelines' table of jobs, with runtime and image."""

    stage: str
    key: str
    samples: str
    policy: str  # "" for the first stage
    root: str
    settings: Mapping[str, Any]
    job: Mapping[str, Any]
    run: str = ""
    owner: Mapping[str, str] | None = None  # the Workflow: what is deleted with it needs nobody to remember it
    tracking: str = ""

    @property
    def name(self) -> str:
        """The job's name: the same stage of the same inputs, settings and code is the same job."""
        return f"causeway-{self.stage}-{self.key[:12]}"


def train_job(order: Order, spent: tuple[float, float] = (0.0, 0.0)) -> dict[str, Any]:
    """The TrainJob of an order. `spent`: core and GPU seconds of jobs of its run that it replaces."""
    job = order.job
    labels = {"app.kubernetes.io/part-of": "causeway", STAGE_LABEL: order.stage}
    labels |= {RUN_LABEL: order.run} if order.run else {}
    labels |= {QUEUE_LABEL: job["queue"]} if job.get("queue") else {}
    metadata: dict[str, Any] = {"name": order.name, "labels": labels}
    if any(spent):
        metadata["annotations"] = {SPENT_NOTE: json.dumps(spent)}
    if order.owner:
        metadata["ownerReferences"] = [dict(order.owner)]
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "TrainJob",
        "metadata": metadata,
        "spec": {
            "runtimeRef": {"apiGroup": GROUP, "kind": "TrainingRuntime", "name": job["runtime"]},
            "activeDeadlineSeconds": job["timeout_s"],
            "trainer": _trainer(order),
            "runtimePatches": [_patch(job)],
        },
    }


def _trainer(order: Order) -> dict[str, Any]:
    job = order.job
    limits = {"memory": job["memory_limit"]}
    if job["accelerators"]:
        limits[job["accelerator"]] = str(job["accelerators"])
    asked = {"cpu": job["cpu_request"], "memory": job["memory_request"]}
    trainer = {
        "numNodes": job["nodes"],
        "numProcPerNode": job["processes"] or job["accelerators"] or 1,
        "command": ["python", "-m", "causeway.training.entry"],
        "args": _words(order),
        "env": _environment(order),
        "resourcesPerNode": {"requests": asked, "limits": limits},
    }
    return trainer | ({"image": job["image"]} if job.get("image") else {})


def _words(order: Order) -> list[str]:
    words = [order.settings.get("stage", order.stage), "--samples", order.samples, "--root", order.root]
    words += ["--recipe", order.settings["recipe"]] if "recipe" in order.settings else []
    words += ["--from", order.policy] if order.policy else []
    return [*words, "--settings", json.dumps(dict(order.settings), sort_keys=True)]


def _environment(order: Order) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": key, "valueFrom": {"secretKeyRef": {"name": STORE_SECRET, "key": key}}} for key in STORE_KEYS
    ]
    if is_s3(order.root):
        found.append({"name": "CAUSEWAY_CHECKPOINTS", "value": join(order.root, "checkpoints")})
    if order.tracking:
        found.append({"name": "MLFLOW_TRACKING_URI", "value": order.tracking})
    return found


def _patch(job: Mapping[str, Any]) -> dict[str, Any]:
    """What goes to the pods that a TrainJob has no field of its own for: nodes, tolerations, /dev/shm."""
    pod: dict[str, Any] = {}
    if job["node_selector"]:
        pod["nodeSelector"] = dict(job["node_selector"])
    if job["tolerations"]:
        pod["tolerations"] = [_toleration(one) for one in job["tolerations"]]
    if job["shm"]:
        pod["volumes"] = [{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": job["shm"]}}]
        pod["containers"] = [{"name": _NODE, "volumeMounts": [{"name": "shm", "mountPath": "/dev/shm"}]}]
    replicated = {"name": _NODE, "template": {"spec": {"template": {"spec": pod}}}}
    return {
        "manager": "causeway.dev/launcher",
        "trainingRuntimeSpec": {"template": {"spec": {"replicatedJobs": [replicated]}}},
    }


def _toleration(one: Mapping[str, Any]) -> dict[str, Any]:
    return {("tolerationSeconds" if key == "seconds" else key): value for key, value in one.items()}


def ended(job: Mapping[str, Any]) -> tuple[str, str]:
    """("Complete" or "Failed" or "", message) from a TrainJob's conditions.

    Only a condition that is True counts: the last one in the list may be False.
    """
    for condition in job.get("status", {}).get("conditions", []):
        if condition.get("status") == "True" and condition.get("type") in ("Complete", "Failed"):
            return condition["type"], condition.get("message", "")
    return "", ""


def worst_exit(codes: Sequence[int], matters: Sequence[int]) -> int:
    """The exit code that explains a failure: the first of `matters` that some process left, else the last one."""
    return next((code for code in matters if code in codes), codes[-1] if codes else 1)
