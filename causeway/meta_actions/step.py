"""The meta action of every tick: the step that writes them, and the same rows for whoever holds clips alone.

Knows drives: the clips of a drive are chained first, so that a border between two clips is no border of behaviour;
only a gap in time is. Does not know the rules themselves.
"""

from collections.abc import Collection, Iterator
from itertools import pairwise

import numpy as np
import pyarrow as pa

from causeway.artifacts import Artifact, Writer, step
from causeway.artifacts.schemas import tables_of
from causeway.clips import EgoMotion, ego_by_drive
from causeway.clips.geometry import TICK_US
from causeway.meta_actions.config import DetectorConfig
from causeway.meta_actions.detectors import DEFAULTS, detect

_GAP_US = TICK_US + TICK_US // 2  # a longer step between two ticks is a gap


@step(kind="meta_actions")
def extract_meta_actions(clips: Artifact, *, out: Writer, config: DetectorConfig) -> None:
    """Write one row a tick; lane is null (it needs a map). A drive with NaN in its ego motion is quarantined."""
    for drive_id, ego in sorted(ego_by_drive(clips).items()):
        with out.shard(drive_id) as shard:
            if shard is None:
                continue
            bad = _not_finite(ego)
            if bad.size:
                detail = f"{bad.size} of {len(ego)} ticks are NaN or infinite, the first at {ego.t_us[bad[0]]} us"
                shard.quarantine("ego", drive_id, "ego_not_finite", detail)
            else:
                shard.table("meta_actions", _rows(ego, config))
            shard.count(read=1, kept=0 if bad.size else 1)


def meta_actions_of(
    clips: Artifact, drive_ids: Collection[str] | None = None, config: DetectorConfig = DEFAULTS
) -> pa.Table:
    """The table `extract_meta_actions` writes (clip_id, t_us, longitudinal, lateral, lane), without writing it.

    Only the drives named are looked at (None: all). A drive whose ego motion is not finite has no rows.
    """
    egos = {d: ego for d, ego in ego_by_drive(clips).items() if drive_ids is None or d in drive_ids}
    rows = [row for _, ego in sorted(egos.items()) if not _not_finite(ego).size for row in _rows(ego, config)]
    spec = tables_of("meta_actions")["meta_actions"]
    return pa.Table.from_pylist(rows, schema=spec.schema).sort_by([(key, "ascending") for key in spec.keys])


def runs(t_us: np.ndarray) -> Iterator[slice]:
    """Stretches of ticks without a gap, in order; t_us [n] increasing."""
    edges = np.flatnonzero(np.diff(t_us) > _GAP_US) + 1
    bounds = [0, *edges.tolist(), len(t_us)]
    yield from (slice(a, b) for a, b in pairwise(bounds) if b > a)


def _not_finite(ego: EgoMotion) -> np.ndarray:
    """Indices of the ticks that no detector can read."""
    return np.flatnonzero(~np.isfinite([ego.x_m, ego.y_m, ego.yaw_rad, ego.speed_mps]).all(axis=0))


def _rows(ego: EgoMotion, config: DetectorConfig) -> list[dict]:
    rows = []
    for part in runs(ego.t_us):
        path = (ego.x_m[part], ego.y_m[part], ego.yaw_rad[part])
        names = zip(*detect(ego.t_us[part], *path, ego.speed_mps[part], config), strict=True)
        for clip_id, t_us, (longitudinal, lateral) in zip(ego.clip_id[part], ego.t_us[part], names, strict=True):
            row = {"clip_id": clip_id, "t_us": int(t_us), "lane": None}
            rows.append(row | {"longitudinal": str(longitudinal), "lateral": str(lateral)})
    return rows
