"""Every other recipe by the command line: trained stage after stage, evaluated, served, asked. No cluster is needed."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from causeway.cli import app
from causeway.serving.process import ServerProcess
from causeway.training.recipes import RECIPES
from tests.training.examples import equipped_samples, store_samples

SHORT = ["--steps", "2", "--set", "batch_size=2", "--set", "gate_samples=2"]


def causeway(*words: object) -> dict:
    """What a command says with --json."""
    done = CliRunner().invoke(app, [*map(str, words), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in RECIPES if name != "alpamayo"])
def test_train_evaluate_serve_ask(name: str, tmp_path: Path) -> None:
    recipe, policy = RECIPES[name], None
    samples = store_samples(tmp_path / "samples", equipped_samples(4)).location
    for stage in recipe.stages:
        before = ["--from", policy] if policy else []
        policy = tmp_path / stage.name
        words = ["train", stage.name, "--recipe", name, "--samples", samples, *before, "--out", policy, *SHORT]
        assert causeway(*words)["kind"] == "policy"
    report = tmp_path / "report"
    suites = ["--suite", "open-loop", "--suite", "reasoning", "--suite", "faithfulness"]
    causeway("evaluate", policy, "--samples", samples, *suites, "--out", report)
    metrics = json.loads((report / "report.json").read_text())["metrics"]
    assert metrics["ade"]["value"] > 0
    with ServerProcess(str(policy)) as server:
        answer = causeway("ask", server.grpc_url, "--sample", f"{samples}:sample-001")
    assert len(answer["trajectory"][0]) == 64
    assert (answer["reasoning"][0] != "") == recipe.design.speaks
    assert (answer["decision"][0] != ["none", "none"]) == recipe.design.speaks
