"""A folder of PhysicalAI-AV drives: which clips there are and where a feature of a clip lies.

Knows the indexes and the feature table. Paths and member names come from `features.csv`; a template may hold
`{chunk_id}` and `{clip_id}` and nothing else, and leads nowhere but into the folder.
"""

import csv
import io
import json
import re
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from causeway.clips.readers.parquet import read_parquet
from causeway.clips.readers.physicalai import layout
from causeway.clips.readers.zip_members import read_member
from causeway.errors import UnusableInput

_FIELD = re.compile(r"\{(chunk_id|clip_id)(?::0?(\d{1,2})d)?\}")


class Folder:
    """The root with its feature table; raises UnusableInput when that table is none."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.features = _features(root / layout.FEATURES_CSV)
        self.source = _source(root / layout.SOURCE_JSON)

    def cameras(self) -> list[str]:
        """Names of the features in the folder `camera`."""
        return sorted(name for name, row in self.features.items() if row["directory"] == "camera")

    def chunk(self, feature: str, chunk: int) -> Path | None:
        """The chunk file of a feature, or None when the feature or the file is not here."""
        row = self.features.get(feature)
        if row is None:
            return None
        name = PurePosixPath(_filled(row["chunk_path"], chunk, ""))
        if name.is_absolute() or ".." in name.parts or "\\" in str(name):
            raise UnusableInput(f"{self.root / layout.FEATURES_CSV}: {feature}: {name} leads out of the folder")
        path = self.root / name
        return path if path.is_file() else None

    def member(self, feature: str, alias: str, clip_id: str, chunk: int) -> tuple[str, io.BytesIO] | None:
        """One zip member of a clip as (name for messages, bytes), or None when it is not here."""
        path = self.chunk(feature, chunk)
        if path is None:
            return None
        name = _filled(self._template(feature, alias), chunk, clip_id)
        data = read_member(path, name)
        return None if data is None else (f"{path}:{name}", data)

    def _template(self, feature: str, alias: str) -> str:
        where = f"{self.root / layout.FEATURES_CSV}: {feature}"
        try:
            templates = json.loads(self.features[feature]["clip_files_in_zip"] or "{}")
        except ValueError as error:
            raise UnusableInput(f"{where}: clip_files_in_zip is not JSON ({error})") from error
        templates = templates if isinstance(templates, dict) else {}
        named = templates.get(alias)
        if named is None and alias == feature:  # a label has one table, whatever it is called there
            tables = [value for value in templates.values() if str(value).endswith(".parquet")]
            named = tables[0] if len(tables) == 1 else None
        if not isinstance(named, str):
            raise UnusableInput(f"{where} has no member {alias}")
        return named

    def label(self, feature: layout.Feature, columns: tuple[str, ...], clip_id: str, chunk: int) -> pa.Table | None:
        """A label table of a clip, or None when the drive has none."""
        found = self.member(feature.name, feature.name, clip_id, chunk)
        return None if found is None else read_parquet(found[1], found[0], columns)

    def calibration(self, feature: layout.Feature, clip_id: str, chunk: int) -> list[dict]:
        """The rows of a clip in a calibration chunk; none when the chunk is not here."""
        path = self.chunk(feature.name, chunk)
        return [] if path is None else of_clip(read_parquet(path, str(path), ("clip_id",)), clip_id).to_pylist()

    def announced(self, clip_id: str) -> set[str]:
        """The features that the data set says it has for a clip."""
        if self._presence is None:
            return set()
        rows = of_clip(self._presence, clip_id).to_pylist()
        return {name for row in rows for name, there in row.items() if there is True}

    @cached_property
    def _presence(self) -> pa.Table | None:
        for name in (layout.FEATURE_PRESENCE, layout.SENSOR_PRESENCE):
            if (self.root / name).is_file():
                return read_parquet(self.root / name, str(self.root / name), ("clip_id",))
        return None

    @cached_property
    def _collection(self) -> pa.Table | None:
        path = self.root / layout.DATA_COLLECTION
        return read_parquet(path, str(path), ("clip_id",)) if path.is_file() else None

    def place(self, clip_id: str) -> str:
        """Where a clip was recorded: `place` of ours, else the country; "" when nothing is said."""
        rows = [] if self._collection is None else of_clip(self._collection, clip_id).to_pylist()
        return str(rows[0].get("place") or rows[0].get("country") or "") if rows else ""

    def index(self) -> list[dict]:
        """Clips that are valid, in order of clip_id: clip_id, chunk, split."""
        table = read_parquet(self.root / layout.CLIP_INDEX, str(self.root / layout.CLIP_INDEX), ("clip_id", "chunk"))
        if "clip_is_valid" in table.column_names:
            valid = table.column("clip_is_valid")
            if not pa.types.is_boolean(valid.type):
                raise UnusableInput(f"{self.root / layout.CLIP_INDEX}: clip_is_valid is {valid.type}, not boolean")
            table = table.filter(pc.fill_null(valid, False))
        columns = [name for name in ("clip_id", "chunk", "split") if name in table.column_names]
        splits = self._splits()
        rows = table.select(columns).to_pylist()
        for row in rows:
            row["split"] = splits.get(str(row["clip_id"]), row.get("split") or "")
        return sorted(rows, key=lambda row: str(row["clip_id"]))

    def _splits(self) -> dict[str, str]:
        path = self.root / layout.SPLITS
        if not path.is_file():
            return {}
        table = read_parquet(path, str(path), ("clip_id", "split"))
        return {str(r["clip_id"]): str(r["split"] or "") for r in table.select(["clip_id", "split"]).to_pylist()}


def of_clip(table: pa.Table, clip_id: str) -> pa.Table:
    """The rows of a clip."""
    ids = table.column("clip_id")
    try:
        return table.filter(pc.equal(ids.cast(pa.string()), clip_id)) if len(ids) else table
    except pa.ArrowException as error:
        raise UnusableInput(f"{clip_id}: a table of the data set has {ids.type} as clip_id, not names") from error


def _features(path: Path) -> dict[str, dict[str, str]]:
    try:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnusableInput(f"{path}: not a readable CSV file ({error})") from error
    missing = [c for c in layout.FEATURES_COLUMNS if not rows or c not in rows[0]]
    if missing:
        raise UnusableInput(f"{path}: {'no rows' if not rows else 'column ' + missing[0] + ' is missing'}")
    return {row["feature"]: {name: row[name] or "" for name in layout.FEATURES_COLUMNS} for row in rows}


def _source(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise UnusableInput(f"{path}: not readable JSON ({error})") from error
    said = found.items() if isinstance(found, dict) else ()
    return {key: value for key, value in said if isinstance(value, str) and value}


def _filled(template: str, chunk: int, clip_id: str) -> str:
    def value(match: re.Match) -> str:
        return clip_id if match[1] == "clip_id" else str(chunk).zfill(int(match[2] or 0))

    return _FIELD.sub(value, template)


def whole_number(value: object, what: str) -> int:
    """A whole number out of an index; UnusableInput for something else."""
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return int(value)
    raise UnusableInput(f"{what} is {value!r}, not a whole number")
