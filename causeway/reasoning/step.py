"""The steps that make labels: one shard of the moments, all shards together, and what people say to them.

Knows tables and which rows belong together. Does not know how a label is made (`label`) or corrected
(`review`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby

import pyarrow as pa
import pyarrow.compute as pc

from causeway.artifacts import Artifact, Writer, step
from causeway.clips import clips_of
from causeway.errors import UnusableInput, UsageError
from causeway.evidence import evidence_from_row
from causeway.meta_actions.step import meta_actions_of
from causeway.reasoning.behaviour import Behaviour, Behaviours
from causeway.reasoning.critic import CriticConfig
from causeway.reasoning.label import make_label
from causeway.reasoning.provenance import evidence_hash
from causeway.reasoning.records import component_rows
from causeway.reasoning.review import ReviewConfig, corrected, queue_of, read_corrections
from causeway.reasoning.teachers import Teacher, teacher

_CLIPS_AT_ONCE = 256  # a killed run does at most this much again
_OTHER_CLIPS = "no ego motion right after t0 in these clips; give the clips that the evidence was made from"


@dataclass(frozen=True)
class LabelConfig:
    """Who labels, and which share of the clips: shard 0 … shards - 1."""

    teacher: str = "rules"
    shard: int = 0
    shards: int = 1


@step(kind="labels")
def label_moments(evidence: Artifact, clips: Artifact, *, out: Writer, config: LabelConfig) -> None:
    """Write one label for each row of evidence in this shard's clips.

    The teacher's first call gets the evidence of one moment and nothing else; its second call gets the ego's own
    meta actions after t0, detected in the clips. A moment after which these clips have no ego motion is
    quarantined. UsageError for an unknown teacher or a shard that does not exist.
    """
    if not 0 <= config.shard < config.shards:
        raise UsageError(f"shard {config.shard} of {config.shards}: shards are numbered from 0; name one of them")
    chosen = teacher(config.teacher)
    ours = _ours(evidence, config)
    drive_of = {clip.clip_id: clip.drive_id for clip in clips_of(clips).values()}
    wanted = {drive_of[row["clip_id"]] for row in ours if row["clip_id"] in drive_of}
    behaviours = Behaviours(meta_actions_of(clips, wanted), drive_of)
    for name, rows in _chunks(ours):
        with out.shard(name) as shard:
            if shard is None:
                continue
            kept = []
            for row in rows:
                behaviour = behaviours.after(drive_of.get(row["clip_id"], ""), row["t0_us"])
                if behaviour.longitudinal:
                    kept.append(_label_row(row, behaviour, chosen, config.teacher))
                else:
                    shard.quarantine("clips", row["moment_id"], "no_behaviour", _OTHER_CLIPS)
            shard.table("labels", kept)
            shard.count(read=len(rows), kept=len(kept))


def shard_of(clip_id: str, shards: int) -> int:
    """The shard of a clip, the same on every machine and for every order of clips."""
    return int.from_bytes(sha256(f"shard:{clip_id}".encode()).digest()[:8], "big") % shards


def _ours(evidence: Artifact, config: LabelConfig) -> list[dict]:
    """This shard's rows of evidence, by clip and moment."""
    rows = evidence.table("evidence").sort_by([("clip_id", "ascending"), ("moment_id", "ascending")]).to_pylist()
    return [r for r in rows if shard_of(r["clip_id"], config.shards) == config.shard]


def _chunks(ours: list[dict]) -> Iterator[tuple[str, list[dict]]]:
    """This shard's rows, some clips at a time."""
    clips = [list(group) for _, group in groupby(ours, key=lambda r: r["clip_id"])]
    for start in range(0, len(clips), _CLIPS_AT_ONCE):
        yield f"{start:09d}", [row for clip in clips[start : start + _CLIPS_AT_ONCE] for row in clip]


def _label_row(row: dict, behaviour: Behaviour, chosen: Teacher, teacher_name: str) -> dict:
    evidence = evidence_from_row(row)  # without the row's scenario, which comes from what the ego did after t0
    label = make_label(evidence, behaviour, chosen, CriticConfig())
    return {
        "moment_id": row["moment_id"],
        "clip_id": row["clip_id"],
        "t0_us": row["t0_us"],
        "longitudinal_decision": label.record.longitudinal_decision,
        "lateral_decision": label.record.lateral_decision,
        "components": component_rows(label.record.components),
        "trace": label.trace,
        "teacher": teacher_name,
        "critic_score": label.critic_score,
        "consistent": label.consistent,
        "status": label.status,
        "reasons": list(label.reasons),
        "teacher_version": chosen.VERSION,
        "evidence_hash": evidence_hash(evidence),
        "scenario": row["scenario"],
        "split": row["split"],
    }


@step(kind="labels")
def merge_labels(labels: list[Artifact], *, out: Writer) -> None:
    """Put the labels of all shards into one artifact; UnusableInput when a moment was labelled twice."""
    if not labels:
        raise UsageError("merge_labels: no labels given; name at least one artifact")
    whole = pa.concat_tables([item.table("labels") for item in labels])
    ids = whole.column("moment_id")
    if len(pc.unique(ids)) < len(ids):
        raise UnusableInput("merge_labels: a moment was labelled in two of the artifacts; give each shard once")
    out.table("labels", whole)
    quarantined = _carry_quarantine(labels, out)
    out.count(read=whole.num_rows + quarantined, kept=whole.num_rows)


def _carry_quarantine(labels: list[Artifact], out: Writer) -> int:
    rows = [row for item in labels for row in item.table("quarantine").to_pylist()]
    for row in rows:
        out.quarantine(row["source"], row["where"], row["reason"], row["detail"])
    return len(rows)


@step(kind="labels")
def queue_review(labels: Artifact, *, out: Writer, config: ReviewConfig) -> None:
    """Write the labels with the corrections accepted by now, and the queue of labels that need a person.

    Never waits: what nobody looked at keeps its status. A correction that cannot be used is quarantined.
    """
    corrections, problems = read_corrections(config.corrections)
    rows = labels.table("labels").to_pylist()
    known = {row["moment_id"] for row in rows}
    for where, reason, detail in problems:
        out.quarantine("corrections", where, reason, detail)
    foreign = sorted(set(corrections) - known)
    for moment_id in foreign:
        out.quarantine("corrections", moment_id, "no_such_label", "its moment is not among these labels")
    rows = [corrected(row, corrections.get(row["moment_id"])) for row in rows]
    out.table("labels", rows)
    out.table("review_queue", queue_of(rows, config))
    carried = _carry_quarantine([labels], out)
    lost = len(problems) + len(foreign)
    out.count(read=len(rows) + carried + lost, kept=len(rows), corrected=len(corrections) - len(foreign))
