"""Finding finished artifacts: the manifest at a location, and pointers from a step's key to its result.

Imports nothing heavy, so that a step that is done already costs next to nothing. Does not know how keys are made up.
"""

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from causeway.artifacts import store
from causeway.artifacts.manifest import FILE_NAME, Manifest, manifest_from_json
from causeway.errors import UnusableInput

_OF_THE_RUN = ("inputs", "code_version", "config", "sources", "step", "key", "created_us", "took_s", "host")


def read_manifest(location: str) -> Manifest:
    """The manifest at a location; its `location` is where it was found, or what a lone manifest file names.

    UnusableInput when there is none.
    """
    lone_file = not store.is_s3(location) and Path(location).is_file()
    where = location if lone_file else store.join(location, FILE_NAME)
    data = store.read_bytes(where)
    if data is None:
        raise UnusableInput(f"{location}: no {FILE_NAME}, so not a finished artifact; check the path")
    manifest = manifest_from_json(data.decode(errors="replace"), where)
    if lone_file and Path(location).name != FILE_NAME:
        return manifest
    here = str(Path(location).parent) if lone_file else location
    has_bytes = store.is_s3(here) or all(Path(here, name).exists() for name in list(manifest.files)[:1])
    return replace(manifest, location=absolute(here)) if has_bytes else manifest


def absolute(location: str) -> str:
    """A location that means the same from any working folder."""
    return location if store.is_s3(location) else str(Path(location).resolve())


def key_of(parts: dict[str, Any]) -> str:
    """A key over what decides a result: JSON-able parts, in any order."""
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def find(step: str, key: str, root: str) -> Manifest | None:
    """The finished artifact that a key points to, or None, also when it is gone or lacks a file."""
    data = store.read_bytes(_pointer(step, key, root))
    try:
        pointer = json.loads(data or b"{}")
        location = store.join(root, *pointer["artifact"].split("/"))
    except (ValueError, KeyError, TypeError, AttributeError):  # none, or one that a crash of the machine cut short
        return None
    manifest = whole(location)
    return replace(manifest, **{n: pointer[n] for n in _OF_THE_RUN if n in pointer}) if manifest else None


def whole(location: str) -> Manifest | None:
    """The manifest at a location whose files are all there, or None; on S3 the manifest stands for its files."""
    if store.read_bytes(store.join(location, FILE_NAME)) is None:
        return None
    manifest = read_manifest(location)
    there = store.is_s3(location) or all(Path(location, name).is_file() for name in manifest.files)
    return manifest if there else None


def point(step: str, key: str, root: str, manifest: Manifest) -> None:
    """Let a key point to a finished artifact under `root`.

    Two runs may make the same content from different inputs: what belongs to the run is kept with its key.
    """
    pointer = {name: getattr(manifest, name) for name in _OF_THE_RUN}
    pointer["artifact"] = f"{manifest.kind}/{manifest.content_hash}"
    store.write_bytes(_pointer(step, key, root), json.dumps(pointer).encode())


def _pointer(step: str, key: str, root: str) -> str:
    return store.join(root, "keys", step, f"{key}.json")
