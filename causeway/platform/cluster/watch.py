"""Watching a run: the lines of its steps into a log, how far it is onto the screen, and the error it ended with.

Knows pods of a run and the marks that our steps print. Does not know the pipelines' API. Without a cluster to ask for
pods it tells what the API says of the tasks, and no lines.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from causeway.errors import CausewayError, UnusableInput
from causeway.platform.cluster.kube import Unreachable
from causeway.platform.cluster.pod_logs import PodLogs, Reader, killed_for_memory
from causeway.platform.compiled import result_tasks
from causeway.platform.laptop import pipeline_function, task_count
from causeway.platform.steps import MADE_MARK, error_from_line

_RUN = "pipeline/runid"
_NODE = "workflows.argoproj.io/node-name"
_OURS = "system-container-impl"  # the pods that run steps; others are Kubeflow's drivers
_TELL_S = 10.0


class Watch:
    """What is known of a run that is followed. `made` is what the pipeline ends with: kind and location."""

    def __init__(
        self, pipeline: str, run: str, cluster: Reader | None, log: Path, say: Callable[[str], None]
    ) -> None:
        self.say, self.made = say, {}  # type: Callable[[str], None], dict[str, str]
        self._pipeline, self._run, self._cluster = pipeline, run, cluster
        self._total, self._results = task_count(pipeline_function(pipeline)), result_tasks(pipeline)
        self._logs = PodLogs(cluster) if cluster is not None else None
        self._done, self._active = 0, ()  # type: int, tuple[str, ...]
        self._error: CausewayError | None = None
        self._troubles: list[str] = []
        self._started, self._told = time.monotonic(), ("", 0.0)
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log = log.open("a", encoding="utf-8")

    def look(self, run: Any) -> None:
        """Take in what is new."""
        if self._logs is not None:
            try:
                self._look_at_pods()
            except Unreachable as error:
                self._log.write(f"{error}; waiting\n")
        else:
            self._count_tasks(run)
        self._tell()

    def _look_at_pods(self) -> None:
        assert self._logs is not None
        assert self._cluster is not None
        pods = self._cluster.pods(f"{_RUN}={self._run}")
        for pod in pods:
            self._logs.warn(pod, self._in_trouble)
        ours = [pod for pod in pods if _OURS in pod.metadata.name]
        for pod in sorted(ours, key=lambda one: str(one.metadata.creation_timestamp)):
            task = task_of(pod)
            self._logs.relay_pod(pod, partial(self._take, task))
            if killed_for_memory(pod):
                self._trouble(f"{task}: killed for memory; raise its memory_limit in the placement")
        self._active = tuple(task_of(pod) for pod in ours if pod.status.phase == "Running")

    def _in_trouble(self, line: str) -> None:
        self._trouble(line)
        self.say(line)

    def _trouble(self, line: str) -> None:
        if line not in self._troubles:
            self._troubles.append(line)

    def _take(self, task: str, line: str) -> None:
        self._log.write(f"{task}: {line}\n")
        self._log.flush()
        if MADE_MARK in line:
            self._done += 1
            if task in self._results:
                self.made = _made(line) or self.made
        found = error_from_line(line)
        if found is not None and str(found) != str(self._error):
            self.say(f"{task}: {found}")  # at once: Kubeflow may try the step again for minutes before the run ends
        self._error = found or self._error

    def _count_tasks(self, run: Any) -> None:
        tasks = (run.run_details.task_details if run.run_details else None) or []
        self._done = sum(1 for task in tasks if task.state == "SUCCEEDED")
        self._active = tuple(task.display_name for task in tasks if task.state == "RUNNING")

    def _tell(self) -> None:
        doing = ", ".join(self._active) or "between steps"
        took_s = time.monotonic() - self._started
        text = f"{self._pipeline}: {min(self._done, self._total)} of {self._total} steps done, now {doing}"
        said, at = self._told
        if text != said or time.monotonic() - at > _TELL_S:
            self._told = (text, time.monotonic())
            self.say(f"{text} ({took_s:.0f} s)")

    def error(self, state: str) -> CausewayError:
        """What a run that did not succeed ended with: the step's own error where its log holds one."""
        if state == "CANCELED":
            return UnusableInput(f"run {self._run} was cancelled; the same command starts one that goes on from there")
        if self._error is not None:
            return self._error
        if self._troubles:
            return UnusableInput(f"run {self._run} failed: {'; '.join(self._troubles)}")
        return CausewayError(f"run {self._run} ended as {state} and its steps do not say why; its pods' logs may")

    def close(self) -> None:
        """The log is whole."""
        self._log.close()


def task_of(pod: Any) -> str:
    """The name of a pod's task, from the path of its node in the run."""
    path = str((pod.metadata.annotations or {}).get(_NODE, pod.metadata.name))
    names = [part for part in path.split(".") if part not in ("root", "executor") and not part.endswith("-driver")]
    plain = [name for name in names[1:] if not name.endswith(")")] or names
    return plain[-1]


def _made(line: str) -> dict[str, str]:
    try:
        found = json.loads(line.partition(MADE_MARK)[2])
        return {"kind": str(found["kind"]), "location": str(found["location"])}
    except (ValueError, KeyError, TypeError):
        return {}


