"""Whether there is anything to retrain on, from where, and what was trained on last.

The record `<root>/retrained.json` says which samples the last finished retraining took, how many rounds there were and
which drives were withdrawn by then. A round that was refused before is no news (`rounds`). Reads the registry for the
champion. Does not train.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from causeway.artifacts import Artifact, store
from causeway.errors import UnusableInput
from causeway.platform import rounds
from causeway.platform.upkeep.reach import hash_in
from causeway.training.joined_samples import drive_of

RECORD = "retrained.json"
YES, NO = "yes", "no"


@dataclass(frozen=True)
class Record:
    """What the last finished retraining left."""

    samples: str = ""  # the location of what it trained on
    rounds: int = 0
    withdrawn: tuple[str, ...] = ()


@dataclass(frozen=True)
class News:
    """What `find_news` found: is there news, and then what to join, where to start, whom to beat."""

    news: str
    why: str
    before: str = ""
    start: str = ""
    champion: str = ""


def read_record(root: str) -> Record:
    """The record under a root; an empty one where nothing was retrained yet. UnusableInput for a damaged one."""
    where = store.join(root, RECORD)
    data = store.read_bytes(where)
    if data is None:
        return Record()
    try:
        found = json.loads(data)
        return Record(str(found["samples"]), int(found["rounds"]), tuple(found["withdrawn"]))
    except (ValueError, KeyError, TypeError) as error:
        raise UnusableInput(f"{where}: no record of a retraining ({error}); remove it to train on all") from error


def write_record(root: str, record: Record) -> None:
    """Remember what was trained on."""
    store.write_bytes(store.join(root, RECORD), (json.dumps(asdict(record), indent=1) + "\n").encode())


def find_news(
    samples: Artifact, root: str, withdrawn: Sequence[str], scratch_every: int, champion: Mapping[str, str] | None
) -> News:
    """Compare the samples of now with the record.

    News are samples that the last round did not have (or had with another label), or a drive of it that was withdrawn
    since. Every `scratch_every`th round starts from scratch (0 = never), and so does one without a champion;
    else the champion is trained further. `champion`: {"policy": location, "report": location}.
    """
    record = read_record(root)
    report = (champion or {}).get("report", "")
    if not record.samples:
        rows = samples.table("samples", ["sample_id"]).num_rows
        return News(YES, f"the first round: {rows} samples", champion=report)
    before = Artifact.open(record.samples)
    known, now = _labels(before), _labels(samples)
    fresh = sum(drive_of(key[0]) not in withdrawn and known.get(key) != label for key, label in now.items())
    gone = sorted({drive_of(clip) for clip, _ in known} & set(withdrawn))
    if not fresh and not gone:
        return News(NO, f"nothing new in {len(known)} samples since round {record.rounds}", record.samples)
    scratch = champion is None or (scratch_every > 0 and record.rounds % scratch_every == 0) or bool(gone)
    why = f"{fresh} new samples" + (f", drives withdrawn: {', '.join(gone)}" if gone else "")
    start = "" if scratch or champion is None else champion["policy"]
    return News(YES, f"{why}; {'from scratch' if not start else 'from the champion'}", record.samples, start, report)


def _labels(samples: Artifact) -> dict[tuple[str, str], tuple[str, ...]]:
    names = ["clip_id", "sample_id", "reasoning", "longitudinal_decision", "lateral_decision"]
    rows = zip(*(samples.table("samples", names).column(name).to_pylist() for name in names), strict=True)
    return {(clip, sample): tuple(label) for clip, sample, *label in rows}


def unless_refused(
    found: News, samples: Artifact, root: str, withdrawn: Sequence[str], settings: Mapping[str, str]
) -> News:
    """The news, or none where the very same round was refused before: samples, start, settings and code are the same.

    Notes which round this run is, so that a refusal finds it.
    """
    if found.news == NO:
        return found
    about = {**settings, "start": found.start, "champion": found.champion}
    key = rounds.round_key(samples.manifest.content_hash, hash_in(found.before), withdrawn, about)
    if why := rounds.refused(root, key):
        again = f"new samples, settings or code begin another, and so does removing {rounds.where(root, key)}"
        return replace(found, news=NO, why=f"the same round was refused before: {why}; {again}")
    rounds.begin(root, key)
    return found


def find_news_in_component(
    samples: str,
    root: str,
    registry: str,
    withdrawn: str,
    scratch_every: int,
    champion: str,
    settings: Mapping[str, str],
) -> dict[str, Any]:
    """What the component `find_news` does; `champion` is a report's location that comes before the registry's.

    `settings`: what else decides how a round ends, by name; `rules` and `canary` may name files, which are read.
    """
    from causeway.errors import CausewayError
    from causeway.evaluation.rules import rules_text
    from causeway.platform.registry import champion as champion_of
    from causeway.platform.release.rules import rules_text as canary_text
    from causeway.platform.steps import fail, parts_of

    try:
        named = champion_of(registry)
        best = {"policy": named.source, "report": champion or named.report} if named else None
        gone = [drive for drive in parts_of(withdrawn) if drive]
        now = Artifact.open(samples)
        found = find_news(now, root, gone, scratch_every, best)
        found = found if found.champion or not champion else replace(found, champion=champion)
        read = {"rules": rules_text(settings["rules"]), "canary": canary_text(settings["canary"])}
        found = unless_refused(found, now, root, gone, {**settings, **read})
    except (CausewayError, OSError) as error:
        fail(error)
    print(f"find_news: {found.news}: {found.why}", file=sys.stderr)
    return asdict(found)


def remember_in_component(samples: str, root: str, withdrawn: str) -> None:
    """What the component `remember` does, once a retraining is through."""
    from causeway.errors import CausewayError
    from causeway.platform.steps import fail, parts_of

    try:
        location = Artifact.open(samples).manifest.location
        before = read_record(root)
        if before.samples != location:  # tried again, it is the same round
            write_record(root, Record(location, before.rounds + 1, tuple(d for d in parts_of(withdrawn) if d)))
    except (CausewayError, OSError) as error:
        fail(error)
