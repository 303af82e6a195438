"""What retraining trains on: the samples of now and those of the round before, without drives that were withdrawn.

Knows shards as files: one that stays as it is is copied, one that loses samples is written anew, so that nothing of a
withdrawn drive is left in it. A sample that both have is taken from the newer one: its label may have been mended.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from causeway.artifacts import Artifact, Writer, step
from causeway.training.sample_ahead_store import ahead_file, write_ahead
from causeway.training.sample_around_store import around_file, write_around
from causeway.training.sample_arrays import open_shard
from causeway.training.sample_store import index_row, read_sample, shard_file, write_shard


@dataclass(frozen=True)
class JoinConfig:
    """Drives that may not be trained on any more, by drive_id."""

    withdrawn: tuple[str, ...] = ()


@step(kind="samples")
def join_samples(samples: Artifact, before: Artifact | None, *, out: Writer, config: JoinConfig) -> None:
    """The union of two artifacts of samples, sample by sample, without those of withdrawn drives."""
    seen: set[str] = set()
    dropped, number = 0, 0
    for artifact in (samples, before) if before is not None else (samples,):
        for shard, rows in shards_of(artifact):
            kept = [r for r in rows if r["sample_id"] not in seen and drive_of(r["clip_id"]) not in config.withdrawn]
            dropped += sum(drive_of(row["clip_id"]) in config.withdrawn for row in rows)
            seen |= {row["sample_id"] for row in kept}
            if kept:
                _take(artifact, shard, kept, len(rows), f"{number:06d}", out)
                number += 1
    out.count(withdrawn=dropped)


def drive_of(clip_id: str) -> str:
    """The drive of a clip: clips are named after it, with a number behind."""
    return clip_id.rpartition("-")[0]


def shards_of(samples: Artifact) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """(shard, its rows of the index in their order) of samples."""
    table = samples.table("samples").sort_by([("shard", "ascending"), ("row", "ascending")])
    names = table.column("shard").to_pylist()
    start = 0
    while start < len(names):
        stop = start + 1
        while stop < len(names) and names[stop] == names[start]:
            stop += 1
        yield names[start], table.slice(start, stop - start).to_pylist()
        start = stop


def _take(artifact: Artifact, shard: str, kept: list[dict[str, Any]], whole: int, name: str, out: Writer) -> None:
    """One shard of the union: its files, its rows of the index."""
    with out.shard(name) as part:
        if part is None:
            return
        if len(kept) == whole:
            for of in (shard_file, around_file, ahead_file):
                if of(shard) in artifact.manifest.files:
                    shutil.copyfile(artifact.path(of(shard)), out.path(of(name)))
            rows = [{**row, "shard": name} for row in kept]
        else:
            rows = _rewrite(artifact, shard, kept, name, out)
        part.table("samples", rows)
        part.count(read=len(rows), kept=len(rows), with_reasoning=sum(row["has_reasoning"] for row in rows))


def _rewrite(
    artifact: Artifact, shard: str, kept: list[dict[str, Any]], name: str, out: Writer
) -> list[dict[str, Any]]:
    slots = str(open_shard(artifact.path(shard_file(shard))).says.get("cameras")).split(",")
    has_around = around_file(shard) in artifact.manifest.files
    found = [read_sample(artifact, row, around=has_around, ahead=True) for row in kept]
    write_shard(found, slots, out.path(shard_file(name)))
    ids = [sample.sample_id for sample in found]
    if has_around:
        write_around([sample.around for sample in found if sample.around], ids, out.path(around_file(name)))
    write_ahead([sample.ahead for sample in found], ids, out.path(ahead_file(name)))
    return [index_row(sample, name, i, row["source"]) for i, (sample, row) in enumerate(zip(found, kept, strict=True))]
