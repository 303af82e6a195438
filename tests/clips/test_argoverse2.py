import json

import numpy as np
import pyarrow.compute as pc
import pytest

from causeway.artifacts import Artifact, run
from causeway.clips import ego_of_clip, rows_of_clip
from causeway.clips.ingest import IngestConfig, ingest
from causeway.clips.readers.argoverse2 import feather_files
from causeway.clips.readers.argoverse2 import reader as argoverse2
from causeway.clips.readers.argoverse2 import tracks as argoverse2_tracks
from causeway.errors import UnusableInput
from tests.clips.argoverse2_fixture import (
    CAMERA,
    LOG,
    T0_NS,
    boxes,
    city_map,
    jpeg,
    poses,
    segment,
    write_camera,
    write_log,
    write_map,
    write_table,
)
from tests.clips.own_tables import whole

POSES, BOXES = "city_SE3_egovehicle.feather", "annotations.feather"


def opened(root):
    (recording,) = argoverse2.recordings(root)
    return recording.open()


def reasons(drive):
    return [reason for _, reason, _ in drive.quarantined]


def ingested(root, out, **config):
    return Artifact(run(ingest, {"drives": str(root)}, out=str(out), config=IngestConfig(**config)))


def test_a_log_becomes_a_clip_in_the_rig_frame(tmp_path):
    log = write_log(tmp_path / "av2")
    write_camera(log)
    clips = ingested(tmp_path / "av2", tmp_path / "c")
    clip_id = f"av2-{LOG}-000"
    (row,) = clips.table("clips").to_pylist()
    assert (row["clip_id"], row["place"], row["source"], row["cameras"]) == (
        clip_id, "pittsburgh", "argoverse2", [CAMERA],
    )  # fmt: skip
    assert (row["has_tracks"], row["has_map"], row["has_signals"]) == (True, True, False)
    assert row["start_us"] == T0_NS // 1000
    ego = ego_of_clip(clips, clip_id)
    np.testing.assert_allclose(ego.x_m, np.arange(31.0), atol=1e-6)
    np.testing.assert_allclose([ego.y_m, ego.z_m, ego.yaw_rad], 0, atol=1e-6)
    car = rows_of_clip(clips, "tracks", clip_id)
    np.testing.assert_allclose(car.column("x_m").to_numpy(), 20 + np.arange(31.0), atol=1e-6)
    np.testing.assert_allclose(car.column("y_m").to_numpy(), 3.0, atol=1e-6)
    np.testing.assert_allclose(car.column("z_m").to_numpy(), 0.5 + 0.33, atol=1e-6)  # the axle is above the ground
    np.testing.assert_allclose(car.column("yaw_rad").to_numpy(), np.pi / 2, atol=1e-6)
    np.testing.assert_allclose(car.column("vx_mps").to_numpy(), 10.0, atol=1e-5)
    frames = rows_of_clip(clips, "frames", clip_id).to_pylist()
    assert [frame["t_us"] - row["start_us"] for frame in frames] == [0, 100_000, 200_000]  # 20 Hz is thinned
    (rig,) = clips.table("rigs").to_pylist()
    mounting = np.reshape(rig["rig_from_camera"], (4, 4))
    np.testing.assert_allclose(mounting[:3, 3], [1.5, 0.0, 1.4 + 0.33])
    np.testing.assert_allclose(mounting[:3, 2], [1, 0, 0], atol=1e-12)  # the camera's z looks forward
    assert (rig["fx"], rig["cx"], rig["distortion"]) == (60.0, 32.0, [])  # pictures are undistorted already


