import base64
import gzip
import json

import pytest

from causeway.errors import UnusableInput
from causeway.platform.cluster.use import nodes_of, quantity, task_named, uses_of_jobs, uses_of_workflow
from causeway.platform.run_record import Use, summed

NODES = {
    "a": {"type": "DAG", "name": "run", "resourcesDuration": {"cpu": 99, "memory": 9}},
    "b": {"type": "Pod", "name": "run.root.ingest-driver", "resourcesDuration": {"cpu": 1, "memory": 3}},
    "c": {"type": "Pod", "name": "run.root.ingest.executor", "resourcesDuration": {"cpu": 10, "memory": 40, "hugepages-2Mi": 99, "storage": 9}},
    "d": {"type": "Pod", "name": "run.root.for-loop-1.label-moments.executor", "resourcesDuration": {"cpu": 2}},
    "e": {
        "type": "Pod", "name": "run.root.evaluate-open-loop.executor",
        "resourcesDuration": {"cpu": 5, "memory": 7, "ephemeral-storage": 8, "nvidia.com/gpu": 20},
    },
    "f": {"type": "Pod", "name": "run.root.gate.executor", "phase": "Pending"},
    "g": {"type": "Pod", "name": "run.root.exit-handler-1-driver", "resourcesDuration": {"cpu": 0, "memory": 1}},
}  # fmt: skip


def test_what_pods_reserved_counts_for_their_task_once():
    found = summed(uses_of_workflow({"status": {"nodes": NODES}}))
    assert found == [Use("ingest", 11.0), Use("label-moments", 2.0), Use("evaluate-open-loop", 5.0, 20.0)]
    assert list(uses_of_workflow(None)) == []
    assert list(uses_of_workflow({"status": {}})) == []


def packed(data: bytes) -> str:
    return base64.b64encode(gzip.compress(data)).decode()


def test_nodes_that_argo_compressed_are_read():
    assert nodes_of({"status": {"compressedNodes": packed(json.dumps(NODES).encode())}}) == NODES
    assert nodes_of({"status": {"compressedNodes": "", "nodes": NODES}}) == NODES
    assert nodes_of({"status": {}}) == nodes_of({}) == nodes_of(None) == {}


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({"offloadNodeStatusVersion": "fnv:1"}, "keeps the nodes of this Workflow in a database"),
        ({"compressedNodes": "!"}, "compressedNodes cannot be read"),
        ({"compressedNodes": base64.b64encode(b"no gzip").decode()}, "compressedNodes cannot be read"),
        ({"compressedNodes": packed(json.dumps(NODES).encode())[:40]}, "compressedNodes cannot be read"),
        ({"compressedNodes": packed(b"[]")}, "compressedNodes cannot be read"),
    ],
)
def test_nodes_that_cannot_be_read_are_not_taken_for_none(status: dict, said: str):
    with pytest.raises(UnusableInput, match=said):
        nodes_of({"status": status})


def test_a_pod_of_the_whole_pipeline_has_a_name_too():
    assert task_named("run.root-driver") == "root"
    assert task_named("run") == "pipeline"
    assert task_named("run.root.exit-handler-1.causeway-data.ingest.executor(2)") == "ingest"
    loop = "run.root.exit-handler-1.causeway-data.for-loop-2.iteration-iterations(1:1)"
    assert task_named(f"{loop}.iteration-item.label-moments.executor(0)") == "label-moments"


def job(done: bool) -> dict:
    limits = {"memory": "8Gi", "nvidia.com/gpu": "8"}
    trainer = {"numNodes": 2, "resourcesPerNode": {"requests": {"cpu": "500m", "memory": "2Gi"}, "limits": limits}}
    over = {"type": "Complete", "status": "True", "lastTransitionTime": "2026-11-22T00:10:00Z"}
    return {
        "metadata": {
            "name": "causeway-train-rl-1",
            "creationTimestamp": "2026-11-22T00:00:00Z",
            "labels": {"causeway/stage": "train_rl"},
        },
        "spec": {"trainer": trainer},
        "status": {"conditions": [{"type": "Failed", "status": "False"}, *([over] if done else [])]},
    }


def test_a_training_job_reserved_all_its_machines_while_it_was_there():
    assert list(uses_of_jobs([job(True)], 0)) == [Use("train_rl (job)", 600.0, 9600.0)]
    after_20_minutes_us = 1_795_306_800_000_000  # 2026-11-22T00:20:00Z
    assert next(uses_of_jobs([job(False)], after_20_minutes_us)).gpu_s == 2 * 8 * 1200.0


def test_a_job_counts_what_the_ones_it_replaced_used():
    after = job(True)
    after["metadata"]["annotations"] = {"causeway/spent": "[100.0, 400.0]"}
    assert list(uses_of_jobs([after], 0)) == [Use("train_rl (job)", 700.0, 10000.0)]


def test_a_note_of_use_that_somebody_else_wrote_is_not_counted(capsys: pytest.CaptureFixture[str]):
    one = job(done=True)
    plain = list(uses_of_jobs([one], 0))
    for note in ("[1", '["a", 2]', "[1]", "7"):
        one["metadata"]["annotations"] = {"causeway/spent": note}
        assert list(uses_of_jobs([one], 0)) == plain
    assert capsys.readouterr().err.count("causeway/spent is not two numbers") == 4


def test_quantities_are_read_as_kubernetes_writes_them():
    assert [quantity(value) for value in ("500m", "2", 1, "0.5")] == [0.5, 2.0, 1.0, 0.5]
