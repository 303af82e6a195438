"""The feature store of a run: views as Parquet, joined point in time by Feast on DuckDB.

Knows Feast and its traps (each guarded here): time stamps in microseconds, entity types given, the created-time
filter on, rows counted after a join, absolute source paths. Does not know how features are computed.
A store is two folders: the views (deterministic, part of the artifact) and a working folder with the registry and
the online table, made anew from the views whenever it is needed.
"""

import contextlib
import os
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from causeway.errors import CausewayError
from causeway.evidence.views import UTC, VIEWS

if TYPE_CHECKING:
    from feast import FeatureStore

_SETTINGS = """project: causeway
provider: local
registry: {path: registry.db, cache_ttl_seconds: 60}
offline_store: {type: duckdb}
online_store: {type: sqlite, path: online.db}
entity_key_serialization_version: 3
"""


def view_file(views: Path, view: str, key: str) -> Path:
    """Where the rows of one drive (or vehicle) of a view are."""
    return views / view / f"{quote(key, safe='')}.parquet"


def write_view(views: Path, view: str, key: str, table: pa.Table) -> None:
    """Write one drive's rows of a view; the file appears whole or not at all."""
    path = view_file(views, view, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    pq.write_table(table, temporary, compression="zstd", coerce_timestamps="us")
    os.replace(temporary, path)


def open_store(views: Path, work: Path) -> "FeatureStore":
    """A Feast store over the Parquet files in `views`; its registry and online table live in `work`."""
    from feast import FeatureStore

    from causeway.evidence.definitions import all_objects

    work.mkdir(parents=True, exist_ok=True)
    (work / "feature_store.yaml").write_text(_SETTINGS)
    store = FeatureStore(repo_path=str(work))
    with contextlib.redirect_stdout(sys.stderr):  # Feast talks; stdout is for answers
        store.apply(all_objects(views.absolute()))
    return store


def join(store: "FeatureStore", moments: pa.Table) -> list[dict]:
    """For each moment (moment_id, drive_id, t0_us) its features as known at t0, in the order given.

    A row of a view counts when its event time and its created time are at or before t0; the latest event counts,
    then the latest creation. Raises CausewayError when rows got lost or something is later than t0.
    """
    if moments.num_rows == 0:
        return []
    entities = moments.append_column("event_timestamp", moments.column("t0_us").cast(UTC)).to_pandas()
    service = store.get_feature_service("evidence_v1")
    with warnings.catch_warnings():  # of Feast's own calls; nothing a reader could act on
        warnings.simplefilter("ignore", DeprecationWarning)
        job = store.get_historical_features(entities, service, filter_by_created_timestamp=True)
        joined = {row["moment_id"]: row for row in job.to_arrow().to_pylist()}
    if len(joined) != moments.num_rows:
        raise CausewayError(f"feature join: {moments.num_rows} moments went in, {len(joined)} came out")
    rows = [_evidence_row(joined[moment_id]) for moment_id in moments.column("moment_id").to_pylist()]
    for row in rows:
        assert_not_later(row)
    return rows


def _evidence_row(joined: Mapping) -> dict:
    """A joined row with the times of its views made one: the latest."""
    row = {name: joined[name] for names in VIEWS.values() for name in names}
    events = [joined[f"{view}_event_us"] for view in VIEWS]
    created = [joined[f"{view}_created_us"] for view in VIEWS]
    row |= {name: joined[name] for name in ("moment_id", "t0_us")}
    row["event_us"] = max((t for t in events if t is not None), default=None)
    row["created_us"] = max((t for t in created if t is not None), default=None)
    return row


def assert_not_later(row: Mapping) -> None:
    """CausewayError when a time in an evidence row is later than its t0."""
    times = {n: v for n, v in row.items() if n.endswith("_us") and n != "t0_us" and v is not None}
    late = sorted(name for name, value in times.items() if value > row["t0_us"])
    if late:
        raise CausewayError(f"moment {row['moment_id']}: {late[0]} is later than t0; evidence leaks the future")
