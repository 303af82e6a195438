"""The registry keeps one run and one version for each policy, and one champion."""

import json
import logging
import sys
from pathlib import Path

import pytest

from causeway.artifacts import Artifact, Writer, run, step
from causeway.errors import UnusableInput, UsageError
from causeway.platform.registry import (
    RegisterConfig,
    champion,
    crown,
    history,
    log_training,
    losses,
    register,
    register_policy,
)

REPORT = {"metrics": {"min_ade_6": {"value": 1.25, "low": 1.0, "high": 1.5, "n": 40, "unit": "m"}}, "data": {"name": "d"}}
PROMOTE = {"decision": "promote", "summary": "min_ade_6 1.25 < 1.40"}
REFUSE = {"decision": "refuse", "summary": "min_ade_6 1.25 > 1.00"}


@step(kind="policy")
def make_policy(*, out: Writer, config: RegisterConfig) -> None:
    rows = [{"stage": s, "step": i, "loss": 2.0 - i, "parts": {"action": 0.5}} for s in ("vlm", "rl") for i in (0, 1)]
    out.path("losses.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    out.path("config.json").write_text(json.dumps({"seed": config.reason}))
    out.source("built-in world", "Apache-2.0")


@step(kind="report")
def make_report(*, out: Writer) -> None:
    out.path("report.json").write_text(json.dumps(REPORT))


@step(kind="gate")
def make_decision(*, out: Writer, config: RegisterConfig) -> None:
    out.path("decision.json").write_text(config.reason)


def policy(folder: Path, seed: str) -> Artifact:
    return Artifact(run(make_policy, {}, out=str(folder / f"policy-{seed}"), config=RegisterConfig(reason=seed)))


def report(folder: Path) -> Artifact:
    return Artifact(run(make_report, {}, out=str(folder / "measured")))


def decision(folder: Path, content: object) -> str:
    text = json.dumps(content)
    return run(make_decision, {}, root=str(folder / "gates"), config=RegisterConfig(reason=text)).location


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """One registry for all tests: laying out its tables takes seconds."""
    return tmp_path_factory.mktemp("registry")


@pytest.fixture(scope="module")
def uri(folder: Path) -> str:
    return f"sqlite:///{folder}/sub/registry.db"


def test_nothing_is_made_by_looking(folder, uri):
    assert champion(uri) is None
    assert history(uri) == []
    assert not (folder / "sub").exists()


def test_importing_the_room_does_not_import_mlflow():
    import subprocess

    code = "import sys, causeway.platform.registry; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_losses_have_names_by_stage(folder):
    found = losses(policy(folder, "a"))
    assert found[:4] == [("vlm/loss", 2.0, 0), ("vlm/action", 0.5, 0), ("vlm/loss", 1.0, 1), ("vlm/action", 0.5, 1)]
    assert {name for name, _, _ in found} == {"vlm/loss", "vlm/action", "rl/loss", "rl/action"}


def test_a_champion_a_candidate_and_the_same_again(folder, uri, caplog):
    with caplog.at_level(logging.INFO):
        first, second = policy(folder, "a"), policy(folder, "b")
        run_id = log_training(first, uri)
        one = register(first, report(folder), PROMOTE, uri, first.manifest.sources)
        two = register(second, report(folder), REFUSE, uri, second.manifest.sources)
        assert (one.version, one.alias, one.decision) == (1, "champion", "promote")
        assert (two.version, two.alias, two.why) == (2, "candidate", REFUSE["summary"])
        assert (one.policy, one.source) == (first.manifest.content_hash, first.location)
        assert one.report == report(folder).location
        assert champion(uri) == one
        assert history(uri) == [two, one]

        assert log_training(first, uri) == run_id
        assert register(first, report(folder), PROMOTE, uri, first.manifest.sources) == one
        # a champion that is not promoted a second time is still the champion
        assert register(first, report(folder), REFUSE, uri, first.manifest.sources).alias == "champion"

        promoted = register(second, report(folder), PROMOTE, uri, second.manifest.sources)
        assert (promoted.version, promoted.alias) == (2, "champion")
        assert [(v.version, v.alias) for v in history(uri)] == [(2, "champion"), (1, "")]
    assert not [record for record in caplog.records if record.levelno < logging.WARNING and "mlflow" in record.name]


def test_what_mlflow_holds_of_a_policy(folder, uri):
    from mlflow import MlflowClient

    first = policy(folder, "a")
    run_id = log_training(first, uri)
    register(first, report(folder), PROMOTE, uri, first.manifest.sources)
    client = MlflowClient(uri, uri)
    logged = client.get_run(run_id)
    assert logged.data.params == {"registry_uri": "", "reason": "a", "endpoint": ""}
    assert logged.data.tags["content_hash"] == first.manifest.content_hash
    assert [(m.step, m.value) for m in client.get_metric_history(run_id, "rl/loss")] == [(0, 2.0), (1, 1.0)]
    version = client.get_model_version("causeway", "1")
    assert version.run_id == run_id
    assert json.loads(version.tags["metrics"]) == {"min_ade_6": 1.25}
    assert json.loads(version.tags["sources"]) == [{"name": "built-in world", "licence": "Apache-2.0"}]
    assert version.tags["code_version"] == first.manifest.code_version
    assert json.loads(version.tags["lineage"]) == [{"kind": "policy", "content_hash": first.manifest.content_hash}]


def test_the_step_writes_a_release(folder, uri):
    inputs = {
        "policy": policy(folder, "c").location,
        "report": run(make_report, {}, root=str(folder / "reports")).location,
        "decision": decision(folder, REFUSE),
    }
    made = run(
        register_policy, inputs, out=str(folder / "release"), config=RegisterConfig(uri, "asked for by hand")
    )
    release = json.loads(Artifact(made).path("release.json").read_text())
    version = history(uri)[0]
    assert release == {
        "policy": version.policy,
        "version": version.version,
        "alias": "candidate",
        "endpoint": "",
        "step": "registered",
        "why": f"asked for by hand; {REFUSE['summary']}",
    }


@pytest.mark.parametrize(("content", "message"), [({"verdict": 1}, "holds no decision"), ([1], "holds no object")])
def test_a_decision_that_is_none_is_refused(folder, uri, content, message):
    inputs = {
        "policy": policy(folder, "a").location,
        "report": run(make_report, {}, root=str(folder / "reports")).location,
        "decision": decision(folder, content),
    }
    with pytest.raises(UnusableInput, match=message):
        run(register_policy, inputs, root=str(folder / "releases"), config=RegisterConfig(uri))


def test_no_registry_and_a_file_that_is_none(folder, tmp_path):
    with pytest.raises(UsageError, match="registry_uri"):
        log_training(policy(folder, "a"), "")
    (tmp_path / "registry.db").write_text("this is no database, but it is long enough to look at" * 9)
    with pytest.raises(UnusableInput, match="registry refuses"):
        history(f"sqlite:///{tmp_path}/registry.db")


def test_a_loss_line_that_is_none_is_named(folder):
    @step(kind="policy")
    def make_broken(*, out: Writer) -> None:
        out.path("losses.jsonl").write_text('{"stage": "vlm", "step": 0, "loss": 1}\nnonsense\n')

    with pytest.raises(UnusableInput, match="line 2"):
        losses(Artifact(run(make_broken, {}, out=str(folder / "broken"))))


def test_a_registry_that_was_emptied_is_filled_again_although_the_artifacts_are_there(folder, tmp_path):
    from mlflow import MlflowClient

    where = f"sqlite:///{tmp_path}/registry.db"
    inputs = {
        "policy": policy(folder, "d").location,
        "report": run(make_report, {}, root=str(folder / "reports")).location,
        "decision": decision(folder, PROMOTE),
    }
    first = run(register_policy, inputs, root=str(tmp_path), config=RegisterConfig(where))
    MlflowClient(where, where).delete_registered_model("causeway")
    assert history(where) == []
    again = run(register_policy, inputs, root=str(tmp_path), config=RegisterConfig(where))
    assert again.content_hash == first.content_hash
    assert [(v.version, v.alias) for v in history(where)] == [(1, "champion")]


def test_a_policy_that_an_endpoint_is_to_try_is_champion_only_when_it_is_crowned(folder, uri):
    inputs = {
        "policy": policy(folder, "e").location,
        "report": run(make_report, {}, root=str(folder / "reports")).location,
        "decision": decision(folder, PROMOTE),
    }
    before = champion(uri)
    config = RegisterConfig(uri, endpoint="out/endpoint")
    made = run(register_policy, inputs, root=str(folder / "tried"), config=config)
    release = json.loads(Artifact(made).path("release.json").read_text())
    assert release["alias"] == "candidate"
    assert champion(uri) == before
    assert crown(uri, release["policy"]).alias == "champion"
    assert [v.version for v in history(uri) if v.alias == "champion"] == [release["version"]]
    with pytest.raises(UnusableInput, match="holds no policy"):
        crown(uri, "0" * 64)


def test_lineage_leads_to_the_drives(tmp_path):
    from causeway.platform.lineage import origins

    @step(kind="clips", raw={"drives": lambda location, config: [Path(location)]})
    def make_clips(drives, *, out: Writer) -> None:
        out.path("note.json").write_text("{}")

    @step(kind="policy")
    def train(clips, *, out: Writer) -> None:
        out.path("config.json").write_text("{}")

    (tmp_path / "drives").write_text("a recording")
    clips = run(make_clips, {"drives": str(tmp_path / "drives")}, root=str(tmp_path / "root"))
    made = run(train, {"clips": clips.location}, root=str(tmp_path / "root"))
    assert origins(made) == [
        {"kind": "policy", "content_hash": made.content_hash},
        {"kind": "clips", "content_hash": clips.content_hash},
        {"kind": "drives", "content_hash": clips.inputs["drives"]},
    ]
