"""The end of a run on a cluster: one record of it beside its artifacts, and no job of it left over.

Knows where records are (`<root>/runs/<run>.json`). A run that is terminated at the API ends without this: then the
steps themselves take their jobs along, and `causeway cancel` looks after them.
"""

import json
import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from causeway.artifacts import store
from causeway.errors import CausewayError
from causeway.platform.cluster.kube import Kube, Unreachable, namespace
from causeway.platform.cluster.train_job import ended
from causeway.platform.steps import fail


def conclude_in_component(root: str, pipeline: str, reason: str, state: str, error: str) -> None:
    """What the component `conclude` does."""
    run = os.environ.get("CAUSEWAY_RUN", "")
    try:
        if run:
            try:
                cluster = Kube(namespace())
                for name in end_jobs(cluster, run):
                    print(f"job {name}: ended with its run", file=sys.stderr)
                state = state_of(cluster.workflow(os.environ.get("CAUSEWAY_WORKFLOW", ""))) or state
            except Unreachable as unreachable:  # the record is worth more; the job goes with the Workflow
                print(unreachable, file=sys.stderr)
        where = store.join(root, "runs", f"{run or 'here'}.json")
        store.write_bytes(where, record(run, pipeline, reason, state, error))
    except (CausewayError, OSError) as problem:
        fail(problem)


def state_of(workflow: Mapping[str, Any] | None) -> str:
    """How a run went so far, from its steps: back ends of 2.14 tell an exit handler RUNNING, whatever happened.

    Attempts that were made again do not count: the node above them does.
    """
    nodes = ((workflow or {}).get("status") or {}).get("nodes") or {}
    phases = {node.get("phase") for node in nodes.values() if node.get("type") in ("DAG", "Retry")}
    return "" if not phases else "FAILED" if phases & {"Failed", "Error"} else "SUCCEEDED"


def end_jobs(cluster: Kube, run: str) -> list[str]:
    """Delete the training jobs of a run that have not ended; returns their names."""
    left = [job["metadata"]["name"] for job in cluster.jobs(run) if not ended(job)[0]]
    for name in left:
        cluster.delete_job(name)
    return left


def record(run: str, pipeline: str, reason: str, state: str, error: str) -> bytes:
    """A run's record as JSON."""
    told = {"run": run, "pipeline": pipeline, "reason": reason, "state": state, "error": error}
    return (json.dumps(told | {"ended_us": time.time_ns() // 1000}, indent=1) + "\n").encode()
