"""Which artifacts an artifact was made from, found by content hash under one root.

Knows manifests only. An input that is no artifact (raw drives) ends the walk.
"""

from pathlib import Path
from typing import Any

from causeway.artifacts import Manifest, read_manifest


def lineage(last: Manifest, root: Path) -> list[Manifest]:
    """Every artifact that led to `last`, itself included, each once, inputs before what was made from them."""
    where = {folder.name: folder for folder in root.glob("*/*") if (folder / "manifest.json").is_file()}
    found: dict[str, Manifest] = {}

    def visit(manifest: Manifest) -> None:
        if manifest.content_hash in found:
            return
        for content_hash in _hashes(manifest.inputs):
            if content_hash in where:
                visit(read_manifest(str(where[content_hash])))
        found[manifest.content_hash] = manifest

    visit(last)
    return list(found.values())


def _hashes(inputs: dict[str, Any]) -> list[str]:
    flat = [item for value in inputs.values() for item in (value if isinstance(value, list) else [value])]
    return [item for item in flat if isinstance(item, str)]
