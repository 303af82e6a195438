"""The feature store's entities, views and services, made from the view lists of `views.py`.

Imports feast: only to be imported inside functions, after `store.load_feast`. `feature_repo/` names these objects for
Feast's own tools.
"""

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.data_format import ParquetFormat
from feast.types import Array, Bool, FeastType, Float64, Int64, String

from causeway.evidence.views import RIG_SCHEMA, RIG_VIEW, TTL_US, VIEWS, view_schema

_KEYS = ("clip_id", "vehicle_id", "event_timestamp", "created")

clip = Entity(name="clip", join_keys=["clip_id"], value_type=ValueType.STRING)
vehicle = Entity(name="vehicle", join_keys=["vehicle_id"], value_type=ValueType.STRING)


def evidence_view(name: str, folder: str | Path, part: str = "*") -> FeatureView:
    """One view of what was known on a clip, over the Parquet files `folder/<name>/<part>.parquet`."""
    path = f"{folder}/{name}/{part}.parquet"
    return feature_view(name, path, view_schema(name), clip, ttl=timedelta(microseconds=TTL_US))


def rig_view(folder: str | Path) -> FeatureView:
    """Rig calibration by vehicle, the one view that is served online; a calibration holds until the next one."""
    return feature_view(RIG_VIEW, f"{folder}/{RIG_VIEW}/*.parquet", RIG_SCHEMA, vehicle, ttl=timedelta(0), online=True)


def evidence_service(views: list[FeatureView]) -> FeatureService:
    """All that was known at a moment."""
    return FeatureService(name="evidence_v1", features=[*views])


def rig_service(view: FeatureView) -> FeatureService:
    """A vehicle's rig."""
    return FeatureService(name="rig_v1", features=[view])


def evidence_objects(folder: str | Path, part: str = "*") -> list:
    """What a point-in-time join needs, for `FeatureStore.apply`."""
    views = [evidence_view(name, folder, part) for name in VIEWS]
    return [clip, *views, evidence_service(views)]


def rig_objects(folder: str | Path) -> list:
    """What serving rigs online needs, for `FeatureStore.apply`."""
    rig = rig_view(folder)
    return [vehicle, rig, rig_service(rig)]


def feature_view(
    name: str, path: str, schema: pa.Schema, entity: Entity, *, ttl: timedelta, online: bool = False
) -> FeatureView:
    """A view over Parquet files with `event_timestamp` and `created`; every other column of `schema` is a feature."""
    fields = [Field(name=entity.join_key, dtype=String)]
    fields += [Field(name=f.name, dtype=_feast_type(f.type)) for f in schema if f.name not in _KEYS]
    source = FileSource(
        name=f"{name}_rows",
        path=path,
        file_format=ParquetFormat(),
        timestamp_field="event_timestamp",
        created_timestamp_column="created",
    )
    return FeatureView(name=name, entities=[entity], ttl=ttl, schema=fields, source=source, online=online)


def _feast_type(kind: pa.DataType) -> FeastType:
    if pa.types.is_list(kind):
        return Array(String if pa.types.is_string(kind.value_type) else Float64)
    if pa.types.is_string(kind):
        return String
    if pa.types.is_boolean(kind):
        return Bool
    return Int64 if pa.types.is_integer(kind) else Float64
