"""Agents' boxes out of own tables: frames, heights, times, types."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from causeway.artifacts import run
from causeway.clips.ingest import IngestConfig, ingest
from causeway.errors import UnusableInput
from tests.clips.own_tables import POSES, opened, put, whole

BOXES = {"track_id": "id", "type": "kind", "length": 4.0, "width": 2.0, "height": 1.5}
BOXES |= {"t": "t", "x": "ahead", "y": "left", "yaw": 0.0, "vx": "v", "vy": 0.0}


def test_boxes_in_the_rig_s_frame_are_placed_and_known_with_the_later_pose(rig):
    root, mapping = rig
    boxes = {"t": [0.1, 0.15, 99.0], "id": [1, 1, 1], "kind": ["Auto"] * 3, "ahead": [20.0] * 3, "left": [3.0] * 3}
    pq.write_table(pa.table(boxes | {"v": [36.0] * 3}), root / "boxes.parquet")
    spec = {"file": "boxes.parquet", "columns": BOXES, "types": {"*": "car"}, "frame": "rig"}
    spec |= {"units": {"speed": "kmh"}, "origin_in_rig_m": [1.0, 0.0, 0.0], "truck_from_m": 3.5}
    drive = opened(root, mapping | {"agents": spec})
    tracks = whole(drive.tracks)
    assert tracks.column("observed_us").to_pylist() == [100_000, 200_000]
    np.testing.assert_allclose(tracks.column("x_m").to_numpy(), 10 - 3.0)
    np.testing.assert_allclose(tracks.column("y_m").to_numpy(), [0.5 + 21, 0.75 + 21])
    np.testing.assert_allclose(tracks.column("vy_mps").to_numpy(), 10.0)
    np.testing.assert_allclose(tracks.column("vx_mps").to_numpy(), 0.0, atol=1e-12)
    np.testing.assert_allclose(tracks.column("yaw_rad").to_numpy(), np.pi / 2)
    assert tracks.column("type").to_pylist() == ["truck", "truck"]
    assert drive.quarantined == (("box rows", "no_ego_pose", "1 of 3, the first is row 2"),)


def with_boxes(root, mapping, table, **spec):
    pq.write_table(pa.table(table), root / "boxes.parquet")
    given = {"file": "boxes.parquet", "columns": {**BOXES, "vx": 0.0}, "types": {"*": "car"}}
    return opened(root, mapping | {"agents": given | spec})


def boxes(t, ids=None, **columns):
    n = len(t)
    ids = [1] * n if ids is None else ids
    return {"t": t, "id": ids, "kind": ["Auto"] * n, "ahead": [20.0] * n, "left": [3.0] * n} | columns


def test_boxes_of_other_times_and_those_that_are_there_twice_are_counted(rig):
    root, mapping = rig
    table = boxes([0.1, 0.1, None, 3.5, 3.7, -900.0], ids=[1, 1, 1, 1, 1, 2], left=[3.0, 4.0, 3.0, 3.0, 3.0, 3.0])
    drive = with_boxes(root, mapping, table)  # the drive ends at 3.0 s; up to 0.6 s on a sighting may reach a tick
    assert whole(drive.tracks).select(["t_us", "y_m"]).to_pylist() == [
        {"t_us": 100_000, "y_m": 3.0},
        {"t_us": 3_500_000, "y_m": 3.0},
    ]
    assert drive.quarantined == (
        ("box rows", "incomplete", "1 of 6, the first is row 2"),
        ("box rows", "no_ego_pose", "2 of 6, the first is row 4"),
        ("box rows", "same_object_same_time", "1 boxes of objects that have another one at the same time"),
    )


@pytest.mark.parametrize("axes", ["enu", "ned"])
@pytest.mark.parametrize("frame", ["world", "rig"])
def test_a_box_without_a_height_stands_on_the_road_under_the_rig(rig, axes, frame):
    root, mapping = rig
    down = -1.0 if axes == "ned" else 1.0
    ego = pq.read_table(root / "ego.parquet").append_column("z", pa.array(down * (500.0 + np.arange(POSES))))
    pq.write_table(ego, root / "ego.parquet")
    mapping = mapping | {
        "ego": {"file": "ego.parquet", "columns": {n: n for n in ego.column_names}},
        "world_axes": axes,
    }
    drive = with_boxes(root, mapping, boxes([0.0, 1.25]), frame=frame, origin_in_rig_m=[1.0, 0.0, 1.9])
    assert whole(drive.tracks).column("z_m").to_pylist() == pytest.approx([500.75, 512.75], rel=1e-7)


def test_the_order_of_a_table_s_rows_does_not_matter(rig, tmp_path):
    root, mapping = rig
    times = np.tile(np.arange(0, 3.0, 0.05), 3)
    table = pa.table(boxes(times, ids=np.repeat([7, 8, 9], 60), left=np.sin(times)))
    hashes = set()
    for order in (np.arange(180), np.argsort(times, kind="stable"), np.random.default_rng(0).permutation(180)):
        pq.write_table(table.take(pa.array(order)), root / "boxes.parquet", row_group_size=50)
        spec = {"file": "boxes.parquet", "columns": {**BOXES, "vx": 0.0}, "types": {"*": "car"}}
        path = put(root, mapping | {"agents": spec})
        made = run(
            ingest, {"drives": str(path)}, out=str(tmp_path / f"c{len(hashes)}-{order[1]}"), config=IngestConfig()
        )
        hashes.add(made.content_hash)
    assert len(hashes) == 1


def test_a_compass_heading_of_boxes_seen_from_the_rig_is_refused(rig):
    root, mapping = rig
    with pytest.raises(
        UnusableInput, match="agents: boxes in the rig's frame have their yaw from the vehicle's x axis"
    ):
        with_boxes(root, mapping, boxes([0.1]), frame="rig", heading="compass")


def test_types_that_are_not_named(rig):
    root, mapping = rig
    boxes = {"t": [0.1], "id": [1], "kind": ["Auto"], "ahead": [20.0], "left": [3.0], "v": [1.0]}
    pq.write_table(pa.table(boxes), root / "boxes.parquet")
    spec = {"file": "boxes.parquet", "columns": BOXES, "types": {"Bus": "bus"}}
    with pytest.raises(UnusableInput, match="'Auto' is not in `types`"):
        opened(root, mapping | {"agents": spec})
