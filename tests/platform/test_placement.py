"""What a compiled pipeline asks of a cluster for its label tasks, with and without endpoints' keys and a ledger."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

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
