"""Withdrawing drives: every artifact that holds something of one, and every policy that learned from such an artifact.

An artifact is judged by what lies in it, its tables and the names of its files: a union of samples that left the drive
out stays, whatever it was made from. A policy holds no rows, so it is judged by what it was trained on. Recordings,
backups and a running endpoint are not reached. Does not remove unless it is told to.
"""

from collections.abc import Collection, Iterator
from pathlib import PurePosixPath
from typing import Any

from causeway.artifacts import Artifact, store
from causeway.errors import Refused, UnusableInput, UsageError
from causeway.platform.news import read_record
from causeway.platform.registry import CHAMPION, forget, history
from causeway.platform.upkeep.collect import Contents, contents, remove_artifact
from causeway.platform.upkeep.reach import Found
from causeway.training.joined_samples import drive_of

_NAMES = ("drive_id", "clip_id", "cluster")  # of a drive, or of a clip of one; a report's clusters are clips


def withdraw(root: str, registry_uri: str, drives: Collection[str], delete: bool = False) -> dict[str, Any]:
    """Find what holds these drives or learned from them, and remove it when told to; a report of both.

    Policies that go leave the registry too. UsageError without drives. UnusableInput where nothing holds one of them:
    a name that was mistyped must not look like a drive that is gone. Refused while the champion or the samples of the
    last retraining are among it: a retraining without the drives comes first.
    """
    wanted = {drive for drive in drives if drive}
    if not wanted:
        raise UsageError("name the drives to withdraw, as clips.parquet names them (drive_id)")
    there = contents(root)
    holding = {artifact: _drives_in(root, artifact) & wanted for artifact in there.artifacts}
    unknown = sorted(wanted - set().union(*holding.values()))
    if unknown:
        raise UnusableInput(f"{root}: nothing in it holds drive {unknown[0]}; look its name up, or it is gone already")
    gone = with_learned(there, {artifact.content_hash for artifact, found in holding.items() if found})
    hashes = {artifact.content_hash for artifact in gone}
    registered = [v for v in (history(registry_uri) if registry_uri else []) if v.policy in hashes]
    told: dict[str, Any] = {
        "deleted": delete,
        "artifacts": [f"{artifact.kind}/{artifact.content_hash}" for artifact in gone],
        "bytes": sum(artifact.size for artifact in gone),
        "versions": sorted(version.version for version in registered),
        "first": _first(root, hashes, [version.version for version in registered if version.alias == CHAMPION]),
    }
    if delete:
        if told["first"]:
            raise Refused("; ".join(told["first"]))
        for version in registered:
            forget(registry_uri, version.policy)
        for artifact in gone:
            remove_artifact(root, f"{artifact.kind}/{artifact.content_hash}", there)
    return told


def with_learned(there: Contents, holding: Collection[str]) -> list[Found]:
    """The artifacts of these content hashes, and every policy trained on one or begun from one that was."""
    tainted, size = set(holding), -1
    while size != len(tainted):  # a policy begins from another
        size = len(tainted)
        tainted |= {a.content_hash for a in there.artifacts if a.kind == "policy" and a.inputs & tainted}
    return [artifact for artifact in there.artifacts if artifact.content_hash in tainted]


def _first(root: str, gone: Collection[str], champions: Collection[int]) -> list[str]:
    """What must be done before anything is removed."""
    last = read_record(root).samples.rstrip("/").rsplit("/", 1)[-1]
    found = [f"version {number} is the champion and learned from it: promote another" for number in champions]
    if last in gone:
        found.append(f"the last retraining's samples {last[:12]} hold it: retrain with --set withdrawn=…")
    return found


def _drives_in(root: str, found: Found) -> set[str]:
    """The drives that an artifact's tables and file names name."""
    artifact = Artifact.open(store.join(root, found.kind, found.content_hash))
    names: set[str] = set()
    for file in artifact.manifest.files:
        path = PurePosixPath(file)
        names |= {*path.parts, path.stem, *path.name.split(".")}
        if path.suffix == ".parquet":
            names |= set(_named(artifact, file))
    return names | {drive_of(name) for name in names}


def _named(artifact: Artifact, file: str) -> Iterator[str]:
    import pyarrow.parquet as pq

    path = artifact.path(file)
    for name in sorted(set(_NAMES) & set(pq.read_schema(path).names)):
        yield from map(str, pq.read_table(path, columns=[name])[name].unique().to_pylist())