def test_lanes_and_crosswalks(tmp_path):
    write_log(tmp_path)
    drive = opened(tmp_path)
    lanes = {lane["lane_id"]: lane for lane in drive.lanes}
    assert {name: lane["kind"] for name, lane in lanes.items()} == {
        "11": "drive", "12": "junction", "13": "drive", "14": "bike",
    }  # fmt: skip
    assert lanes["11"]["successors"] == ["12"]
    np.testing.assert_allclose(lanes["11"]["centre"], np.stack([np.full(21, 100.0), np.arange(200, 241, 2.0)], axis=-1))
    assert lanes["11"]["left"] == [[98, 200], [98, 240]]
    assert lanes["11"]["right"] == [[102, 200], [102, 220], [102, 240]]
    (crossing,) = drive.road_elements
    assert (crossing["kind"], crossing["lane_ids"]) == ("crosswalk", ["11"])
    assert crossing["shape"] == [[97, 230], [103, 230], [103, 234], [97, 234]]


def test_edges_of_a_crosswalk_that_run_against_each_other_make_the_same_outline(tmp_path):
    document = city_map()
    document["pedestrian_crossings"]["9"]["edge2"].reverse()
    write_map(write_log(tmp_path), document)
    assert opened(tmp_path).road_elements[0]["shape"] == [[97, 230], [103, 230], [103, 234], [97, 234]]


