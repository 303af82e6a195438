"""Runs that a person starts and watches on a cluster, as tests of faults see them: what is said, which pods and jobs.

Knows the command line's words and the labels of a run's objects. Knows no fault.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

from causeway.platform.upkeep.listing import files
from tests.e2e.clusters import PATIENCE_S, causeway, kubectl, until


def run_words(pipeline: str, root: str, **settings: object) -> list[str]:
    """The command that runs a pipeline on the cluster."""
    words = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    return ["run", pipeline, "--on", "cluster", "--root", root, *words]


def placed(folder: Path, **changes: object) -> dict[str, str]:
    """The environment in which pipelines are compiled with another placement."""
    file = folder / "placement.yaml"
    file.write_text(yaml.safe_dump(changes))
    return {"CAUSEWAY_PLACEMENT": str(file)}


def begun(words: list[str], folder: Path, **environment: str) -> tuple[subprocess.Popen[str], Path]:
    """The command line at work, and the file in which its stderr is."""
    said = folder / "said.txt"
    with said.open("w") as file:
        command = [sys.executable, "-m", "causeway.cli", *words, "--json"]
        environment = os.environ | environment
        return subprocess.Popen(command, env=environment, stdout=file, stderr=file, text=True, cwd=folder), said


def failed(words: list[str], folder: Path, **environment: str) -> tuple[int, str]:
    """(exit code, last line) of a command that is to fail."""
    process, said = begun(words, folder, **environment)
    code = process.wait(timeout=PATIENCE_S)
    return code, said.read_text().strip().splitlines()[-1]


def steps_done(said: Path) -> int:
    """How many steps a run was last said to have done."""
    before, _, _ = said.read_text().rpartition(" steps done")
    return int(before.split()[-3]) if before else 0


def run_of(said: Path) -> str:
    """The id of the run that the command line started."""
    assert until(lambda: "(run " in said.read_text(), 120)
    return said.read_text().partition("(run ")[2].partition(")")[0]


def ended(run: str) -> None:
    """Cancel a run."""
    assert causeway("cancel", run, environment={})["state"] == "CANCELED"


def jobs_of(run: str) -> list[dict]:
    """A run's training jobs."""
    return list(json.loads(kubectl("get", "trainjobs", "-l", f"causeway/run={run}", "-o", "json"))["items"])


def pods_of(selector: str, phase: str = "Running") -> list[str]:
    """pod/NAME of the pods with a label that are in a phase."""
    words = ["get", "pods", "-l", selector, "--field-selector", f"status.phase={phase}", "-o", "name"]
    return kubectl(*words).split()


def at_work(run: str) -> list[str]:
    """pod/NAME of the running pods that hold a run's steps; Kubeflow's drivers are others."""
    return [name for name in pods_of(f"pipeline/runid={run}") if "system-container-impl" in name]


def names_in(root: str) -> list[str]:
    """Names of all that lies below a place."""
    return [file.name for file in files(root)]
