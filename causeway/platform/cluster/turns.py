"""Whether a scheduled run may go on, or the one before it is still at work.

Kubeflow's own bound for a schedule (`max_concurrency`) counts Workflows by a label that back ends of 2.14 do not give
to runs of uploaded pipelines: seven runs of a schedule of every minute were seen side by side. So a scheduled run looks
itself, first thing. Knows runs of schedules; does not know what a pipeline does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from causeway.errors import CausewayError, UnusableInput
from causeway.platform.cluster import pipelines_api as api
from causeway.platform.cluster.kube import Kube, Unreachable, namespace

GO, LEAVE = "yes", "no"


def take_turn_in_component() -> str:
    """GO, or LEAVE where an earlier run of the same schedule is under way. An API that is away stops nobody: runs side
    by side cost time, and nothing else."""
    run = os.environ.get("CAUSEWAY_RUN", "")
    try:
        earlier = earlier_run(runs_api(), run, at_work) if run else ""
    except CausewayError as error:
        print(f"{error}; going on without knowing what else runs", file=sys.stderr)
        return GO
    if earlier:
        print(f"run {earlier} of this schedule is under way: nothing to do, the next one looks again", file=sys.stderr)
    return LEAVE if earlier else GO


def runs_api() -> Any:
    """The two calls that are made here. Kubeflow's SDK leaves its client out of itself inside the pod of a step."""
    from kfp_server_api import ApiClient, Configuration, RunServiceApi

    service = RunServiceApi(ApiClient(Configuration(host=api.address())))
    return SimpleNamespace(get_run=service.run_service_get_run, list_runs=service.run_service_list_runs)


def earlier_run(client: Any, run: str, lives: Callable[[str], bool]) -> str:
    """The id of an earlier run of the same schedule that has not ended and `lives`; "" for none, or no schedule."""
    mine = api.patient(lambda: client.get_run(run))
    if not mine.recurring_run_id:
        return ""
    before = [
        one
        for one in api.not_ended(client)
        if one.recurring_run_id == mine.recurring_run_id
        and (one.created_at, one.run_id) < (mine.created_at, mine.run_id)
    ]
    return next((str(one.run_id) for one in before if lives(one.run_id)), "")


def at_work(run: str) -> bool:
    """Whether a Workflow of the run is there and has not ended; true where the cluster does not tell.

    Kubeflow makes the Workflow before it tells of the run, and one whose Workflow was deleted stays RUNNING in its
    database for ever: it would hold its schedule up for ever.
    """
    try:
        workflows = Kube(namespace()).workflows_of(run)
    except (Unreachable, UnusableInput) as error:
        print(f"{error}; run {run} counts as under way", file=sys.stderr)
        return True
    if any(not (one.get("status") or {}).get("finishedAt") for one in workflows):
        return True
    gone = "has ended, which Kubeflow was not told yet" if workflows else "was deleted; delete the run as well"
    print(f"run {run} of this schedule is not waited for: its Workflow {gone}", file=sys.stderr)
    return False
