"""Pipelines on a laptop: what is relayed, how many tasks there are, and which error a failed run ends with."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from causeway.errors import CausewayError, Refused, TryAgain, UnusableInput, UsageError
from causeway.platform import steps
from causeway.platform.descendants import descendants, stop_descendants
from causeway.platform.laptop import _Relay, pipeline_function, run_pipeline, task_count
from causeway.platform.settings import pipeline_arguments

ERROR = 'causeway-error: {"exit_code": 4, "message": "drives: an empty folder"}'


@pytest.fixture
def relay(tmp_path) -> _Relay:
    return _Relay("data", 3, tmp_path / "data.log")


def test_relay_counts_tells_and_keeps_the_error(relay, tmp_path, capsys):
    relay.write("10:00:00 - INFO - Executing task \x1b[96m'ingest'\x1b[0m\n10:00:01 - INFO - Task 'ingest' finished ")
    relay.write("with status SUCCESS\n")
    relay.write("10:00:02 - INFO - Executing task 'label-moments'\n")
    relay.write(f"    {ERROR}\nTask 'label-moments' finished with status FAILURE\n")
    relay.finish()
    told = capsys.readouterr()
    assert told.out == ""
    lines = told.err.splitlines()
    assert [line.split("] ")[-1].split(" (")[0] for line in lines[:2]] == [
        "step 1 of 3: ingest",
        "step 2 of 3: label-moments",
    ]
    assert lines[2].startswith("data: 1 of 3 steps done")
    assert isinstance(relay.error, UnusableInput)
    assert str(relay.error) == "drives: an empty folder"
    assert "\x1b" not in (tmp_path / "data.log").read_text()


def test_relay_keeps_lines_of_tasks_side_by_side_apart(relay, tmp_path):
    turn = threading.Barrier(2)

    def task(first: str, second: str) -> None:
        turn.wait()
        relay.write(first)
        turn.wait()
        relay.write(second)

    both = [threading.Thread(target=task, args=a) for a in ((ERROR[:30], ERROR[30:] + "\n"), ("other ", "task\n"))]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    relay.finish()
    assert sorted((tmp_path / "data.log").read_text().splitlines()) == sorted([ERROR, "other task"])
    assert str(relay.error) == "drives: an empty folder"


def test_the_relay_is_not_hung_by_a_write_from_within_a_write(relay, monkeypatch):
    said = []

    def indenting(task: str) -> None:
        relay.write("    ")
        said.append(task)

    monkeypatch.setattr(relay, "_tell", indenting)
    writing = threading.Thread(target=relay.write, args=("Executing task 'ingest'\n",), daemon=True)
    writing.start()
    writing.join(timeout=10)
    assert not writing.is_alive()
    assert said == ["ingest"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full of Linux")
def test_a_full_disk_under_the_log_is_kept_as_the_error(capsys):
    relay = _Relay("data", 3, Path("/dev/full"))
    relay.write("one\ntwo\n")
    relay.finish()
    assert isinstance(relay.error, UnusableInput)
    assert "No space left on device" in str(relay.error)


@pytest.mark.parametrize("name", ["data", "training", "release", "retraining"])
def test_tasks_are_counted_through_loops_and_inner_pipelines(name):
    assert task_count(pipeline_function(name)) == {"data": 11, "training": 12, "release": 14, "retraining": 39}[name]


@pytest.mark.parametrize("name", ["data", "training", "release", "retraining", "pi0"])
def test_no_task_is_given_one_artifact_twice(name):
    """Kubeflow's driver of a pipeline inside another ends with "Given event already exists" there."""
    spec = pipeline_function(name).pipeline_spec
    given = [
        [str(source) for source in task.inputs.artifacts.values()]
        for dag in (spec.root.dag, *(component.dag for component in spec.components.values()))
        for task in dag.tasks.values()
    ]
    assert any(given)
    assert [sources for sources in given if len(set(sources)) < len(sources)] == []


def test_a_recipe_is_a_pipeline_of_its_stages():
    pipeline = pipeline_function("pi0")
    assert task_count(pipeline) == 5  # open_artifact, vlm, broad, post, evaluate_open_loop
    tasks = pipeline.pipeline_spec.root.dag.tasks
    asked = [tasks[name].inputs.parameters for name in ("train-recipe", "train-recipe-2", "train-recipe-3")]
    said = [(a["recipe"].runtime_value.constant.string_value, a["stage"].runtime_value.constant.string_value) for a in asked]
    assert said == [("pi0", "vlm"), ("pi0", "broad"), ("pi0", "post")]
    with pytest.raises(UsageError, match=r"pi1: no such pipeline; .* and of recipes pi0, tinyvla"):
        pipeline_function("pi1")


