"""The feature store of a run: views as Parquet, joined point in time by Feast on DuckDB.

Knows Feast and its traps (each guarded here): time stamps in microseconds, entity types given, the created-time
filter on, rows counted after a join, absolute source paths, no torch. Does not know how features are computed.
A store is two folders: the views (deterministic, part of the artifact) and a working folder with the registry and
the online table, made anew from the views whenever it is needed.
"""

import contextlib
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from causeway.errors import CausewayError
from causeway.evidence.views import UTC, VIEWS, view_schema

if TYPE_CHECKING:
    from feast import FeatureStore

SETTINGS = "feature_store.yaml"
_LAPTOP = """project: causeway
provider: local
registry: {path: registry.db, cache_ttl_seconds: 60}
offline_store: {type: duckdb}
online_store: {type: sqlite, path: online.db}
entity_key_serialization_version: 3
"""
_ROW_GROUP = 20_000  # rows; drives are short, and a row group for each would be mostly metadata


def view_file(views: Path, view: str, part: str) -> Path:
    """Where the rows of one part (some drives) of a view are."""
    return views / view / f"{part}.parquet"


def write_view(views: Path, view: str, part: str, tables: Iterable[pa.Table], schema: pa.Schema) -> None:
    """Write one part of a view table by table; the file appears whole or not at all."""
    _write_all(views, part, {view: schema}, ({view: table} for table in tables))


def write_views(views: Path, part: str, drives: Iterable[Mapping[str, pa.Table]]) -> None:
    """Write one part of every evidence view, drive by drive ({view: rows}); the files appear whole or not at all."""
    _write_all(views, part, {view: view_schema(view) for view in VIEWS}, drives)


def _write_all(
    views: Path, part: str, schemas: Mapping[str, pa.Schema], drives: Iterable[Mapping[str, pa.Table]]
) -> None:
    waiting: dict[str, list[pa.Table]] = {view: [] for view in schemas}
    with contextlib.ExitStack() as stack:
        files = {view: stack.enter_context(_new_file(view_file(views, view, part), s)) for view, s in schemas.items()}
        for tables in drives:
            for view, rows in waiting.items():
                rows.append(tables[view])
                if sum(table.num_rows for table in rows) >= _ROW_GROUP:
                    files[view].write_table(pa.concat_tables(rows))
                    rows.clear()
        for view, rows in waiting.items():
            files[view].write_table(pa.concat_tables([schemas[view].empty_table(), *rows]))


@contextlib.contextmanager
def _new_file(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    with pq.ParquetWriter(temporary, schema, compression="zstd", coerce_timestamps="us") as writer:
        yield writer
    os.replace(temporary, path)


def load_feast() -> None:
    """Import feast without torch, of which it would make tensors that nobody asks of it here: 400 MB and two seconds.

    Torch imported before or afterwards is untouched.
    """
    if "torch" in sys.modules or "feast" in sys.modules:
        return
    sys.modules["torch"] = None  # type: ignore[assignment]  # importing it now is an ImportError
    try:
        import feast  # noqa: F401
    finally:
        del sys.modules["torch"]


def opened(work: Path) -> "FeatureStore":
    """The Feast store whose settings are in `work`."""
    load_feast()
    from feast import FeatureStore

    return FeatureStore(repo_path=str(work))


def open_store(work: Path, objects: list) -> "FeatureStore":
    """A Feast store of these entities, views and services; registry and online table live in `work`.

    `work` is made when it is not there. Its `feature_store.yaml` says which environment this is; without one it is a
    laptop's: files and SQLite.
    """
    work.mkdir(parents=True, exist_ok=True)
    if not (work / SETTINGS).is_file():
        (work / SETTINGS).write_text(_LAPTOP)
    store = opened(work)
    with contextlib.redirect_stdout(sys.stderr):  # Feast talks; stdout is for answers
        store.apply(objects)
    return store


def evidence_store(views: Path, work: Path, part: str = "*") -> "FeatureStore":
    """The store of the evidence views in `views`, of one part of the drives or of all (`*`)."""
    load_feast()
    from causeway.evidence.definitions import evidence_objects

    return open_store(work, evidence_objects(views.absolute(), part))


@contextlib.contextmanager
def _own_connection() -> Iterator[None]:
    """A DuckDB connection for one join: on the shared one Feast leaves the moments and views of every call behind."""
    import ibis

    shared = ibis.options.default_backend
    own = ibis.duckdb.connect()
    own.raw_sql("SET preserve_insertion_order = false")  # rows come back in any order: less memory
    ibis.set_backend(own)
    try:
        yield
    finally:
        ibis.options.default_backend = shared
        own.disconnect()


def known_at(store: "FeatureStore", service: str, clip_ids: pa.Array, t0_us: pa.Array) -> pa.Table:
    """For each pair of a clip and a time all features of a service as known then, one row a pair in the order given.

    A row of a view counts when its event time and its created time are at or before t0 and its event is at most the
    view's TTL old; the latest event counts, then the latest creation. Every column is null where nothing was known.
    Raises CausewayError when Feast returns other rows than were asked for.
    """
    asked = pa.table({"row": np.arange(len(clip_ids)), "clip_id": clip_ids, "event_timestamp": t0_us.cast(UTC)})
    with warnings.catch_warnings(), _own_connection():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Feast's own calls; nothing a reader could act on
        features: Any = store.get_feature_service(service)
        job = store.get_historical_features(asked.to_pandas(), features, filter_by_created_timestamp=True)
        joined = job.to_arrow()
    if joined.num_rows != asked.num_rows:
        raise CausewayError(f"feature join: {asked.num_rows} moments went in, {joined.num_rows} came out")
    order = np.argsort(joined.column("row").to_numpy(), kind="stable")
    if not np.array_equal(joined.column("row").to_numpy()[order], np.arange(asked.num_rows)):
        raise CausewayError("feature join: a moment came out twice and another one not at all")
    return joined.drop_columns(asked.column_names).take(pa.array(order))