def test_a_box_is_placed_by_the_pose_of_its_own_moment(tmp_path):
    """Between two poses on SE(3), known when the later of them is; the heading turns with the vehicle."""
    log = write_log(tmp_path)
    turning = {name: np.asarray(values)[:2].copy() for name, values in poses().items()}
    turning["timestamp_ns"] = np.array([T0_NS, T0_NS + 100_000_000])
    turning["qw"], turning["qz"] = np.array([1.0, np.sqrt(0.5)]), np.array([0.0, np.sqrt(0.5)])
    turning["tx_m"], turning["ty_m"] = np.array([0.0, 2.0]), np.array([0.0, 0.0])
    write_table(turning, log / POSES)
    one = {name: np.asarray(values)[:1].copy() for name, values in boxes().items()}
    one["timestamp_ns"] = np.array([T0_NS + 50_000_000])
    one["qw"], one["qz"], one["tx_m"], one["ty_m"] = np.array([1.0]), np.array([0.0]), np.array([10.0]), np.array([0.0])
    write_table(one, log / BOXES)
    (box,) = whole(opened(tmp_path).tracks).to_pylist()
    np.testing.assert_allclose([box["x_m"], box["y_m"]], [1 + 10 * np.sqrt(0.5), 10 * np.sqrt(0.5)])
    np.testing.assert_allclose(box["yaw_rad"], np.pi / 4)
    assert (box["t_us"], box["observed_us"]) == (T0_NS // 1000 + 50_000, T0_NS // 1000 + 100_000)


def test_nanoseconds_become_microseconds_exactly_and_repeated_poses_are_counted(tmp_path):
    log = write_log(tmp_path)
    columns = {name: np.asarray(values).copy() for name, values in poses().items()}
    columns["timestamp_ns"][:4] = T0_NS + np.array([214, 216, 999, 1_000])
    write_table(columns, log / POSES)
    drive = opened(tmp_path)
    assert drive.ego.t_us[:3].tolist() == [T0_NS // 1000, T0_NS // 1000 + 1, T0_NS // 1000 + 80_000]
    assert drive.ego.row[:3].tolist() == [0, 3, 4]
    assert reasons(drive) == ["same_microsecond"]
    assert "2 of 151 poses" in drive.quarantined[0][2]


def test_the_official_categories_are_all_known_and_others_are_kept_as_unknown(tmp_path):
    # the 30 of the data set's taxonomy
    assert len(argoverse2_tracks.TYPE_OF_CATEGORY) == 30
    log = write_log(tmp_path)
    write_table(boxes(category="HOVERCRAFT"), log / BOXES)
    drive = opened(tmp_path)
    assert set(whole(drive.tracks).column("type").to_pylist()) == {"unknown"}
    assert reasons(drive) == []
    write_table(boxes(category="STOP_SIGN"), log / BOXES)
    drive = opened(tmp_path)
    assert set(whole(drive.tracks).column("type").to_pylist()) == {"static"}
    assert [element["kind"] for element in drive.road_elements] == ["crosswalk"]


def test_what_is_missing_is_said_to_be_missing(tmp_path):
    log = write_log(tmp_path)
    (log / BOXES).unlink()
    next((log / "map").iterdir()).unlink()
    drive = opened(tmp_path)
    assert (drive.tracks, drive.lanes, drive.road_elements, drive.signals) == (None, None, None, None)
    assert (drive.place, drive.world, drive.rig.cameras) == ("", "", ())


def test_logs_are_found_alone_in_a_folder_and_in_splits(tmp_path):
    log = write_log(tmp_path / "sensor" / "val")
    for root in (log, log.parent, tmp_path / "sensor"):
        assert argoverse2.fits(root)
        drive = opened(root)
        assert (drive.drive_id, drive.source_split) == (f"av2-{LOG}", "val")
    write_log(tmp_path / "sensor" / "train")
    names = [recording.drive_id for recording in argoverse2.recordings(tmp_path / "sensor")]
    assert names == [f"av2-train-{LOG}", f"av2-val-{LOG}"]
    (log / POSES).unlink()  # a log without poses is missed, not overlooked
    with pytest.raises(UnusableInput, match=f"{POSES}: missing"):
        argoverse2.recordings(tmp_path / "sensor")[1].open()
    assert not argoverse2.fits(tmp_path / "sensor" / "train" / LOG / "map")


ROW_4 = "1 of 31, the first is row 4"
REPEATED = "1 boxes of objects that have another one at the same time"


def wrecked(columns, name, row, value):
    columns = {key: np.asarray(values).copy() for key, values in columns.items()}
    columns[name][row] = value
    return columns


@pytest.mark.parametrize(
    ("name", "row", "value", "reason"),
    [
        ("tx_m", 3, np.nan, "not_a_number"),
        ("qz", 3, np.inf, "not_a_number"),
        ("ty_m", 3, 1e30, "out_of_range"),
        ("timestamp_ns", 3, T0_NS, "time_goes_back"),
    ],
)
def test_poses_that_mean_nothing_are_left_out_by_row(tmp_path, name, row, value, reason):
    write_table(wrecked(poses(), name, row, value), write_log(tmp_path) / POSES)
    drive = opened(tmp_path)
    assert [(where, why) for where, why, _ in drive.quarantined] == [("ego row 3", reason)]
    assert len(drive.ego.t_us) == 150
    np.testing.assert_allclose(whole(drive.tracks).column("y_m").to_numpy()[5], 200 + 5 + 20)


@pytest.mark.parametrize(
    ("name", "value", "reason", "detail"),
    [
        ("timestamp_ns", 0, "no_ego_pose", ROW_4),
        ("timestamp_ns", T0_NS + 3_100_000_000, "no_ego_pose", ROW_4),
        ("timestamp_ns", T0_NS + 300_000_000, "same_object_same_time", REPEATED),
        ("qw", 0.0, "box_without_rotation", ROW_4),
        ("qw", np.nan, "box_without_rotation", ROW_4),
        ("length_m", np.nan, "not_a_number", ROW_4),
        ("width_m", 1e9, "out_of_range", ROW_4),
    ],
)
def test_boxes_that_cannot_be_placed_are_counted(tmp_path, name, value, reason, detail):
    write_table(wrecked(boxes(), name, 4, value), write_log(tmp_path) / BOXES)
    drive = opened(tmp_path)
    assert drive.quarantined == (("box rows", reason, detail),)
    assert drive.tracks.num_rows == 30


def test_a_long_log_is_read_batch_by_batch_and_its_rows_keep_their_numbers(tmp_path, monkeypatch):
    """Batches of 8 rows and parts of at most 5: the same tracks, and the row of a box that is none is the file's."""
    log = write_log(tmp_path)
    table = wrecked(boxes(), "qw", 20, 0.0)
    write_table(table, log / BOXES)
    at_once = opened(tmp_path)
    monkeypatch.setattr(feather_files, "PART_ROWS", 5)
    write_table(table, log / BOXES, chunksize=8)
    in_parts = opened(tmp_path)
    one, other = (whole(drive.tracks).drop_columns(["vx_mps", "vy_mps"]) for drive in (at_once, in_parts))
    assert other.equals(one)  # velocities are NaN in both
    assert in_parts.quarantined == (("box rows", "box_without_rotation", "1 of 31, the first is row 20"),)


def test_boxes_in_a_gap_of_the_poses_have_no_place(tmp_path):
    """Poses at 50 Hz, none for 0.8 s: the boxes at 1.1 to 1.7 s were seen from nobody knows where."""
    log = write_log(tmp_path)
    columns = {name: np.asarray(values) for name, values in poses().items()}
    t_s = (columns["timestamp_ns"] - T0_NS) * 1e-9
    kept = (t_s <= 1.0001) | (t_s >= 1.7999)
    write_table({name: values[kept] for name, values in columns.items()}, log / POSES)
    drive = opened(tmp_path)
    ((_, why, detail),) = drive.quarantined
    assert (why, detail) == ("no_ego_pose", "7 of 31, the first is row 11")
    assert drive.tracks.num_rows == 24


def test_read_is_kept_plus_quarantined(tmp_path):
    log = write_log(tmp_path / "av2")
    write_table(wrecked(boxes(), "length_m", 4, np.nan), log / BOXES)
    folder = write_camera(log)
    (folder / "first.jpg").write_bytes(jpeg(0))
    clips = ingested(tmp_path / "av2", tmp_path / "c")
    rows = clips.table("quarantine").to_pylist()
    assert sorted(row["reason"] for row in rows) == ["not_a_number", "picture_without_time"]
    counts = clips.manifest.counts
    assert counts["read"] == counts["kept"] + counts["quarantine"]


def test_lanes_and_crossings_that_cannot_be_used_are_named(tmp_path):
    document = city_map()
    document["lane_segments"]["20"] = segment(20, [(0, 0)], [(1, 0), (1, 1)])
    document["lane_segments"]["21"] = segment(21, [(0, 0), (0, float("nan"))], [(1, 0), (1, 1)])
    document["lane_segments"]["22"] = segment(22, [(5, 5), (5, 5)], [(1, 0), (1, 1)])
    document["lane_segments"]["23"] = {"id": 23}
    document["lane_segments"]["24"] = segment(11, [(0, 0), (0, 9)], [(1, 0), (1, 9)])
    document["lane_segments"]["25"] = "no lane"
    document["pedestrian_crossings"]["10"] = {"id": 10, "edge1": []}
    write_map(write_log(tmp_path), document)
    drive = opened(tmp_path)
    assert [lane["lane_id"] for lane in drive.lanes] == ["11", "12", "13", "14"]
    assert reasons(drive) == ["lane_unusable"] * 6 + ["crosswalk_unusable"]
    assert drive.quarantined[0][0].endswith("lane segment 20")


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-200])


