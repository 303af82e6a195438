"""What a user sets on a pipeline that runs on a cluster: the laptop's rules, with places that every machine can reach.

Knows the installation's variables `CAUSEWAY_ROOT`, `CAUSEWAY_DRIVES` and `MLFLOW_TRACKING_URI`. Does not run anything.
"""

import os
from collections.abc import Sequence
from typing import Any

from causeway.artifacts.store import is_s3
from causeway.errors import UsageError
from causeway.platform.laptop import pipeline_function
from causeway.platform.settings import pipeline_arguments

ROOT = "CAUSEWAY_ROOT"
DRIVES = "CAUSEWAY_DRIVES"  # where drives arrive: what an event or a clock starts has nobody to name them
REGISTRY = "MLFLOW_TRACKING_URI"
_PLACES = ("drives", "data", "causes", "policy", "champion", "corrections", "rules", "canary")


def cluster_root(given: str) -> str:
    """Where a run's artifacts go: what was given, else what the installation says. UsageError when it is no bucket."""
    root = given or os.environ.get(ROOT, "")
    if not is_s3(root):
        raise UsageError(f"{given or 'no --root'}: a cluster's artifacts go to --root s3://bucket/prefix (or {ROOT})")
    return root.rstrip("/")


def cluster_arguments(name: str, settings: Sequence[str], root: str) -> dict[str, Any]:
    """Typed arguments of a pipeline for a run on a cluster; UsageError for what no machine there could read."""
    inputs = pipeline_function(name).component_spec.inputs  # type: ignore[attr-defined]
    registry = os.environ.get(REGISTRY, "")
    first = [f"registry={registry}"] if "registry" in inputs and registry else []
    drives = os.environ.get(DRIVES, "")
    first += [f"drives={drives}"] if "drives" in inputs and drives else []
    first += ["endpoint="] if "endpoint" in inputs else []
    given = pipeline_arguments(name, [*first, *settings], cluster_root(root))
    if str(given.get("registry", "http:")).startswith("sqlite"):
        raise UsageError(f"no registry that other machines can reach: set {REGISTRY}=http://… or --set registry=…")
    for key in _PLACES:
        value = str(given.get(key, ""))
        if "/" in value and not is_s3(value):
            raise UsageError(f"--set {key}={value}: a folder of this machine; steps of a cluster read s3://… alone")
    return given
