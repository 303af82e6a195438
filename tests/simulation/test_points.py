"""The depth sensor: points on what stands there and on the ground, and their way through drives into clips."""

import csv

import numpy as np
import pyarrow as pa
import pytest

from causeway.artifacts import Artifact, run
from causeway.clips.ingest import IngestConfig, ingest
from causeway.clips.readers.physicalai import layout
from causeway.errors import UsageError
from causeway.simulation import drive_tables
from causeway.simulation.export import WorldConfig, jobs_of
from causeway.simulation.pictures.raster import DEPTH_REACH_M
from tests.clips.physicalai_fixture import _add, _parquet, write_drives
from tests.simulation.driving import expert_drive
from tests.simulation.stage import agent, scanned


def test_points_lie_on_the_ground_where_nothing_stands():
    points = scanned()
    assert len(points) > 300
    near = points[points[:, 0] < 30]
    assert np.abs(near[:, 2]).max() < 0.05
    assert points[:, 0].max() <= DEPTH_REACH_M + 2.0
    np.testing.assert_allclose(scanned(pose=(5.0, 0.0, 0.0)), points, atol=0.02)  # in the rig's own frame


def test_points_lie_on_the_back_of_a_car_ahead():
    bare, points = scanned(), scanned([agent("car", s_m=20.0)])
    raised = points[(points[:, 2] > 0.3) & (np.abs(points[:, 1]) < 1.0)]
    assert len(raised) > 2
    assert ((raised[:, 0] > 17.0) & (raised[:, 0] < 22.5)).all()
    assert (raised[:, 2] < 1.6).all()
    assert not (bare[np.abs(bare[:, 1]) < 1.0][:, 2] > 0.3).any()
    turned = scanned([agent("car", s_m=20.0)], pose=(0.0, 0.0, 0.3))  # looks to the left: the car is to the right
    seen = turned[(turned[:, 2] > 0.3) & (np.hypot(turned[:, 0], turned[:, 1]) < 25)]
    assert len(seen) > 2
    assert (seen[:, 1] < -3.0).all()


def test_scans_of_a_drive_are_those_of_its_ticks():
    world = expert_drive("curve", 0)
    table = drive_tables.points(world, 2)
    assert tuple(table.column_names) == layout.POINTS_COLUMNS
    assert table.column("timestamp").to_pylist() == [tick.t_us for tick in world.ticks[::5]]
    third = np.reshape(table.column("xyz_m")[2].as_py(), (-1, 3))
    np.testing.assert_allclose(third, world.points(10), atol=6e-4)


def test_scans_go_into_clips_and_those_of_no_pose_are_counted(tmp_path):
    root = write_drives(tmp_path / "drives", ["a"])
    with (root / layout.FEATURES_CSV).open("a", newline="") as file:
        csv.DictWriter(file, layout.FEATURES_COLUMNS).writerow(layout.POINTS.row())
    scans = pa.table({"timestamp": [0, 500_000, 99_000_000], "xyz_m": [[1.0, 2.0, 3.0], [], [4.0, 5.0, 6.0]]})
    _add(root, layout.POINTS.chunk(0), layout.POINTS.member("a", layout.POINTS.name), _parquet(scans))
    config = IngestConfig(layout="physicalai-av")
    clips = Artifact(run(ingest, {"drives": str(root)}, out=str(tmp_path / "clips"), config=config))
    rows = clips.table("points").to_pylist()
    assert [(row["t_us"], row["xyz_m"]) for row in rows] == [(0, [1.0, 2.0, 3.0]), (500_000, [])]
    (left_out,) = [row for row in clips.table("quarantine").to_pylist() if "scan" in row["where"]]
    assert left_out["reason"] == "no_ego_pose"


@pytest.mark.parametrize("hz", [-1, 3, 20])
def test_scans_at_a_rate_that_ticks_do_not_have_are_refused(hz):
    with pytest.raises(UsageError, match="points_hz"):
        jobs_of(WorldConfig(points_hz=hz))
