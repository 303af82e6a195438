import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

from causeway.artifacts import Artifact, run
from causeway.clips import ego_of_clip, rows_of_clip, tracks_of_clip
from causeway.clips.ingest import IngestConfig, ingest, ingest_paths
from causeway.clips.readers.tables import reader as tables
from causeway.clips.readers.tables.map import project, sides
from causeway.errors import UnusableInput

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "tables"


def write_rig(root):
    """A drive of 2 s at 5 m/s along world x: a table in degrees and km/h whose origin is 1.5 m ahead of the axle."""
    (root / "tables").mkdir(parents=True)
    (root / "pictures").mkdir()
    ms = np.arange(0, 2001, 100)
    n = len(ms)
    ego = {"ms": ms, "x": 1.5 + ms * 0.005, "y": np.zeros(n), "deg": np.zeros(n), "kmh": np.full(n, 18.0)}
    ego |= {"who": ["ego"] * n, "kind": ["Car"] * n, "l": [4.0] * n, "w": [2.0] * n, "h": [1.6] * n}
    other = {**ego, "who": ["7"] * n, "x": np.full(n, 30.0), "deg": np.full(n, 90.0), "kmh": np.zeros(n)}
    both = {name: [*ego[name], *other[name]] for name in ego}
    pq.write_table(pa.table(both), root / "tables" / "d1_all.parquet")
    for index in range(4):
        Image.new("RGB", (80, 60), (index * 40, 90, 90)).save(root / "pictures" / f"p{index}.jpg")
    lanes = {"a": {"type": "LANE", "polyline": [[0, 0], [20, 0]], "polygon": [[0, 2], [20, 2], [20, -2], [0, -2]]}}
    lanes |= {
        "b": {"type": "LANE", "polyline": [[20, 0], [40, 0]]},
        "c": {"type": "KERB", "polyline": [[0, 0], [1, 0]]},
    }
    (root / "map.json.gz").write_bytes(gzip.compress(json.dumps(lanes).encode()))
    columns = {"t": "ms", "x": "x", "y": "y", "yaw": "deg"}
    units = {"t": "ms", "yaw": "deg", "speed": "kmh"}
    box = {"track_id": "who", "type": "kind", "length": "l", "width": "w", "height": "h"}
    vehicle = {"vehicle_id": "v", "length_m": 4.5, "width_m": 1.8, "wheelbase_m": 2.7, "rear_axle_to_centre_m": 1.3}
    file = "tables/{drive}_all.parquet"
    camera = {
        "name": "front",
        "pictures": "pictures/p*.jpg",
        "times": {"first_s": 0.1, "every_s": 0.5},
        "calibration": {"fx": 100, "fy": 100, "cx": 80, "cy": 60, "width": 160, "height": 120},
        "rig_from_camera": {"position_m": [1.0, 0.0, 1.5], "wxyz": [0.5, -0.5, 0.5, -0.5]},
    }
    rules = [{"type": "LANE", "polygon": True}, {"type": "LANE", "kind": "junction", "polygon": False}]
    return {
        "source": "own",
        "licence": "private",
        "vehicle": vehicle,
        "drives": [{"id": "d1", "place": "here"}],
        "ego": {
            "file": file,
            "rows": {"who": "ego"},
            "columns": {**columns, "speed": "kmh"},
            "units": units,
            "origin_in_rig_m": [1.5, 0.0, 0.0],
        },
        "agents": {
            "file": file,
            "rows": {"who": "7"},
            "columns": columns | box,
            "units": units,
            "types": {"Car": "car"},
        },
        "cameras": [camera],
        "map": {"file": "map.json.gz", "lanes": rules, "join_m": 0.1},
    }


def put(root, mapping):
    (root / "rig.yaml").write_text(yaml.safe_dump(mapping))
    return root / "rig.yaml"


@pytest.fixture
def rig(tmp_path):
    mapping = write_rig(tmp_path)
    return tmp_path, mapping


