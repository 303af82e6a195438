"""The `make_world` step: scenes driven by the expert, written as drives in the PhysicalAI-AV layout, with their truth.

Knows files, zips and how the work is shared between two processes. Does not know what is in a scene. Each scene is one
chunk of the layout, so that each is made and kept on its own: a killed run draws no picture twice.
"""

import csv
import io
import json
import os
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from causeway.artifacts import Writer, progress, step
from causeway.clips.readers.physicalai import layout
from causeway.clips.types import Camera
from causeway.errors import UsageError
from causeway.model.observation import ObservationSpec
from causeway.reasoning.records import component_rows
from causeway.simulation import drive_tables
from causeway.simulation.compose import checked_seed, legs_of
from causeway.simulation.examples import driven_example
from causeway.simulation.pictures.cameras import cameras_of
from causeway.simulation.scenarios import SCENARIOS
from causeway.simulation.truth.truth import Moment
from causeway.simulation.vehicle import EGO_RIG
from causeway.simulation.video import mp4_bytes
from causeway.simulation.world import World

SOURCE, LICENCE = "built-in world", "Apache-2.0"
PICTURES = ObservationSpec(height=192, width=320)
TICKS_PER_S = 10
PROCESSES = 2
SPLITS = ("train", "train", "train", "train", "val", "test")
Members = Mapping[str, Callable[[], bytes]]
HOURS = {"day": 12, "overcast": 15, "dusk": 20, "rain": 10, "fog": 7}


@dataclass(frozen=True)
class WorldConfig:
    """How many scenes of which scenarios (or several joined by `+`), in turn. The n-th of one has seed `seed` + n.

    Where the expert's drive of a seed is no example, another seed stands in for it (`examples.py`).
    """

    scenes: int = 24
    scenarios: tuple[str, ...] = tuple(SCENARIOS)
    seed: int = 0
    camera_hz: int = 10
    points_hz: int = 0  # scans a second of a depth sensor, 1, 2, 5 or 10; 0 = the vehicle has none


@dataclass(frozen=True)
class DriveJob:
    """One scene to be written; plain values, so that any process can do it."""

    scenario: str
    seed: int
    chunk: int
    split: str
    camera_hz: int
    points_hz: int = 0

    @property
    def clip_id(self) -> str:
        """The name of the drive."""
        return f"{self.scenario}-{self.seed:06d}"


@dataclass(frozen=True)
class Drive:
    """One written scene: the job as it was done, and what the tables that name all drives say of it."""

    job: DriveJob
    truth: list[dict]  # rows of the truth table
    hour: int  # of the day
    left_out: list[str]  # seeds that this one stands in for, with the reason


@step(kind="drives")
def make_world(*, out: Writer, config: WorldConfig) -> None:
    """Write drives whose causes are known; `truth.parquet` says them. UsageError for a setting that cannot be."""
    asked = jobs_of(config)
    folder = out.path(layout.FEATURES_CSV).parent
    made = []
    for drive in progress(_drives(folder, asked), len(asked), "scenes"):
        made.append(drive)
        with out.shard(drive.job.clip_id) as shard:
            if shard is not None:
                shard.table("truth", drive.truth)
                shard.count(drives=1, moments=len(drive.truth), seeds_left_out=len(drive.left_out))
    for line in (line for drive in made for line in drive.left_out):
        print(f"{line}; another seed stands in for it", file=sys.stderr)
    _write_index(out, made)
    out.source(SOURCE, LICENCE)


