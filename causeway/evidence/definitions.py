"""The feature store's entities, views and services, made from the view lists of `views.py`.

Imports feast (4 s): only to be imported inside functions. `feature_repo/` names these objects for Feast's own tools.
"""

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.data_format import ParquetFormat
from feast.types import Array, Bool, FeastType, Float64, Int64, String

from causeway.evidence.views import RIG_SCHEMA, RIG_VIEW, VIEWS, view_schema

# what is older than the history of a moment is no evidence
EVIDENCE_TTL = timedelta(seconds=2)
_KEYS = ("drive_id", "vehicle_id", "event_timestamp", "created")

drive = Entity(name="drive", join_keys=["drive_id"], value_type=ValueType.STRING)
vehicle = Entity(name="vehicle", join_keys=["vehicle_id"], value_type=ValueType.STRING)


def evidence_view(name: str, folder: str | Path) -> FeatureView:
    """One view of what was known on a drive, over the Parquet files in `folder/<name>/`."""
    return _view(name, folder, view_schema(name), drive, ttl=EVIDENCE_TTL, online=False)


def rig_view(folder: str | Path) -> FeatureView:
    """Rig calibration by vehicle, the one view that is served online; a calibration holds until the next one."""
    return _view(RIG_VIEW, folder, RIG_SCHEMA, vehicle, ttl=timedelta(0), online=True)


def evidence_service(views: list[FeatureView]) -> FeatureService:
    """All that was known at a moment."""
    return FeatureService(name="evidence_v1", features=[*views])


def rig_service(view: FeatureView) -> FeatureService:
    """A vehicle's rig."""
    return FeatureService(name="rig_v1", features=[view])


def all_objects(folder: str | Path) -> list:
    """Every object of the repository, for `FeatureStore.apply`."""
    views = [evidence_view(name, folder) for name in VIEWS]
    rig = rig_view(folder)
    return [drive, vehicle, *views, rig, evidence_service(views), rig_service(rig)]


def _view(
    name: str, folder: str | Path, schema: pa.Schema, entity: Entity, *, ttl: timedelta, online: bool
) -> FeatureView:
    key = entity.join_key
    fields = [Field(name=key, dtype=String)]
    fields += [Field(name=f.name, dtype=_feast_type(f.type)) for f in schema if f.name not in _KEYS]
    source = FileSource(
        name=f"{name}_rows",
        path=f"{folder}/{name}/*.parquet",
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