def ingested(path, out):
    return Artifact(run(ingest, {"drives": str(path)}, out=str(out), config=IngestConfig()))


def test_units_frames_and_origin(rig, tmp_path):
    clips = ingested(put(*rig), tmp_path / "c")
    ego = ego_of_clip(clips, "d1-000")
    np.testing.assert_allclose(ego.x_m, np.arange(21) * 0.5, atol=1e-9)
    np.testing.assert_allclose(ego.speed_mps, 5.0)
    assert clips.table("ego").column("speed_source")[0].as_py() == "measured"
    track = tracks_of_clip(clips, "d1-000").to_pylist()[0]
    # the drive begins with the axle at world x = 0, so the standing car is 30 m ahead, turned to the left
    assert (track["x_m"], track["yaw_rad"], track["z_m"]) == (pytest.approx(30), pytest.approx(np.pi / 2), 0.8)
    assert clips.table("clips").column("place")[0].as_py() == "here"


def test_pictures_have_scaled_intrinsics_and_even_times(rig, tmp_path):
    clips = ingested(put(*rig), tmp_path / "c")
    assert rows_of_clip(clips, "frames", "d1-000").column("t_us").to_pylist() == [
        100_000,
        600_000,
        1_100_000,
        1_600_000,
    ]
    (row,) = clips.table("rigs").to_pylist()
    assert (row["fx"], row["fy"], row["cx"], row["cy"]) == (50, 50, 40, 30)


def test_lanes_have_borders_where_the_map_has_outlines_and_follow_each_other(rig, tmp_path):
    a, b = ingested(put(*rig), tmp_path / "c").table("lanes").to_pylist()
    assert (a["kind"], b["kind"]) == ("drive", "junction")
    assert (a["left"], a["right"]) == ([[0, 2], [20, 2]], [[0, -2], [20, -2]])
    assert (b["left"], a["successors"], b["successors"]) == ([], ["b"], [])


def test_the_fingerprint_covers_every_file(rig):
    path = put(*rig)
    names = {p.name for p in ingest_paths(str(path), IngestConfig())}
    assert names == {"rig.yaml", "d1_all.parquet", "map.json.gz", "p0.jpg", "p1.jpg", "p2.jpg", "p3.jpg"}


def test_rows_after_until_are_quarantined(rig, tmp_path):
    root, mapping = rig
    mapping["ego"]["until"] = 1850
    clips = ingested(put(root, mapping), tmp_path / "c")
    assert clips.table("clips").column("ticks").to_pylist() == [19]
    (row,) = clips.table("quarantine").to_pylist()
    assert row["reason"] == "after_until"
    assert row["detail"] == "2 rows later than 1850, the first is row 19"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m["ego"]["columns"].update(x="gone"), "column gone is missing"),
        (lambda m: m["ego"]["columns"].pop("yaw"), "qw, qx, qy, qz must be mapped"),
        (lambda m: m["ego"]["columns"].update(x="kind"), "column kind is not numbers"),
        (lambda m: m["ego"]["rows"].update(who="nobody"), "no rows of the ego vehicle"),
        (lambda m: m["agents"]["types"].pop("Car"), "'Car' is not in `types`"),
        (lambda m: m["agents"]["types"].update(Car="tank"), "'tank' is no track type"),
        (lambda m: m.update(colour="red"), "colour: Extra inputs"),
        (lambda m: m["ego"].update(file="none.parquet"), "not there"),
        (lambda m: m["ego"].update(file="${NO_SUCH_FOLDER}/x.parquet"), "NO_SUCH_FOLDER is not set"),
        (lambda m: m["cameras"][0].update(pictures="pictures/q*.jpg"), "no picture matches"),
        (lambda m: m["cameras"][0]["calibration"].update(width=1000), "no scaled copy"),
    ],
)
def test_a_wrong_mapping_is_one_clear_line(rig, tmp_path, change, message):
    root, mapping = rig
    change(mapping)
    with pytest.raises(UnusableInput, match=message) as caught:
        ingested(put(root, mapping), tmp_path / "c")
    assert "\n" not in str(caught.value)