def jobs_of(config: WorldConfig) -> list[DriveJob]:
    """The scenes of a configuration, scenarios in turn. UsageError for a setting that cannot be."""
    if not config.scenarios:
        raise UsageError(f"no scenario is asked for; there are {', '.join(SCENARIOS)}")
    for name in config.scenarios:
        legs_of(name)
    twice = [name for i, name in enumerate(config.scenarios) if name in config.scenarios[:i]]
    if twice:
        raise UsageError(f"scenario {twice[0]} is asked for twice; --scenes says how many there are")
    checked_seed(config.seed)
    if config.scenes < 1:
        raise UsageError(f"scenes is {config.scenes}; ask for at least one")
    if config.camera_hz < 1 or TICKS_PER_S % config.camera_hz:
        raise UsageError(f"camera_hz is {config.camera_hz}; the world moves at 10 Hz: take 1, 2, 5 or 10")
    if config.points_hz < 0 or (config.points_hz and TICKS_PER_S % config.points_hz):
        raise UsageError(f"points_hz is {config.points_hz}; take 0 (none), 1, 2, 5 or 10")
    jobs = []
    for i in range(config.scenes):
        turn, kind = divmod(i, len(config.scenarios))
        split = SPLITS[(turn + kind) % len(SPLITS)]  # all splits from the first turn on; each scenario in all after six
        jobs.append(DriveJob(config.scenarios[kind], config.seed + turn, i, split, config.camera_hz, config.points_hz))
    return jobs


