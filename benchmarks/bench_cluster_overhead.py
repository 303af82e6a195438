"""What a finished step of ours costs on a cluster, beside an empty component in the same image, phase by phase.

One run in the namespace of KUBECONFIG's Kubeflow Pipelines: EACH empty components and EACH of a step whose result is
there, in turn, one after the other. Phases are read from the run's Workflow and its pods: Kubeflow's driver, the pod
until its first container runs, Kubeflow's launcher copied in, our container. Ours = the difference in the last. Needs
CAUSEWAY_KFP, CAUSEWAY_ROOT on S3 with its keys, KUBECONFIG, and CAUSEWAY_IMAGE_DATA.

    python benchmarks/bench_cluster_overhead.py [NAMESPACE]
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

from bench_step_overhead import _clips

from causeway.artifacts import store
from causeway.platform.cluster.pipelines_api import connect

EACH = 4
PHASES = ("driver", "pod up", "launcher copied", "container")


def pipeline(clips: str, root: str) -> str:
    """The run's id."""
    from kfp import dsl

    from components.extract_meta_actions import extract_meta_actions
    from components.images import image
    from components.open_artifact import open_artifact
    from pipelines.placement import place_task

    @dsl.component(base_image=image("data"), install_kfp_package=False)
    def empty(artifact: dsl.Output[dsl.Artifact]) -> None:
        __import__("pathlib").Path(artifact.path).write_text("{}")

    def place(task: Any) -> Any:
        place_task(task)
        return task

    @dsl.pipeline(name="causeway-overhead")
    def overhead(clips: str, root: str) -> None:
        opened = before = place(open_artifact(location=clips))
        for _ in range(EACH + 1):  # the first of ours does the work
            ours = place(extract_meta_actions(clips=opened.outputs["artifact"], root=root).after(before))
            nothing = empty().after(ours)
            nothing.set_caching_options(False)
            before = nothing

    run = connect().create_run_from_pipeline_func(overhead, {"clips": clips, "root": root}, enable_caching=False)
    return str(run.run_id)


def kubectl(*words: str) -> Any:
    """What kubectl says, as JSON."""
    space = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("CAUSEWAY_NAMESPACE", "kubeflow")
    told = subprocess.run(["kubectl", "-n", space, *words, "-o", "json"], capture_output=True, text=True, check=True)
    return json.loads(told.stdout)


def ended(run: str) -> dict[str, Any]:
    """The run's Workflow, once it has ended well."""
    for _ in range(300):
        (found,) = kubectl("get", "workflows", "-l", f"pipeline/runid={run}")["items"] or [{}]
        phase = found.get("status", {}).get("phase")
        if phase == "Succeeded":
            return dict(found)
        if phase in ("Failed", "Error"):
            sys.exit(f"run {run}: {phase}")
        time.sleep(2)
    sys.exit(f"run {run} does not end")


def seconds(begin: str, end: str) -> float:
    """Between two times as Kubernetes writes them."""
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()


def phases(workflow: dict[str, Any], pods: list[dict[str, Any]]) -> dict[str, list[tuple[float, ...]]]:
    """{"ours", "empty": seconds of each of PHASES, a row a task}."""
    nodes = workflow["status"]["nodes"].values()
    drivers = {
        node["name"].removesuffix("-driver").rpartition(".")[2]: seconds(node["startedAt"], node["finishedAt"])
        for node in nodes
        if node["type"] == "Pod" and node["name"].endswith("-driver")
    }
    found: dict[str, list[tuple[float, ...]]] = {"ours": [], "empty": []}
    for pod in pods:
        path = pod["metadata"]["annotations"]["workflows.argoproj.io/node-name"].split(".")
        task = next((part for part in reversed(path) if part.startswith(("extract-", "empty"))), "")
        if task and not path[-1].endswith("-driver") and task != "extract-meta-actions":
            row = (drivers[task], *pod_phases(pod))
            found["ours" if task.startswith("extract") else "empty"].append(row)
    return found


def pod_phases(pod: dict[str, Any]) -> tuple[float, float, float]:
    """Seconds from the pod's making to its first container, of the launcher's copy, and of the main container."""
    status = pod["status"]
    ran = {
        one["name"]: one["state"]["terminated"]
        for one in (*status["initContainerStatuses"], *status["containerStatuses"])
    }
    first, main = ran["init"]["startedAt"], ran["main"]
    return (
        seconds(pod["metadata"]["creationTimestamp"], first),
        seconds(first, main["startedAt"]),
        seconds(main["startedAt"], main["finishedAt"]),
    )


def main() -> None:
    """Run and tell."""
    warnings.simplefilter("ignore")
    place = f"{os.environ['CAUSEWAY_ROOT']}/overhead-{time.time_ns()}"
    with tempfile.TemporaryDirectory() as scratch:
        clips = Path(_clips(Path(scratch)))
        for file in (one for one in clips.rglob("*") if one.is_file()):
            store.write_bytes(f"{place}/clips/{file.relative_to(clips)}", file.read_bytes())
    run = pipeline(f"{place}/clips", f"{place}/root")
    workflow = ended(run)
    rows = phases(workflow, kubectl("get", "pods", "-l", f"pipeline/runid={run}")["items"])
    print("| medians, s | " + " | ".join(PHASES) + " |\n|---" + "|---" * len(PHASES) + "|")
    medians = {who: [statistics.median(column) for column in zip(*rows[who], strict=True)] for who in rows}
    for who, values in medians.items():
        print(f"| {who}, {len(rows[who])} tasks | " + " | ".join(f"{value:.1f}" for value in values) + " |")
    ours, empty = (medians[who][-1] for who in ("ours", "empty"))
    print(f"our part: {ours - empty:.1f} s a step (times of Kubernetes are whole seconds; aim: at most 2 s)")


if __name__ == "__main__":
    main()
