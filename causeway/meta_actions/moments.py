"""The step `find_moments`: every decision moment of every drive, with its scenario and its split.

Knows how drives become one table: key frames drive by drive (one drive in memory, kept on disk, so that a killed run
goes on with the next drive), then what only all of them together can say: splits and balance. Does not know the rules
of key frames (`keyframes`) nor of splits (`causeway.clips.splits`), and no causes: those are named later, from evidence
up to t0 only. The scenario is a tag found with the whole drive at hand; it is not evidence.
"""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from causeway.artifacts import Artifact, Writer, progress, step
from causeway.clips.access import drive_motion, each_drive_tables
from causeway.clips.row_groups import clip_rows
from causeway.clips.splits import BUFFER, SPLITS, Whereabouts, assert_apart, kept_apart, splits_of
from causeway.meta_actions.moments_balance import over_quota
from causeway.meta_actions.moments_config import MomentConfig
from causeway.meta_actions.moments_drive import CANDIDATES, actions_of, candidates

_COLUMNS = ("moment_id", "clip_id", "t0_us", "channel", "before", "after", "scenario", "end_us")
_SCRATCH = "candidates"  # within the staging folder, gone before the artifact is whole


@step(kind="moments")
def find_moments(meta: Artifact, clips: Artifact, *, out: Writer, config: MomentConfig) -> None:
    """Write a row for each moment with its split. Quarantined, with the reason: moments without a whole window, those
    too near to another split, and those over the quota of their scenario."""
    # a setting that makes no sense is told at once
    over_quota([], [], config.max_per_scenario, config.max_share)
    splits_of(_whereabouts(CANDIDATES.empty_table()), config.split_by)
    files = list(_drives(meta, clips, out, config))
    found = pa.concat_tables([CANDIDATES.empty_table(), *(pq.read_table(file) for file in files)])
    usable = found.filter(pc.equal(found.column("reason"), ""))
    where = _whereabouts(usable)
    split = kept_apart(where, splits_of(where, config.split_by))
    quota = _over_quota(usable, split == BUFFER, config)
    kept = usable.filter(pa.array((split != BUFFER) & ~quota))
    table = kept.select(_COLUMNS).append_column("split", pa.array(split[(split != BUFFER) & ~quota], pa.string()))
    _check(kept, table, config)
    out.table("moments", table)
    _quarantine(out, found.filter(pc.not_equal(found.column("reason"), "")))
    _quarantine(out, usable.filter(pa.array(split == BUFFER)), _NEAR)
    _quarantine(out, usable.filter(pa.array(quota)), _QUOTA)
    _count(out, found.num_rows, table, files)
    out.count(**{f"split_{BUFFER}": int((split == BUFFER).sum())})
    shutil.rmtree(out.staging / _SCRATCH, ignore_errors=True)


def _drives(meta: Artifact, clips: Artifact, out: Writer, config: MomentConfig) -> Iterator[Path]:
    """The file of each drive's candidates, made unless an earlier run made it."""
    described: dict[str, list[dict]] = {}
    for row in clips.table("clips").to_pylist():
        described.setdefault(row["drive_id"], []).append(row)
    of_clips = clip_rows(meta.path("meta_actions.parquet"))
    files = {drive_id: out.path(f"{_SCRATCH}/{_name(drive_id)}.parquet") for drive_id in sorted(described)}
    missing = [drive_id for drive_id, file in files.items() if not file.is_file()]
    drives = each_drive_tables(clips, {"ego": None}, missing)
    for drive_id, parts, tables in progress(drives, len(missing), "drives"):
        rows = sorted(described[drive_id], key=lambda row: row["start_us"])
        actions = of_clips([part.clip_id for part in parts])
        table = CANDIDATES.empty_table()
        counts: dict[str, int] = {}
        if actions.num_rows:  # a drive that behaviour was refused for has none
            table, counts = candidates(clips, rows, drive_motion(parts, tables["ego"]), actions_of(actions), config)
        _write(files[drive_id], table.replace_schema_metadata({"counts": json.dumps(counts)}))
    yield from files.values()


def _name(drive_id: str) -> str:
    return sha256(drive_id.encode()).hexdigest()[:32]


def _write(path: Path, table: pa.Table) -> None:
    """The file appears whole or not at all."""
    temporary = path.with_suffix(".part")
    pq.write_table(table, temporary, compression="zstd")
    os.replace(temporary, path)


def _whereabouts(table: pa.Table) -> Whereabouts:
    column = {name: table.column(name).to_numpy(zero_copy_only=False) for name in table.column_names}
    texts = ("drive", "vehicle", "place", "world")
    return Whereabouts(
        **{name: column[name].astype(object) for name in texts},
        **{name: column[name] for name in ("t0_us", "x_m", "y_m", "start_us")},
        end_us=column["stop_us"],
    )


def _over_quota(usable: pa.Table, buffer: np.ndarray, config: MomentConfig) -> np.ndarray:
    """Which usable moments are over the quota of their scenario; those in a buffer do not count."""
    rows = np.flatnonzero(~buffer)
    ids = usable.column("moment_id").take(pa.array(rows)).to_pylist()
    scenarios = usable.column("scenario").take(pa.array(rows)).to_pylist()
    result = np.zeros(usable.num_rows, dtype=bool)
    result[rows] = over_quota(ids, scenarios, config.max_per_scenario, config.max_share)
    return result


def _check(kept: pa.Table, table: pa.Table, config: MomentConfig) -> None:
    """The promises about splits, asserted on the very rows that are written; and who has none is told."""
    split = table.column("split").to_numpy(zero_copy_only=False).astype(object)
    assert_apart(_whereabouts(kept), split, config.split_by)
    missing = [name for name in SPLITS if not (split == name).any()]
    if missing:
        drives = len(pc.unique(kept.column("drive")))
        text = f"moments: no moments in {' and '.join(missing)}: {table.num_rows} moments of {drives} drives are few"
        if not table.num_rows:
            text = "moments: none; a moment is a change of behaviour with 2.0 s before and 6.4 s after it in one drive"
        print(text, file=sys.stderr, flush=True)


_NEAR = ("split_buffer", "too close to a moment of another split: less than 50 m, or their windows touch")
_QUOTA = ("scenario_over_quota", "more moments of its scenario than asked for; others were drawn by the hash of the id")


def _quarantine(out: Writer, rows: pa.Table, why: tuple[str, str] | None = None) -> None:
    for row in rows.select(["source", "moment_id", "reason", "detail", "scenario"]).to_pylist():
        reason, detail = why or (row["reason"], row["detail"])
        out.quarantine(row["source"], row["moment_id"], reason, f"{row['scenario']}: {detail}")


def _count(out: Writer, read: int, table: pa.Table, files: list[Path]) -> None:
    """Moments read and kept, by scenario and split; transitions by what became of them."""
    out.count(read=read, kept=table.num_rows)
    for file in files:
        counts = json.loads((pq.read_schema(file).metadata or {}).get(b"counts", b"{}"))
        out.count(**counts)
    for column in ("scenario", "split"):
        for group in pc.value_counts(table.column(column)).to_pylist():
            out.count(**{f"{column}_{group['values']}": group["counts"]})
    present = set(table.column("split").to_pylist())
    out.count(**{f"split_{name}": 0 for name in SPLITS if name not in present})
