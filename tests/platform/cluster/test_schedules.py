"""Schedules by name against an API that is a list; and which times are none."""

from types import SimpleNamespace as Some
from typing import Any

import pytest

from causeway.errors import UnusableInput, UsageError
from causeway.platform.cluster.schedules import Schedule, create, cron_of, delete, listing, schedule

NIGHTLY = Schedule("nightly", "causeway-retraining", "0 0 3 * * *", {"root": "s3://b/r", "steps": 4})


class Fake:
    """Kubeflow Pipelines with one pipeline and the recurring runs that were made."""

    def __init__(self, versions: int = 1) -> None:
        self.runs: list[Any] = []
        self.made = 0
        self.versions = [Some(display_name="causeway-retraining-abc")][:versions]
        self._recurring_run_api = Some(recurring_run_service_create_recurring_run=self._create)

    def get_pipeline_id(self, name: str) -> str:
        return "p1" if self.versions else ""

    def list_pipeline_versions(self, pipeline: str, **_: Any) -> Any:
        return Some(pipeline_versions=self.versions)

    def create_experiment(self, name: str) -> Any:
        return Some(experiment_id="e1")

    def _create(self, body: Any) -> Any:
        self.made += 1
        body.recurring_run_id, body.status = f"r{self.made}", "ENABLED"
        self.runs.append(body)
        return body

    def list_recurring_runs(self, page_size: int, page_token: str) -> Any:
        return Some(recurring_runs=self.runs, next_page_token="")

    def delete_recurring_run(self, run_id: str) -> None:
        self.runs = [run for run in self.runs if run.recurring_run_id != run_id]


def test_a_schedule_takes_the_newest_version_one_at_a_time_and_makes_nothing_up() -> None:
    fake = Fake()
    told, text = create(fake, NIGHTLY)
    (run,) = fake.runs
    assert (run.pipeline_version_reference.pipeline_id, run.pipeline_version_reference.pipeline_version_id) == ("p1", None)
    assert (run.max_concurrency, run.no_catchup, run.mode) == ("1", True, "ENABLE")
    assert run.trigger.cron_schedule.cron == "0 0 3 * * *"
    assert run.runtime_config.parameters == {"root": "s3://b/r", "steps": 4}
    assert (told["kept"], told["replaced"]) == (False, 0)
    assert "created" in text


def test_the_same_again_changes_nothing() -> None:
    fake = Fake()
    create(fake, NIGHTLY)
    told, _ = create(fake, NIGHTLY)
    assert (fake.made, told["kept"], [run.recurring_run_id for run in fake.runs]) == (1, True, ["r1"])


@pytest.mark.parametrize("change", [{"cron": "0 0 4 * * *"}, {"arguments": {"root": "s3://b/other"}}])
def test_another_of_that_name_takes_its_place(change: dict[str, Any]) -> None:
    fake = Fake()
    create(fake, NIGHTLY)
    told, _ = create(fake, Schedule(**(vars(NIGHTLY) | change)))
    assert ([run.recurring_run_id for run in fake.runs], told["replaced"]) == (["r2"], 1)


def test_what_a_kill_left_twice_is_once_again() -> None:
    fake = Fake()
    create(fake, NIGHTLY)
    create(fake, Schedule("other", NIGHTLY.pipeline, NIGHTLY.cron, NIGHTLY.arguments))
    fake.runs[1].display_name = "nightly"
    told, _ = create(fake, NIGHTLY)
    assert ([run.recurring_run_id for run in fake.runs], told["replaced"]) == (["r1"], 1)


def test_a_pipeline_that_was_never_uploaded_is_named() -> None:
    with pytest.raises(UnusableInput, match="causeway submit retraining --upload-only"):
        create(Fake(versions=0), NIGHTLY)


def test_deleting_twice_is_fine() -> None:
    fake = Fake()
    create(fake, NIGHTLY)
    assert listing(fake)[0]["schedules"][0]["cron"] == "0 0 3 * * *"
    assert delete(fake, "nightly")[0] == {"deleted": 1}
    assert delete(fake, "nightly")[0] == {"deleted": 0}
    assert listing(fake)[1] == "no schedules"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("0 3 * * *", "0 0 3 * * *"),
        ("30 0 3 * * *", "30 0 3 * * *"),
        ("*/5 8-18 * * mon-fri", "0 */5 8-18 * * mon-fri"),
        ("0,30 3 1 JAN ?", "0 0,30 3 1 jan ?"),
    ],
)
def test_times_that_are_some(given: str, meant: str) -> None:
    assert cron_of(given) == meant


@pytest.mark.parametrize(
    "given", ["", "3 * *", "61 * * * *", "* 24 * * *", "* * * * * * *", "*/0 * * * *", "5-1 * * * *", "x * * * *", "@daily"]
)
def test_times_that_are_none(given: str) -> None:
    with pytest.raises(UsageError, match="--cron"):
        cron_of(given)


def test_a_schedule_says_why_its_runs_start() -> None:
    settings = ["drives=s3://b/d", "registry=http://mlflow:5000"]
    made = schedule("nightly", "retraining", "0 3 * * *", settings, "s3://b/r")
    assert made.arguments["reason"] == "schedule nightly"
    asked = schedule("nightly", "retraining", "0 3 * * *", [*settings, "reason=because"], "s3://b/r")
    assert asked.arguments["reason"] == "because"


def test_a_name_that_kubernetes_would_refuse_is_refused() -> None:
    with pytest.raises(UsageError, match="Nightly run"):
        schedule("Nightly run", "data", "0 3 * * *", ["drives=s3://b/d"], "s3://b/r")
