"""Runs: started once, found again, followed to their end with the step's own error, cancelled; and their settings."""

import json
from pathlib import Path
from types import SimpleNamespace as Some
from typing import Any

import pytest

from causeway.errors import CausewayError, Refused, UnusableInput, UsageError
from causeway.platform.cluster import pipelines_api, runs
from causeway.platform.cluster.arguments import cluster_arguments, cluster_root
from causeway.platform.cluster.watch import Watch, task_of
from causeway.platform.compiled import Package, result_tasks

ARGUMENTS = {"drives": "s3://b/d", "root": "s3://b/r"}
MADE = Package("causeway-data", "causeway-data-0123456789ab", "", Path("data.yaml"))


class Fake:
    """Kubeflow Pipelines whose runs go through the states they are given."""

    def __init__(self, states: list[str] | None = None) -> None:
        self.states = states or ["RUNNING"]
        self.runs: list[Any] = []
        self.pipelines: dict[str, str] = {}
        self.versions: list[Any] = []
        self.breaks = 0
        self.ended: list[str] = []
        self.past: list[Any] = []
        self._run_api = Some(run_service_create_run=self._start)
        self._pipelines_api = Some(pipeline_service_create_pipeline=self._make)

    def get_pipeline_id(self, name: str) -> str | None:
        return self.pipelines.get(name)

    def _make(self, body: Any) -> Any:
        self.pipelines[body.display_name] = "p1"
        return Some(pipeline_id="p1")

    def list_pipeline_versions(self, pipeline: str, **_: Any) -> Any:
        return Some(pipeline_versions=self.versions)

    def upload_pipeline_version(self, path: str, name: str, **_: Any) -> Any:
        self.versions.append(Some(display_name=name, pipeline_version_id=f"v{len(self.versions) + 1}"))
        return self.versions[-1]

    def create_experiment(self, name: str) -> Any:
        return Some(experiment_id="e1")

    def _start(self, body: Any) -> Any:
        self.runs.append(Some(run_id=f"run-{len(self.runs) + 1}", state="RUNNING", **{
            name: getattr(body, name) for name in ("display_name", "description", "pipeline_version_reference")
        }))  # fmt: skip
        if self.breaks:
            self.breaks -= 1
            raise ConnectionError("broken off")
        return self.runs[-1]

    def list_runs(self, filter: str = "", **_: Any) -> Any:
        wanted = json.loads(filter)["predicates"][0]["stringValue"] if filter else None
        return Some(runs=[run for run in self.runs if wanted in (None, run.display_name)])

    def get_run(self, run_id: str) -> Any:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        self.past.append(Some(state=state))
        return Some(run_id=run_id, state=state, state_history=self.past, run_details=Some(task_details=[]))

    def terminate_run(self, run_id: str) -> None:
        self.ended.append(run_id)


@pytest.fixture
def packaged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "package", lambda name, folder: MADE)
    monkeypatch.setattr(runs, "cluster_arguments", lambda name, settings, root: dict(ARGUMENTS))


def test_a_version_is_uploaded_once_and_never_again(packaged: None) -> None:
    fake = Fake()
    assert runs.upload_only(fake, ["data"]) == [(MADE.version, True)]
    assert runs.upload_only(fake, ["data"]) == [(MADE.version, False)]
    assert [version.display_name for version in fake.versions] == [MADE.version]


def test_the_same_command_finds_its_run_while_it_runs(packaged: None) -> None:
    fake = Fake()
    first = runs.submit(fake, "data", [], "", reason="because")
    second = runs.submit(fake, "data", [], "")
    assert (first.found, second.found, first.run, second.run) == (False, True, "run-1", "run-1")
    assert fake.runs[0].description == "because"
    fake.runs[0].state = "SUCCEEDED"
    assert runs.submit(fake, "data", [], "").run == "run-2"


def test_an_answer_that_broke_off_starts_no_second_run(packaged: None) -> None:
    fake = Fake()
    fake.breaks = 1
    assert runs.submit(fake, "data", [], "").run == "run-1"
    assert len(fake.runs) == 1


def test_in_turn_waits_for_any_run_of_that_pipeline(packaged: None) -> None:
    fake = Fake()
    runs.submit(fake, "data", [], "")
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            fake.runs[0].state = "FAILED"

    assert runs.submit(fake, "data", [], "", in_turn=True, wait=wait).run == "run-2"
    assert len(waits) == 3


