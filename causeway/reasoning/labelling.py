"""Rows of evidence become rows of labels, one drive of the clips in memory at a time.

Knows which moments belong to a shard, what of the clips each one needs, and the columns of a label. Does not know how a
label is made (`label`, `panel`).
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby, islice, pairwise

import numpy as np
import pyarrow as pa

from causeway.artifacts import Artifact
from causeway.clips import Clip, clips_of
from causeway.evidence import evidence_from_row
from causeway.meta_actions.step import each_drive_meta_actions
from causeway.reasoning.behaviour import DriveBehaviour
from causeway.reasoning.critic import CriticConfig
from causeway.reasoning.label import Asked, Label, make_label
from causeway.reasoning.label_config import LabelConfig
from causeway.reasoning.pictures import Reader, picture_reader
from causeway.reasoning.provenance import evidence_hash
from causeway.reasoning.records import component_rows
from causeway.reasoning.teachers import teacher
from causeway.reasoning.teachers.prompts import PROMPTS_HASH

_CLIPS_AT_ONCE = 256  # a killed run does at most this much again


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some drives' rows of evidence, which are labelled and kept together; "" is the drive of rows without one."""

    name: str
    rows_of: dict[str, pa.Table]

    def __len__(self) -> int:
        return sum(rows.num_rows for rows in self.rows_of.values())

    def rows_by_moment(self) -> dict[str, dict]:
        """What a label carries over from its moment."""
        names = ["moment_id", "clip_id", "t0_us", "scenario", "split"]
        return {r["moment_id"]: r for rows in self.rows_of.values() for r in rows.select(names).to_pylist()}


def shard_of(clip_id: str, shards: int) -> int:
    """The shard of a clip, the same on every machine and for every order of clips."""
    return int.from_bytes(sha256(f"shard:{clip_id}".encode()).digest()[:8], "big") % shards


def chunks_of(evidence: Artifact, clips: Artifact, config: LabelConfig) -> Iterator[Chunk]:
    """This shard's rows of evidence, whole drives by id, about so many clips at a time."""
    drive_of = {clip.clip_id: clip.drive_id for clip in clips_of(clips).values()}
    table = evidence.table("evidence")
    clip_ids = table.column("clip_id").to_pylist()
    table = table.append_column("drive_id", pa.array([drive_of.get(c, "") for c in clip_ids], pa.string()))
    table = table.filter(pa.array([shard_of(c, config.shards) == config.shard for c in clip_ids], pa.bool_()))
    table = table.sort_by([(name, "ascending") for name in ("drive_id", "clip_id", "moment_id")])
    drives = _drives(table)
    for number, group in groupby(drives, key=lambda drive: drive[0] // _CLIPS_AT_ONCE):
        yield Chunk(f"{number:09d}", {drive_id: rows for _, drive_id, rows in group})


def _drives(table: pa.Table) -> Iterator[tuple[int, str, pa.Table]]:
    """(clips before it, drive_id, rows) of each drive; the table is in order of drives and clips."""
    ids = np.asarray(table.column("drive_id").to_pylist(), dtype=object)
    clip_ids = np.asarray(table.column("clip_id").to_pylist(), dtype=object)
    clips_before = np.concatenate([[0], np.cumsum(clip_ids[1:] != clip_ids[:-1])]) if len(ids) else np.zeros(0)
    for start, stop in pairwise([0, *(np.flatnonzero(ids[1:] != ids[:-1]) + 1).tolist(), len(ids)]):
        if stop > start:
            yield int(clips_before[start]), ids[start], table.slice(start, stop - start).drop_columns(["drive_id"])


Drive = tuple[str, list[Clip], pa.Table]
Labeller = Callable[[Iterator[Asked]], list[tuple[Asked, Label]]]
Lost = Callable[[str], None]
_NO_ROWS = pa.table({})


class Moments:
    """The moments of chunk after chunk, each with what is asked about; drives are read while they are taken."""

    def __init__(self, clips: Artifact, chunks: Sequence[Chunk], config: LabelConfig) -> None:
        self._clips, self._chunks = clips, list(chunks)
        self._drives: Iterator[Drive] | None = None
        self._pictures: Reader | None = None
        if config.asks_endpoints():
            self._pictures = picture_reader(clips, config.camera)

    def skip(self, chunk: Chunk) -> None:
        """Pass over a chunk that an earlier run finished."""
        self._chunks.remove(chunk)
        if self._drives is not None:
            deque(self._drives_of(chunk), maxlen=0)

    def of(self, chunk: Chunk, lost: Lost) -> Iterator[Asked]:
        """Every moment of a chunk after which these clips have ego motion; `lost` is told the others."""
        for row in chunk.rows_of.get("", _NO_ROWS).to_pylist():
            lost(row["moment_id"])
        for drive_id, parts, meta_actions in self._drives_of(chunk):
            behaviour = DriveBehaviour(meta_actions)
            for row in chunk.rows_of[drive_id].to_pylist():
                after = behaviour.after(row["t0_us"])
                if after.longitudinal:
                    raw = self._pictures(parts, row["t0_us"]) if self._pictures else ()
                    yield Asked(evidence_from_row(row), after, raw)  # without the row's scenario: that is of the future
                else:
                    lost(row["moment_id"])

    def _drives_of(self, chunk: Chunk) -> Iterator[Drive]:
        if self._drives is None:  # begun at the first chunk that is not finished
            wanted = {drive_id for each in self._chunks for drive_id in each.rows_of if drive_id}
            self._drives = each_drive_meta_actions(self._clips, wanted)
        return islice(self._drives, sum(bool(drive_id) for drive_id in chunk.rows_of))


def by_rules(asked: Iterator[Asked]) -> list[tuple[Asked, Label]]:
    """Labels of the rule teacher, one moment after the other."""
    one, config = teacher("rules"), CriticConfig()
    return [(a, make_label(a.evidence, a.behaviour, one, config)) for a in asked]


@contextmanager
def labeller(config: LabelConfig) -> Iterator[tuple[Labeller, Callable[[], dict[str, int]]]]:
    """(a function that labels moments in their order, a function that says what the asking cost so far)."""
    if not config.asks_endpoints():
        yield by_rules, dict
        return
    from causeway.reasoning.panel import Panel

    with Panel(config) as panel:
        yield panel.labels, panel.costs


def label_row(row: dict, asked: Asked, label: Label, config: LabelConfig) -> dict:
    """A row of `labels.parquet`."""
    asks = config.asks_endpoints()
    critic = config.critic_address()
    return {
        "moment_id": row["moment_id"],
        "clip_id": row["clip_id"],
        "t0_us": row["t0_us"],
        "longitudinal_decision": label.record.longitudinal_decision,
        "lateral_decision": label.record.lateral_decision,
        "components": component_rows(label.record.components),
        "trace": label.trace,
        "teacher": config.teacher_name(),
        "critic_score": label.critic_score,
        "consistent": label.consistent,
        "status": label.status,
        "reasons": list(label.reasons),
        "teacher_version": label.teacher_version,
        "prompt_hash": PROMPTS_HASH if asks else None,
        "evidence_hash": evidence_hash(asked.evidence),
        "seed": config.seed if asks else None,
        "agreement": label.agreement,
        "critic": critic.name if critic else None,
        "scenario": row["scenario"],
        "split": row["split"],
    }
