"""The end of a run on a cluster: one record of it beside its artifacts, and no job of it left over.

Knows what the record is made from. A run that is terminated at the API ends without this: then the steps themselves
take their jobs along, and `causeway cancel` looks after them.
"""

import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from causeway.errors import CausewayError, UnusableInput
from causeway.platform.cluster.kube import Kube, Unreachable, namespace
from causeway.platform.cluster.train_job import ended
from causeway.platform.cluster.use import nodes_of, uses_of_jobs, uses_of_workflow
from causeway.platform.run_record import Use, write_record
from causeway.platform.steps import fail


def conclude_in_component(root: str, pipeline: str, reason: str, state: str, error: str) -> None:
    """What the component `conclude` does."""
    run, uses = os.environ.get("CAUSEWAY_RUN", ""), list[Use]()
    try:
        if run:
            seen, uses = _seen(run)
            state = seen or state
        write_record(root, run or "here", pipeline, reason, state, error, uses)
    except (CausewayError, OSError) as problem:
        fail(problem)


def _seen(run: str) -> tuple[str, list[Use]]:
    """(state, uses) of a run; its jobs that are left are ended. What the cluster does not tell is left out and said.

    The record is worth more: an installation without training jobs gives its runs no right to see any, and jobs go
    with their Workflow.
    """
    state, uses = "", list[Use]()
    try:
        cluster = Kube(namespace())
        workflow = cluster.workflow(os.environ.get("CAUSEWAY_WORKFLOW", ""))
        state, uses = _steps(workflow)
        uses += uses_of_jobs(cluster.jobs(run), time.time_ns() // 1000)  # before those that are left are gone
        for name in end_jobs(cluster, run):
            print(f"job {name}: ended with its run", file=sys.stderr)
    except (Unreachable, UnusableInput) as problem:
        print(problem, file=sys.stderr)
    return state, uses


def _steps(workflow: Mapping[str, Any] | None) -> tuple[str, list[Use]]:
    """(state, uses) from the steps; none of both, and said, where Argo keeps them elsewhere."""
    try:
        return state_of(workflow), list(uses_of_workflow(workflow))
    except UnusableInput as problem:
        print(problem, file=sys.stderr)
        return "", []


def state_of(workflow: Mapping[str, Any] | None) -> str:
    """How a run went so far, from its steps: back ends of 2.14 tell an exit handler RUNNING, whatever happened.

    Attempts that were made again do not count: the node above them does.
    """
    nodes = nodes_of(workflow).values()
    phases = {node.get("phase") for node in nodes if node.get("type") in ("DAG", "Retry")}
    return "" if not phases else "FAILED" if phases & {"Failed", "Error"} else "SUCCEEDED"


def end_jobs(cluster: Kube, run: str) -> list[str]:
    """Delete the training jobs of a run that have not ended; returns their names."""
    left = [job["metadata"]["name"] for job in cluster.jobs(run) if not ended(job)[0]]
    for name in left:
        cluster.delete_job(name)
    return left
