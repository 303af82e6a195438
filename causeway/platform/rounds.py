"""Rounds of retraining that were refused, remembered by what they were: samples, start, settings, code.

`<root>/rounds/<run>.json` says which round a run is, `<root>/refused/<round>.json` why one was refused: by a gate
between stages, or by a roll back of what was judged at the endpoint. The same round again would train for hours and be
refused again; anything that changes is another round. Remove the second file to try the same once more. Runs no
pipelines; of their files it knows the bytes.
"""

import json
import os
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from causeway.artifacts import store
from causeway.artifacts.code_version import ROOT, code_hash
from causeway.errors import UnusableInput

RUN = "CAUSEWAY_RUN"  # the run of this process, on a cluster and on a laptop
_DECIDE = ("join_samples", "train_rl", "evaluate", "promote_policy")  # the steps whose code may change how it ends
_GRAPHS = ("components", "pipelines")  # no step imports them, and they say which steps there are, with what
_DIGITS = 16


def round_key(samples: str, before: str, withdrawn: Sequence[str], settings: Mapping[str, Any]) -> str:
    """A name over the content of a round: hashes of the samples of now and of the round before, and its settings.

    An installation's placement is in it no more than in a step's key: where a step ran, and on how many machines, does
    not change what it made (a batch is of all processes together; other labels are other samples).
    """
    from causeway.platform.steps import STEPS

    graphs = sorted(file for folder in _GRAPHS for file in (ROOT / folder).glob("*.py"))
    code = [code_hash(STEPS[name]) for name in _DECIDE] + [sha256(file.read_bytes()).hexdigest() for file in graphs]
    asked = {"samples": samples, "before": before, "withdrawn": sorted(withdrawn), "settings": dict(settings)}
    return sha256(json.dumps(asked | {"code": code}, sort_keys=True).encode()).hexdigest()[:_DIGITS]


def begin(root: str, key: str) -> None:
    """Note that this run is that round; nothing outside a run."""
    if run := os.environ.get(RUN):
        store.write_bytes(_note(root, run), json.dumps({"round": key}).encode())


def refuse(root: str, why: str) -> None:
    """Note that the round that this run is was refused; nothing where it is none."""
    run = os.environ.get(RUN)
    key = _told(_note(root, run), "round") if run else ""
    if key:
        told = {"round": key, "why": why, "run": run}
        store.write_bytes(where(root, key), (json.dumps(told, indent=1) + "\n").encode())


def refused(root: str, key: str) -> str:
    """Why that round was refused before; "" where it was not. UnusableInput for a damaged note."""
    return _told(where(root, key), "why")


def where(root: str, key: str) -> str:
    """Where it is noted that a round was refused."""
    return store.join(root, "refused", f"{key}.json")


def _told(location: str, name: str) -> str:
    """An entry of a note; "" where there is no note."""
    data = store.read_bytes(location)
    try:
        return str(json.loads(data)[name]) if data is not None else ""
    except (ValueError, KeyError, TypeError) as error:
        raise UnusableInput(f"{location}: not the note of a round ({error}); remove it") from error


def _note(root: str, run: str | None) -> str:
    return store.join(root, "rounds", f"{run}.json")
