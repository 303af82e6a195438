"""Checkpoints in an object store, for jobs whose disk goes with their machine.

Knows one `index.json` beside folders of files: it is written last, so a reader sees whole checkpoints only. Does not
know what is in one. Where: CAUSEWAY_CHECKPOINTS, a folder that all machines share or `s3://bucket/prefix`.
"""

import json
import os
import shutil
from pathlib import Path

from causeway.artifacts import store
from causeway.artifacts.hashing import file_hash
from causeway.errors import UnusableInput

_INDEX = "index.json"
VARIABLE = "CAUSEWAY_CHECKPOINTS"


def place_of(run: str, beside: Path) -> tuple[Path, str]:
    """(local folder, location in a store or "") of a run's checkpoints.

    Without CAUSEWAY_CHECKPOINTS they lie `beside` the step's other work; in a shared folder or a store, below `run`.
    """
    asked = os.environ.get(VARIABLE, "")
    if store.is_s3(asked):
        return beside, store.join(asked, run)
    return (Path(asked) / run if asked else beside), ""


def send(folder: Path, location: str, keep: int) -> None:
    """Copy the newest checkpoint of a local folder to a store and drop there all but the newest `keep`."""
    from causeway.artifacts.store_s3 import answering, client, split
    from causeway.artifacts.store_transfer import Shipment, upload

    newest = max(folder.glob("step-*"))
    known = _index(location)
    known[newest.name] = {file.name: file_hash(file) for file in sorted(newest.iterdir())}
    bucket, _ = split(location)
    with answering(location):
        key = split(store.join(location, newest.name))[1]
        upload(
            bucket, [Shipment(f"{key}/{name}", newest / name, digest) for name, digest in known[newest.name].items()]
        )
    old = sorted(known)[: -max(1, keep)]
    kept = {name: files for name, files in known.items() if name not in old}
    store.write_bytes(store.join(location, _INDEX), json.dumps(kept).encode())
    with answering(location):
        for name in old:
            for file in known[name]:
                client().remove_object(bucket, split(store.join(location, name, file))[1])


def bring(location: str, folder: Path) -> None:
    """Fetch the checkpoints of a store that a local folder does not have; each appears whole or not at all."""
    for name, files in sorted(_index(location).items()):
        target, part = folder / name, folder / f".{name}"
        if target.is_dir():
            continue
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        store.fetch(store.join(location, name), files, part)
        os.rename(part, target)


def forget(location: str) -> None:
    """Remove a finished run's checkpoints from a store."""
    from causeway.artifacts.store_s3 import answering, client, split

    bucket, _ = split(location)
    known = _index(location)
    with answering(location):
        for name, files in known.items():
            for file in files:
                client().remove_object(bucket, split(store.join(location, name, file))[1])
        client().remove_object(bucket, split(store.join(location, _INDEX))[1])


def _index(location: str) -> dict[str, dict[str, str]]:
    data = store.read_bytes(store.join(location, _INDEX))
    try:
        return dict(json.loads(data)) if data else {}
    except ValueError:
        raise UnusableInput(f"{location}/{_INDEX}: is no list of checkpoints; remove the prefix") from None
