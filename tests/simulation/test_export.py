import json
import zipfile

import numpy as np
import pyarrow.parquet as pq
import pytest

from causeway.artifacts import Artifact, run
from causeway.clips.readers.physicalai import layout
from causeway.errors import UsageError
from causeway.simulation import drive_tables, export
from causeway.simulation.export import WorldConfig, make_world
from tests.simulation.driving import driven, expert_drive

CONFIG = WorldConfig(scenes=2, scenarios=("stop_for_control", "nudge"), seed=5, camera_hz=2)


@pytest.fixture(scope="module")
def drives(tmp_path_factory):
    out = tmp_path_factory.mktemp("world") / "drives"
    return run(make_world, {}, out=str(out), config=CONFIG)


def test_layout_has_what_features_csv_promises(drives):
    root = Artifact.open(drives.location).folder()
    for feature in layout.all_features(("camera_front_wide_120fov", "camera_front_tele_30fov")):
        path = root / feature.chunk(0)
        assert path.is_file(), path
        for alias, _ in feature.members:
            assert feature.member("stop_for_control-000005", alias) in zipfile.ZipFile(path).namelist()
    source = json.loads((root / layout.SOURCE_JSON).read_text())
    assert source["licence"] == "Apache-2.0"
    assert drives.sources == [{"name": "built-in world", "licence": "Apache-2.0"}]


def test_truth_lies_beside_the_drives(drives):
    truth = Artifact.open(drives.location).table("truth").to_pylist()
    assert {row["drive_id"] for row in truth} == {"stop_for_control-000005", "nudge-000005"}
    assert all(2_000_000 <= row["t0_us"] <= 13_600_000 for row in truth)
    assert drives.counts["drives"] == 2
    assert drives.counts["moments"] == len(truth)
    assert pq.read_table(Artifact.open(drives.location).folder() / layout.TRUTH).num_rows == len(truth)


def test_same_content_from_one_process_and_from_a_pool(drives, tmp_path, monkeypatch):
    monkeypatch.setattr(export.os, "sched_getaffinity", lambda _: {0, 1})
    more = WorldConfig(**{**vars(CONFIG), "scenes": 4})
    pooled = run(make_world, {}, out=str(tmp_path / "pooled"), config=more)
    monkeypatch.setattr(export.os, "sched_getaffinity", lambda _: {0})
    alone = run(make_world, {}, out=str(tmp_path / "alone"), config=more)
    assert pooled.content_hash == alone.content_hash
    assert pooled.files[layout.EGOMOTION.chunk(0)] == drives.files[layout.EGOMOTION.chunk(0)]


def test_ingest_takes_every_row(drives, tmp_path):
    from causeway.clips.ingest import IngestConfig, ingest

    config = IngestConfig(layout="physicalai-av")
    clips = Artifact.open(run(ingest, {"drives": drives.location}, out=str(tmp_path / "clips"), config=config).location)
    assert clips.manifest.counts["quarantine"] == 0
    # scenes are worlds of their own: one place for all of them would put all of them into one split
    assert len(set(clips.table("clips").column("place").to_pylist())) == 2
    rows = clips.table("clips").to_pylist()
    assert [row["drive_id"] for row in rows] == ["nudge-000005", "stop_for_control-000005"]
    assert all(row["ticks"] == 200 and row["has_tracks"] and row["has_map"] and row["has_signals"] for row in rows)
    assert sorted(rows[0]["cameras"]) == ["front_tele", "front_wide"]
    speed = clips.table("ego").column("speed_mps").to_numpy()[:200]
    np.testing.assert_allclose(speed, expert_drive("nudge", 5).history["speed_mps"], atol=1e-6)


def test_a_longer_drive_of_two_scenarios_is_cut_into_clips_with_its_truth(tmp_path):
    from causeway.clips.ingest import IngestConfig, ingest

    config = WorldConfig(scenes=1, scenarios=("curve+speed_bump",), camera_hz=1)
    drives = run(make_world, {}, out=str(tmp_path / "drives"), config=config)
    ingested = run(ingest, {"drives": drives.location}, out=str(tmp_path / "clips"), config=IngestConfig())
    assert ingested.counts["quarantine"] == 0
    assert ingested.counts["clips"] > 1
    truth = Artifact.open(drives.location).table("truth").to_pylist()
    assert {row["drive_id"] for row in truth} == {"curve+speed_bump-000000"}
    assert {row["scenario"] for row in truth} >= {"curve", "speed_bump"}


