"""What every table of a clips artifact must be, whatever it was made from."""

import io
import itertools

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from causeway.clips.geometry import TICK_US

# where not known
NULL = {
    "clips": {"world_x_m", "world_y_m", "world_yaw_rad"},
    "rigs": {"fx", "fy", "cx", "cy"},
    "tracks": {"indicator"},
}
GROUPS = {"ego": (), "tracks": ("track_id",), "frames": ("camera",), "signals": ("signal_id",)}


def check_tables(tables: dict[str, pa.Table]) -> None:
    """AssertionError for a number that is none, time that does not increase, a row of no clip or a spoilt picture."""
    for name, table in tables.items():
        _check_numbers(name, table)
    for name, group in GROUPS.items():
        _check_time(name, tables[name], group)
    clips = tables["clips"]
    known = clips.column("clip_id")
    assert len(pc.unique(known)) == clips.num_rows
    for name, table in tables.items():
        if "clip_id" in table.column_names and table.num_rows:
            assert pc.all(pc.is_in(table.column("clip_id"), pc.unique(known))).as_py(), name
    _check_ticks(clips, tables["ego"])
    for name in ("ego", "tracks"):
        late = pc.less(tables[name].column("observed_us"), tables[name].column("t_us"))
        assert not pc.any(late, min_count=0).as_py(), f"{name} is known before it is"
    for row in tables["frames"].to_pylist():
        with Image.open(io.BytesIO(row["image"])) as picture:
            picture.load()
            assert (picture.format, *picture.size) == ("JPEG", row["width"], row["height"])


def _check_numbers(name: str, table: pa.Table) -> None:
    for field in table.schema:
        column = table.column(field.name)
        may_be_null = field.name in NULL.get(name, ()) or name == "quarantine"
        assert may_be_null or column.null_count == 0, f"{name}.{field.name} has nulls"
        while pa.types.is_list(column.type):
            column = pc.list_flatten(column)
        if pa.types.is_floating(column.type):
            assert pc.all(pc.is_finite(column.drop_null()), min_count=0).as_py(), f"{name}.{field.name} is not finite"


def _check_time(name: str, table: pa.Table, group: tuple[str, ...]) -> None:
    """Strictly increasing in each clip, and there for each object, camera or light."""
    keys = [[*row.values()] for row in table.select(["clip_id", *group, "t_us"]).to_pylist()]
    ordered = sorted(keys)
    repeated = [a for a, b in itertools.pairwise(ordered) if a == b]
    assert not repeated, f"{name}: {repeated[0]} is there twice"
    if not group:
        assert keys == ordered, f"{name} is not in order"


def _check_ticks(clips: pa.Table, ego: pa.Table) -> None:
    for row in clips.to_pylist():
        t_us = ego.filter(pc.equal(ego.column("clip_id"), row["clip_id"])).column("t_us").to_numpy()
        assert (t_us[0], t_us[-1], len(t_us)) == (row["start_us"], row["end_us"], row["ticks"])
        assert (np.diff(t_us) == TICK_US).all()
