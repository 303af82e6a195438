import json
from pathlib import Path
from typing import Any

import pytest

from causeway.errors import UnusableInput
from causeway.platform.cluster import conclude
from causeway.platform.cluster.kube import Unreachable

WORKFLOW = {
    "status": {
        "nodes": {
            "a": {"type": "DAG", "name": "run", "phase": "Failed"},
            "b": {"type": "Pod", "name": "run.root.ingest.executor", "resourcesDuration": {"cpu": 7, "memory": 1}},
        }
    }
}

JOB = {
    "metadata": {"name": "causeway-rl-1", "creationTimestamp": "2026-11-22T00:00:00Z"},
    "spec": {"trainer": {"resourcesPerNode": {"requests": {"cpu": "1"}}}},
}


class Cluster:
    """What `conclude` asks a cluster; `refuses` where this account may not see training jobs."""

    def __init__(
        self,
        refuses: Exception | None = None,
        jobs: list[dict[str, Any]] | None = None,
        workflow: dict[str, Any] = WORKFLOW,
    ) -> None:
        self.refuses, self.there, self.deleted, self._workflow = refuses, jobs or [], list[str](), workflow

    def workflow(self, name: str) -> dict[str, Any]:
        return self._workflow

    def jobs(self, run: str) -> list[dict[str, Any]]:
        if self.refuses:
            raise self.refuses
        return self.there

    def delete_job(self, name: str) -> None:
        self.deleted.append(name)
        self.there = [job for job in self.there if job["metadata"]["name"] != name]


def concluded(root: Path, cluster: Cluster, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    patch.setenv("CAUSEWAY_RUN", "r1")
    patch.setattr(conclude, "Kube", lambda where: cluster)
    conclude.conclude_in_component(str(root), "causeway-data", "nightly", "RUNNING", "")
    return json.loads((root / "runs" / "r1.json").read_text())


def test_a_run_is_written_down_and_its_jobs_end_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    cluster = Cluster(jobs=[JOB])
    told = concluded(tmp_path, cluster, monkeypatch)
    assert cluster.deleted == ["causeway-rl-1"]
    assert (told["state"], told["reason"]) == ("FAILED", "nightly")
    assert told["use"][0] == {"step": "ingest", "cpu_s": 7.0, "gpu_s": 0.0}
    assert told["use"][1]["step"] == "causeway-rl-1 (job)"
    assert told["use"][1]["cpu_s"] > 0  # a job that is ended with its run was paid for too


@pytest.mark.parametrize("refuses", [UnusableInput("may not list trainjobs"), Unreachable("away")])
def test_a_cluster_that_tells_of_no_jobs_does_not_cost_the_record(
    refuses: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    told = concluded(tmp_path, Cluster(refuses), monkeypatch)
    assert told["state"] == "FAILED"
    assert told["use"] == [{"step": "ingest", "cpu_s": 7.0, "gpu_s": 0.0}]
    assert str(refuses) in capsys.readouterr().err


def test_nodes_that_argo_keeps_elsewhere_do_not_cost_the_record_nor_leave_jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    cluster = Cluster(jobs=[JOB], workflow={"status": {"offloadNodeStatusVersion": "fnv:1"}})
    told = concluded(tmp_path, cluster, monkeypatch)
    assert told["state"] == "RUNNING"  # what Kubeflow told the exit handler
    assert [use["step"] for use in told["use"]] == ["causeway-rl-1 (job)"]
    assert cluster.deleted == ["causeway-rl-1"]
    assert "Argo keeps the nodes of this Workflow in a database" in capsys.readouterr().err