def _drives(folder: Path, jobs: list[DriveJob]) -> Iterator[Drive]:
    """Each job's drive written, in order, in as many processes as there are cores (two at most)."""
    processes = min(PROCESSES, len(os.sched_getaffinity(0)), len(jobs) // 2)
    if processes < 2:
        yield from (write_drive(folder, job) for job in jobs)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(processes, get_context("spawn"), initializer=_die_with_parent) as pool:
        try:
            yield from pool.map(write_drive, [folder] * len(jobs), jobs)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _die_with_parent() -> None:
    """A killed run must not leave workers that go on writing where the next run writes (Linux; see prctl(2))."""
    import ctypes
    import signal
    import sys

    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


def write_drive(folder: Path, job: DriveJob) -> Drive:
    """Drive one scene and write its chunk files."""
    world, moments, left_out = driven_example(job.scenario, job.seed, (PICTURES.height, PICTURES.width))
    job = replace(job, seed=world.scene.seed)
    cameras = cameras_of(PICTURES.cameras, PICTURES.height, PICTURES.width)
    for camera in cameras:
        feature = layout.camera_feature(layout.feature_of_camera(camera.name))
        _write_zip(folder, feature, job, _camera_members(world, camera, job))
    for label, table in _LABELS:
        _write_zip(folder, label, job, {label.name: partial(_label, table, world)})
    if job.points_hz:
        scans = {layout.POINTS.name: lambda: _parquet(drive_tables.points(world, job.points_hz))}
        _write_zip(folder, layout.POINTS, job, scans)
    _write_calibration(folder, job, cameras)
    truth = [_truth_row(job.clip_id, moment) for moment in moments]
    return Drive(job, truth, HOURS[world.scene.look], left_out)


def _truth_row(drive_id: str, moment: Moment) -> dict:
    """A row of `truth`; `until_us` is there for the scenarios that last (curve, preparations, …)."""
    return {
        "drive_id": drive_id,
        "t0_us": moment.t0_us,
        "until_us": moment.until_us,
        "scenario": moment.scenario,
        "longitudinal_decision": moment.record.longitudinal_decision,
        "lateral_decision": moment.record.lateral_decision,
        "components": component_rows(moment.record.components),
    }


def _label(table: Callable[[World], pa.Table], world: World) -> bytes:
    return _parquet(_to_nanometres(table(world)))


def _to_nanometres(table: pa.Table) -> pa.Table:
    """Numbers with nine decimals: the last bits of a sine are the processor's, and files are hashed by their bytes."""
    for index, field in enumerate(table.schema):
        if pa.types.is_floating(field.type):
            table = table.set_column(index, field, pa.array(np.round(table.column(index).to_numpy(), 9), field.type))
    return table


_LABELS: tuple[tuple[layout.Feature, Callable[[World], pa.Table]], ...] = (
    (layout.EGOMOTION, drive_tables.egomotion),
    (layout.OBSTACLES, drive_tables.obstacles),
    (layout.INDICATORS, drive_tables.indicators),
    (layout.LANES, drive_tables.lanes),
    (layout.ROAD_ELEMENTS, drive_tables.road_elements),
    (layout.SIGNALS, drive_tables.signals),
    (layout.ROUTE, drive_tables.route),
)


def _camera_members(world: World, camera: Camera, job: DriveJob) -> Members:
    ticks = range(0, len(world.ticks), TICKS_PER_S // job.camera_hz)
    times = np.array([world.ticks[i].t_us for i in ticks], dtype=np.int64)
    (column,) = layout.FRAME_TIMESTAMPS_COLUMNS
    return {
        "video": lambda: mp4_bytes((world.picture(camera, i) for i in ticks), job.camera_hz),
        "frame_timestamps": lambda: _parquet(pa.table({column: times})),
    }


def _write_zip(folder: Path, feature: layout.Feature, job: DriveJob, members: Members) -> None:
    """One chunk zip, made only when it is not there yet; the same bytes every time."""
    path = folder / feature.chunk(job.chunk)
    if path.exists():
        return
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for alias, make in members.items():
            entry = zipfile.ZipInfo(feature.member(job.clip_id, alias), date_time=(1980, 1, 1, 0, 0, 0))
            archive.writestr(entry, make())
    _write(path, target.getvalue())


def _write_calibration(folder: Path, job: DriveJob, cameras: tuple[Camera, ...]) -> None:
    tables = {
        layout.CAMERA_INTRINSICS: drive_tables.intrinsics(job.clip_id, cameras),
        layout.SENSOR_EXTRINSICS: drive_tables.extrinsics(job.clip_id, cameras),
        layout.VEHICLE_DIMENSIONS: drive_tables.dimensions(job.clip_id),
    }
    for feature, table in tables.items():
        _write(folder / feature.chunk(job.chunk), _parquet(table))


def _write_index(out: Writer, made: list[Drive]) -> None:
    """The tables that name what there is: features, clips, what each clip has, where it is from."""
    jobs = [drive.job for drive in made]
    features = layout.all_features(tuple(layout.feature_of_camera(name) for name in PICTURES.cameras))
    if any(job.points_hz for job in jobs):
        features = (*features, layout.POINTS)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, layout.FEATURES_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(feature.row() for feature in features)
    _write(out.path(layout.FEATURES_CSV), text.getvalue().encode())
    names = [job.clip_id for job in jobs]
    columns = (names, [job.chunk for job in jobs], [True] * len(jobs), [job.split for job in jobs])
    index = pa.table(dict(zip(layout.CLIP_INDEX_COLUMNS, columns, strict=True)))
    _write(out.path(layout.CLIP_INDEX), _parquet(drive_tables.indexed(index, "clip_id")))
    presence = pa.table({"clip_id": names, **{feature.name: [True] * len(jobs) for feature in features}})
    _write(out.path(FEATURE_PRESENCE), _parquet(drive_tables.indexed(presence, "clip_id")))
    # each scene is a world of its own: none is near to another one, so each is a place for splits
    places = {
        "clip_id": names,
        "country": [SOURCE] * len(jobs),
        "place": names,
        "hour_of_day": [drive.hour for drive in made],
    }
    _write(out.path(layout.DATA_COLLECTION), _parquet(drive_tables.indexed(pa.table(places), "clip_id")))
    about = {"name": SOURCE, "licence": LICENCE, "vehicle_id": EGO_RIG}
    _write(out.path(layout.SOURCE_JSON), json.dumps(about, sort_keys=True).encode())


FEATURE_PRESENCE = "metadata/feature_presence.parquet"


def _parquet(table: pa.Table) -> bytes:
    target = io.BytesIO()
    pq.write_table(table, target, compression="zstd")
    return target.getvalue()


def _write(path: Path, data: bytes) -> None:
    """A file that appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.part")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
