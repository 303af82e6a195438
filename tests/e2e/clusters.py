"""A cluster as tests reach it: kubectl, helm, services through port-forwards on loopback, Causeway's own command line.

Knows commands and what they print. Decides nothing.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from causeway.errors import CausewayError

NAMESPACE = "kubeflow"
TARGETS = ("data", "train", "sim", "serve", "pipelines")
ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 900


def kubectl(*words: str, given: str | None = None, namespace: str = NAMESPACE) -> str:
    """Run kubectl in a namespace and return what it prints; what it complains of goes to the test's stderr."""
    command = ["kubectl", "--namespace", namespace, *words]
    return subprocess.run(command, input=given, stdout=subprocess.PIPE, text=True, check=True).stdout


def helm(*words: str, namespace: str = NAMESPACE) -> str:
    """Run helm in a namespace and return what it prints; what it complains of is in the failure."""
    done = subprocess.run(["helm", "--namespace", namespace, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def until(found: Callable[[], object], seconds: float = PATIENCE_S) -> bool:
    """Whether it came true in time; looked at every second. A cluster or a store that is away is looked at again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(subprocess.CalledProcessError, CausewayError, OSError):
            if found():
                return True
        time.sleep(1)
    return False


@contextmanager
def forwarded(service: str, port: int, namespace: str = NAMESPACE) -> Iterator[str]:
    """host:port on loopback that leads to a service; again when its pod, or the cluster, was away."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        here = free.getsockname()[1]
    command = ["kubectl", "--namespace", namespace, "port-forward", f"svc/{service}", f"{here}:{port}"]
    over = threading.Event()
    keeping = threading.Thread(target=_keep, args=(command, over))
    keeping.start()
    try:
        assert until(lambda: _open(here), 60), f"no port-forward to {service}"
        yield f"127.0.0.1:{here}"
    finally:
        over.set()
        keeping.join()


def _keep(command: list[str], over: threading.Event) -> None:
    """Run a command, and again whenever it ends: kubectl leaves with the pod that it led to."""
    while not over.is_set():
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            while process.poll() is None and not over.wait(0.2):
                pass
            process.terminate()
        over.wait(1)


def _open(port: int) -> bool:
    """Whether something listens on a port of loopback."""
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


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
