"""What a compiled pipeline asks of a cluster for its label tasks, with and without endpoints' keys and a ledger."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from causeway.errors import UsageError
from causeway.platform.compiled import package
from pipelines.placement import Place, changed, read_changes

_COMPILE = "import sys; from pathlib import Path; from causeway.platform.compiled import compile_all; compile_all(Path(sys.argv[1]))"
STORE = "causeway-s3"


def compiled(folder: Path, **environment: str) -> dict[str, dict[str, Any]]:
    """{task: what its container gets from Kubernetes} of the data pipeline, with its inputs under `inputs`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CAUSEWAY_")}
    subprocess.run(
        [sys.executable, "-c", _COMPILE, str(folder)], check=True, env=kept | environment, capture_output=True
    )
    spec, platform = yaml.safe_load_all((folder / "data.yaml").read_text())
    tasks = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    ledger = spec["root"]["inputDefinitions"]["parameters"]["ledger"]["defaultValue"]
    return {name.removeprefix("exec-"): task for name, task in tasks.items()} | {"inputs": {"ledger": ledger}}


def secrets(task: dict[str, Any]) -> dict[str, list[str]]:
    return {s["secretName"]: [key["envVar"] for key in s["keyToEnv"]] for s in task["secretAsEnv"]}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return compiled(tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def paid(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    names = {"CAUSEWAY_TEACHER_SECRET": "teachers", "CAUSEWAY_LEDGER_CLAIM": "asked"}
    return compiled(tmp_path_factory.mktemp("paid"), **names)


def test_without_them_a_label_task_is_like_any_other(plain: dict[str, dict[str, Any]]) -> None:
    assert set(secrets(plain["label-moments"])) == {STORE}
    assert "pvcMount" not in plain["label-moments"]
    assert plain["inputs"]["ledger"] == ""


def test_a_label_task_gets_the_keys_and_a_ledger_that_outlives_it(paid: dict[str, dict[str, Any]]) -> None:
    task = paid["label-moments"]
    assert secrets(task)["teachers"] == ["CAUSEWAY_TEACHER_KEY", "CAUSEWAY_CRITIC_KEY"]
    assert STORE in secrets(task)
    (mount,) = task["pvcMount"]
    assert (mount["constant"], mount["mountPath"]) == ("asked", paid["inputs"]["ledger"])


def test_no_other_task_sees_either(paid: dict[str, dict[str, Any]]) -> None:
    others = {name: task for name, task in paid.items() if name not in ("label-moments", "inputs")}
    assert len(others) > 5
    assert {name for name, task in others.items() if "pvcMount" in task or set(secrets(task)) != {STORE}} == set()


def test_no_field_that_an_older_back_end_refuses(paid: dict[str, dict[str, Any]]) -> None:
    held = [secret for name, task in paid.items() if name != "inputs" for secret in task["secretAsEnv"]]
    assert [secret for secret in held if "optional" in secret] == []


def test_every_task_has_its_place(plain: dict[str, dict[str, Any]]) -> None:
    tasks = {name: task for name, task in plain.items() if name != "inputs"}
    assert {name for name, task in tasks.items() if "activeDeadlineSeconds" not in task} == set()
    assert "conclude" in tasks


@pytest.mark.parametrize("name", ["data", "retraining"])
def test_no_step_is_answered_from_kubeflows_cache(tmp_path: Path, name: str) -> None:
    package(name, tmp_path)
    spec = next(iter(yaml.safe_load_all((tmp_path / f"{name}.yaml").read_text())))
    groups = [spec["root"], *spec["components"].values()]
    tasks = {key: task for group in groups for key, task in group.get("dag", {}).get("tasks", {}).items()}
    steps = {k: t for k, t in tasks.items() if "executorLabel" in spec["components"][t["componentRef"]["name"]]}
    assert {"ingest", "conclude"} <= set(steps)
    assert {key for key, task in steps.items() if task["cachingOptions"].get("enableCache")} == set()


def test_an_installation_changes_places_and_jobs(tmp_path: Path) -> None:
    changes = {
        "steps": {"all": {"node_selector": {"pool": "cpu"}}, "ingest": {"timeout_s": 60, "shm": "2Gi"}},
        "jobs": {"train_coc": {"nodes": 2}},
    }
    (tmp_path / "placement.yaml").write_text(yaml.safe_dump(changes))
    names = {"CAUSEWAY_PLACEMENT": str(tmp_path / "placement.yaml"), "CAUSEWAY_TRAINING_RUNTIME": "causeway-train"}
    tasks = compiled(tmp_path / "out", **names)
    assert tasks["ingest"]["activeDeadlineSeconds"] == "60"
    assert tasks["ingest"]["nodeSelector"]["labels"] == {"pool": "cpu"}
    assert tasks["ingest"]["emptyDirMounts"][0]["mountPath"] == "/dev/shm"
    _, platform = yaml.safe_load_all((tmp_path / "out" / "training.yaml").read_text())
    stages = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    jobs = {n: json.loads(stages[f"exec-train-{n}"]["podMetadata"]["annotations"]["causeway/job"]) for n in ("coc", "rl")}
    assert (jobs["coc"]["nodes"], jobs["rl"]["nodes"], jobs["rl"]["runtime"]) == (2, 1, "causeway-train")


def test_labelling_is_split_as_the_installation_says(tmp_path: Path) -> None:
    placement = tmp_path / "placement.yaml"
    placement.write_text("fan_out: {label_moments: {shards: 50, at_once: 8}}")
    compiled(tmp_path / "out", CAUSEWAY_PLACEMENT=str(placement))
    spec = next(yaml.safe_load_all((tmp_path / "out" / "data.yaml").read_text()))
    inner = spec["components"]["comp-causeway-data"]["dag"]["tasks"]  # the exit handler is around it
    (loop,) = (task for name, task in inner.items() if name.startswith("for-loop"))
    assert json.loads(loop["parameterIterator"]["items"]["raw"]) == list(range(50))
    assert loop["iteratorPolicy"]["parallelismLimit"] == 8


def test_the_stages_of_a_recipe_are_training_jobs_too(tmp_path: Path) -> None:
    environment = {**os.environ, "CAUSEWAY_TRAINING_RUNTIME": "causeway-train"}
    words = [sys.executable, "-m", "causeway.cli", "compile", "pi0", "--out", str(tmp_path), "--manifests", "--json"]
    done = subprocess.run(words, check=True, env=environment, capture_output=True, text=True)
    files = [Path(name).name for name in json.loads(done.stdout.splitlines()[-1])["files"]]
    assert files[0] == "pi0.yaml"
    assert {name.partition("-")[0] for name in files[1:]} == {"pipeline", "pipelineversion"}
    spec, platform = yaml.safe_load_all((tmp_path / "pi0.yaml").read_text())
    stages = {n: e for n, e in platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].items() if "recipe" in n}
    jobs = [json.loads(stage["podMetadata"]["annotations"]["causeway/job"]) for stage in stages.values()]
    assert len(jobs) == 3
    assert {job["runtime"] for job in jobs} == {"causeway-train"}
    images = {spec["deploymentSpec"]["executors"][name]["container"]["image"].split("/")[-1].split(":")[0] for name in stages}
    assert images == {"pipelines"}  # the step itself only starts the job


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("steps: {ingets: {shm: 1Gi}}", "no 'ingets'"),
        ("things: {}", "write steps:, jobs:, fan_out:"),
        ("fan_out: {ingest: {shards: 9}}", "no 'ingest'"),
        ("steps: [", "CAUSEWAY_PLACEMENT"),
    ],
)
def test_a_placement_that_names_nothing_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "placement.yaml").write_text(text)
    with pytest.raises(UsageError, match=said):
        read_changes(str(tmp_path / "placement.yaml"))


@pytest.mark.parametrize("change", [{"cpus": 2}, {"retries": -1}, {"retries": "two"}, {"tolerations": [{"name": "x"}]}])
def test_a_setting_that_no_pod_has_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="placement of ingest"):
        changed(Place(), {"ingest": change}, "ingest")


def test_the_same_content_is_the_same_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from causeway.platform.compiled import manifests, package, packaged

    first, second = package("data", tmp_path / "a"), package("data", tmp_path / "b")
    assert first.version == second.version
    pipeline, version = manifests([first])
    assert (pipeline["kind"], pipeline["metadata"]["name"]) == ("Pipeline", "causeway-data")
    assert (version["kind"], version["metadata"]["name"]) == ("PipelineVersion", first.version)
    assert version["spec"]["pipelineName"] == "causeway-data"
    assert version["spec"]["pipelineSpec"]["pipelineInfo"]["name"] == "causeway-data"
    first.path.write_text(first.path.read_text().replace("causeway/data:", "causeway/other:"))
    assert packaged("data", first.path).version != second.version
