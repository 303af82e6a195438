"""The step that starts a training job: adopts, relays, fails as the job failed, and takes it along when it is cancelled."""

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace as Some
from typing import Any

import pytest

from causeway.errors import CausewayError, Refused, TryAgain, UnusableInput
from causeway.platform.cluster.kube import Unreachable
from causeway.platform.cluster.launch import owner_of, run_job
from causeway.platform.cluster.train_job import Order

JOB: dict[str, Any] = {
    "runtime": "causeway-train", "nodes": 1, "processes": 1, "cpu_request": "1", "memory_request": "1Gi",
    "memory_limit": "2Gi", "accelerator": "nvidia.com/gpu", "accelerators": 0, "node_selector": {}, "tolerations": [],
    "shm": "", "timeout_s": 60, "queue": "",
}  # fmt: skip
ORDER = Order("coc", "0123456789abcdef", "s3://b/samples", "s3://b/p", "s3://b/root", {}, JOB)

COMPLETE = {"status": {"conditions": [{"type": "Complete", "status": "True"}]}}
FAILED = {
    "metadata": {"name": "n", "labels": {"causeway/run": "r1"}, "creationTimestamp": "2026-11-22T00:00:00Z"},
    "spec": {"trainer": {"numNodes": 2, "resourcesPerNode": {"requests": {"cpu": "500m"}, "limits": {"nvidia.com/gpu": "4"}}}},
    "status": {
        "conditions": [
            {"type": "Failed", "status": "True", "message": "jobset failed", "lastTransitionTime": "2026-11-22T00:10:00Z"}
        ]
    },
}


def pod(name: str, code: int | None = None, index: str = "0", phase: str = "Running") -> Any:
    gone = None if code is None else Some(exit_code=code, finished_at="t", reason="Error")
    status = Some(name="node", state=Some(terminated=gone, waiting=None), image="i")
    labels = {"batch.kubernetes.io/job-completion-index": index}
    return Some(
        metadata=Some(name=name, labels=labels),
        spec=Some(containers=[Some(name="node")]),
        status=Some(phase=phase, container_statuses=[status], init_container_statuses=[], conditions=[]),
    )


class Fake:
    """A cluster in which a job goes through `course`, one entry a look; None = it is not there."""

    def __init__(self, course: list[Any], pods: list[Any] | None = None, lines: Mapping[str, str] | None = None) -> None:
        self.course, self._pods, self.lines = list(course), pods or [], dict(lines or {})
        self.created: list[str] = []
        self.notes: list[Any] = []
        self.deleted: list[str] = []
        self.shutdown = ""

    def job(self, name: str) -> Any:
        now = self.course.pop(0) if len(self.course) > 1 else self.course[0]
        if isinstance(now, Exception):
            raise now
        return now

    def create_job(self, body: Mapping[str, Any]) -> bool:
        self.created.append(body["metadata"]["name"])
        self.notes.append(body["metadata"].get("annotations"))
        return True

    def delete_job(self, name: str) -> None:
        self.deleted.append(name)

    def pods(self, selector: str) -> list[Any]:
        return self._pods

    def log(self, pod: str, container: str, since_s: int | None) -> str:
        return self.lines.get(pod, "")

    def workflow(self, name: str) -> Any:
        return {"metadata": {"name": name, "uid": "u"}, "spec": {"shutdown": self.shutdown}}


def driven(cluster: Fake, gone: Any = lambda: False, order: Order = ORDER) -> list[str]:
    said: list[str] = []
    run_job(cluster, order, gone, said.append, wait=lambda _: None)
    return said


def test_it_starts_a_job_and_follows_it_to_its_end() -> None:
    cluster = Fake([None, None, {}, COMPLETE])
    assert driven(cluster) == ["job causeway-coc-0123456789ab: started"]
    assert cluster.created == ["causeway-coc-0123456789ab"]


def test_a_step_that_is_tried_again_takes_up_the_job_that_is_there() -> None:
    cluster = Fake([{}, {}, COMPLETE])
    assert driven(cluster) == []
    assert (cluster.created, cluster.deleted) == ([], [])


def test_a_job_that_failed_before_is_started_anew() -> None:
    cluster = Fake([FAILED, None, None, {}, COMPLETE])
    assert driven(cluster) == ["job causeway-coc-0123456789ab: started"]
    assert (len(cluster.created), len(cluster.deleted)) == (1, 1)


@pytest.mark.parametrize(
    ("run", "note"),
    [("r1", {"causeway/spent": "[600.0, 4800.0]"}), ("r2", None), ("", None)],  # that of another run is in its record
)
def test_what_a_failed_job_of_the_run_used_is_handed_on_to_the_next(run: str, note: Any) -> None:
    cluster = Fake([FAILED, None, None, {}, COMPLETE])
    driven(cluster, order=replace(ORDER, run=run))
    assert cluster.notes == [note]


def test_a_job_that_somebody_deletes_is_started_again() -> None:
    cluster = Fake([None, None, {}, None, {}, COMPLETE])
    driven(cluster)
    assert len(cluster.created) == 2


def test_one_that_is_deleted_again_and_again_is_given_up() -> None:
    with pytest.raises(UnusableInput, match="was deleted 20 times"):
        driven(Fake([None]))


def test_lines_of_the_first_process_are_told_once() -> None:
    lines = {"a-0": "2026-01-01T00:00:01Z step 1\n2026-01-01T00:00:02Z step 2\n", "a-1": "2026-01-01T00:00:01Z other\n"}
    cluster = Fake([{}, {}, {}, COMPLETE], [pod("a-0"), pod("a-1", index="1")], lines)
    assert driven(cluster) == ["step 1", "step 2"]


@pytest.mark.parametrize(("code", "kind"), [(3, Refused), (4, UnusableInput), (75, TryAgain), (1, CausewayError)])
def test_it_fails_as_the_job_failed(code: int, kind: type[CausewayError]) -> None:
    lines = {"a-0": "2026-01-01T00:00:01Z loss is not finite: sample x\n"}
    cluster = Fake([{}, {}, FAILED], [pod("a-0", code, phase="Failed"), pod("a-1", 1, index="1", phase="Failed")], lines)
    with pytest.raises(kind, match=r"job causeway-coc-0123456789ab: loss is not finite: sample x") as caught:
        driven(cluster)
    assert caught.value.exit_code == code


def test_a_pod_without_memory_says_so() -> None:
    with pytest.raises(UnusableInput, match="raise memory_limit of coc"):
        driven(Fake([{}, {}, FAILED], [pod("a-0", 137, phase="Failed")]))


def test_with_a_run_that_is_cancelled_the_job_ends() -> None:
    cluster = Fake([{}])
    cluster.shutdown = "Terminate"
    with pytest.raises(TryAgain, match="the run was cancelled"):
        driven(cluster, gone=lambda: True)
    assert cluster.deleted == ["causeway-coc-0123456789ab"]


def test_a_machine_that_goes_away_leaves_the_job_for_the_next_try() -> None:
    cluster = Fake([{}])
    with pytest.raises(TryAgain, match="goes on"):
        driven(cluster, gone=lambda: True)
    assert cluster.deleted == []


def test_an_api_server_that_is_away_for_a_while_is_waited_for() -> None:
    cluster = Fake([{}, Unreachable("away"), Unreachable("away"), {}, COMPLETE])
    assert driven(cluster) == []


def test_a_job_goes_with_its_workflow() -> None:
    found = owner_of({"metadata": {"name": "w", "uid": "u"}})
    assert found == {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": "w", "uid": "u"}
    assert owner_of(None) is None
