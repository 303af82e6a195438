"""Rig calibration by vehicle: a feature view of its own, served online.

Knows cameras and vehicle dimensions as numbers in a row. A vehicle that was calibrated again has one row for each
change, dated by the first clip that used it; online the latest one is served. Which online store that is, SQLite or
Redis, says the `feature_store.yaml` in the store's folder.
"""

import contextlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from causeway.artifacts import Artifact
from causeway.clips.row_groups import clip_rows
from causeway.errors import UnusableInput
from causeway.evidence.store import SETTINGS, load_feast, open_store, opened
from causeway.evidence.views import CALIBRATION_NUMBERS, RIG_SCHEMA, RIG_VIEW

if TYPE_CHECKING:
    from feast import FeatureStore

_SIZES = ("length_m", "width_m", "wheelbase_m", "rear_axle_to_centre_m")
_TIMES = ("event_timestamp", "created")


class UnknownVehicle(UnusableInput):
    """The online store answers, and has no calibration of that vehicle."""


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
    """Every change of a vehicle's calibration in a clips artifact, in the columns of `RIG_SCHEMA`, by vehicle and time.

    One clip is in memory at a time.
    """
    known = clips.table("clips", ["vehicle_id", "start_us", "clip_id"])
    known = known.sort_by([(name, "ascending") for name in known.column_names])
    rigs = clip_rows(clips.path("rigs.parquet"))
    frames = clip_rows(clips.path("frames.parquet"), ["camera", "width", "height"])
    rows: list[dict] = []
    for clip in known.to_pylist():
        cameras = rigs([clip["clip_id"]]).to_pylist()
        if cameras:
            pictures = frames([clip["clip_id"]]).to_pylist()
            sizes = {r["camera"]: (r["width"], r["height"]) for r in pictures}
            row = _rig_row(sorted(cameras, key=lambda r: r["camera"] or ""), sizes, clip["start_us"])
            if not rows or _calibration(rows[-1]) != _calibration(row):
                rows.append(row)
    return pa.Table.from_pylist(rows, schema=RIG_SCHEMA)


def _calibration(row: Mapping[str, Any]) -> str:
    return repr([value for name, value in row.items() if name not in _TIMES])  # a NaN is equal to none but in text


def _rig_row(cameras: list[dict], sizes: Mapping[str, tuple[int, int]], start_us: int) -> dict:
    seen = [c for c in cameras if c["camera"]]
    numbers: list[float] = []
    for c in seen:
        width, height = sizes.get(c["camera"], (np.nan, np.nan))
        numbers += [width, height, c["fx"], c["fy"], c["cx"], c["cy"], *c["rig_from_camera"]]
    row = {"vehicle_id": cameras[0]["vehicle_id"], "event_timestamp": start_us, "created": start_us}
    row |= {"cameras": [c["camera"] for c in seen], "calibration": [float(n) for n in numbers]}
    return row | {name: cameras[0][name] for name in _SIZES}


def materialise_rigs(views: Path, store_folder: Path) -> None:
    """Fill the online store of `store_folder` with the latest calibration of every vehicle.

    `views` is the folder `store` of an evidence artifact. `store_folder` is made when it is not there, as a laptop's
    (SQLite); with a `feature_store.yaml` in it, such as `feature_repo/feature_store.cluster.yaml` (Redis), it is what
    that says. Raises UnusableInput when the online store cannot be reached.
    """
    from datetime import UTC, datetime, timedelta

    times = pq.read_table(views / RIG_VIEW, columns=["event_timestamp"]).column(0).cast(pa.int64()).to_pylist()
    first, last = (datetime.fromtimestamp(f(times, default=0) / 1e6, UTC) for f in (min, max))
    margin = timedelta(seconds=1)
    load_feast()
    from causeway.evidence.definitions import rig_objects

    store = open_store(store_folder, rig_objects(views.absolute()))
    _STORES.pop(str(store_folder.absolute()), None)  # its registry is a new one
    with contextlib.redirect_stdout(sys.stderr), _reachable(store_folder):  # Feast talks; stdout is for answers
        store.materialize(first - margin, last + margin, feature_views=[RIG_VIEW])


def rig_of(vehicle_id: str, store_folder: str | Path) -> RigCalibration:
    """The latest calibration of a vehicle from the online store.

    Raises UnknownVehicle for a vehicle it does not know, UnusableInput for a folder that holds no store and for one
    out of reach.
    """
    with _reachable(store_folder):
        store = _opened(str(Path(store_folder).absolute()))
        service = store.get_feature_service("rig_v1")
        answer = store.get_online_features(service, entity_rows=[{"vehicle_id": vehicle_id}]).to_dict()
    row = {name: values[0] for name, values in answer.items()}
    if row["cameras"] is None:
        raise UnknownVehicle(f"{vehicle_id}: no such vehicle in the online store {store_folder}; ingest its drives")
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
    if not Path(folder, SETTINGS).is_file():
        raise UnusableInput(f"{folder}: no online store, {SETTINGS} is not there; name the folder rigs were put in")
    if folder not in _STORES:
        _STORES[folder] = opened(Path(folder))
    return _STORES[folder]


@contextlib.contextmanager
def _reachable(folder: str | Path) -> Iterator[None]:
    """A store or registry that is away (Redis or its database down, a wrong address) as one line."""
    import redis
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (redis.RedisError, SQLAlchemyError, OSError) as error:
        raise UnusableInput(f"{folder}: the online store cannot be reached ({error}); see its {SETTINGS}") from error
