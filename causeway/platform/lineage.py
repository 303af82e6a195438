"""Which artifacts an artifact was made from, found by content hash under one root.

Knows manifests only. An input that is no artifact (raw drives) ends the walk.
"""

from pathlib import Path
from typing import Any

from causeway.artifacts import Manifest, lookup, read_manifest, store
from causeway.artifacts.schemas import SCHEMAS

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


def origins(last: Manifest) -> list[dict[str, str]]:
    """What led to an artifact that lies under a run's root (`<root>/<kind>/<content_hash>`), on S3 as on a disk.

    Each as {kind, content_hash}, the artifact itself first; what is no artifact there (raw drives, or what was made
    elsewhere) has the name of the input as its kind, and ends the walk.
    """
    root = last.location.rstrip("/").rsplit("/", 2)[0]
    todo, found = [last], {last.content_hash: last.kind}
    while todo:
        for name, content_hash in _named_hashes(todo.pop(0).inputs):
            if content_hash in found:
                continue
            there = [store.join(root, kind, content_hash) for kind in SCHEMAS]
            manifest = next((made for where in there if (made := lookup.whole(where))), None)
            found[content_hash] = manifest.kind if manifest else name
            todo += [manifest] if manifest else []
    return [{"kind": kind, "content_hash": content_hash} for content_hash, kind in found.items()]


def _named_hashes(inputs: dict[str, Any]) -> list[tuple[str, str]]:
    flat = [(n, i) for n, value in inputs.items() for i in (value if isinstance(value, list) else [value])]
    return [(name, item) for name, item in flat if isinstance(item, str)]


def recorded_clips(samples: str, root: str) -> str | None:
    """Where under `root` the clips are that samples were cut from; None when they are not there any more.

    None for the built-in world's too: its scenes are driven themselves, which tells more than their record.
    """
    made = read_manifest(samples)
    there = lookup.whole(store.join(root, "clips", str(made.inputs.get("clips"))))
    if there is None or {source["name"] for source in there.sources} == {WORLD}:
        return None
    return there.location


def evidence_behind(samples: str, root: str) -> str | None:
    """Where under `root` the evidence is that samples' labels were made from; None when it is not there any more."""
    todo = [read_manifest(samples)]
    while todo:
        inputs = todo.pop().inputs
        for kind in ("evidence", "labels"):
            for content_hash in _hashes({kind: inputs.get(kind)}):
                there = lookup.whole(store.join(root, kind, content_hash))
                if there is not None and kind == "evidence":
                    return there.location
                todo += [there] if there else []
    return None


def _hashes(inputs: dict[str, Any]) -> list[str]:
    flat = [item for value in inputs.values() for item in (value if isinstance(value, list) else [value])]
    return [item for item in flat if isinstance(item, str)]