def without(column):
    def remove(path):
        columns = boxes() if path.name == BOXES else poses()
        write_table({name: values for name, values in columns.items() if name != column}, path)

    return remove


@pytest.mark.parametrize(
    ("name", "spoil", "message"),
    [
        (POSES, cut_short, "not a whole Feather file"),
        (POSES, lambda path: path.write_bytes(b""), "not a whole Feather file"),
        (POSES, lambda path: path.write_text("timestamp_ns,qw\n"), "not a whole Feather file"),
        (POSES, without("qw"), "column qw is missing"),
        (POSES, lambda p: write_table(poses() | {"tx_m": ["north"] * 151}, p), "column tx_m is not double"),
        (POSES, lambda p: write_table({n: v[:0] for n, v in poses().items()}, p), "no ego poses"),
        (BOXES, cut_short, "not a whole Feather file"),
        (BOXES, without("track_uuid"), "column track_uuid is missing"),
        ("map", cut_short, "not readable JSON"),
        ("map", lambda path: path.write_text("[" * 100_000), "not readable JSON"),
        ("map", lambda path: path.write_text("[]"), "no lane_segments"),
        ("map", lambda path: path.write_text(json.dumps({"lane_segments": []})), "no lane_segments"),
        ("map", lambda path: path.with_name("log_map_archive_other.json").write_text("{}"), "2 maps"),
    ],
)
def test_files_that_cannot_be_used_are_named(tmp_path, name, spoil, message):
    log = write_log(tmp_path)
    path = next((log / "map").iterdir()) if name == "map" else log / name
    spoil(path)
    with pytest.raises(UnusableInput, match=message) as caught:
        opened(tmp_path)
    assert "\n" not in str(caught.value)
    assert path.parent.name in str(caught.value)


