"""A scheduled run and the one before it."""

import os
import subprocess
import sys
from types import SimpleNamespace as Some
from typing import Any

import pytest

from causeway.errors import UnusableInput
from causeway.platform.cluster import turns
from causeway.platform.cluster.kube import Unreachable

AT_WORK: Any = {"status": {"phase": "Running", "finishedAt": None}}
OVER: Any = {"status": {"phase": "Succeeded", "finishedAt": "2026-11-22T00:00:00Z"}}


def run(name: str, created: int, state: str = "RUNNING", schedule: str | None = "nightly") -> Any:
    return Some(run_id=name, created_at=created, state=state, recurring_run_id=schedule)


class Api:
    """Kubeflow Pipelines with these runs."""

    def __init__(self, *runs: Any) -> None:
        self._runs = list(runs)

    def get_run(self, name: str) -> Any:
        return next(one for one in self._runs if one.run_id == name)

    def list_runs(self, **_: Any) -> Any:
        return Some(runs=self._runs)


def lives(run: str) -> bool:
    return True


def cluster(patch: pytest.MonkeyPatch, *workflows: Any) -> None:
    """A cluster with these Workflows of every run; an exception for one that does not tell."""

    def of(run: str) -> Any:
        if isinstance(workflows[0] if workflows else None, Exception):
            raise workflows[0]
        return list(workflows)

    patch.setattr(turns, "Kube", lambda where: Some(workflows_of=of))


def test_the_earlier_run_of_a_schedule_goes_on_and_the_later_leaves() -> None:
    client = Api(run("late", 2), run("early", 1))
    assert turns.earlier_run(client, "late", lives) == "early"
    assert turns.earlier_run(client, "early", lives) == ""


def test_one_of_two_that_began_in_the_same_second_goes_on() -> None:
    client = Api(run("a", 1), run("b", 1))
    assert sorted(turns.earlier_run(client, name, lives) for name in "ab") == ["", "a"]


@pytest.mark.parametrize(
    "other", [run("other", 1, "SUCCEEDED"), run("other", 1, schedule="weekly"), run("other", 1, schedule=None)]
)
def test_runs_that_ended_or_are_of_no_such_schedule_hold_nobody_up(other: Any) -> None:
    assert turns.earlier_run(Api(run("mine", 2), other), "mine", lives) == ""


def test_a_run_that_nobody_scheduled_never_waits() -> None:
    client = Api(run("mine", 2, schedule=None), run("other", 1, schedule=None))
    assert turns.earlier_run(client, "mine", lives) == ""


def test_a_run_that_is_dead_is_passed_over_for_one_that_is_not() -> None:
    client = Api(run("late", 3), run("dead", 2), run("early", 1))
    assert turns.earlier_run(client, "late", lambda name: name != "dead") == "early"


@pytest.mark.parametrize(
    ("workflows", "at_work", "said"),
    [
        ((AT_WORK,), True, ""),
        (({},), True, ""),  # Argo has not looked at it yet
        ((OVER, AT_WORK), True, ""),
        ((OVER,), False, "run r of this schedule is not waited for: its Workflow has ended, which Kubeflow was not told yet\n"),
        ((), False, "run r of this schedule is not waited for: its Workflow was deleted; delete the run as well\n"),
        ((UnusableInput("may not list"),), True, "may not list; run r counts as under way\n"),
        ((Unreachable("away"),), True, "away; run r counts as under way\n"),
    ],
)
def test_a_run_is_at_work_while_it_has_a_workflow_that_has_not_ended(
    workflows: Any, at_work: bool, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster(monkeypatch, *workflows)
    assert turns.at_work("r") is at_work
    assert capsys.readouterr().err == said


def test_what_the_component_says(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    cluster(monkeypatch, AT_WORK)
    monkeypatch.setattr(turns, "runs_api", lambda: Api(run("late", 2), run("early", 1)))
    monkeypatch.setenv("CAUSEWAY_RUN", "late")
    assert turns.take_turn_in_component() == "no"
    assert "early" in capsys.readouterr().err
    cluster(monkeypatch)
    assert turns.take_turn_in_component() == "yes"
    assert "run early of this schedule is not waited for" in capsys.readouterr().err
    monkeypatch.setenv("CAUSEWAY_RUN", "early")
    assert turns.take_turn_in_component() == "yes"


def test_an_api_that_is_away_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> Any:
        raise UnusableInput("nobody there")

    monkeypatch.setattr(turns, "runs_api", away)
    monkeypatch.setenv("CAUSEWAY_RUN", "late")
    assert turns.take_turn_in_component() == "yes"


def test_in_the_pod_of_a_step_where_the_sdk_has_no_client() -> None:
    there = os.environ | {"_KFP_RUNTIME": "true", "CAUSEWAY_KFP": "localhost:1", "CAUSEWAY_RUN": ""}
    code = "import kfp.dsl; from causeway.platform.cluster import turns; print(hasattr(kfp, 'Client'), turns.runs_api().get_run)"
    done = subprocess.run([sys.executable, "-c", code], env=there, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("False <bound method RunServiceApi")
