"""What pods print, line by line and each line once; and what their containers ended with.

Knows pods. Does not know runs or jobs. In a stand-alone Kubeflow Pipelines the API's own log endpoint answers with
nothing, so logs are read where they are: at the pods.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

_INDEX = "batch.kubernetes.io/job-completion-index"
_NO_CONFIG = "CreateContainerConfigError"  # a Secret, a ConfigMap or a key of one is missing
HOPELESS = ("ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName", _NO_CONFIG)


class Reader(Protocol):
    """The calls of `Kube` that reading takes."""

    def pods(self, selector: str) -> list[Any]:
        """Pods by label."""

    def log(self, pod: str, container: str, since_s: int | None) -> str:
        """Lines with their times."""


class PodLogs:
    """The lines of a set of pods that were not told yet. `last` is the last one that held anything."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._until: dict[str, str] = {}  # pod: the time of the last line that was told
        self._ended: set[str] = set()
        self._read_at: dict[str, float] = {}
        self._warned: set[str] = set()
        self.last = ""

    def relay(self, selector: str, say: Callable[[str], None]) -> None:
        """Tell the new lines of each set's first pod, and what keeps a pod from starting."""
        for pod in self._reader.pods(selector):
            self.warn(pod, say)
            if (pod.metadata.labels or {}).get(_INDEX, "0") == "0":
                self.relay_pod(pod, say)

    def warn(self, pod: Any, say: Callable[[str], None]) -> None:
        """Tell, once, what keeps a pod from starting."""
        for problem in problems(pod):
            if problem not in self._warned:
                self._warned.add(problem)
                say(problem)

    def relay_pod(self, pod: Any, say: Callable[[str], None]) -> None:
        """Tell the new lines of one pod's main container."""
        name = pod.metadata.name
        if name in self._ended or pod.status.phase == "Pending":
            return
        now = time.monotonic()
        since = None if name not in self._read_at else math.ceil(now - self._read_at[name]) + 5
        self._read_at[name] = now
        for stamp, line in _stamped(self._reader.log(name, container_of(pod), since)):
            if stamp > self._until.get(name, ""):
                self._until[name] = stamp
                if line.strip():
                    self.last = line.strip()
                    say(line)
        if pod.status.phase in ("Succeeded", "Failed"):
            self._ended.add(name)


def _stamped(text: str) -> list[tuple[str, str]]:
    return [(stamp, line) for stamp, _, line in (whole.partition(" ") for whole in text.splitlines())]


def container_of(pod: Any) -> str:
    """The container that works: `main` of a step, `node` of a job, else the first."""
    names = [container.name for container in pod.spec.containers]
    return next((name for name in ("main", "node") if name in names), names[0])


def problems(pod: Any) -> list[str]:
    """Why a pod does not start, one line each; nothing for one that only waits its turn."""
    found = []
    statuses = [*(pod.status.init_container_statuses or []), *(pod.status.container_statuses or [])]
    for status in statuses:
        waiting = status.state.waiting if status.state else None
        if waiting and waiting.reason in HOPELESS:
            what = waiting.message if waiting.reason == _NO_CONFIG else status.image
            found.append(f"pod {pod.metadata.name}: {status.name}: {waiting.reason}: {what}")
    for condition in pod.status.conditions or []:
        if condition.type == "PodScheduled" and condition.status == "False" and condition.reason == "Unschedulable":
            found.append(f"pod {pod.metadata.name} finds no machine: {condition.message}")
    return found


def exit_codes(pods: Sequence[Any]) -> list[int]:
    """The exit codes of the working containers that failed, oldest first."""
    found = []
    for pod in pods:
        for status in pod.status.container_statuses or []:
            gone = status.state.terminated if status.state else None
            if gone is not None and gone.exit_code and status.name == container_of(pod):
                found.append((str(gone.finished_at), gone.exit_code))
    return [code for _, code in sorted(found)]


def killed_for_memory(pod: Any) -> bool:
    """Whether a container of the pod was killed because it used more memory than its limit."""
    return any(
        status.state.terminated is not None and status.state.terminated.reason == "OOMKilled"
        for status in pod.status.container_statuses or []
        if status.state
    )
