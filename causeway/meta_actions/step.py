"""The meta action of every tick: the step that writes them, and the same rows for whoever holds clips alone.

Knows drives: the clips of a drive are chained first, so that a border between two clips is no border of behaviour;
only a gap in time is. One drive is in memory at a time. Does not know the rules themselves.
"""

from collections.abc import Collection, Iterator
from itertools import pairwise

import numpy as np
import pyarrow as pa

from causeway.artifacts import Artifact, Writer, step
from causeway.artifacts.schemas import tables_of
from causeway.clips import Clip, EgoMotion, each_drive_tables
from causeway.clips.access import drive_motion
from causeway.clips.geometry import TICK_US
from causeway.meta_actions.config import DetectorConfig
from causeway.meta_actions.detectors import DEFAULTS, detect_codes
from causeway.meta_actions.lane_drive import LANE_COLUMNS, drive_lane_codes
from causeway.meta_actions.names import LANE, LATERAL, LONGITUDINAL

_GAP_US = TICK_US + TICK_US // 2  # a longer step between two ticks is a gap
_TABLES = {"ego": None, "lanes": LANE_COLUMNS}


@step(kind="meta_actions")
def extract_meta_actions(clips: Artifact, *, out: Writer, config: DetectorConfig) -> None:
    """Write one row a tick; lane is null off the map. A drive with NaN in its ego motion is quarantined."""
    for drive_id, parts, tables in each_drive_tables(clips, _TABLES):
        with out.shard(drive_id) as shard:
            if shard is None:
                continue
            ego = drive_motion(parts, tables["ego"])
            bad = _not_finite(ego)
            if bad.size:
                detail = f"{bad.size} of {len(ego)} ticks are NaN or infinite, the first at {ego.t_us[bad[0]]} us"
                shard.quarantine("ego", drive_id, "ego_not_finite", detail)
            else:
                shard.table("meta_actions", _rows(ego, parts, tables, config))
            shard.count(read=1, kept=0 if bad.size else 1)


def meta_actions_of(
    clips: Artifact, drive_ids: Collection[str] | None = None, config: DetectorConfig = DEFAULTS
) -> pa.Table:
    """The table `extract_meta_actions` writes (clip_id, t_us, longitudinal, lateral, lane), without writing it.

    Only the drives named are looked at (None: all). A drive whose ego motion is not finite has no rows.
    """
    spec = tables_of("meta_actions")["meta_actions"]
    found = [spec.schema.empty_table()]
    found += [rows for _, _, rows in each_drive_meta_actions(clips, drive_ids, config)]
    return pa.concat_tables(found).sort_by([(key, "ascending") for key in spec.keys])


def each_drive_meta_actions(
    clips: Artifact, drive_ids: Collection[str] | None = None, config: DetectorConfig = DEFAULTS
) -> Iterator[tuple[str, list[Clip], pa.Table]]:
    """(drive_id, its clips by time, its rows of `meta_actions` by time) of one drive after the other, by drive_id.

    One drive is in memory at a time. A drive whose ego motion is not finite has no rows.
    """
    empty = tables_of("meta_actions")["meta_actions"].schema.empty_table()
    for drive_id, parts, tables in each_drive_tables(clips, _TABLES, drive_ids):
        ego = drive_motion(parts, tables["ego"])
        yield drive_id, parts, empty if _not_finite(ego).size else _rows(ego, parts, tables, config)


def runs(t_us: np.ndarray) -> Iterator[slice]:
    """Stretches of ticks without a gap, in order; t_us [n] increasing."""
    edges = np.flatnonzero(np.diff(t_us) > _GAP_US) + 1
    bounds = [0, *edges.tolist(), len(t_us)]
    yield from (slice(a, b) for a, b in pairwise(bounds) if b > a)


def _not_finite(ego: EgoMotion) -> np.ndarray:
    """Indices of the ticks that no detector can read."""
    return np.flatnonzero(~np.isfinite([ego.x_m, ego.y_m, ego.yaw_rad, ego.speed_mps]).all(axis=0))


def _rows(ego: EgoMotion, parts: list[Clip], tables: dict[str, pa.Table], config: DetectorConfig) -> pa.Table:
    stretches = list(runs(ego.t_us))
    longitudinal, lateral = np.zeros(len(ego), dtype=np.int8), np.zeros(len(ego), dtype=np.int8)
    for part in stretches:
        path = (ego.x_m[part], ego.y_m[part], ego.yaw_rad[part])
        longitudinal[part], lateral[part] = detect_codes(ego.t_us[part], *path, ego.speed_mps[part], config)
    lane = drive_lane_codes(parts, ego, tables["ego"], tables["lanes"], stretches, config)
    columns = {
        "clip_id": pa.array(ego.clip_id.tolist(), pa.string()),
        "t_us": pa.array(ego.t_us, pa.int64()),
        "longitudinal": _names(longitudinal, LONGITUDINAL),
        "lateral": _names(lateral, LATERAL),
        "lane": _names(lane, LANE),
    }
    return pa.table(columns, schema=tables_of("meta_actions")["meta_actions"].schema)


def _names(codes: np.ndarray, names: tuple[str, ...]) -> pa.Array:
    """Codes as their names; null for -1."""
    indices = pa.array(codes, pa.int8(), mask=codes < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(names, pa.string())).cast(pa.string())
