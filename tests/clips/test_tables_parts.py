"""Agents in the rig's frame, lights, maps in each form, videos, and drives found by a pattern."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

from causeway.artifacts import Artifact, run
from causeway.clips.ingest import IngestConfig, ingest
from causeway.clips.readers.tables import reader as tables
from causeway.errors import UnusableInput
from tests.clips.physicalai_fixture import video_bytes
from tests.clips.test_tables_conventions import BASE

N = 31


@pytest.fixture
def rig(tmp_path):
    """3 s at 5 m/s along y from (10, 0), so that ahead is y and left is -x."""
    t = np.arange(N) * 0.1
    ego = {"t": t, "x": np.full(N, 10.0), "y": 5 * t, "yaw": np.full(N, np.pi / 2)}
    pq.write_table(pa.table(ego), tmp_path / "ego.parquet")
    columns = {name: name for name in ego}
    return tmp_path, BASE | {"ego": {"file": "ego.parquet", "columns": columns}}


def put(root, mapping):
    (root / "rig.yaml").write_text(yaml.safe_dump(mapping))
    return root / "rig.yaml"


def opened(root, mapping):
    (recording,) = tables.recordings(put(root, mapping))
    return recording.open()


def whole(rows):
    """All rows of tracks or lights that are on disk."""
    return rows.between(-(2**62), 2**62)


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
    ego = pq.read_table(root / "ego.parquet").append_column("z", pa.array(down * (500.0 + np.arange(N))))
    pq.write_table(ego, root / "ego.parquet")
    mapping = mapping | {
        "ego": {"file": "ego.parquet", "columns": {n: n for n in ego.column_names}},
        "world_axes": axes,
    }
    drive = with_boxes(root, mapping, boxes([0.0, 1.25]), frame=frame, origin_in_rig_m=[1.0, 0.0, 1.9])
    np.testing.assert_allclose(whole(drive.tracks).column("z_m").to_numpy(), [500.75, 512.75])


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


def lights(root, hold_s):
    table = {"t": [0, 1000, 2000], "light": ["A", "A", "B"], "colour": ["G", "R", "G"]}
    (root / "lights.csv").write_text(
        "\n".join(",".join(map(str, row)) for row in zip(*([k, *v] for k, v in table.items()), strict=True))
    )
    spec = {"file": "lights.csv", "columns": {"t": "t", "signal_id": "light", "state": "colour"}, "units": {"t": "ms"}}
    return spec | {"states": {"G": "green", "R": "red"}, "lanes": {"A": ["1", "2"]}, "hold_s": hold_s}


def test_light_states_as_they_are(rig):
    root, mapping = rig
    drive = opened(root, mapping | {"signals": lights(root, 0)})
    assert whole(drive.signals).to_pylist() == [
        {"t_us": 0, "signal_id": "A", "state": "green", "lane_ids": ["1", "2"]},
        {"t_us": 1_000_000, "signal_id": "A", "state": "red", "lane_ids": ["1", "2"]},
        {"t_us": 2_000_000, "signal_id": "B", "state": "green", "lane_ids": []},
    ]


def test_a_change_holds_until_the_next_one_but_not_for_ever(rig):
    root, mapping = rig
    rows = whole(opened(root, mapping | {"signals": lights(root, 1.5)}).signals).to_pylist()
    a = [(row["t_us"] // 100_000, row["state"]) for row in rows if row["signal_id"] == "A"]
    assert a == [(i, "green") for i in range(10)] + [(i, "red") for i in range(10, 25)]
    assert sum(row["signal_id"] == "B" for row in rows) == 11  # up to the last pose, at 3.0 s


OBJECTS = [
    {"id": "a", "type": "LANE", "polyline": [[10, 0], [10, 20]], "successors": ["b"]},
    {
        "id": "b",
        "type": "LANE",
        "polyline": [[10, 20], [10, 40]],
        "left": [[8, 20], [8, 40]],
        "right": [[12, 20], [12, 40]],
    },
    {"id": "s", "type": "STOP", "polyline": [[8, 20], [12, 20]], "lane_ids": ["a"]},
    {"id": "z", "type": "ZEBRA", "polygon": [[8, 22], [12, 22], [12, 25], [8, 25]]},
    {"id": "k", "type": "KERB", "polyline": [[0, 0], [1, 1]]},
]
RULES = {
    "lanes": [{"type": "LANE"}],
    "elements": [{"type": "STOP", "kind": "stop_line"}, {"type": "ZEBRA", "kind": "crosswalk"}],
}


def _json_list(root):
    (root / "map.json").write_text(json.dumps(OBJECTS))
    return {"file": "map.json"}


def _json_by_id(root):
    (root / "map.json").write_text(json.dumps({o["id"]: o for o in OBJECTS}))
    return {"file": "map.json"}


def _geojson(root):
    features = []
    for item in OBJECTS:
        closed = "polygon" in item
        geometry = {
            "type": "Polygon" if closed else "LineString",
            "coordinates": [item["polygon"]] if closed else item["polyline"],
        }
        properties = {k: v for k, v in item.items() if k not in ("polyline", "polygon", "id")}
        features.append({"type": "Feature", "id": item["id"], "properties": properties, "geometry": geometry})
    (root / "map.json").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return {"file": "map.json"}


def _parquet(root):
    names = ["id", "type", "polyline", "polygon", "left", "right", "successors", "lane_ids"]
    pq.write_table(pa.Table.from_pylist([{n: o.get(n) for n in names} for o in OBJECTS]), root / "map.parquet")
    return {"file": "map.parquet"}


def _vertices(root):
    rows = [
        {
            "id": o["id"],
            "type": o["type"],
            "x": x,
            "y": y,
            "part": part,
            "successors": " ".join(o.get("successors", [])),
            "lane_ids": " ".join(o.get("lane_ids", [])),
        }
        for o in OBJECTS
        for part in ("polyline", "polygon", "left", "right")
        for x, y in o.get(part, [])
    ]
    pa.csv.write_csv(pa.Table.from_pylist(rows), root / "map.csv")
    return {"file": "map.csv", "vertices": {"part": "part"}}


@pytest.mark.parametrize("write", [_json_list, _json_by_id, _geojson, _parquet, _vertices])
def test_a_map_in_each_form(rig, write):
    root, mapping = rig
    drive = opened(root, mapping | {"map": {**write(root), **RULES}})
    lanes = {lane["lane_id"]: lane for lane in drive.lanes}
    assert sorted(lanes) == ["a", "b"]
    assert lanes["a"]["centre"] == [[10, 0], [10, 20]]
    assert (lanes["a"]["successors"], lanes["b"]["left"], lanes["a"]["left"]) == (["b"], [[8, 20], [8, 40]], [])
    stop, zebra = sorted(drive.road_elements, key=lambda e: e["element_id"])
    assert (stop["kind"], stop["shape"], stop["lane_ids"]) == ("stop_line", [[8, 20], [12, 20]], ["a"])
    assert (zebra["kind"], zebra["shape"][:3], zebra["lane_ids"]) == ("crosswalk", [[8, 22], [12, 22], [12, 25]], [])


def test_objects_that_are_none_or_have_no_name_or_another_s_are_counted(rig):
    root, mapping = rig
    lane = {"type": "LANE", "polyline": [[0, 0], [1, 0]]}
    stop = {"id": "a", "type": "STOP", "polyline": [[0, 0], [1, 0]]}
    (root / "map.json").write_text(
        json.dumps([{"id": "a", **lane}, {"id": "a", **lane}, {"id": None, **lane}, 7, stop])
    )
    drive = opened(root, mapping | {"map": {"file": "map.json", **RULES}})
    assert ([row["lane_id"] for row in drive.lanes], [row["element_id"] for row in drive.road_elements]) == (
        ["a"],
        ["a"],
    )
    ((_, _, detail),) = drive.quarantined
    assert detail == "3 objects have no usable shape or id; the first is a: another object has the same id"


@pytest.mark.parametrize("part", ["id", "type", "kerb"])
def test_vertices_of_parts_that_are_not_read_are_left(rig, part):
    root, mapping = rig
    rows = [("polyline", 0), ("polyline", 9), (part, 5)]
    (root / "map.csv").write_text("id,type,part,x,y\n" + "".join(f"a,LANE,{name},{x},0\n" for name, x in rows))
    drive = opened(root, mapping | {"map": {"file": "map.csv", "vertices": {"part": "part"}, **RULES}})
    assert [lane["centre"] for lane in drive.lanes] == [[[0, 0], [9, 0]]]


@pytest.mark.parametrize(
    "feature", [7, {"geometry": [1]}, {"properties": 3}, {"geometry": {"type": "Polygon", "coordinates": {}}}]
)
def test_features_that_are_none_are_counted_or_of_no_type(rig, feature):
    root, mapping = rig
    good = {
        "id": "a",
        "properties": {"type": "LANE"},
        "geometry": {"type": "LineString", "coordinates": [[0, 0], [1, 0]]},
    }
    (root / "map.json").write_text(json.dumps({"features": [good, feature]}))
    drive = opened(root, mapping | {"map": {"file": "map.json", **RULES}})
    assert [lane["lane_id"] for lane in drive.lanes] == ["a"]
    assert len(drive.quarantined) == (1 if feature == 7 else 0)


def test_map_units_offset_and_objects_without_a_shape(rig):
    root, mapping = rig
    bad = [
        {"id": "x", "type": "LANE", "polyline": [[0, 0]]},
        {"id": "y", "type": "STOP"},
        {"type": "LANE", "polyline": [[0, 0], [1, "n"]]},
    ]
    (root / "map.json").write_text(json.dumps([{"id": "a", "type": "LANE", "polyline": [[0, 0], [0, 2000]]}, *bad]))
    drive = opened(root, mapping | {"map": {"file": "map.json", **RULES, "length": "cm", "offset_m": [10.0, 1.0]}})
    assert [lane["centre"] for lane in drive.lanes] == [[[10, 1], [10, 21]]]
    ((where, why, detail),) = drive.quarantined
    assert (where, why) == ("map objects", "no_shape")
    assert detail.startswith("3 objects have no usable shape or id; the first is x: a lane needs")


CAMERA = {
    "name": "front",
    "calibration": {
        "file": "k.json",
        "fx": "K.0.0",
        "fy": "K.1.1",
        "cx": "K.0.2",
        "cy": "K.1.2",
        "width": 128,
        "height": 96,
    },
    "rig_from_camera": {"position_m": [1.5, 0.0, 1.4]},
}


def with_camera(rig, **camera):
    root, mapping = rig
    (root / "k.json").write_text(json.dumps({"K": [[100, 0, 64], [0, 100, 48], [0, 0, 1]]}))
    return mapping | {"cameras": [CAMERA | camera]}


def test_a_video_with_its_times_in_a_file(rig, tmp_path):
    (tmp_path / "v.mp4").write_bytes(video_bytes(10))
    (tmp_path / "times.json").write_text(json.dumps([0.5 + 0.2 * i for i in range(8)]))
    times = {"file": "times.json", "offset_s": 0.05}
    drive = opened(tmp_path, with_camera(rig, video="v.mp4", times=times))
    frames = list(drive.frames("front"))
    assert [frame.t_us for frame in frames] == [550_000 + 200_000 * i for i in range(8)]
    assert frames[0].load().shape == (48, 64, 3)
    assert drive.quarantined == (("front", "no_time", "2 of 10 pictures have no time of their own; check `times`"),)
    (camera,) = drive.rig.cameras
    assert (camera.width, camera.fx, camera.cx) == (64, 50.0, 32.0)
    np.testing.assert_allclose(camera.rig_from_camera[:3, :3], [[0, 0, 1], [-1, 0, 0], [0, -1, 0]], atol=1e-12)


def test_a_video_with_a_frame_rate_becomes_pictures_of_clips(rig, tmp_path):
    (tmp_path / "v.mp4").write_bytes(video_bytes(20))
    path = put(tmp_path, with_camera(rig, video="v.mp4", times={"fps": 10, "first_s": 0.5}))
    clips = Artifact(run(ingest, {"drives": str(path)}, out=str(tmp_path / "c"), config=IngestConfig()))
    assert clips.table("frames").column("t_us").to_pylist() == [500_000 + 100_000 * i for i in range(20)]


def pictures(root, names):
    (root / "p").mkdir()
    for name in names:
        Image.new("RGB", (64, 48)).save(root / "p" / name)


def test_times_in_the_names_of_pictures(rig, tmp_path):
    pictures(tmp_path, ["cam_1000500000.jpg", "cam_1000700000.jpg", "cam_x.jpg"])
    times = {"names": True, "unit": "ns", "offset_s": -1.0}
    drive = opened(tmp_path, with_camera(rig, pictures="p/*.jpg", times=times))
    assert [frame.t_us for frame in drive.frames("front")] == [500, 700]
    assert drive.quarantined[0][1:] == ("no_time", "1 of 3 pictures have no time of their own; check `times`")


def test_pictures_whose_names_do_not_sort_by_time_come_in_order_of_time(rig, tmp_path):
    pictures(tmp_path, ["cam_10.jpg", "cam_9.jpg", "cam_100.jpg"])
    times = {"names": True, "unit": "ms"}
    drive = opened(tmp_path, with_camera(rig, pictures="p/*.jpg", times=times))
    assert [(frame.t_us, frame.where.rsplit("_")[-1]) for frame in drive.frames("front")] == [
        (9_000, "9.jpg"),
        (10_000, "10.jpg"),
        (100_000, "100.jpg"),
    ]


def test_times_by_the_names_of_pictures(rig, tmp_path):
    pictures(tmp_path, ["a.jpg", "b.jpg"])
    (tmp_path / "t.csv").write_text("name,t\nx/b.jpg,0.7\nx/a.jpg,0.5\n")
    times = {"file": "t.csv", "column": "t", "name_column": "name"}
    drive = opened(tmp_path, with_camera(rig, pictures="p/*.jpg", times=times))
    assert [frame.t_us for frame in drive.frames("front")] == [500_000, 700_000]


@pytest.mark.parametrize(("facing", "down", "ahead"), [(90, 0, [0, 1, 0]), (180, 0, [-1, 0, 0]), (0, 90, [0, 0, -1])])
def test_where_a_camera_looks(rig, tmp_path, facing, down, ahead):
    pictures(tmp_path, ["a.jpg"])
    mounting = {"position_m": [0, 0, 1], "facing_deg": facing, "down_deg": down}
    drive = opened(tmp_path, with_camera(rig, pictures="p/*.jpg", times={"every_s": 1}, rig_from_camera=mounting))
    pose = drive.rig.cameras[0].rig_from_camera
    np.testing.assert_allclose(pose[:3, 2], ahead, atol=1e-12)
    np.testing.assert_allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-12)
    assert np.linalg.det(pose[:3, :3]) == pytest.approx(1.0)


def test_drives_by_a_pattern_and_one_said_more_of(rig, tmp_path):
    root, mapping = rig
    for name in ("mon/a_ego", "mon/b_ego", "tue/c_ego"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / f"{name}.parquet").write_bytes((root / "ego.parquet").read_bytes())
    ego = mapping["ego"] | {"file": "{day}/{drive}_ego.parquet"}
    drives = [
        {"id": "b", "values": {"day": "mon"}, "until": 1.0, "place": "here"},
        {"glob": "{day}/{drive}_ego.parquet"},
    ]
    found = [r.open() for r in tables.recordings(put(root, mapping | {"ego": ego, "drives": drives}))]
    assert [(d.drive_id, d.place, len(d.ego.t_us)) for d in found] == [("b", "here", 11), ("a", "", N), ("c", "", N)]
    found = [r.open() for r in tables.recordings(put(root, mapping | {"ego": ego, "drives": drives[::-1]}))]
    assert [(d.drive_id, len(d.ego.t_us)) for d in found] == [("a", N), ("c", N), ("b", 11)]
    with pytest.raises(UnusableInput, match="finds nothing"):
        tables.recordings(put(root, mapping | {"drives": [{"glob": "{drive}.none"}]}))


def test_a_drive_whose_name_is_no_id_is_read_all_the_same(rig):
    root, mapping = rig
    (root / "my drive (2)").mkdir()
    (root / "my drive (2)" / "ego.parquet").write_bytes((root / "ego.parquet").read_bytes())
    ego = mapping["ego"] | {"file": "{drive}/ego.parquet"}
    (recording,) = tables.recordings(put(root, mapping | {"ego": ego, "drives": [{"glob": "{drive}/ego.parquet"}]}))
    assert recording.drive_id == "my_drive_2_"
    assert len(recording.open().ego.t_us) == N


def test_drives_of_one_name_in_two_folders_are_not_silently_one(rig, tmp_path):
    root, mapping = rig
    for day in ("mon", "tue"):
        (root / day).mkdir()
        (root / day / "a.parquet").write_bytes((root / "ego.parquet").read_bytes())
    ego = mapping["ego"] | {"file": "{day}/{drive}.parquet"}
    path = put(root, mapping | {"ego": ego, "drives": [{"glob": "{day}/{drive}.parquet"}]})
    clips = Artifact(run(ingest, {"drives": str(path)}, out=str(tmp_path / "c"), config=IngestConfig()))
    (row,) = clips.table("quarantine").to_pylist()
    assert (row["source"], "a second drive of this name" in row["detail"]) == ("a", True)


def test_many_drives_in_one_table_and_one_that_lacks_its_file(rig, tmp_path):
    root, mapping = rig
    table = pq.read_table(root / "ego.parquet")
    both = pa.concat_tables([table.append_column("run", pa.array([name] * N)) for name in ("r1", "r2")])
    pq.write_table(both, root / "all.parquet")
    ego = mapping["ego"] | {"file": "all.parquet", "rows": {"run": ["{drive}", "x"]}}
    found = [
        r.open() for r in tables.recordings(put(root, mapping | {"ego": ego, "drives": [{"id": "r1"}, {"id": "r2"}]}))
    ]
    assert [len(d.ego.t_us) for d in found] == [N, N]
    ego = mapping["ego"] | {"file": "{drive}.parquet"}
    path = put(root, mapping | {"ego": ego, "drives": [{"id": "ego"}, {"id": "gone"}]})
    clips = Artifact(run(ingest, {"drives": str(path)}, out=str(tmp_path / "c"), config=IngestConfig()))
    (row,) = clips.table("quarantine").to_pylist()
    assert (row["source"], row["reason"]) == ("gone", "drive_unusable")
    assert "gone.parquet: not there" in row["detail"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"drives": [{"id": "a"}, {"id": "a"}]}, "drive a is there twice"),
        ({"drives": [{}]}, "drives.0: give either `id` or `glob`"),
        ({"drives": [{"glob": "x/*.parquet"}]}, "drives.0: a glob needs {drive}"),
        ({"drives": [{"id": "../x"}]}, "drives.0.id: String should match"),
        (
            {"ego": {"file": "e", "columns": {"t": "t", "x": "x", "y": "y", "yaw": "w", "jaw": "q"}}},
            "ego.columns: 'jaw' is no column",
        ),
        ({"ego": {"file": "e", "columns": {"t": "t", "x": ["x"], "y": "y", "yaw": "w"}}}, "ego.columns.x: "),
        (
            {"ego": {"file": "e", "columns": {"t": "t", "x": "x", "y": "y", "yaw": "w"}, "units": {"t": "minutes"}}},
            "ego.units.t: Input should be 's'",
        ),
        ({"map": {"file": "m.json"}}, "map: name at least one type"),
        (
            {"map": {"file": "m", "elements": [{"type": "A", "kind": "wall"}]}},
            "map.elements.0.kind: 'wall' is no kind of road element",
        ),
        (
            {"signals": {"file": "s", "columns": {"t": "t", "signal_id": "i", "state": "s"}, "states": {}}},
            "signals: map the column lane_ids",
        ),
        (
            {"cameras": [CAMERA | {"video": "v.mp4", "times": {}}]},
            "cameras.0.times: give one of every_s, fps, file, names; there is none",
        ),
        ({"cameras": [CAMERA | {"times": {"fps": 1}}]}, "cameras.0: give either `pictures` or `video`"),
        ({"vehicle": BASE["vehicle"] | {"length_m": float("nan")}}, "vehicle.length_m: "),
        ({"vehicle": BASE["vehicle"] | {"length_m": -1}}, "vehicle.length_m: Input should be greater than 0"),
    ],
)
def test_a_wrong_mapping_names_the_key(rig, change, message):
    root, mapping = rig
    with pytest.raises(UnusableInput) as caught:
        tables.recordings(put(root, mapping | change))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_example_on_the_page_is_a_mapping(tmp_path):
    from pathlib import Path

    from causeway.clips.readers.tables.mapping import read_mapping

    page = (Path(__file__).resolve().parents[2] / "docs" / "own-drives.md").read_text()
    (tmp_path / "rig.yaml").write_text(page.split("```yaml\n")[1].split("```")[0])
    mapping = read_mapping(tmp_path / "rig.yaml")
    assert mapping.agents is not None
    assert mapping.signals is not None
    assert mapping.map is not None
    assert (mapping.agents.frame, mapping.signals.hold_s, len(mapping.cameras), mapping.world) == (
        "rig",
        60,
        1,
        "utm-32n",
    )
