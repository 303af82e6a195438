"""Withdrawing drives: every artifact that holds something of one, and every policy that learned from such an artifact.

An artifact is judged by what lies in it, its tables and, of recordings, the names of its files: a union of samples that
left the drive out stays, whatever it was made from. A policy holds no rows, so it is judged by what it was trained on.
Recordings elsewhere, backups, a running endpoint and folders without a manifest are not reached; the last are told.
Does not remove unless it is told to.
"""

from collections.abc import Collection, Iterator
from pathlib import PurePosixPath
from typing import Any

from causeway.artifacts import Artifact, store
from causeway.errors import Refused, UnusableInput, UsageError
from causeway.platform.news import read_record
from causeway.platform.registry import CHAMPION, Version, forget, history
from causeway.platform.upkeep.collect import Contents, contents, remove_artifact
from causeway.platform.upkeep.reach import Found, hash_in
from causeway.training.joined_samples import drive_of

_NAMES = ("drive_id", "clip_id", "cluster")  # of a drive, or of a clip of one; a report's clusters are clips
_WORLD_SUITE = "closed-loop"  # of a report: its scenes are the built-in world's, and only numbered as clips are
_RECORDINGS = "drives"  # the kind whose clips are whole drives, as PhysicalAI calls them


def withdraw(root: str, registry_uri: str, drives: Collection[str], delete: bool = False) -> dict[str, Any]:
    """Find what holds these drives or learned from them, and remove it when told to; a report of both.

    Policies that go leave the registry too. UsageError without drives. UnusableInput where nothing holds one of them:
    a name that was mistyped must not look like a drive that is gone. Refused while the champion or the samples of the
    last retraining are among it: a retraining without the drives comes first; while the champion's report is; and
    where policies would go and the registry names none. Without a registry ("") no champion is looked for.
    """
    wanted = {drive for drive in drives if drive}
    if not wanted:
        raise UsageError("name the drives to withdraw, as clips.parquet names them (drive_id)")
    there = contents(root)
    holding = {artifact: _drives_in(root, artifact) & wanted for artifact in there.artifacts}
    unknown = sorted(wanted - set().union(*holding.values()))
    if unknown:
        unread = f" ({len(there.unfinished)} unfinished folders were not read)" if there.unfinished else ""
        raise UnusableInput(f"{root}: nothing holds drive {unknown[0]}{unread}; look its name up, or it is gone")
    gone = with_learned(there, {artifact.content_hash for artifact, found in holding.items() if found})
    hashes = {artifact.content_hash for artifact in gone}
    versions = history(registry_uri) if registry_uri else []
    registered = [version for version in versions if version.policy in hashes]
    first = _first(root, gone, registry_uri, versions)
    told: dict[str, Any] = {
        "deleted": delete,
        "artifacts": [artifact.name for artifact in gone],
        "bytes": sum(artifact.size for artifact in gone),
        "versions": sorted(version.version for version in registered),
        "unfinished": sorted(there.unfinished),
        "first": first,
    }
    if delete:
        if first:
            raise Refused("; ".join(first))
        for version in registered:
            forget(registry_uri, version.policy)
        # the newest policies first: what is left of a removal that breaks off still leads to all of the rest
        for artifact in sorted(gone, key=lambda artifact: (artifact.kind != "policy", -artifact.created_us)):
            remove_artifact(root, artifact.name, there)
    return told


def with_learned(there: Contents, holding: Collection[str]) -> list[Found]:
    """The artifacts of these content hashes, and every policy trained on one or begun from one that was."""
    tainted, size = set(holding), -1
    while size != len(tainted):  # a policy begins from another
        size = len(tainted)
        tainted |= {a.content_hash for a in there.artifacts if a.kind == "policy" and a.inputs & tainted}
    return [artifact for artifact in there.artifacts if artifact.content_hash in tainted]


def _first(root: str, gone: Collection[Found], registry_uri: str, versions: Collection[Version]) -> list[str]:
    """What must be done before anything is removed."""
    hashes = {artifact.content_hash for artifact in gone}
    last, found = hash_in(read_record(root).samples), []
    if registry_uri and not versions and any(artifact.kind == "policy" for artifact in gone):
        found.append(f"{registry_uri} names no policy: name the right registry, or '' if there never was one")
    for version in (version for version in versions if version.alias == CHAMPION):
        if version.policy in hashes:
            found.append(f"version {version.version} is the champion and learned from it: promote another")
        elif hash_in(version.report) in hashes:  # every gate compares with it
            found.append(f"the report of version {version.version}, the champion, holds it: release that again without")
    if last in hashes:
        found.append(f"the last retraining's samples {last[:12]} hold it: retrain with --set withdrawn=…")
    return found


def _drives_in(root: str, found: Found) -> set[str]:
    """The drives that an artifact's tables name, and the file names of recordings."""
    artifact = Artifact.open(store.join(root, *found.name.split("/")))
    names: set[str] = set()
    for file in artifact.manifest.files:
        path = PurePosixPath(file)
        if found.kind == _RECORDINGS:
            names |= {*path.parts, path.stem, *path.name.split(".")}
        if path.suffix == ".parquet":
            names |= set(_named(artifact, file.removesuffix(".parquet")))
    return names


def _named(artifact: Artifact, table: str) -> Iterator[str]:
    """The drives in a table; only the columns of names are read, nothing of a table on S3 is kept here."""
    there = set(next(artifact.look(table)).column_names)
    for column in sorted(set(_NAMES) & there):
        whole = column == "drive_id" or artifact.manifest.kind == _RECORDINGS
        suite = ["suite"] if column == "cluster" and "suite" in there else []
        for rows in artifact.look(table, [column, *suite]):
            pairs = rows.select([column, *suite]).group_by([column, *suite]).aggregate([]).to_pylist()
            names = [str(pair[column]) for pair in pairs if pair.get("suite") != _WORLD_SUITE]
            yield from names if whole else (drive_of(name) or name for name in names)