@pytest.mark.slow
def test_every_scenario_goes_through_ingest_and_keeps_its_truth(tmp_path):
    from causeway.clips.ingest import IngestConfig, ingest

    config = WorldConfig(scenes=3 * len(WorldConfig().scenarios), seed=20, camera_hz=1)
    drives = run(make_world, {}, out=str(tmp_path / "drives"), config=config)
    ingested = run(ingest, {"drives": drives.location}, out=str(tmp_path / "clips"), config=IngestConfig())
    assert ingested.counts["quarantine"] == 0
    assert ingested.counts["clips"] == config.scenes
    truth = Artifact.open(drives.location).table("truth").to_pylist()
    assert {row["scenario"] for row in truth} >= set(config.scenarios)
    assert all(row["until_us"] is None or row["until_us"] >= row["t0_us"] for row in truth)


def test_egomotion_passes_through_every_tick():
    world = expert_drive("curve", 0)
    table = drive_tables.egomotion(world).to_pandas()
    assert list(table.columns) == list(layout.EGOMOTION_COLUMNS)
    ticks = table[table.timestamp % 100_000 == 0]
    history = world.history
    np.testing.assert_allclose(ticks.x, history["x_m"], atol=1e-9)
    np.testing.assert_allclose(np.hypot(ticks.vx, ticks.vy), history["speed_mps"], atol=1e-9)
    np.testing.assert_allclose(ticks.curvature, history["curvature_per_m"], atol=1e-12)


def test_lights_are_reported_only_where_they_can_be_read():
    table = drive_tables.signals(expert_drive("stop_for_control", 0)).to_pylist()
    assert {row["signal_id"] for row in table} >= {"signal_ego"}
    assert not {row["signal_id"] for row in table} & {"signal_cross_left", "signal_cross_right"}


def _aside(world, points):
    """How far left of the ego's first lane the points of a way are, by their stations."""
    return world.scene.layout.routes["ego"].project(np.array(points)).T


def test_the_route_leads_to_the_lane_that_the_map_asks_for_and_tells_no_more():
    """The lane that ends, and the lane of the destination; whether somebody is beside us it does not know."""
    for seed in range(12):
        world = expert_drive("lane_change", seed)
        (want,) = world.scene.wants
        (row,) = drive_tables.route(world).to_pylist()
        stations, left_m = _aside(world, row["points"])
        asked = want.lane_m if want.category in ("lane", "routing_intent") else 0.0
        assert left_m[-1] == pytest.approx(asked, abs=0.01), seed
        assert np.abs(left_m[stations < want.from_m + 1.0]).max() < 0.01, seed
        if asked:
            assert left_m[stations > want.by_m + 6.0] == pytest.approx(asked, abs=0.01)
            over_m = float(np.interp(0.5, left_m / asked, stations))
            assert want.from_m < over_m <= min(want.by_m, want.from_m + 100.0), seed


def test_the_route_is_the_same_however_one_drives():
    world, seed = expert_drive("lane_change_preparation", 1), 1
    slow = driven("lane_change_preparation", seed, lambda seen: np.zeros((64, 3)))
    assert drive_tables.route(world).equals(drive_tables.route(slow))


@pytest.mark.parametrize(
    "bad",
    [
        WorldConfig(scenes=0),
        WorldConfig(scenarios=("moon",)),
        WorldConfig(scenarios=("curve+moon",)),
        WorldConfig(scenarios=()),
        WorldConfig(scenarios=("curve", "nudge", "curve")),
        WorldConfig(seed=-1),
        WorldConfig(camera_hz=3),
    ],
)
def test_settings_that_cannot_be(bad):
    with pytest.raises(UsageError):
        export.jobs_of(bad)


def test_six_turns_bring_each_scenario_into_every_split():
    config = WorldConfig(scenes=6 * len(WorldConfig().scenarios))
    jobs = export.jobs_of(config)
    assert len({job.clip_id for job in jobs}) == len(jobs)
    for scenario in config.scenarios:
        assert {job.split for job in jobs if job.scenario == scenario} == {"train", "val", "test"}


def test_six_scenes_bring_every_split():
    assert [job.split for job in export.jobs_of(WorldConfig(scenes=6))] == ["train"] * 4 + ["val", "test"]
