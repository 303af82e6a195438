"""MLflow beside a run: what it is told when it is asked for, and that a run goes on without it."""

from dataclasses import replace

import pytest

from causeway.training.loop import train
from causeway.training.tracking import EXPERIMENT, VARIABLE, flops_of_a_sample, peak_flops_per_s, tracker
from tests.training.test_loop import course


def test_nobody_is_told_when_nobody_asked(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert tracker(course(tmp_path), "vlm") is None


@pytest.mark.slow  # a tracking database takes long to make
def test_a_run_leaves_its_settings_losses_and_pace(tmp_path, monkeypatch):
    pytest.importorskip("mlflow")
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path}/tracking.db"
    monkeypatch.setenv(VARIABLE, uri)
    one = course(tmp_path / "run")
    told = tracker(one, "vlm")
    assert told is not None
    lines = train(replace(one, tell=told))
    client = MlflowClient(tracking_uri=uri)
    run = client.search_runs([client.get_experiment_by_name(EXPERIMENT).experiment_id])[0]
    assert run.info.status == "FINISHED"
    assert run.data.params["batch_size"] == "3"
    assert run.data.metrics["loss"] == pytest.approx(lines[-1]["loss"])
    assert {"samples_per_s", "mfu", "loader_wait_share", "tflops_per_s"} <= set(run.data.metrics)


def test_a_server_that_cannot_be_had_costs_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(VARIABLE, "nothing://there")
    assert tracker(course(tmp_path), "vlm") is None
    said = capsys.readouterr().err.strip().splitlines()
    assert said[-1].startswith("tracking: ")
    assert said[-1].endswith("the run goes on without it")


def test_operations_of_a_linear_layer_by_hand(tmp_path):
    assert flops_of_a_sample(course(tmp_path)) == 4.0  # one product forward, one for the weight's gradient, 2 each
    assert peak_flops_per_s(64, 1) > 0
