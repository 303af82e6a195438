"""The step that fills the feature store and joins each moment with what was known at its t0.

Knows the order: views of a drive, then rigs, then the join, then the check that nothing is later than t0. The views
are part of the artifact (`store/<view>/<drive>.parquet`); Feast's registry and caches are not.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from causeway.artifacts import Artifact, Writer, progress, step
from causeway.clips.surroundings.scene import load_scene
from causeway.evidence.features import drive_views
from causeway.evidence.rigs import rig_view_rows
from causeway.evidence.store import join, open_store, view_file, write_view
from causeway.evidence.views import RIG_VIEW, VIEWS

# Of the moment, beside the features: the join does not see them, nor does whoever names causes (`Evidence`).
_CARRIED = ("clip_id", "scenario", "split")


@dataclass(frozen=True)
class FeatureConfig:
    """Nothing to set yet: the features are what the evidence table names."""


@step(kind="evidence")
def build_features(moments: Artifact, clips: Artifact, *, out: Writer, config: FeatureConfig) -> None:
    """Write evidence.parquet and the views. A moment with no ego state within 2 s before t0 is quarantined."""
    described = sorted(clips.table("clips").to_pylist(), key=lambda c: (c["drive_id"], c["start_us"]))
    views = out.path("store/views").parent
    asked = _asked(moments, {c["clip_id"]: c["drive_id"] for c in described})
    wanted = set(asked.column("drive_id").to_pylist())
    for drive_id in progress(sorted(wanted), len(wanted), "drives"):
        _write_drive(views, clips, drive_id, [c for c in described if c["drive_id"] == drive_id])
    write_view(views, RIG_VIEW, "all", rig_view_rows(clips))
    with tempfile.TemporaryDirectory() as work:
        rows = join(open_store(views, Path(work)), asked) if wanted else []
    known = [row for row in rows if row["ego_speed_mps"] is not None]
    for row in rows:
        if row["ego_speed_mps"] is None:
            detail = f"nothing of the ego motion was known in the 2 s up to {row['t0_us']} us"
            out.quarantine("evidence", row["moment_id"], "no_ego_state", detail)
    carried = {r["moment_id"]: r for r in moments.table("moments", ["moment_id", *_CARRIED]).to_pylist()}
    out.table("evidence", [row | carried[row["moment_id"]] for row in known])
    out.count(read=asked.num_rows, kept=len(known))


def _asked(moments: Artifact, drive_of: dict[str, str]) -> pa.Table:
    """(moment_id, clip_id, t0_us, drive_id) of every moment."""
    table = moments.table("moments", ["moment_id", "clip_id", "t0_us"])
    drives = [drive_of[clip_id] for clip_id in table.column("clip_id").to_pylist()]
    return table.append_column("drive_id", pa.array(drives, pa.string()))


def _write_drive(views: Path, clips: Artifact, drive_id: str, rows: list[dict]) -> None:
    """All views of a drive, unless an earlier run wrote them; the last view is the mark that all are there."""
    if view_file(views, list(VIEWS)[-1], drive_id).is_file():
        return
    before = [None, *rows[:-1]]
    tables = drive_views(drive_id, [load_scene(clips, row, last) for row, last in zip(rows, before, strict=True)])
    for view, table in tables.items():
        write_view(views, view, drive_id, table)
