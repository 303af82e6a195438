"""The manifest: what an artifact is, as one small JSON file that travels between steps.

Knows the fields of `manifest.json` and how they are written. Does not know where bytes live.
"""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import PurePosixPath
from typing import Any

from causeway.errors import UnusableInput

FILE_NAME = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """One artifact's description; `created_us`, `took_s`, `host` and `location` stand outside the content hash."""

    kind: str
    schema_version: int
    content_hash: str
    counts: dict[str, int]
    inputs: dict[str, Any]
    code_version: str
    config: dict[str, Any]
    sources: list[dict[str, str]]
    location: str
    step: str = ""
    key: str = ""
    files: dict[str, str] = field(default_factory=dict)
    created_us: int = 0
    took_s: float = 0.0
    host: str = ""

    def to_json(self) -> str:
        """The manifest as sorted, indented JSON."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"


def _check(manifest: Manifest) -> None:
    """A manifest may come from anywhere: its names become paths, so none may lead out of the artifact."""
    for name in ("kind", "content_hash", "location"):
        if not isinstance(getattr(manifest, name), str):
            raise TypeError(f"{name} is no text")
    if not all(isinstance(getattr(manifest, name), dict) for name in ("counts", "inputs", "config", "files")):
        raise TypeError("counts, inputs, config and files are objects")
    for name in (manifest.kind, manifest.content_hash, *manifest.files):
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise ValueError(f"the name {name!r} leads out of the artifact")


def manifest_from_json(text: str, where: str) -> Manifest:
    """Read a manifest; UnusableInput when the text at `where` is not one."""
    try:
        raw = json.loads(text)
        known = {f.name for f in fields(Manifest)}
        manifest = Manifest(**{name: value for name, value in raw.items() if name in known})
        _check(manifest)
        return manifest
    except (ValueError, TypeError, AttributeError) as error:
        message = f"{where}: not a manifest ({error}); name an artifact's folder or make it again"
        raise UnusableInput(message) from error
