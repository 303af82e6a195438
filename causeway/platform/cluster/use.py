"""What a run on a cluster reserved: the pods of its Workflow, as Argo adds them up, and its training jobs.

Pure. Argo writes to each node what its pod asked for times how long it ran (`resourcesDuration`, seconds of one core,
of one GPU); training jobs are not among its pods, so their own requests and times are taken.
"""

import base64
import gzip
import json
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from causeway.errors import UnusableInput
from causeway.platform.cluster.train_job import SPENT_NOTE, STAGE_LABEL
from causeway.platform.run_record import Use

_ENDS = ("Complete", "Failed")


def nodes_of(workflow: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The nodes in a Workflow's status by their ids; none where there is no Workflow, or nothing began.

    Argo writes those of a large Workflow as base64 of gzip, or into a database of its own: UnusableInput for that, and
    for what cannot be read.
    """
    status = (workflow or {}).get("status") or {}
    if status.get("offloadNodeStatusVersion"):
        raise UnusableInput(
            "Argo keeps the nodes of this Workflow in a database (nodeStatusOffLoad), where they are not read: how its "
            "steps went and what they used is not known"
        )
    packed = status.get("compressedNodes")
    if not packed:
        return status.get("nodes") or {}
    try:
        found = json.loads(gzip.decompress(base64.b64decode(packed, validate=True)))
        if not isinstance(found, dict):
            raise ValueError("no table")
    except (ValueError, OSError, EOFError, zlib.error) as error:
        raise UnusableInput(f"the Workflow's compressedNodes cannot be read ({error})") from error
    return found


def uses_of_workflow(workflow: Mapping[str, Any] | None) -> Iterator[Use]:
    """A line for each pod that ran, under the name of its task; Kubeflow's own pods count with the task they drive."""
    for node in nodes_of(workflow).values():
        spent = node.get("resourcesDuration")
        if node.get("type") == "Pod" and spent:
            cpu_s = float(spent.get("cpu", 0))
            gpu_s = sum(float(seconds) for name, seconds in spent.items() if is_device(name))
            if cpu_s or gpu_s:  # Argo tells whole seconds: Kubeflow's drivers mostly have none
                yield Use(task_named(str(node.get("name", ""))), cpu_s, gpu_s)


def task_named(path: str) -> str:
    """The task of a node, from its path in the run: `run.root.ingest.executor` is of `ingest`."""
    names = [part for part in path.split(".")[1:] if part not in ("root", "executor")]
    plain = [name.removesuffix("-driver") for name in names if not name.endswith(")")]
    return plain[-1] if plain and plain[-1] else "pipeline"


def uses_of_jobs(jobs: Iterable[Mapping[str, Any]], now_us: int) -> Iterator[Use]:
    """A line for each training job: machines times what each asked for times how long the job was there.

    With what failed jobs of the same run used that this one replaced, which are gone.
    """
    for job in jobs:
        begun = _time_us(job["metadata"].get("creationTimestamp"))
        conditions = (job.get("status") or {}).get("conditions") or []
        over = [c for c in conditions if c.get("type") in _ENDS and c.get("status") == "True"]
        until = _time_us(over[0].get("lastTransitionTime")) if over else now_us
        seconds = max(until - begun, 0) / 1e6 if begun else 0.0
        trainer = (job.get("spec") or {}).get("trainer") or {}
        asked = (trainer.get("resourcesPerNode") or {}).get("limits") or {}
        cores = quantity(((trainer.get("resourcesPerNode") or {}).get("requests") or {}).get("cpu", 0))
        gpus = sum(quantity(value) for name, value in asked.items() if is_device(name))
        machines = seconds * int(trainer.get("numNodes") or 1)
        stage = str((job["metadata"].get("labels") or {}).get(STAGE_LABEL) or job["metadata"]["name"])
        before = _spent(job)
        yield Use(f"{stage} (job)", machines * cores + before[0], machines * gpus + before[1])


def _spent(job: Mapping[str, Any]) -> tuple[float, float]:
    """Core and GPU seconds that a job took over; none, and said, where somebody wrote something else there."""
    note = (job["metadata"].get("annotations") or {}).get(SPENT_NOTE)
    try:
        cpu_s, gpu_s = json.loads(note) if note else (0.0, 0.0)
        return float(cpu_s), float(gpu_s)
    except (ValueError, TypeError) as error:
        print(f"job {job['metadata']['name']}: {SPENT_NOTE} is not two numbers ({error}); not counted", file=sys.stderr)
        return 0.0, 0.0


def is_device(resource: str) -> bool:
    """Whether a resource is counted in devices, as nvidia.com/gpu: those of Kubernetes itself (cores, bytes of memory,
    storage, huge pages) have no vendor before them."""
    return "/" in resource


def quantity(value: Any) -> float:
    """A number of cores or devices as Kubernetes writes it: 2, "500m", "0.5"."""
    text = str(value)
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)


def _time_us(text: Any) -> int:
    """Microseconds of a time as the API server writes it; 0 for none."""
    if not text:
        return 0
    return int(datetime.strptime(str(text), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp() * 1e6)
