"""Rig calibration by vehicle: a feature view of its own, served online.

Knows cameras and vehicle dimensions as numbers in a row. A vehicle that was calibrated again has one row for each
calibration, dated by the first clip that used it; online the latest one is served.
"""

import contextlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from causeway.artifacts import Artifact
from causeway.errors import UnusableInput
from causeway.evidence.store import open_store
from causeway.evidence.views import CALIBRATION_NUMBERS, RIG_SCHEMA, RIG_VIEW

if TYPE_CHECKING:
    from feast import FeatureStore

_SIZES = ("length_m", "width_m", "wheelbase_m", "rear_axle_to_centre_m")


@dataclass(frozen=True, eq=False)
class RigCalibration:
    """A vehicle's cameras and size. size_px [cameras, 2] width, height; intrinsics [cameras, 4] fx, fy, cx, cy in
    pixels of that size; rig_from_camera [cameras, 4, 4]; NaN where not known."""

    vehicle_id: str
    cameras: tuple[str, ...]
    size_px: np.ndarray
    intrinsics: np.ndarray
    rig_from_camera: np.ndarray
    length_m: float
    width_m: float
    wheelbase_m: float
    rear_axle_to_centre_m: float


def rig_view_rows(clips: Artifact) -> pa.Table:
    """All calibrations in a clips artifact, in the columns of `RIG_SCHEMA`, by vehicle and time."""
    starts = {r["clip_id"]: r["start_us"] for r in clips.table("clips", ["clip_id", "start_us"]).to_pylist()}
    sizes = _picture_sizes(clips)
    by_clip: dict[str, list[dict]] = {}
    for row in clips.table("rigs").to_pylist():
        by_clip.setdefault(row["clip_id"], []).append(row)
    rows, known = [], set()
    for clip_id in sorted(by_clip, key=lambda c: (starts[c], c)):
        row = _rig_row(sorted(by_clip[clip_id], key=lambda r: r["camera"] or ""), sizes, starts[clip_id])
        what = repr([value for name, value in row.items() if name not in ("event_timestamp", "created")])
        if what not in known:
            known.add(what)
            rows.append(row)
    return pa.Table.from_pylist(rows, schema=RIG_SCHEMA)


def _picture_sizes(clips: Artifact) -> dict[tuple[str, str], tuple[int, int]]:
    """(width, height) by clip and camera, without reading a picture."""
    sizes = {}
    for batch in clips.batches("frames", ["clip_id", "camera", "width", "height"]):
        for row in batch.to_pylist():
            sizes[row["clip_id"], row["camera"]] = (row["width"], row["height"])
    return sizes


def _rig_row(cameras: list[dict], sizes: Mapping, start_us: int) -> dict:
    seen = [c for c in cameras if c["camera"]]
    numbers: list[float] = []
    for c in seen:
        width, height = sizes.get((c["clip_id"], c["camera"]), (np.nan, np.nan))
        numbers += [width, height, c["fx"], c["fy"], c["cx"], c["cy"], *c["rig_from_camera"]]
    row = {"vehicle_id": cameras[0]["vehicle_id"], "event_timestamp": start_us, "created": start_us}
    row |= {"cameras": [c["camera"] for c in seen], "calibration": [float(n) for n in numbers]}
    return row | {name: cameras[0][name] for name in _SIZES}


def materialise_rigs(views: Path, store_folder: Path) -> None:
    """Fill the online table in `store_folder` with the latest calibration of every vehicle.

    `views` is the folder `store` of an evidence artifact; `store_folder` is made when it is not there.
    """
    from datetime import UTC, datetime, timedelta

    times = pq.read_table(views / RIG_VIEW, columns=["event_timestamp"]).column(0).cast(pa.int64()).to_pylist()
    first, last = (datetime.fromtimestamp(f(times, default=0) / 1e6, UTC) for f in (min, max))
    margin = timedelta(seconds=1)
    store = open_store(views, store_folder)
    with contextlib.redirect_stdout(sys.stderr):  # Feast talks; stdout is for answers
        store.materialize(first - margin, last + margin, feature_views=[RIG_VIEW])


def rig_of(vehicle_id: str, store_folder: str | Path) -> RigCalibration:
    """The latest calibration of a vehicle from the online table; UnusableInput for a vehicle it does not know."""
    store = _opened(str(Path(store_folder).absolute()))
    service = store.get_feature_service("rig_v1")
    answer = store.get_online_features(service, entity_rows=[{"vehicle_id": vehicle_id}]).to_dict()
    row = {name: values[0] for name, values in answer.items()}
    if row["cameras"] is None:
        raise UnusableInput(f"{vehicle_id}: no such vehicle in the online store {store_folder}; ingest its drives")
    numbers = np.array(row["calibration"], dtype=np.float64).reshape(-1, CALIBRATION_NUMBERS)
    return RigCalibration(
        vehicle_id=vehicle_id,
        cameras=tuple(row["cameras"]),
        size_px=numbers[:, :2],
        intrinsics=numbers[:, 2:6],
        rig_from_camera=numbers[:, 6:].reshape(-1, 4, 4),
        **{name: float("nan") if row[name] is None else float(row[name]) for name in _SIZES},
    )


_STORES: dict[str, "FeatureStore"] = {}


def _opened(folder: str) -> "FeatureStore":
    """One store object a folder: reading its registry anew costs 20 ms a request."""
    from feast import FeatureStore

    if folder not in _STORES:
        _STORES[folder] = FeatureStore(repo_path=folder)
    return _STORES[folder]
