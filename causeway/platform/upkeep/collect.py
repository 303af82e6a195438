"""Collecting artifacts that nothing needs: what is there, what would go and why, and its removal.

Reads every manifest and every key's pointer under a root. Removes pointers first, then the manifest, then the bytes:
whoever looks meanwhile finds no artifact instead of half of one. Does not remove unless it is told to.
"""

import json
import re
import time
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from causeway.artifacts import read_manifest, store
from causeway.artifacts.manifest import FILE_NAME
from causeway.artifacts.schemas import SCHEMAS
from causeway.errors import Refused, UsageError
from causeway.platform.news import read_record
from causeway.platform.upkeep.listing import File, files, remove
from causeway.platform.upkeep.reach import Found, hash_in, roots, unneeded

DAY_US = 86_400_000_000
ALWAYS = ("samples",)  # retraining takes the union of all of them
_HASH = re.compile(r"[0-9a-f]{64}")  # of an artifact's content, of a checkpoint's key


@dataclass(frozen=True)
class Contents:
    """What lies under a root: artifacts, the files of each by its folder, and pointers to them by the same name."""

    artifacts: tuple[Found, ...]
    files: Mapping[str, tuple[str, ...]]
    pointers: Mapping[str, tuple[str, ...]]
    unfinished: Mapping[str, tuple[File, ...]]  # folders without a manifest, named as ours are: never a recording's


def contents(root: str) -> Contents:
    """Read a root. UnusableInput for a manifest that is none: nothing is judged by what cannot be read."""
    every = list(files(root))
    keys = [file.name for file in every if file.name.startswith("keys/")]
    named = (file.name.removesuffix(f"/{FILE_NAME}") for file in every if file.name.endswith(f"/{FILE_NAME}"))
    manifests = {name for name in named if _is_ours(root, name)}
    folders: dict[str, list[File]] = defaultdict(list)
    for file in (file for file in every if not file.name.startswith("keys/")):
        parts = file.name.split("/")
        above = ["/".join(parts[:depth]) for depth in range(1, len(parts))]
        deepest = next((name for name in reversed(above) if name in manifests), "")  # one may be named ROOT/policy
        artifact = deepest or ("/".join(parts[:2]) if len(parts) >= 3 else "")
        if artifact:
            folders[artifact].append(file)
    pointers, by_run = _pointers(root, keys)
    whole = {name: found for name, found in folders.items() if name in manifests}
    return Contents(
        tuple(_found(root, name, sum(f.size for f in found), by_run) for name, found in sorted(whole.items())),
        {name: tuple(f.name for f in found) for name, found in whole.items()},
        {name: tuple(found) for name, found in pointers.items()},
        {n: tuple(found) for n, found in folders.items() if n not in whole and _HASH.fullmatch(hash_in(n))},
    )


def _is_ours(root: str, name: str) -> bool:
    """Whether a folder with a manifest is an artifact: where pipelines put them, always, damaged or not; elsewhere by
    what the file says, for recordings may hold a file of that name."""
    kind, *below = name.split("/")
    if kind in SCHEMAS and len(below) == 1:
        return True
    try:
        found = json.loads(store.read_bytes(store.join(root, *name.split("/"), FILE_NAME)) or b"")
    except ValueError:
        return False
    return isinstance(found, dict) and "content_hash" in found


def _found(root: str, name: str, size: int, by_run: Mapping[str, Collection[str]]) -> Found:
    manifest = read_manifest(store.join(root, *name.split("/")))
    own = f"{manifest.kind}/{manifest.content_hash}"
    inputs = frozenset(_hashes(manifest.inputs)) | frozenset(by_run.get(own, ()))
    where = "" if name == own else name
    return Found(manifest.kind, manifest.content_hash, manifest.created_us, size, inputs, where)


