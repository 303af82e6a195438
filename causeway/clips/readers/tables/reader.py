"""Own rigs: a YAML mapping file says which tables, pictures and maps make a drive, and how they are to be read.

Knows how to join folders, units, frames and clocks as `tables_mapping.Mapping` describes them. Does not know any
data set: the mapping file does (`examples/tables/`).
"""

from functools import partial
from pathlib import Path

import pyarrow as pa

from causeway.clips.cleaning import clean_ego
from causeway.clips.readers.columns import US_OF, times_us
from causeway.clips.readers.tables.agents import read_tracks
from causeway.clips.readers.tables.camera import open_camera, picture_frames
from causeway.clips.readers.tables.clock import Clock, as_stamped, retimed
from causeway.clips.readers.tables.drives import drives_of, files_of, resolved
from causeway.clips.readers.tables.ego import read_ego
from causeway.clips.readers.tables.map import read_map
from causeway.clips.readers.tables.mapping import DriveEntry, Mapping, read_mapping
from causeway.clips.readers.tables.mapping_rows import EgoTable
from causeway.clips.readers.tables.rows import ROW, rows_of
from causeway.clips.readers.tables.signals import read_signals
from causeway.clips.types import Drive, Quarantined, RawEgo, Recording, Rig, Vehicle
from causeway.errors import UnusableInput


def fits(root: Path) -> bool:
    """True for a YAML file."""
    return root.is_file() and root.suffix in (".yaml", ".yml")


def paths(root: Path) -> list[Path]:
    """The mapping file and everything it names that is there; a drive that lacks a file says so when it is opened."""
    mapping = read_mapping(root)
    drives = drives_of(root, mapping)
    found = {p for entry in drives for template in mapping.file_templates() for p in files_of(root, template, entry)}
    for path in sorted(found):
        if path.is_dir():
            raise UnusableInput(f"{path}: a folder, but the mapping file means a file; make its path more exact")
    return sorted({root, *found})


def recordings(root: Path) -> list[Recording]:
    """One recording for each drive of the mapping."""
    mapping = read_mapping(root)
    return [Recording(entry.id, partial(_open, root, mapping, entry)) for entry in drives_of(root, mapping)]


def _open(root: Path, mapping: Mapping, entry: DriveEntry) -> Drive:
    place, files = partial(resolved, root, entry=entry), partial(files_of, root, entry=entry)
    axes, agents, lights, roads = mapping.world_axes, mapping.agents, mapping.signals, mapping.map
    ego, clock, left_out = _ego(mapping.ego, axes, place(mapping.ego.file), entry)
    tracks = signals = lanes = elements = None
    if agents:
        path = place(agents.file)
        tracks, bad = read_tracks(rows_of(agents, path, entry), agents, axes, ego, clock, path)
        left_out += bad
    if lights:
        path = place(lights.file)
        signals, bad = read_signals(rows_of(lights, path, entry), lights, ego, clock, path)
        left_out += bad
    if roads:
        lanes, elements, bad = read_map(roads, axes, place(roads.file))
        left_out += bad
    cameras = {camera.name: open_camera(camera, place, files, ego, clock) for camera in mapping.cameras}
    return Drive(
        drive_id=entry.id,
        source=mapping.source,
        licence=mapping.licence,
        rig=Rig(Vehicle(**mapping.vehicle.model_dump()), tuple(camera.camera for camera in cameras.values())),
        ego=ego,
        frames=lambda name: picture_frames(cameras[name]),
        place=entry.place or mapping.place,
        world=entry.world or mapping.world,
        tracks=tracks,
        signals=signals,
        lanes=lanes if roads and roads.lanes else None,
        road_elements=elements,
        quarantined=(*left_out, *(entry for camera in cameras.values() for entry in camera.left_out)),
    )


def _ego(spec: EgoTable, world_axes: str, path: Path, entry: DriveEntry) -> tuple[RawEgo, Clock, Quarantined]:
    """Poses on the drive's clock, the function that puts other tables' times on that clock, and rows left out."""
    mapped = {ROW, *(name for name in spec.columns.values() if isinstance(name, str))}
    parts = (part.select([name for name in part.column_names if name in mapped]) for part in rows_of(spec, path, entry))
    table = pa.concat_tables(parts)
    if table.num_rows == 0:
        raise UnusableInput(f"{path}: no rows of the ego vehicle; check `rows` of the mapping file")
    table, late = _until(table, spec, entry, path)
    ego, bad = clean_ego(read_ego(table, table.column(ROW).to_numpy(), spec, world_axes, path), f"{path}")
    clock = retimed(ego.t_us, ego.xyz_m) if spec.clock.repair_uneven_steps else as_stamped
    return RawEgo(clock(ego.t_us), ego.xyz_m, ego.wxyz, ego.speed_mps, ego.row), clock, (*late, *bad)


def _until(table: pa.Table, spec: EgoTable, entry: DriveEntry, path: Path) -> tuple[pa.Table, Quarantined]:
    """The rows up to `until`, and what is said of the later ones."""
    until = spec.until if entry.until is None else entry.until
    if until is None:
        return table, ()
    late = times_us(table, spec.columns["t"], spec.units.t, path) > round(until * US_OF[spec.units.t])
    if not late.any():
        return table, ()
    rows = table.column(ROW).to_numpy()[late]
    detail = f"{len(rows)} rows later than {until:g}, the first is row {rows[0]}"
    return table.filter(pa.array(~late)), ((f"{path} ego rows", "after_until", detail),)