def test_a_file_that_announces_more_than_memory_holds_is_refused(tmp_path):
    """The first column's buffer says that it holds a terabyte; nothing is decoded to find out."""
    path = write_log(tmp_path) / POSES
    columns = {name: np.zeros(20_000, dtype=np.asarray(values).dtype) for name, values in poses().items()}
    write_table(columns, path)
    data = path.read_bytes()
    size = (20_000 * 8).to_bytes(8, "little")
    assert data.count(size) >= 8
    path.write_bytes(data.replace(size, (10**12).to_bytes(8, "little"), 1))
    with pytest.raises(UnusableInput, match="announces 1000001"):
        opened(tmp_path)


def test_cameras_without_calibration_are_left_out_and_said(tmp_path):
    log = write_log(tmp_path)
    write_camera(log)
    other = log / "sensors" / "cameras" / "stereo_front_left"
    other.mkdir()
    (other / f"{T0_NS}.jpg").write_bytes(jpeg(0))
    drive = opened(tmp_path)
    assert [camera.name for camera in drive.rig.cameras] == [CAMERA]
    ((where, reason, detail),) = drive.quarantined
    assert (where.endswith("stereo_front_left"), reason) == (True, "no_calibration")
    assert detail == "intrinsics.feather has no stereo_front_left; 1 pictures are left out"
    (log / "calibration" / "intrinsics.feather").unlink()
    assert reasons(opened(tmp_path)) == ["no_calibration"] * 2


def test_links_that_lead_out_are_refused(tmp_path):
    log = write_log(tmp_path / "av2")
    outside = tmp_path / "outside.feather"
    (log / BOXES).rename(outside)
    (log / BOXES).symlink_to(outside)
    with pytest.raises(UnusableInput, match="leads out of"):
        argoverse2.paths(tmp_path / "av2")


def test_the_real_log(test_drives):
    """Log adcf7d18: what the reader says against the files' own counts, and the map against the drive."""
    root = test_drives / "av2_logs"
    if not root.is_dir():
        pytest.skip("no av2_logs among the test drives")
    drive = opened(root)
    assert (drive.drive_id, drive.place) == ("av2-adcf7d18-0510-35b0-a2fa-b4cea13a6d76", "pittsburgh")
    assert len(drive.ego.t_us) == 2637 - 245
    assert reasons(drive) == ["same_microsecond"]
    assert drive.tracks.num_rows == 12_078
    assert (len(drive.lanes), len(drive.road_elements)) == (199, 11)
    kinds = {row["values"]: row["counts"] for row in pc.value_counts(whole(drive.tracks).column("type")).to_pylist()}
    assert kinds == {"car": 4471, "pedestrian": 3929, "static": 2631, "bus": 420, "truck": 557, "cyclist": 70}
    centres = np.concatenate([lane["centre"] for lane in drive.lanes if lane["kind"] in ("drive", "junction")])
    for x, y, _ in drive.ego.xyz_m[::200]:  # we drive in a lane
        assert np.hypot(*(centres - [x, y]).T).min() < 1.5
