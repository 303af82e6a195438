"""Artifacts: versioned folders of Parquet and files that travel between steps by their manifest."""

import importlib
from typing import TYPE_CHECKING, Any

from causeway.artifacts.lookup import read_manifest
from causeway.artifacts.manifest import Manifest
from causeway.artifacts.progress import progress

if TYPE_CHECKING:
    from causeway.artifacts.artifact import Artifact
    from causeway.artifacts.steps import config_class, run, step, write_artifact
    from causeway.artifacts.writer import Writer

_LATER = {
    "Artifact": "artifact",
    "Writer": "writer",
    "config_class": "steps",
    "run": "steps",
    "step": "steps",
    "write_artifact": "steps",
}

__all__ = [
    "Artifact",
    "Manifest",
    "Writer",
    "config_class",
    "progress",
    "read_manifest",
    "run",
    "step",
    "write_artifact",
]


def __getattr__(name: str) -> Any:
    """Bring pyarrow and numpy in only when tables are really touched: looking a result up needs neither."""
    if name not in _LATER:
        raise AttributeError(f"module 'causeway.artifacts' has no attribute {name!r}")
    return getattr(importlib.import_module(f"causeway.artifacts.{_LATER[name]}"), name)
