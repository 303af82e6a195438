"""A training stage as a job of the cluster, seen from the small step that starts it.

Idempotent: the job's name follows from what is asked, so a step that is tried again finds the job of the try before and
goes on following it. Relays what the first process prints. A run that is terminated takes its job along; a step whose
pod alone goes away (a drained machine) leaves the job running for its successor. Does not train and imports no torch.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from causeway.artifacts import Manifest, lookup, read_manifest
from causeway.artifacts.steps import key_for
from causeway.errors import (
    EXIT_BUG,
    EXIT_REFUSED,
    EXIT_TRY_AGAIN,
    EXIT_UNUSABLE_INPUT,
    EXIT_USAGE,
    CausewayError,
    Refused,
    TryAgain,
    UnusableInput,
    UsageError,
)
from causeway.platform.cluster.kube import Kube, Unreachable, namespace
from causeway.platform.cluster.pod_logs import PodLogs, exit_codes
from causeway.platform.cluster.train_job import RUN_LABEL, Order, ended, train_job, worst_exit
from causeway.platform.cluster.use import uses_of_jobs
from causeway.platform.run_record import Use
from causeway.platform.steps import JOB, resolve_config, step_function

LOOK_S = 2.0
PATIENCE_S = 900.0  # how long the cluster may not answer before the step gives up (it is tried again then)
_STARTS = 20  # of one job: more often nobody deletes it by accident
_KINDS = {kind.exit_code: kind for kind in (UsageError, Refused, UnusableInput, TryAgain)}
_MATTERS = (EXIT_UNUSABLE_INPUT, EXIT_REFUSED, EXIT_USAGE, EXIT_TRY_AGAIN, EXIT_BUG)  # as the entry point weighs them


class Cluster(Protocol):
    """The calls of `Kube` that a launcher makes."""

    def job(self, name: str) -> dict[str, Any] | None:
        """A TrainJob."""

    def create_job(self, body: Mapping[str, Any]) -> bool:
        """False when it is there."""

    def delete_job(self, name: str) -> None:
        """Delete it."""

    def pods(self, selector: str) -> list[Any]:
        """Pods by label."""

    def log(self, pod: str, container: str, since_s: int | None) -> str:
        """Lines with their times."""

    def workflow(self, name: str) -> dict[str, Any] | None:
        """The run as Argo has it."""


def launched(name: str, inputs: Mapping[str, Any], settings: Mapping[str, Any], root: str) -> Manifest:
    """Have a training stage done by a TrainJob and return its result's manifest.

    Raises what the job ended with: Refused, UnusableInput, …; TryAgain when this step is to go away before.
    """
    function = step_function(name)
    config = resolve_config(function, settings)
    key = key_for(function, inputs, config)
    found = lookup.find(name, key, root)
    if found is not None:
        return found
    cluster = Kube(namespace())
    order = _order(name, key, inputs, settings, root, cluster)
    with _told_to_go() as gone:
        run_job(cluster, order, gone, _say)
    found = lookup.find(name, key, root)
    if found is None:
        raise UnusableInput(
            f"job {order.name} is complete, but what it made is not what this code asks for: the images `pipelines` "
            "and `train` are of different builds; build both from one tree and submit the pipeline again"
        )
    return found


def _order(
    name: str, key: str, inputs: Mapping[str, Any], settings: Mapping[str, Any], root: str, cluster: Kube
) -> Order:
    located = {n: read_manifest(value).location for n, value in inputs.items() if value}
    return Order(
        stage=name.removeprefix("train_"),
        key=key,
        samples=located["samples"],
        policy=located.get("policy", ""),
        root=root,
        settings=settings,
        job=json.loads(os.environ[JOB]),
        run=os.environ.get("CAUSEWAY_RUN", ""),
        owner=owner_of(cluster.workflow(os.environ.get("CAUSEWAY_WORKFLOW", ""))),
        tracking=os.environ.get("MLFLOW_TRACKING_URI", ""),
    )


def owner_of(workflow: Mapping[str, Any] | None) -> dict[str, str] | None:
    """How a job says that it belongs to a run: with the run's objects it goes."""
    if workflow is None:
        return None
    metadata = workflow["metadata"]
    named = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow"}
    return named | {"name": metadata["name"], "uid": metadata["uid"]}