def test_other_settings_are_another_run() -> None:
    assert runs.run_name(MADE, {"a": 1, "b": 2}) == runs.run_name(MADE, {"b": 2, "a": 1})
    assert runs.run_name(MADE, {"a": 1}) != runs.run_name(MADE, {"a": 2})


def step_pod(task: str, lines: str, phase: str = "Succeeded", reason: str = "", number: int = 0) -> Any:
    status = Some(name="main", image="i", state=Some(terminated=Some(reason=reason, exit_code=0), waiting=None))
    node = f"w.root.exit-handler-1.executor.{task}.executor"
    return Some(
        metadata=Some(
            name=f"w-system-container-impl-{number}",
            labels={},
            creation_timestamp=str(number),
            annotations={"workflows.argoproj.io/node-name": node, "lines": lines},
        ),
        spec=Some(containers=[Some(name="wait"), Some(name="main")]),
        status=Some(phase=phase, container_statuses=[status], init_container_statuses=[], conditions=[]),
    )


class Pods:
    """A cluster with these pods."""

    def __init__(self, *pods: Any) -> None:
        self._pods = list(pods)

    def pods(self, selector: str) -> list[Any]:
        assert selector == "pipeline/runid=run-1"
        return self._pods

    def log(self, pod: str, container: str, since_s: int | None) -> str:
        assert container == "main"
        return next(one.metadata.annotations["lines"] for one in self._pods if one.metadata.name == pod)


def watched(tmp_path: Path, *pods: Any) -> tuple[Watch, list[str]]:
    said: list[str] = []
    return Watch("data", "run-1", Pods(*pods), tmp_path / "log" / "data.log", said.append), said


def test_a_run_is_followed_with_its_lines_and_what_it_made(tmp_path: Path) -> None:
    made = 'T1 causeway-made: {"step": "ingest", "kind": "clips", "location": "s3://b/r/clips/1"}\n'
    last = made.replace("ingest", "build_samples").replace("clips", "samples")
    other = made.replace("ingest", "queue_review").replace("clips", "queue")
    steps = [("ingest", f"T0 reading\n{made}"), ("build-samples", last), ("queue-review", other)]
    watch, said = watched(tmp_path, *(step_pod(task, lines, number=n) for n, (task, lines) in enumerate(steps)))
    assert runs.follow(Fake(["RUNNING", "RUNNING", "SUCCEEDED"]), "run-1", watch, wait=lambda _: None) == "SUCCEEDED"
    watch.close()
    assert watch.made == {"kind": "samples", "location": "s3://b/r/samples/1"}  # whatever else was made after it
    assert (tmp_path / "log" / "data.log").read_text().splitlines()[0] == "ingest: reading"
    assert len((tmp_path / "log" / "data.log").read_text().splitlines()) == 4
    assert said[0].startswith("data: 3 of 11 steps done")


def test_what_a_pipeline_ends_with() -> None:
    assert result_tasks("data") == {"build-samples"}
    assert result_tasks("training") == {"train-rl"}  # the gate comes after it and is not the result
    assert result_tasks("retraining") == {"promote-policy", "bench-or-samples-4"}


def test_a_failed_run_ends_with_the_steps_own_error(tmp_path: Path) -> None:
    line = 'T1 causeway-error: {"exit_code": 3, "message": "12 of 40 clips stand still"}\n'
    watch, said = watched(tmp_path, *(step_pod("validate-clips", line, "Failed", number=n) for n in range(2)))
    assert runs.follow(Fake(["RUNNING", "FAILED"]), "run-1", watch, wait=lambda _: None) == "FAILED"
    error = watch.error("FAILED")
    assert isinstance(error, Refused)
    assert str(error) == "12 of 40 clips stand still"
    assert said.count("validate-clips: 12 of 40 clips stand still") == 1  # not again for the next try


def test_a_run_that_was_told_to_end_is_cancelled_whatever_its_exit_handler_makes_of_it(tmp_path: Path) -> None:
    watch, _ = watched(tmp_path)
    fake = Fake(["RUNNING", "CANCELING", "FAILED"])
    assert runs.follow(fake, "run-1", watch, wait=lambda _: None) == "CANCELED"
    assert runs.follow(Fake(["RUNNING", "FAILED"]), "run-1", watch, wait=lambda _: None) == "FAILED"


