"""Runs that a person starts and watches on a cluster, as tests of faults see them: what is said, which pods and jobs.

Knows the command line's words and the labels of a run's objects. Knows no fault.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml

from causeway.artifacts import store
from causeway.platform.steps import run_named
from causeway.platform.upkeep.listing import files
from tests.e2e.clusters import PATIENCE_S, causeway, kubectl, until

Begun = tuple[subprocess.Popen[str], Path]  # the command line at work, and the file with what it said
Begin = Callable[..., Begun]  # begin(words, VARIABLE=…): the fixture `begun`


def run_words(pipeline: str, root: str, **settings: object) -> list[str]:
    """The command that runs a pipeline on the cluster."""
    words = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    return ["run", pipeline, "--on", "cluster", "--root", root, *words]


def bring_drives(folder: Path, root: str) -> None:
    """The drives of a small world, made in a folder, below a place in the bucket: ROOT/drives."""
    world = run_named("make_world", {}, {"scenes": 4}, out=str(folder / "drives"))
    for name in world.files:
        store.write_bytes(f"{root}/drives/{name}", Path(world.location, name).read_bytes())


def placed(folder: Path, **changes: object) -> dict[str, str]:
    """The environment in which pipelines are compiled with another placement."""
    file = folder / "placement.yaml"
    file.write_text(yaml.safe_dump(changes))
    return {"CAUSEWAY_PLACEMENT": str(file)}


def begin(words: list[str], folder: Path, environment: Mapping[str, str]) -> Begun:
    """Start the command line in a folder. It writes `said.txt` there, and a log of its run's steps."""
    said = folder / "said.txt"
    with said.open("w") as file:
        command = [sys.executable, "-m", "causeway.cli", *words, "--json"]
        process = subprocess.Popen(
            command, env=os.environ | environment, stdout=file, stderr=file, text=True, cwd=folder
        )
    return process, said


def end(begun: Begun) -> None:
    """End what a test left at work: the command line, and its run on the cluster."""
    process, said = begun
    if process.poll() is None:
        process.kill()
        process.wait()
        if "(run " in said.read_text():
            ended(run_of(said))


def failed(begun: Begun) -> tuple[int, str]:
    """(exit code, last line) of a command that is to fail."""
    process, said = begun
    return process.wait(timeout=PATIENCE_S), said.read_text().strip().splitlines()[-1]


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