def test_yaml_that_is_none(tmp_path):
    (tmp_path / "x.yaml").write_text("a: [")
    with pytest.raises(UnusableInput, match="not YAML"):
        tables.recordings(tmp_path / "x.yaml")


def test_project_and_sides():
    line = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0]])
    along, lateral = project(np.array([[4.0, 1.0], [11.0, 5.0]]), line)
    np.testing.assert_allclose(along, [4, 15])
    np.testing.assert_allclose(lateral, [1, -1])
    left, right = sides(line, np.zeros((0, 2)))
    assert len(left) == len(right) == 0


def test_nuscenes_pictures_agree_with_the_ego_path(test_drives, monkeypatch):
    """Real scene: after clock repair the pictures are 0.5 s apart and the published mounting fits the poses."""
    if not (test_drives / "nuscenes_0061_front").is_dir():
        pytest.skip("no nuscenes_0061_front among the test drives")
    monkeypatch.setenv("CAUSEWAY_TEST_DRIVES", str(test_drives))
    (recording,) = tables.recordings(EXAMPLES / "nuscenes_0061.yaml")
    drive = recording.open()
    times = np.array([frame.t_us for frame in drive.frames("front")])
    assert len(times) == 39
    assert np.abs(times - times[0] - np.arange(39) * 500_000).max() <= 80_000
    assert (drive.rig.cameras[0].width, round(drive.rig.cameras[0].fx, 2)) == (640, 506.57)
    assert drive.tracks is not None
    assert drive.tracks.num_rows == 22_420
    assert len(drive.lanes) == 460


def test_all_nuscenes_scenes_come_through_those_that_stand_too(test_drives, monkeypatch):
    if not (test_drives / "nuscenes_mini_traffic").is_dir():
        pytest.skip("no nuscenes_mini_traffic among the test drives")
    monkeypatch.setenv("CAUSEWAY_TEST_DRIVES", str(test_drives))
    from causeway.clips.motion import resample

    drives = {r.drive_id: r.open() for r in tables.recordings(EXAMPLES / "nuscenes_mini.yaml")}
    motions = {name: resample(drive.ego) for name, drive in drives.items()}
    assert {name: len(m.t_us) for name, m in motions.items()} == {
        "scene-0061": 191,
        "scene-0103": 194,
        "scene-0553": 201,
        "scene-0757": 201,
        "scene-0796": 196,
        "scene-1094": 195,
    }
    standing = {name: float((np.abs(m.speed_mps) < 0.2).mean()) for name, m in motions.items()}
    assert standing["scene-0553"] == 1.0
    assert 0.5 < standing["scene-0757"] < 0.6
    for name, drive in drives.items():  # nobody drives backwards, or off the map
        assert motions[name].speed_mps.min() > -0.1, name
        lanes = np.concatenate([np.array(lane["centre"]) for lane in drive.lanes])
        path = motions[name].xyz_m[::10, :2]
        assert np.linalg.norm(lanes[None] - path[:, None], axis=-1).min(axis=1).max() < 2.0, name


def test_the_whole_of_the_boreas_drive(test_drives, monkeypatch):
    if not (test_drives / "boreas_ego").is_dir():
        pytest.skip("no boreas_ego among the test drives")
    monkeypatch.setenv("CAUSEWAY_TEST_DRIVES", str(test_drives))
    (recording,) = tables.recordings(EXAMPLES / "boreas.yaml")
    drive = recording.open()
    assert (drive.drive_id, len(drive.ego.t_us)) == ("boreas-2021-08-05-13-34", 11_189)
    assert (drive.ego.t_us[-1] - drive.ego.t_us[0]) * 1e-6 == pytest.approx(1118.8, abs=0.01)
    from causeway.clips.motion import resample

    motion = resample(drive.ego)
    assert motion.speed_source == "measured"
    assert np.abs(motion.speed_mps - motion.derived_speed_mps).mean() < 0.1