def test_a_step_that_was_killed_for_memory_is_named(tmp_path: Path) -> None:
    watch, _ = watched(tmp_path, step_pod("build-samples", "", "Failed", "OOMKilled"))
    watch.look(Some())
    assert isinstance(watch.error("FAILED"), UnusableInput)
    assert "build-samples: killed for memory" in str(watch.error("FAILED"))


def test_an_image_that_cannot_be_pulled_is_told_at_once(tmp_path: Path) -> None:
    pod = step_pod("ingest", "", "Pending")
    pod.status.container_statuses[0].state = Some(terminated=None, waiting=Some(reason="ErrImageNeverPull"))
    watch, said = watched(tmp_path, pod)
    watch.look(Some())
    watch.look(Some())
    assert [line for line in said if "ErrImageNeverPull" in line] == [
        "pod w-system-container-impl-0: main: ErrImageNeverPull: i"
    ]


def test_a_key_that_a_secret_lacks_is_told_at_once(tmp_path: Path) -> None:
    pod, message = step_pod("ingest", "", "Pending"), "couldn't find key K in Secret ns/causeway-s3"
    waiting = Some(reason="CreateContainerConfigError", message=message)
    pod.status.container_statuses[0].state = Some(terminated=None, waiting=waiting)
    watch, said = watched(tmp_path, pod)
    watch.look(Some())
    assert f"pod w-system-container-impl-0: main: CreateContainerConfigError: {message}" in said


def test_a_run_that_says_nothing_is_still_an_error(tmp_path: Path) -> None:
    watch, _ = watched(tmp_path)
    assert type(watch.error("FAILED")) is CausewayError
    assert "cancelled" in str(watch.error("CANCELED"))


def test_the_name_of_a_pods_task() -> None:
    assert task_of(step_pod("label-moments", "")) == "label-moments"


def test_cancelling_ends_the_run_and_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake(["RUNNING", "RUNNING", "CANCELING", "CANCELED"])
    monkeypatch.setattr(runs, "_cluster", lambda: None)
    told = runs.cancel(fake, "run-1", wait=lambda _: None)
    assert (fake.ended, told["state"]) == (["run-1"], "CANCELED")


def test_cancelling_what_has_ended_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake(["SUCCEEDED"])
    monkeypatch.setattr(runs, "_cluster", lambda: None)
    assert runs.cancel(fake, "run-1")["state"] == "SUCCEEDED"
    assert fake.ended == []


def test_artifacts_of_a_cluster_are_in_a_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CAUSEWAY_ROOT", raising=False)
    with pytest.raises(UsageError, match="CAUSEWAY_ROOT"):
        cluster_root("")
    with pytest.raises(UsageError, match="s3://bucket/prefix"):
        cluster_root("out")
    monkeypatch.setenv("CAUSEWAY_ROOT", "s3://b/r/")
    assert cluster_root("") == "s3://b/r"


def test_what_a_clock_starts_reads_the_installations_drives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAUSEWAY_ROOT", "s3://b/runs")
    monkeypatch.setenv("CAUSEWAY_DRIVES", "s3://b/drives")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    assert cluster_arguments("retraining", ["reason=clock"], "")["drives"] == "s3://b/drives"
    assert cluster_arguments("retraining", ["drives=s3://b/other"], "")["drives"] == "s3://b/other"
    assert "drives" not in cluster_arguments("training", ["data=s3://b/runs/samples/s"], "")


def test_a_folder_of_this_machine_is_refused_before_anything_is_asked() -> None:
    with pytest.raises(UsageError, match="drives=/data/drives: a folder of this machine"):
        cluster_arguments("data", ["drives=/data/drives"], "s3://b/r")


def test_a_registry_must_be_one_that_steps_can_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(UsageError, match="MLFLOW_TRACKING_URI"):
        cluster_arguments("retraining", ["drives=s3://b/d"], "s3://b/r")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://causeway-mlflow:5000")
    given = cluster_arguments("retraining", ["drives=s3://b/d"], "s3://b/r")
    assert (given["registry"], given["endpoint"]) == ("http://causeway-mlflow:5000", "")


def test_the_api_is_where_the_variable_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CAUSEWAY_KFP", "localhost:8888")
    assert pipelines_api.address() == "http://localhost:8888"
    monkeypatch.delenv("CAUSEWAY_KFP")
    monkeypatch.setattr(pipelines_api, "_IN_A_POD", tmp_path / "none")
    with pytest.raises(UsageError, match="CAUSEWAY_KFP is not set"):
        pipelines_api.address()
