"""A cluster as tests reach it: kubectl, helm, services through port-forwards on loopback, Causeway's own command line.

Knows commands and what they print. Decides nothing.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMESPACE = "kubeflow"
TARGETS = ("data", "train", "sim", "serve", "pipelines")
ROOT = Path(__file__).resolve().parents[2]


def kubectl(*words: str, given: str | None = None, namespace: str = NAMESPACE) -> str:
    """Run kubectl in a namespace and return what it prints; what it complains of goes to the test's stderr."""
    command = ["kubectl", "--namespace", namespace, *words]
    return subprocess.run(command, input=given, stdout=subprocess.PIPE, text=True, check=True).stdout


def helm(*words: str, namespace: str = NAMESPACE) -> str:
    """Run helm in a namespace and return what it prints; what it complains of is in the failure."""
    done = subprocess.run(["helm", "--namespace", namespace, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def forwarded(service: str, port: int, namespace: str = NAMESPACE) -> Iterator[str]:
    """host:port on loopback that leads to a service."""
    command = ["kubectl", "--namespace", namespace, "port-forward", f"svc/{service}", f":{port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"127\.0\.0\.1:(\d+)", process.stdout.readline())
            assert found, f"no port-forward to {service}"
            yield f"127.0.0.1:{found.group(1)}"
        finally:
            process.terminate()


def images() -> dict[str, str]:
    """{CAUSEWAY_IMAGE_…: reference} from the environment, else from out/images.env; {} unless all five are known."""
    names = [f"CAUSEWAY_IMAGE_{target.upper()}" for target in TARGETS]
    file = ROOT / "out" / "images.env"
    lines = file.read_text().split() if file.is_file() else []
    known = dict(line.split("=", 1) for line in lines) | {k: v for k, v in os.environ.items() if k in names}
    return {name: known[name] for name in names} if set(names) <= set(known) else {}


def causeway(*words: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Run the command line as a person does, with these variables too; returns what --json tells."""
    command = [sys.executable, "-m", "causeway.cli", *words, "--json"]
    found = subprocess.run(command, env=os.environ | environment, stdout=subprocess.PIPE, text=True, check=True)
    told: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])
    return told
