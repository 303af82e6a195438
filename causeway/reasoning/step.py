"""The steps that make labels: one shard of the moments, all shards together, and what people say to them.

Knows tables and which rows belong together. Does not know how a label is made (`label`) or corrected
(`review`).
"""

from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from causeway.artifacts import Artifact, Writer, step
from causeway.errors import UnusableInput, UsageError
from causeway.reasoning.label_config import LabelConfig
from causeway.reasoning.labelling import Moments, chunks_of, label_row, labeller
from causeway.reasoning.recheck import known_of
from causeway.reasoning.review import ReviewConfig, corrected, queue_of, read_corrections

_OTHER_CLIPS = "no ego motion right after t0 in these clips; give the clips that the evidence was made from"


@step(kind="labels")
def label_moments(evidence: Artifact, clips: Artifact, *, out: Writer, config: LabelConfig) -> None:
    """Write one label for each row of evidence in this shard's clips.

    A teacher's first call gets the evidence of one moment, and pictures up to t0 where it takes pictures; its second
    call gets the ego's own meta actions after t0, detected in the clips. A moment after which these clips have no ego
    motion is quarantined. UsageError for an unknown teacher, a camera that no clip has or a missing key; Refused when
    the budget is spent: the same command with a larger one goes on and pays nothing twice.
    """
    chunks = list(chunks_of(evidence, clips, config))
    moments = Moments(clips, chunks, config)
    with labeller(config) as (label, costs):
        for chunk in chunks:
            with out.shard(chunk.name) as shard:
                if shard is None:
                    moments.skip(chunk)
                    continue
                before = costs()
                rows, lost = chunk.rows_by_moment(), partial(_quarantine, shard)
                asked = moments.of(chunk, lost)
                kept = [label_row(rows[a.evidence.moment_id], a, made, config) for a, made in label(asked)]
                shard.table("labels", kept)
                shard.count(read=len(chunk), kept=len(kept))
                shard.count(**{name: value - before[name] for name, value in costs().items()})


def _quarantine(shard: Any, moment_id: str) -> None:
    shard.quarantine("clips", moment_id, "no_behaviour", _OTHER_CLIPS)


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
def queue_review(
    labels: Artifact,
    evidence: Artifact | None = None,
    clips: Artifact | None = None,
    *,
    out: Writer,
    config: ReviewConfig,
) -> None:
    """Write the labels with the corrections accepted by now, and the queue of labels that need a person.

    Never waits: what nobody looked at keeps its status. A correction that cannot be used is quarantined. With the
    evidence and the clips that the labels were made from, corrected labels are checked again.
    """
    corrections, problems = read_corrections(config.corrections)
    rows = labels.table("labels").to_pylist()
    known = {row["moment_id"] for row in rows}
    for where, reason, detail in problems:
        out.quarantine("corrections", where, reason, detail)
    foreign = sorted(set(corrections) - known)
    for moment_id in foreign:
        out.quarantine("corrections", moment_id, "no_such_label", "its moment is not among these labels")
    again = known_of(sorted(set(corrections) & known), evidence, clips)
    rows = [corrected(row, corrections.get(row["moment_id"]), again.get(row["moment_id"])) for row in rows]
    out.table("labels", rows)
    out.table("review_queue", queue_of(rows, config))
    carried = _carry_quarantine([labels], out)
    lost = len(problems) + len(foreign)
    out.count(read=len(rows) + carried + lost, kept=len(rows), corrected=len(corrections) - len(foreign))