def run_job(
    cluster: Cluster,
    order: Order,
    gone: Callable[[], bool],
    say: Callable[[str], None],
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Start the job or take up the one that is there, follow it to its end; raises what it failed with.

    A job that failed before this call is started anew: it goes on from its last checkpoint. One that is deleted
    meanwhile (by another run that was cancelled) is started again.
    """
    logs, starts, silent_since = PodLogs(cluster), 0, None
    spent = _clear(cluster, order, wait)
    while True:
        if gone():
            _leave(cluster, order, say)
        try:
            job = cluster.job(order.name)
            if job is None:
                starts += 1
                if starts > _STARTS:
                    raise UnusableInput(f"job {order.name} was deleted {_STARTS} times; see who deletes it")
                begun = cluster.create_job(train_job(order, spent))
                say(f"job {order.name}: {'started' if begun else 'there already'}")
                job = {}
            logs.relay(f"jobset.sigs.k8s.io/jobset-name={order.name}", say)
            state, message = ended(job)
            silent_since = None
        except Unreachable as error:
            now = time.monotonic()
            silent_since = silent_since or now
            if now - silent_since > PATIENCE_S:
                raise TryAgain(f"{error}; job {order.name} goes on, and so will this step when tried again") from error
            state = ""
        if state == "Complete":
            return
        if state == "Failed":
            raise _failure(cluster, order, message, logs.last)
        wait(LOOK_S)


def _clear(cluster: Cluster, order: Order, wait: Callable[[float], None]) -> tuple[float, float]:
    """Take an ended job of that name away: it ended without the result that is asked for.

    Returns the core and GPU seconds it used, where it was of this run: the run's record, made at its end, counts only
    jobs that are there then. One of another run is in that run's record.
    """
    job = cluster.job(order.name)
    if job is None or not ended(job)[0]:
        return 0.0, 0.0
    mine = order.run and (job["metadata"].get("labels") or {}).get(RUN_LABEL) == order.run
    (use,) = uses_of_jobs([job], 0) if mine else [Use("", 0.0)]
    cluster.delete_job(order.name)
    for _ in range(60):
        if cluster.job(order.name) is None:
            return use.cpu_s, use.gpu_s
        wait(LOOK_S)
    raise TryAgain(f"job {order.name} of an earlier try is not gone yet")


def _leave(cluster: Cluster, order: Order, say: Callable[[str], None]) -> None:
    """This step is told to go: with a run that ends, the job ends as well; else it waits for the next try."""
    workflow = cluster.workflow(os.environ.get("CAUSEWAY_WORKFLOW", ""))
    if workflow is None or workflow.get("spec", {}).get("shutdown") or workflow.get("status", {}).get("finishedAt"):
        cluster.delete_job(order.name)
        say(f"job {order.name}: deleted, its run was cancelled")
        raise TryAgain(f"the run was cancelled; job {order.name} was deleted, its last checkpoint stays")
    raise TryAgain(f"this pod was told to go; job {order.name} goes on, and the next try of this step follows it")


def _failure(cluster: Cluster, order: Order, message: str, last: str) -> CausewayError:
    codes = exit_codes(cluster.pods(f"jobset.sigs.k8s.io/jobset-name={order.name}"))
    code = worst_exit(codes, _MATTERS)
    said = last or message or "no word in its log"
    kind = _KINDS.get(code, CausewayError)
    if 137 in codes and kind is CausewayError:
        more = f"raise memory_limit of {order.stage} in the placement"
        return UnusableInput(f"job {order.name}: killed (137): out of memory? {more}; {said}")
    if message.startswith("TrainJob exceeded") or "deadline" in message.lower():
        return UnusableInput(f"job {order.name}: {message}; raise timeout_s of train_{order.stage} in the placement")
    return kind(f"job {order.name}: {said}")


@contextmanager
def _told_to_go() -> Iterator[Callable[[], bool]]:
    from causeway.training.stopping import stop_asked

    before = signal.getsignal(signal.SIGTERM)
    with stop_asked() as gone:
        yield gone
    signal.signal(signal.SIGTERM, before)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
