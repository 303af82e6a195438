"""Which artifacts an artifact was made from, found by content hash under one root.

Knows manifests only. An input that is no artifact (raw drives) ends the walk.
"""

from pathlib import Path
from typing import Any

from causeway.artifacts import Manifest, lookup, read_manifest, store

WORLD = "built-in world"  # its name as a source


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


def recorded_clips(samples: str, root: str) -> str | None:
    """Where under `root` the clips are that samples were cut from; None when they are not there any more.

    None for the built-in world's too: its scenes are driven themselves, which tells more than their record.
    """
    made = read_manifest(samples)
    there = lookup.whole(store.join(root, "clips", str(made.inputs.get("clips"))))
    if there is None or {source["name"] for source in there.sources} == {WORLD}:
        return None
    return there.location


def _hashes(inputs: dict[str, Any]) -> list[str]:
    flat = [item for value in inputs.values() for item in (value if isinstance(value, list) else [value])]
    return [item for item in flat if isinstance(item, str)]
