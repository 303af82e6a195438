"""A training stage as a TrainJob object, and what its status says."""

import json
from typing import Any

from causeway.platform.cluster.train_job import Order, ended, train_job, worst_exit

JOB: dict[str, Any] = {
    "runtime": "causeway-train", "image": "causeway/train:abc", "nodes": 2, "processes": 4, "cpu_request": "8",
    "memory_request": "16Gi", "memory_limit": "64Gi", "accelerator": "nvidia.com/gpu", "accelerators": 4,
    "node_selector": {"gpu": "h200"}, "tolerations": [{"key": "gpu", "operator": "Exists", "seconds": 60}],
    "shm": "8Gi", "timeout_s": 3600, "queue": "",
}  # fmt: skip
PLAIN = JOB | {"accelerators": 0, "processes": 1, "node_selector": {}, "tolerations": [], "shm": "", "nodes": 1}


def order(job: dict[str, Any] = JOB, **changes: Any) -> Order:
    given: dict[str, Any] = {"stage": "coc", "key": "0123456789abcdef", "samples": "s3://b/samples", "policy": "s3://b/p"}
    given |= {"root": "s3://b/root", "settings": {"steps": 4, "scale": "tiny"}, "job": job, "run": "run-1"}
    return Order(**(given | changes))


def pod_patch(body: dict[str, Any]) -> dict[str, Any]:
    (patch,) = body["spec"]["runtimePatches"]
    (replicated,) = patch["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"]
    assert replicated["name"] == "node"
    return replicated["template"]["spec"]["template"]["spec"]


def test_the_same_order_is_the_same_job_and_another_key_another() -> None:
    assert train_job(order()) == train_job(order())
    assert train_job(order())["metadata"]["name"] == "causeway-coc-0123456789ab"
    assert train_job(order(key="f" * 64))["metadata"]["name"] == "causeway-coc-ffffffffffff"


def test_it_runs_the_laptops_entry_point() -> None:
    trainer = train_job(order())["spec"]["trainer"]
    assert trainer["command"] == ["python", "-m", "causeway.training.entry"]
    words = trainer["args"]
    assert words[:7] == ["coc", "--samples", "s3://b/samples", "--root", "s3://b/root", "--from", "s3://b/p"]
    assert json.loads(words[-1]) == {"steps": 4, "scale": "tiny"}
    assert "--from" not in train_job(order(policy=""))["spec"]["trainer"]["args"]


def test_a_stage_of_a_recipe_is_asked_for_by_both_names(monkeypatch: Any) -> None:
    from causeway.training import entry

    monkeypatch.delenv("PET_NPROC_PER_NODE", raising=False)
    of_pi0 = order(stage="recipe", settings={"recipe": "pi0", "stage": "broad", "scale": "tiny"})
    asked = entry._asked(train_job(of_pi0)["spec"]["trainer"]["args"])
    assert (asked.recipe, asked.stage, asked.policy) == ("pi0", "broad", "s3://b/p")


def test_the_entry_point_takes_these_words(monkeypatch: Any) -> None:
    from causeway.training import entry

    monkeypatch.delenv("PET_NPROC_PER_NODE", raising=False)
    asked = entry._asked(train_job(order())["spec"]["trainer"]["args"])
    assert (asked.stage, asked.policy, asked.root, asked.out) == ("coc", "s3://b/p", "s3://b/root", "")


def test_machines_processes_and_their_share() -> None:
    trainer = train_job(order())["spec"]["trainer"]
    assert (trainer["numNodes"], trainer["numProcPerNode"], trainer["image"]) == (2, 4, "causeway/train:abc")
    share = trainer["resourcesPerNode"]
    assert share["limits"] == {"memory": "64Gi", "nvidia.com/gpu": "4"}
    assert share["requests"] == {"cpu": "8", "memory": "16Gi"}
    per_gpu = train_job(order(JOB | {"processes": 0}))["spec"]["trainer"]
    assert per_gpu["numProcPerNode"] == 4
    assert train_job(order(PLAIN | {"processes": 0}))["spec"]["trainer"]["numProcPerNode"] == 1


def test_nodes_tolerations_and_shared_memory_are_patched_in() -> None:
    pod = pod_patch(train_job(order()))
    assert pod["nodeSelector"] == {"gpu": "h200"}
    assert pod["tolerations"] == [{"key": "gpu", "operator": "Exists", "tolerationSeconds": 60}]
    assert pod["volumes"] == [{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "8Gi"}}]
    assert pod["containers"] == [{"name": "node", "volumeMounts": [{"name": "shm", "mountPath": "/dev/shm"}]}]
    assert pod_patch(train_job(order(PLAIN))) == {}


def test_keys_come_by_reference_and_checkpoints_lie_below_the_root() -> None:
    env = {one["name"]: one for one in train_job(order())["spec"]["trainer"]["env"]}
    held = {"name": "causeway-s3", "key": "AWS_SECRET_ACCESS_KEY"}
    assert env["AWS_SECRET_ACCESS_KEY"] == {"name": "AWS_SECRET_ACCESS_KEY", "valueFrom": {"secretKeyRef": held}}
    assert env["CAUSEWAY_CHECKPOINTS"]["value"] == "s3://b/root/checkpoints"
    assert "MLFLOW_TRACKING_URI" not in env


def test_whose_it_is_and_which_queue_it_waits_in() -> None:
    owner = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": "w", "uid": "u"}
    metadata = train_job(order(JOB | {"queue": "gpu"}, owner=owner))["metadata"]
    assert metadata["labels"]["causeway/run"] == "run-1"
    assert metadata["labels"]["kueue.x-k8s.io/queue-name"] == "gpu"
    assert metadata["ownerReferences"] == [owner]
    alone = train_job(order(run=""))["metadata"]
    assert not {"causeway/run", "kueue.x-k8s.io/queue-name"} & set(alone["labels"])
    assert "ownerReferences" not in alone


def test_only_a_condition_that_is_true_ends_a_job() -> None:
    conditions = [{"type": "Suspended", "status": "False"}, {"type": "Complete", "status": "False"}]
    assert ended({"status": {"conditions": conditions}}) == ("", "")
    assert ended({"status": {"conditions": [*conditions, {"type": "Failed", "status": "True", "message": "m"}]}}) == (
        "Failed",
        "m",
    )
    assert ended({}) == ("", "")


def test_the_exit_code_that_explains_a_failure() -> None:
    matters = (4, 3, 2, 1, 75)
    assert worst_exit([1, 4, 143], matters) == 4
    assert worst_exit([143, 75], matters) == 75
    assert worst_exit([137], matters) == 137
    assert worst_exit([], matters) == 1
