"""A run of a pipeline on a cluster, as it is started, found again, followed and cancelled.

A run's name says what it was asked to do: the same command finds its run again after its own death, and starts a new
one when that run has ended (its steps then find what is done). Ctrl-C leaves the run alone. Knows runs and their pods;
does not know the API's calls (`pipelines_api`, `kube`) nor what steps do.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from causeway.artifacts import store
from causeway.errors import UnusableInput
from causeway.platform.cluster import pipelines_api as api
from causeway.platform.cluster.arguments import cluster_arguments
from causeway.platform.cluster.conclude import end_jobs
from causeway.platform.cluster.kube import Kube, Unreachable, namespace
from causeway.platform.cluster.watch import Watch
from causeway.platform.compiled import Package, package
from causeway.platform.laptop import pipeline_function
from causeway.platform.run_record import FOLDER

LOOK_S = 2.0
_GONE_S = 300.0


@dataclass(frozen=True)
class Begun:
    """A run on the cluster."""

    run: str
    name: str
    version: str
    found: bool  # it was there already, and still ran
    new_version: bool


def submit(
    client: Any,
    name: str,
    settings: Sequence[str],
    root: str,
    reason: str = "",
    in_turn: bool = False,
    wait: Callable[[float], None] = time.sleep,
) -> Begun:
    """Upload the pipeline's version if it is new, and start a run of it, or find the one that runs.

    A pipeline that records its reason is told it. `in_turn`: wait until no run of this pipeline is under way, of
    whatever settings, and then start one: what it waits for may have begun before there was news.
    """
    inputs = pipeline_function(name).component_spec.inputs  # type: ignore[attr-defined]
    told = [f"reason={reason}"] if reason and "reason" in inputs else []
    arguments = cluster_arguments(name, [*settings, *told], root)
    reason = reason or str(arguments.get("reason", "")) or "asked for by hand"
    with tempfile.TemporaryDirectory() as folder:
        made = package(name, Path(folder))
        pipeline, version, new = api.upload(client, made)
    named = run_name(made, arguments)
    if in_turn:
        while api.under_way(client, pipeline):
            wait(5 * LOOK_S)
    for run in api.runs_named(client, named):
        if run.state not in api.ENDED:
            return Begun(run.run_id, named, made.version, True, new)
    return Begun(_started(client, named, pipeline, version, arguments, reason), named, made.version, False, new)


def upload_only(client: Any, names: Sequence[str]) -> list[tuple[str, bool]]:
    """Upload the versions of these pipelines; returns (version, whether it is new) of each."""
    with tempfile.TemporaryDirectory() as folder:
        made = [package(name, Path(folder)) for name in names]
        return [(one.version, api.upload(client, one)[2]) for one in made]


def run_name(made: Package, arguments: Mapping[str, Any]) -> str:
    """A name over version and settings; the same command gives the same one."""
    asked = json.dumps([made.version, dict(sorted(arguments.items()))])
    return f"{made.pipeline}-{hashlib.sha256(asked.encode()).hexdigest()[:12]}"


def _started(
    client: Any, named: str, pipeline: str, version: str, arguments: Mapping[str, Any], reason: str
) -> str:
    """Start it; when the API breaks off, look whether the run is there before another try."""
    tries = 5
    for left in reversed(range(tries)):
        try:
            return api.start(client, named, pipeline, version, arguments, reason)
        except api.AwayError:
            time.sleep(LOOK_S)
            for run in api.runs_named(client, named):
                if run.state not in api.ENDED:
                    return run.run_id
            if not left:
                raise
    raise AssertionError


def follow(client: Any, run: str, watch: Watch, wait: Callable[[float], None] = time.sleep) -> str:
    """Follow a run to its end, relaying what its steps print; returns its last state."""
    while True:
        found = api.patient(lambda: client.get_run(run), watch.say)
        watch.look(found)
        if found.state in api.ENDED:
            watch.look(found)  # the last lines
            return api.state_of(found)
        wait(LOOK_S)


def run_on_cluster(name: str, settings: Sequence[str], root: str, log: Path) -> dict[str, Any]:
    """What `causeway run NAME --on cluster` does: submit or find, follow, tell the result or raise the step's error."""
    client = api.connect()
    begun = submit(client, name, settings, root)
    say(f"{begun.name}: {'found, it runs already' if begun.found else 'started'} (run {begun.run})")
    watch = Watch(name, begun.run, _cluster(), log, say)
    try:
        state = follow(client, begun.run, watch)
    except KeyboardInterrupt:
        say(f"the run goes on: the same command follows it again, causeway cancel {begun.run} ends it")
        raise
    finally:
        watch.close()
    if state != "SUCCEEDED":
        raise watch.error(state)
    told = {"run": begun.run, "version": begun.version, "state": state, "log": str(log), **watch.made}
    return told | {"record": store.join(root, FOLDER, f"{begun.run}.json")}


def cancel(client: Any, run: str, wait: Callable[[float], None] = time.sleep) -> dict[str, Any]:
    """End a run and its training jobs; returns its state and the jobs that were deleted. Fine when it has ended."""
    run = _run_id(client, run)
    state = api.state_of(api.patient(lambda: client.get_run(run)))
    if state not in api.ENDED:
        api.patient(lambda: client.terminate_run(run))
        until = time.monotonic() + _GONE_S
        while state not in api.ENDED and time.monotonic() < until:
            wait(LOOK_S)
            state = api.state_of(api.patient(lambda: client.get_run(run)))
    cluster, jobs = _cluster(), []
    if cluster is not None:
        jobs = end_jobs(cluster, run)
    else:
        say("no cluster at KUBECONFIG: the run was told to end, its training jobs end with their launcher")
    if state not in api.ENDED:
        raise UnusableInput(f"run {run} was told to end and is {state} after {_GONE_S:.0f} s; look at its pods")
    return {"run": run, "state": state, "jobs": jobs}


def _run_id(client: Any, named: str) -> str:
    """A run's id from its id or its name."""
    for run in api.runs_named(client, named):
        return run.run_id
    try:
        return api.patient(lambda: client.get_run(named)).run_id
    except api.Denied as error:
        raise UnusableInput(f"{named}: no such run; causeway submit tells its name and id") from error


def _cluster() -> Kube | None:
    """The cluster, for pods and jobs; None where this machine may only ask the pipelines' API."""
    try:
        if "KUBECONFIG" not in os.environ and not Path("/var/run/secrets/kubernetes.io").is_dir():
            return None
        cluster = Kube(namespace())
        cluster.pods("causeway=none")
        return cluster
    except (UnusableInput, Unreachable) as error:
        say(f"{error}: no logs and no jobs can be seen from here")
        return None


def say(line: str) -> None:
    """A line for who watches."""
    print(line, file=sys.stderr, flush=True)


def as_result(begun: Begun, root: str) -> tuple[dict[str, Any], str]:
    """What `causeway submit` tells."""
    told = {"run": begun.run, "name": begun.name, "version": begun.version, "root": root}
    told |= {"new_version": begun.new_version}  # type: ignore[dict-item]
    how = "found, it runs already" if begun.found else "started"
    return told | {"found": begun.found}, f"{begun.name} {how}: run {begun.run} of version {begun.version}"


