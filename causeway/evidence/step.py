"""The step that fills the feature store and joins each moment with what was known at its t0.

Knows the order: shards of drives; of each shard the views, drive by drive, then the join, then the check that nothing
is later than t0. Memory grows with neither the drives nor the moments of a run: one shard is in hand. The views are
part of the artifact (`store/<view>/<shard>.parquet`); Feast's registry and caches are not.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from causeway.artifacts import Artifact, Writer, progress, step
from causeway.clips.surroundings.scene import load_scene
from causeway.errors import UnusableInput
from causeway.evidence.features import drive_views
from causeway.evidence.join import join
from causeway.evidence.rigs import rig_view_rows
from causeway.evidence.store import evidence_store, write_view, write_views
from causeway.evidence.views import RIG_SCHEMA, RIG_VIEW

# Of the moment, beside the features: the join does not see them, nor does whoever names causes (`Evidence`).
_CARRIED = ("scenario", "split")
_CLIP = ("clip_id", "drive_id", "start_us", "ticks", "has_tracks", "has_map", "has_signals")
_ORIGIN = tuple(f"origin_{name}" for name in ("x_m", "y_m", "z_m", "yaw_rad", "qw", "qx", "qy", "qz"))


@dataclass(frozen=True)
class FeatureConfig:
    """How the work is cut; the answers are the same however it is."""

    shard_ticks: int = 100_000  # of drives in one shard, 2.8 hours: what is in memory at once


@dataclass(frozen=True, eq=False)
class _Shard:
    """Some drives: the rows of their clips by drive and time, and their moments."""

    name: str
    clips: pa.Table
    moments: pa.Table


@step(kind="evidence")
def build_features(moments: Artifact, clips: Artifact, *, out: Writer, config: FeatureConfig) -> None:
    """Write evidence.parquet and the views. A moment with no ego state within 2 s before t0 is quarantined."""
    views = out.path("store/views").parent
    asked = moments.table("moments", ["moment_id", "clip_id", "t0_us", *_CARRIED])
    shards = _shards(asked, clips.table("clips", [*_CLIP, *_ORIGIN]), config.shard_ticks)
    for shard in progress(shards, len(shards), "shards"):
        with out.shard(shard.name) as part:
            if part is None:
                continue
            write_views(views, shard.name, _views_of(clips, shard))
            with tempfile.TemporaryDirectory() as work:
                _keep(join(evidence_store(views, Path(work), shard.name), shard.moments), part)
    write_view(views, RIG_VIEW, "all", [rig_view_rows(clips)], RIG_SCHEMA)


def _shards(asked: pa.Table, clips: pa.Table, most_ticks: int) -> list[_Shard]:
    """Drives that have moments, in shards of so many ticks (a longer drive is one of its own), named by their number.

    Drives go in the order of their moments' ids, `<drive>@<t0>`, so that shards follow each other in the table.
    """
    clips = clips.append_column("order", pc.binary_join_element_wise(clips.column("drive_id"), "@", ""))
    clips = clips.sort_by([("order", "ascending"), ("start_us", "ascending")])
    of_clip = pc.index_in(asked.column("clip_id"), clips.column("clip_id"))
    if of_clip.null_count:
        clip_id = asked.column("clip_id").filter(pc.is_null(of_clip))[0].as_py()
        raise UnusableInput(f"{clip_id}: a moment's clip that is not among the clips; give those it was found in")
    drive_ids = clips.column("drive_id").take(of_clip)
    clips = clips.filter(pc.is_in(clips.column("drive_id"), drive_ids.combine_chunks()))
    cuts = _cuts(clips, most_ticks)
    shards = []
    for number, (low, high) in enumerate(pairwise(cuts)):
        some = clips.slice(low, high - low)
        own = asked.filter(pc.is_in(asked.column("clip_id"), some.column("clip_id").combine_chunks()))
        shards.append(_Shard(f"{number:06d}", some, own))
    return shards


def _cuts(clips: pa.Table, most_ticks: int) -> list[int]:
    """Rows of `clips`, sorted by drive, where a shard begins, and the end."""
    cuts, ticks, start, drive = [0], 0, 0, None
    pairs = zip(clips.column("drive_id").to_pylist(), clips.column("ticks").to_pylist(), strict=True)
    for row, (drive_id, count) in enumerate(pairs):
        if drive_id != drive:
            start, drive = row, drive_id
        ticks += count
        if ticks > most_ticks and start > cuts[-1]:
            cuts.append(start)
            ticks = sum(clips.column("ticks").slice(start, row + 1 - start).to_pylist())
    return [*cuts, clips.num_rows] if clips.num_rows else [0]


def _views_of(clips: Artifact, shard: _Shard) -> Iterator[dict[str, pa.Table]]:
    """The views of one drive after the other."""
    drive: list[dict] = []
    for row in [*shard.clips.to_pylist(), {"drive_id": None}]:
        if drive and row["drive_id"] != drive[0]["drive_id"]:
            yield drive_views(_scenes(clips, drive))
            drive = []
        drive.append(row)


def _scenes(clips: Artifact, rows: Sequence[dict]) -> list:
    return [load_scene(clips, row, last) for row, last in zip(rows, [None, *rows[:-1]], strict=True)]


def _keep(evidence: pa.Table, part) -> None:  # type: ignore[no-untyped-def]
    """Write a shard's evidence; a moment of which no ego motion is known has none."""
    known = pc.is_valid(evidence.column("ego_speed_mps"))
    part.table("evidence", evidence.filter(known))
    for row in evidence.filter(pc.invert(known)).select(["moment_id", "t0_us"]).to_pylist():
        detail = f"nothing of the ego motion was known in the 2 s up to {row['t0_us']} us"
        part.quarantine("evidence", row["moment_id"], "no_ego_state", detail)
    part.count(read=evidence.num_rows, kept=pc.sum(known).as_py() or 0)