def _pointers(root: str, names: Collection[str]) -> tuple[dict[str, list[str]], dict[str, set[str]]]:
    """Pointers by artifact, and the inputs of the runs they stand for: other inputs may have made the same content."""
    found: dict[str, list[str]] = defaultdict(list)
    inputs: dict[str, set[str]] = defaultdict(set)
    for name in names:
        try:
            pointer = json.loads(store.read_bytes(store.join(root, *name.split("/"))) or b"{}")
        except ValueError:  # cut short by a crash of the machine: it points to nothing
            continue
        if isinstance(pointer, dict) and isinstance(pointer.get("artifact"), str):
            found[pointer["artifact"]].append(name)
            inputs[pointer["artifact"]].update(_hashes(pointer.get("inputs") or {}))
    return found, inputs


def _hashes(inputs: Mapping[str, Any]) -> list[str]:
    flat = [item for value in inputs.values() for item in (value if isinstance(value, list) else [value])]
    return [item for item in flat if isinstance(item, str)]


def collect(
    root: str,
    registry_uri: str,
    older_than_days: int,
    pinned: Collection[str] = (),
    keep_kinds: Collection[str] = ALWAYS,
    delete: bool = False,
) -> dict[str, Any]:
    """Find what nothing needs, and remove it when told to; a report of both.

    Kept: what the registry names (policies and their reports), the samples of the last retraining, `pinned`,
    `keep_kinds`, what a person named (`--out ROOT/NAME`), what is younger than `older_than_days`, and all that any of
    it was made from. Unfinished folders go at
    the same age. UsageError below 7 days: a running pipeline may still need what it has just found. Refused where
    policies would be removed and the registry names none.
    """
    if older_than_days < 7:
        raise UsageError(f"--older-than-days {older_than_days}: at least 7, longer than any run takes")
    young_us = time.time_ns() // 1000 - older_than_days * DAY_US
    there = contents(root)
    registered = _registered(registry_uri) if registry_uri else set()
    trained_on = hash_in(read_record(root).samples)  # the next retraining compares with it
    kept = roots(there.artifacts, registered, {*pinned, trained_on}, keep_kinds, young_us)
    gone = unneeded(there.artifacts, kept)
    stale = {n: f for n, f in there.unfinished.items() if max(file.modified_us for file in f) < young_us}
    policies = sum(artifact.kind == "policy" for artifact in gone)
    if delete and policies and not registered:  # a wrong address, or a registry that was lost and is not restored yet
        raise Refused(
            f"{registry_uri or 'no registry'}: names no policy, and {policies} under {root} would go; name the right "
            "registry or restore it, or leave policies alone: --keep-kind policy --keep-kind samples"
        )
    if delete:
        for artifact in gone:
            remove_artifact(root, artifact.name, there)
        for found in stale.values():
            remove(root, [file.name for file in found])
    return _report(there, gone, stale, delete)


def _registered(registry_uri: str) -> set[str]:
    """Content hashes that the registry names."""
    from causeway.platform.registry import history

    versions = history(registry_uri)
    return {v.policy for v in versions} | {hash_in(v.report) for v in versions if v.report}


def remove_artifact(root: str, name: str, there: Contents) -> None:
    """Remove one artifact, named by its folder: its pointers, its manifest, then its other files."""
    manifest = f"{name}/{FILE_NAME}"
    remove(root, [*there.pointers.get(name, ()), manifest, *(f for f in there.files[name] if f != manifest)])


def _report(there: Contents, gone: list[Found], stale: Mapping[str, tuple[File, ...]], delete: bool) -> dict[str, Any]:
    by_kind: dict[str, dict[str, int]] = {}
    for artifact in gone:
        entry = by_kind.setdefault(artifact.kind, {"artifacts": 0, "bytes": 0})
        entry["artifacts"] += 1
        entry["bytes"] += artifact.size
    return {
        "deleted": delete,
        "found": len(there.artifacts),
        "unneeded": [a.name for a in gone],
        "unfinished": sorted(stale),
        "bytes": sum(a.size for a in gone) + sum(f.size for found in stale.values() for f in found),
        "by_kind": by_kind,
    }
