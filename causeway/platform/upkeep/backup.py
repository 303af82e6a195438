"""Backups: a folder or prefix with a dump of each database and of the online store, named by when it was taken.

`<to>/<UTC time>/` holds `NAME.jsonl.gz`, `redis.jsonl.gz` and, written last, `backup.json` with their checksums: a
folder without it is no backup. Does not know what is in a database.
"""

import json
import re
import time
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from causeway.artifacts import store
from causeway.errors import UnusableInput, UsageError
from causeway.platform.upkeep import database, online
from causeway.platform.upkeep.listing import files, remove

FILE_NAME = "backup.json"
_STAMP = re.compile(r"\d{8}T\d{6}Z")
_REDIS = "redis"


def backup(to: str, databases: Sequence[str], redis: str = "", keep: int = 0) -> dict[str, Any]:
    """Take a backup; with `keep`, the oldest beyond that many go. UsageError where there is nothing to back up."""
    if not databases and not redis:
        raise UsageError("nothing to back up: name --database URL (may be repeated), --redis HOST:PORT, or both")
    if keep < 0:
        raise UsageError(f"--keep {keep}: how many backups stay, or 0 for all")
    names = [database.database_name(url) for url in databases]
    if len({*names, _REDIS}) <= len(names):
        raise UsageError(f"--database: {', '.join(sorted(names))}: names must differ, also from {_REDIS}")
    dumps = {name: database.dump(url) for name, url in zip(names, databases, strict=True)}
    if redis:
        dumps[_REDIS] = online.dump(redis)
    where = store.join(to, time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()))
    for name, data in dumps.items():
        store.write_bytes(store.join(where, _file(name)), data)
    made = {"files": {_file(name): sha256(data).hexdigest() for name, data in dumps.items()}}
    store.write_bytes(store.join(where, FILE_NAME), json.dumps(made, sort_keys=True).encode())
    return {"backup": where, "bytes": sum(map(len, dumps.values())), "removed": _prune(to, keep)}


def restore(backup_at: str, databases: Sequence[str], redis: str = "") -> dict[str, Any]:
    """Restore the named databases, each from the dump of its name, and the online store; checksums are held first."""
    if not databases and not redis:
        raise UsageError("nothing to restore: name --database URL (may be repeated), --redis HOST:PORT, or both")
    checked = {database.database_name(url): _read(backup_at, database.database_name(url)) for url in databases}
    keys = _read(backup_at, _REDIS) if redis else b""
    told: dict[str, Any] = {"tables": {}}
    for url in databases:
        name = database.database_name(url)
        told["tables"][name] = database.restore(url, checked[name], store.join(backup_at, _file(name)))
    if redis:
        told["keys"] = online.restore(redis, keys, store.join(backup_at, _file(_REDIS)))
    return told


def backups(to: str) -> list[str]:
    """The names of the finished backups at a place, oldest first."""
    names = (file.name.split("/") for file in files(to))
    return sorted(n[0] for n in names if len(n) == 2 and n[1] == FILE_NAME and _STAMP.fullmatch(n[0]))


def _file(name: str) -> str:
    return f"{name}.jsonl.gz"


def _read(backup_at: str, name: str) -> bytes:
    listed = store.read_bytes(store.join(backup_at, FILE_NAME))
    if listed is None:
        raise UnusableInput(f"{backup_at}: holds no {FILE_NAME}, so it is no finished backup; name another")
    try:
        wanted = json.loads(listed)["files"]
    except (ValueError, KeyError, TypeError) as error:
        raise UnusableInput(f"{backup_at}/{FILE_NAME}: not of a backup ({error}); name another") from error
    data = store.read_bytes(store.join(backup_at, _file(name)))
    if _file(name) not in wanted or data is None:
        raise UnusableInput(f"{backup_at}: has no {_file(name)}, only {', '.join(sorted(wanted))}; name it alike")
    if sha256(data).hexdigest() != wanted[_file(name)]:
        raise UnusableInput(f"{backup_at}/{_file(name)}: damaged, its checksum differs; name another backup")
    return data


def _prune(to: str, keep: int) -> list[str]:
    gone = backups(to)[:-keep] if keep else []
    for stamp in gone:  # the list of files goes first: what is left is no backup any more
        names = [file.name for file in files(to) if file.name.startswith(f"{stamp}/")]
        remove(to, sorted(names, key=lambda name: not name.endswith(FILE_NAME)))
    return gone