@pytest.mark.parametrize("kind", [UsageError, Refused, UnusableInput, TryAgain, CausewayError])
def test_errors_cross_the_process_border(kind, capfd, monkeypatch):
    monkeypatch.setattr(steps.os, "_exit", lambda code: (_ for _ in ()).throw(SystemExit(code)))
    with pytest.raises(SystemExit) as ended:
        steps.fail(kind("a: 1 > 0\nsecond line"))
    back = steps.error_from_line("   " + capfd.readouterr().err + "noise of another task")
    assert type(back) is kind
    assert str(back) == "a: 1 > 0 second line"  # an error is one line
    assert ended.value.code == kind.exit_code


@pytest.mark.parametrize("line", ["", "no error", "causeway-error: ", 'causeway-error: {"exit', "causeway-error: []"])
def test_other_lines_are_no_error(line):
    assert steps.error_from_line(line) is None


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "/data/x"),
        RuntimeError("PytorchStreamWriter failed: No space left on device"),
        RuntimeError("(sqlite3.OperationalError) database or disk is full"),
    ],
)
def test_a_full_disk_is_no_bug_whoever_says_so(error):
    known = steps.as_causeway_error(error)
    assert known.exit_code == 4
    assert "run the same command again" in str(known)


def test_a_bug_is_a_bug():
    assert steps.as_causeway_error(ValueError("x")).exit_code == 1


def test_a_setting_that_names_a_file_is_not_looked_up_by_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert steps._asked_key("gate", {}, {"rules": "rules.yaml"}) is not None
    (tmp_path / "rules.yaml").write_text("{}")
    assert steps._asked_key("gate", {}, {"rules": "rules.yaml"}) is None
    assert steps._asked_key("queue_review", {}, {"corrections": "s3://b/c"}) is None
    assert steps._asked_key("gate", {}, {"rules": ""}) is not None


@pytest.mark.parametrize("pipeline", ["release", "retraining"])
def test_a_registry_password_is_refused_and_not_repeated(pipeline):
    settings = ["registry=postgresql://me:hunter2@db/x", "drives=d", "policy=p", "data=s", "causes=s"]
    needed = {"release": ("registry", "policy", "data", "causes"), "retraining": ("registry", "drives")}[pipeline]
    with pytest.raises(UsageError, match="carries a password") as refused:
        pipeline_arguments(pipeline, [s for s in settings if s.split("=")[0] in needed], "out")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("pipeline", ["data", "retraining"])
@pytest.mark.parametrize(("setting", "message"), [
    (["teacher=m@http://me:hunter2@host/v1"], "keys go into"),
    (["teacher=m@http://host/v1", "critic=org/m@http://other/v1"], "may not be its own critic"),
    (["teacher=oracle"], "no such teacher"),
    (["budget_money=5"], "without a price"),
])  # fmt: skip
def test_who_labels_is_refused_before_anything_runs(pipeline, setting, message):
    with pytest.raises(UsageError, match=message) as refused:
        pipeline_arguments(pipeline, ["drives=d", *setting], "out")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("pipeline", ["data", "retraining"])
@pytest.mark.parametrize("setting", ["cameras=", "cameras=a, ,b", "cameras=a,a", "height=0", "route_points=-1"])
def test_samples_that_cannot_be_are_refused_before_anything_runs(pipeline, setting):
    assert pipeline_arguments(pipeline, ["drives=d", "cameras=left, right", "height=64"], "out")["height"] == 64
    with pytest.raises(UsageError, match=r"cameras|height"):
        pipeline_arguments(pipeline, ["drives=d", setting], "out")


@pytest.mark.parametrize(("setting", "choices"), [("scale=huge", "tiny, 0.5b, 2b, 8b"), ("vision=x", "triplane, flex")])
def test_policies_that_cannot_be_are_refused_before_anything_runs(setting, choices):
    with pytest.raises(UsageError, match=f"is not known; choose one of .*{choices}"):
        pipeline_arguments("retraining", ["drives=d", setting], "out")


@pytest.mark.parametrize(
    ("written", "message"),
    [("mix=safety", "no JSON object"), ("[1]", "no JSON object"), ('{"mixx": "safety"}', "no setting 'mixx'"),
     ('{"mix": "x"}', "reward mix 'x'"), ('{"weights": "joy=1"}', "rewards are"),
     ('{"mix": ["safety"]}', r'mix is \["safety"\]; write one like "balanced"'), ('{"steps": NaN}', "steps is NaN"),
     ('{"lr": true}', "lr is true"), ('{"tokens": 0}', "tokens is 0"), ('{"left_out": "vlm"}', "left_out is"),
     ('{"scale": "8b"}', "write --set scale")],
)  # fmt: skip
@pytest.mark.parametrize("pipeline", ["training", "retraining"])
def test_settings_of_stage_four_that_cannot_be_are_refused_before_anything_runs(pipeline, written, message):
    drives = ["drives=d"] if pipeline == "retraining" else ["data=d"]
    assert pipeline_arguments(pipeline, [*drives, 'rl={"mix": "safety"}'], "out")["rl"] == '{"mix": "safety"}'
    with pytest.raises(UsageError, match=message):
        pipeline_arguments(pipeline, [*drives, f"rl={written}"], "out")


