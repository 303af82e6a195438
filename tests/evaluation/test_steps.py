import json
from pathlib import Path
from typing import Any

import pytest

import causeway.model
from causeway.artifacts import Artifact, Writer, run, step
from causeway.errors import UnusableInput, UsageError
from causeway.evaluation import step as steps
from causeway.evaluation.step import EvaluateConfig, GateConfig, SuiteConfig
from causeway.training.sample_store import index_row, shard_file, write_shard

from .conftest import KnownPolicy, make_sample


@step(kind="policy")
def fake_policy(*, out: Writer) -> None:
    out.path("config.json").write_text("{}")


def store_samples(folder: Path, samples: list[Any]) -> str:
    """A samples artifact of these samples."""

    def given(*, out: Writer) -> None:
        write_shard(samples, ["front_wide"], out.path(shard_file("a")))
        out.table("samples", [index_row(s, "a", i, "test") for i, s in enumerate(samples)])
        out.source("made up", "none")

    run(step("samples")(given), {}, out=str(folder))
    return str(folder)


@pytest.fixture
def policy(tmp_path, monkeypatch) -> str:
    class Loaded(KnownPolicy):
        @classmethod
        def load(cls, path):
            return cls(listens=True)

    monkeypatch.setitem(vars(causeway.model), "Policy", Loaded)  # asking for the real one would import torch
    run(fake_policy, {}, out=str(tmp_path / "policy"))
    return str(tmp_path / "policy")


@pytest.fixture
def stored(tmp_path, samples) -> str:
    return store_samples(tmp_path / "samples", samples)


def report_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "report.json").read_text())


def test_suites_merge_and_the_gate_decides(policy, stored, tmp_path):
    inputs = {"policy": policy, "samples": stored}
    parts = ("evaluate_open_loop", "evaluate_reasoning", "evaluate_faithfulness", "measure_latency")
    for name in parts:
        run(getattr(steps, name), inputs, out=str(tmp_path / name), config=SuiteConfig(calls=3))
    run(steps.merge_reports, {"reports": [str(tmp_path / name) for name in parts]}, out=str(tmp_path / "whole"))
    report = report_of(tmp_path / "whole")
    assert report["suites"] == ["open-loop", "reasoning", "faithfulness", "latency"]
    assert report["data"]["open-loop"]["name"] == "made up"
    assert report["data"]["open-loop"]["samples"] == 8
    assert (tmp_path / "whole" / "report.html").read_text().startswith("<!doctype html>")
    whole = Artifact.open(tmp_path / "whole")
    assert whole.table("values").num_rows == sum(Artifact.open(tmp_path / n).table("values").num_rows for n in parts)
    assert [source["name"] for source in whole.manifest.sources] == ["made up"]

    rules = tmp_path / "rules.yaml"
    rules.write_text("version: 1\nrules: [{metric: failed_answers, op: '<=', limit: 0, why: x}]\n")
    inputs = {"report": str(tmp_path / "whole"), "champion": str(tmp_path / "whole")}
    run(steps.gate, inputs, out=str(tmp_path / "gate"), config=GateConfig(str(rules)))
    decision = json.loads((tmp_path / "gate" / "decision.json").read_text())
    assert decision["decision"] == "promote"
    assert Artifact.open(tmp_path / "gate").manifest.counts["failed"] == 0
    rules.write_text(rules.read_text().replace("limit: 0", "limit: -1"))
    run(steps.gate, inputs, out=str(tmp_path / "gate2"), config=GateConfig(str(rules)))
    assert json.loads((tmp_path / "gate2" / "decision.json").read_text())["decision"] == "refuse"


def test_a_policy_is_never_worse_than_itself(policy, stored, tmp_path):
    run(steps.evaluate, {"policy": policy, "samples": stored}, out=str(tmp_path / "r"), config=EvaluateConfig())
    rules = "version: 1\nrules: [{metric: min_ade_6, op: '<=', margin: 0, why: x}]\n"
    inputs = {"report": str(tmp_path / "r"), "champion": str(tmp_path / "r")}
    run(steps.gate, inputs, out=str(tmp_path / "g"), config=GateConfig(rules))
    assert json.loads((tmp_path / "g" / "decision.json").read_text())["decision"] == "promote"


def test_rules_are_part_of_the_key(tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text("version: 1\n# a\n")
    first = GateConfig(str(file))
    file.write_text("version: 1\n# b\n")
    assert GateConfig(str(file)) != first
    assert GateConfig(first.rules) == first


def test_held_out_samples_first_and_training_samples_with_a_warning(policy, samples, tmp_path):
    from dataclasses import replace

    mixed = [replace(s, split="train" if i % 2 else "val") for i, s in enumerate(samples)]
    stored = store_samples(tmp_path / "mixed", mixed)
    run(steps.evaluate, {"policy": policy, "samples": stored}, out=str(tmp_path / "v"), config=EvaluateConfig())
    assert report_of(tmp_path / "v")["data"]["open-loop"]["split"] == "val"
    only = store_samples(tmp_path / "only", [replace(s, split="train") for s in samples])
    run(steps.evaluate, {"policy": policy, "samples": only}, out=str(tmp_path / "t"), config=EvaluateConfig())
    assert any("TRAINING" in note for note in report_of(tmp_path / "t")["notes"])


def test_a_limit_spreads_over_the_clips(policy, tmp_path):
    stored = store_samples(tmp_path / "many", [make_sample(i) for i in range(12)])
    config = EvaluateConfig(limit=3)
    run(steps.evaluate, {"policy": policy, "samples": stored}, out=str(tmp_path / "r"), config=config)
    data = report_of(tmp_path / "r")["data"]["open-loop"]
    assert (data["samples"], data["clips"]) == (3, 3)


def test_closed_loop_leaves_its_rollouts(policy, tmp_path):
    config = SuiteConfig(scenes=1)
    run(steps.evaluate_closed_loop, {"policy": policy, "samples": None}, out=str(tmp_path / "r"), config=config)
    rows = Artifact.open(tmp_path / "r").table("rollouts")
    assert set(rows["driver"].to_pylist()) == {"policy", "constant_velocity", "expert"}
    assert report_of(tmp_path / "r")["data"]["closed-loop"]["scenes"] == 1


def test_wrong_use(policy, tmp_path):
    inputs = {"policy": policy, "samples": None}
    with pytest.raises(UsageError, match="suites are open-loop"):
        run(steps.evaluate, inputs, out=str(tmp_path / "a"), config=EvaluateConfig(suites=("open-lop",)))
    with pytest.raises(UsageError, match="needs samples"):
        run(steps.evaluate, inputs, out=str(tmp_path / "b"), config=EvaluateConfig())
    with pytest.raises(UnusableInput, match="no readable rules file"):
        GateConfig("nowhere.yaml")
