"""The loop in small, on one machine: drives → samples through Kubeflow's local runner → two stages → an answer."""

import json
from pathlib import Path

import numpy as np
import pytest

from causeway.artifacts import Artifact, Manifest
from causeway.platform.laptop import run_pipeline
from causeway.platform.steps import run_named


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("loop")


@pytest.fixture(scope="module")
def samples(folder: Path) -> Manifest:
    """Samples of four drives of the built-in world, one a scenario."""
    world = run_named("make_world", {}, {"scenes": 4}, root=str(folder))
    arguments = {"root": str(folder), "drives": world.location, "layout": "physicalai-av"}
    return run_pipeline("data", arguments, folder / "logs" / "data.log")


@pytest.fixture(scope="module")
def policy(folder: Path, samples: Manifest) -> Manifest:
    settings = {"steps": 2, "batch_size": 2}
    vlm = run_named("train_vlm", {"samples": samples.location}, settings, root=str(folder))
    inputs = {"samples": samples.location, "policy": vlm.location}
    return run_named("train_action", inputs, settings, root=str(folder))


def test_the_data_pipeline_ends_with_samples_whose_words_parse(samples: Manifest) -> None:
    from causeway.reasoning import parse
    from causeway.training.samples import load_samples

    found = load_samples(Artifact(samples))
    assert len(found) == samples.counts["samples"] >= 8
    reasoned = [sample for sample in found if sample.reasoning]
    assert len(reasoned) >= 4
    for sample in reasoned:
        record = parse(sample.reasoning)
        assert (record.longitudinal_decision, record.lateral_decision) == sample.decision
    assert {source["name"] for source in samples.sources} == {"built-in world"}


def test_no_sample_sees_anything_later_than_t0(samples: Manifest) -> None:
    from causeway.training.samples import load_samples

    for sample in load_samples(Artifact(samples)):
        assert (sample.observation.frame_t_us <= sample.t0_us).all()
        assert np.array_equal(sample.observation.ego_history[-1], np.zeros(3, np.float32))


def test_the_same_pipeline_again_runs_nothing(folder: Path, samples: Manifest) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*/*/manifest.json")}
    drives = next(folder.glob("drives/*"))
    arguments = {"root": str(folder), "drives": str(drives), "layout": "physicalai-av"}
    again = run_pipeline("data", arguments, folder / "logs" / "again.log")
    assert again.content_hash == samples.content_hash
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*/*/manifest.json")} == before


def test_losses_of_both_stages_travel_with_the_policy(policy: Manifest) -> None:
    lines = [json.loads(line) for line in Artifact(policy).path("losses.jsonl").read_text().splitlines()]
    assert [line["stage"] for line in lines] == ["vlm", "vlm", "action", "action"]
    assert all(np.isfinite(line["loss"]) for line in lines)


def test_a_served_policy_answers_over_grpc(samples: Manifest, policy: Manifest) -> None:
    from causeway.serving.client import ask
    from causeway.serving.process import ServerProcess
    from causeway.training.samples import load_samples

    sample = load_samples(Artifact(samples), limit=1)[0]
    with ServerProcess(policy.location) as server:
        answer = ask(server.grpc_url, sample.observation, samples=2, seed=3)
    assert answer.trajectory.shape == (2, 64, 3)
    assert np.isfinite(answer.trajectory).all()
    assert answer.policy_version == policy.content_hash
    assert answer.timing_ms["total"] > 0