def test_a_scale_that_cannot_see_as_asked_is_refused_before_anything_runs():
    assert pipeline_arguments("retraining", ["drives=d", "vision=video"], "out")["vision"] == "video"
    with pytest.raises(UsageError, match=r"'video' shows 2 pictures as one, but patches of scale 0\.5b are 1 picture"):
        pipeline_arguments("retraining", ["drives=d", "vision=video", "scale=0.5b"], "out")


def test_retraining_takes_every_setting_of_data():
    data, retraining = (pipeline_function(name).component_spec.inputs for name in ("data", "retraining"))
    assert {name: given.default for name, given in data.items()}.items() <= {
        name: given.default for name, given in retraining.items()
    }.items()
    tasks = pipeline_function("retraining").pipeline_spec.root.dag.tasks
    (inner,) = [task for name, task in tasks.items() if name.endswith("data")]
    handed = {name: value.component_input_parameter for name, value in inner.inputs.parameters.items()}
    assert handed == {name: name for name in data}


def test_settings_of_a_pipeline_are_numbers_where_it_takes_numbers():
    given = pipeline_arguments("data", ["drives=1", "in_flight=4", "budget_money=5", "price_in=0.5"], "out")
    assert [given[name] for name in ("drives", "in_flight", "budget_money", "price_in")] == ["1", 4, 5.0, 0.5]
    assert [type(given[name]) for name in ("in_flight", "budget_money")] == [int, float]
    with pytest.raises(UsageError, match="--set in_flight=many: not a number"):
        pipeline_arguments("data", ["drives=1", "in_flight=many"], "out")


def test_an_empty_folder_fails_the_real_pipeline_with_exit_4(tmp_path):
    (tmp_path / "drives").mkdir()
    arguments = {"root": str(tmp_path / "root"), "drives": str(tmp_path / "drives"), "layout": "auto"}
    with pytest.raises(UnusableInput, match="an empty folder") as failed:
        run_pipeline("data", arguments, tmp_path / "data.log")
    assert failed.value.exit_code == 4
    assert "Traceback" not in (tmp_path / "data.log").read_text()
    assert not list(tmp_path.glob("root/clips/*"))
    (record,) = tmp_path.glob("root/runs/*.json")
    told = json.loads(record.read_text())
    assert (told["pipeline"], told["state"]) == ("causeway-data", "FAILED")
    assert "an empty folder" in told["error"]
    assert "CAUSEWAY_RUN" not in os.environ


def test_descendants_are_found_and_stopped_through_a_shell():
    parent = subprocess.Popen(["sh", "-c", "sleep 60 & wait; true"])
    try:
        for _ in range(100):
            below = descendants(parent.pid)
            if below:
                break
            time.sleep(0.05)
        assert len(below) == 1
        stop_descendants(parent.pid)
        assert parent.wait(timeout=10) == 0
        assert not Path(f"/proc/{below[0]}").exists()
    finally:
        parent.kill()


def test_an_interrupt_of_the_runner_alone_ends_the_step_too(tmp_path):
    script = tmp_path / "run.py"
    script.write_text(
        "import os, subprocess, sys\n"
        "from causeway.platform.laptop import _interruptible\n"
        "child = subprocess.Popen(['sh', '-c', 'sleep 60; true'])\n"
        "print(child.pid, flush=True)\n"
        "try:\n"
        "    with _interruptible():\n"
        "        print('ready', flush=True)\n"
        "        child.wait()\n"
        "except KeyboardInterrupt:\n"
        "    child.wait(10)\n"
        "    os._exit(130)\n"
    )
    runner = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert runner.stdout is not None
    child = int(runner.stdout.readline())
    assert runner.stdout.readline() == "ready\n"
    os.kill(runner.pid, signal.SIGINT)
    assert runner.wait(timeout=20) == 130
    assert not Path(f"/proc/{child}").exists()


def test_print_and_the_root_logger_are_left_as_they_were() -> None:
    """KFP's parallel tasks may put back each other's replacement of them."""
    import builtins
    import logging

    from causeway.platform.laptop import _quiet

    printed, handlers = builtins.print, logging.getLogger().handlers[:]
    with _quiet():
        builtins.print = lambda *words: None  # type: ignore[assignment]
        logging.getLogger().handlers.append(logging.NullHandler())
    assert builtins.print is printed
    assert logging.getLogger().handlers == handlers
