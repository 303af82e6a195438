import csv
import io
import shutil

import numpy as np
import pytest
from PIL import Image

from causeway.artifacts import Artifact, run
from causeway.clips.geometry import matrix_from_quaternion, quaternion_from_matrix, yaw_from_quaternion
from causeway.clips.ingest import IngestConfig, ingest
from causeway.clips.readers.geodesy import utm
from causeway.clips.readers.kitti import raw as kitti_raw
from causeway.clips.readers.kitti.car import IMU_M
from causeway.clips.readers.layouts import reader_of
from causeway.errors import UnusableInput

DRIVE = "2011_09_26_drive_0001_sync"
LAT, LON = 49.0, 9.0  # on the zone's middle, where north on the map is north
CAM_TO_CAM = """calib_time: x
R_rect_00: 1 0 0 0 1 0 0 0 1
S_rect_02: 124 37
P_rect_02: 70 0 60 4.2 0 70 17 0 0 0 1 0
"""


def oxts(lat=LAT, lon=LON, alt=100.0, roll=0.0, pitch=0.0, yaw=0.0, forward=10.0):
    return [lat, lon, alt, roll, pitch, yaw, 0.0, 10.0, forward, *[0.0] * 21]


def stamp(index):
    return f"2011-09-26 13:10:{51 + index * 0.1:012.9f}"


def official(root, rows=None, pictures=True):
    """A drive east at 10 m/s with one colour camera that looks along it."""
    day, drive = root / "2011_09_26", root / "2011_09_26" / DRIVE
    (drive / "oxts" / "data").mkdir(parents=True)
    per_degree = utm(np.radians([LAT]), np.radians([LON + 1e-4]), "utm-32n")[0][0] - 500_000
    rows = [oxts(lon=LON + 1e-4 * i / per_degree) for i in range(12)] if rows is None else rows
    for index, row in enumerate(rows):
        (drive / "oxts" / "data" / f"{index:010d}.txt").write_text(" ".join(repr(float(value)) for value in row) + "\n")
    (drive / "oxts" / "timestamps.txt").write_text("\n".join(stamp(i) for i in range(len(rows))) + "\n")
    (day / "calib_imu_to_velo.txt").write_text("R: 1 0 0 0 1 0 0 0 1\nT: -0.81 0.32 -0.80\n")
    (day / "calib_velo_to_cam.txt").write_text("R: 0 -1 0 0 0 -1 1 0 0\nT: 0 -0.08 -0.27\n")
    (day / "calib_cam_to_cam.txt").write_text(CAM_TO_CAM)
    if pictures:
        (drive / "image_02" / "data").mkdir(parents=True)
        for index in range(len(rows)):
            picture = Image.fromarray(np.full((37, 124, 3), 20 * index, np.uint8))
            picture.save(drive / "image_02" / "data" / f"{index:010d}.png")
        (drive / "image_02" / "timestamps.txt").write_text("\n".join(stamp(i + 0.1) for i in range(len(rows))) + "\n")
    return root


def only(root):
    (recording,) = kitti_raw.recordings(root)
    return recording.open()


def test_an_official_drive(tmp_path):
    root = official(tmp_path)
    drive = only(root)
    assert drive.drive_id == "kitti-2011_09_26_drive_0001"
    assert (drive.world, drive.place, drive.quarantined, drive.tracks) == ("utm-32n", "karlsruhe", (), None)
    start = np.datetime64("2011-09-26T13:10:51", "us").astype(np.int64)
    np.testing.assert_array_equal(drive.ego.t_us, start + 100_000 * np.arange(12))
    np.testing.assert_array_equal(drive.ego.speed_mps, 10.0)
    np.testing.assert_allclose(np.diff(drive.ego.xyz_m, axis=0), np.tile([1.0, 0, 0], (11, 1)), atol=1e-5)
    # the GPS/IMU is 0.05 m behind the axle, 0.32 m left of the middle and 0.93 m above the road
    np.testing.assert_allclose(drive.ego.xyz_m[0, [0, 2]], [500_000 + 0.05, 100 - 0.93], atol=1e-6)
    assert only(root / "2011_09_26").drive_id == drive.drive_id


def test_the_camera_is_where_the_calibrations_put_it(tmp_path):
    (camera,) = only(official(tmp_path)).rig.cameras
    assert (camera.name, camera.width, camera.height, camera.fx, camera.cx, camera.cy) == (
        *("image_02", 124, 37),
        *(70.0, 60.0, 17.0),
    )
    # scanner at x = 0.76, camera 0 another 0.27 ahead and 0.08 below; camera 2 0.06 m left of camera 0 (4.2 / 70)
    np.testing.assert_allclose(camera.rig_from_camera[:3, 3], [1.03, 0.06, 1.65], atol=1e-9)
    np.testing.assert_allclose(camera.rig_from_camera[:3, :3], [[0, 0, 1], [-1, 0, 0], [0, -1, 0]], atol=1e-9)


def test_roll_pitch_and_yaw_turn_as_documented(tmp_path):
    rows = [oxts(yaw=0.5), oxts(pitch=0.1), oxts(roll=0.2), oxts(roll=0.2, pitch=0.1, yaw=2.5)]
    turns = matrix_from_quaternion(only(official(tmp_path, rows, pictures=False)).ego.wxyz)
    np.testing.assert_allclose(turns[0] @ [1, 0, 0], [np.cos(0.5), np.sin(0.5), 0], atol=1e-9)  # from east to the left
    assert turns[1][2, 0] == pytest.approx(-np.sin(0.1))  # positive pitch: front down
    assert turns[2][2, 1] == pytest.approx(np.sin(0.2))  # positive roll: left side up
    about_z, about_y, about_x = (
        np.array([[np.cos(2.5), -np.sin(2.5), 0], [np.sin(2.5), np.cos(2.5), 0], [0, 0, 1]]),
        np.array([[np.cos(0.1), 0, np.sin(0.1)], [0, 1, 0], [-np.sin(0.1), 0, np.cos(0.1)]]),
        np.array([[1, 0, 0], [0, np.cos(0.2), -np.sin(0.2)], [0, np.sin(0.2), np.cos(0.2)]]),
    )
    np.testing.assert_allclose(turns[3], about_z @ about_y @ about_x, atol=1e-9)
    np.testing.assert_allclose(quaternion_from_matrix(turns[3]) @ quaternion_from_matrix(turns[3]), 1.0)


def test_pictures_keep_their_own_times(tmp_path):
    drive = only(official(tmp_path))
    frames = list(drive.frames("image_02"))
    np.testing.assert_array_equal([f.t_us for f in frames], drive.ego.t_us + 10_000)
    assert np.asarray(Image.open(io.BytesIO(frames[3].load())))[0, 0, 0] == 60
    clips = Artifact(run(ingest, {"drives": str(tmp_path)}, out=str(tmp_path / "c"), config=IngestConfig()))
    assert clips.manifest.counts["frames"] == 12
    assert clips.manifest.counts["quarantine"] == 0


def tracklets(*items):
    parts = []
    for kind, first, poses in items:
        rows = "".join(f"<item><tx>{x}</tx><ty>{y}</ty><tz>{z}</tz><rz>{r}</rz></item>" for x, y, z, r in poses)
        sizes = "<h>1.6</h><w>1.8</w><l>4.2</l>"
        head = f"<objectType>{kind}</objectType>{sizes}<first_frame>{first}</first_frame>"
        parts.append(f'<item class_id="1">{head}<poses><count>{len(poses)}</count>{rows}</poses></item>')
    head = '<?xml version="1.0"?><!DOCTYPE boost_serialization><boost_serialization><tracklets>'
    return f"{head}<count>{len(items)}</count>{''.join(parts)}</tracklets></boost_serialization>"


def test_labelled_boxes_become_tracks_in_the_world(tmp_path):
    root = official(tmp_path, [oxts(yaw=np.pi / 2)] * 4, pictures=False)
    boxes = tracklets(("Van", 1, [(10, 2, -1.73, 0.1)] * 2), ("Tram", 0, [(5, 0, 0, 0)] * 9))
    (root / "2011_09_26" / DRIVE / "tracklet_labels.xml").write_text(boxes)
    drive = only(root)
    rows = drive.tracks.to_pylist()
    assert [(r["track_id"], r["type"], int(r["t_us"] - drive.ego.t_us[0])) for r in rows] == [
        *(("0", "car", 100_000), ("0", "car", 200_000)),
        *(("1", "unknown", 100_000 * i) for i in range(4)),
    ]
    # the car looks north: 10 m ahead of the scanner is north, 2 m left is west; the scanner is 0.76 m before the axle
    place = np.array([rows[0][name] for name in ("x_m", "y_m", "z_m")]) - drive.ego.xyz_m[0]
    np.testing.assert_allclose(place, [-2.0, 10.76, 0.8], atol=1e-6)
    assert rows[0]["yaw_rad"] == pytest.approx(np.pi / 2 + 0.1)
    assert (rows[0]["length_m"], rows[0]["width_m"], rows[0]["height_m"]) == (4.2, 1.8, 1.6)
    assert rows[0]["observed_us"] == drive.ego.t_us[1]
    assert drive.quarantined == (("tracklet_labels.xml", "no_time_stamp", "5 of 11 boxes, the first is row 6"),)


def test_labels_that_cannot_be_used_are_quarantined_or_refused(tmp_path):
    root = official(tmp_path, pictures=False)
    path = root / "2011_09_26" / DRIVE / "tracklet_labels.xml"
    path.write_text(tracklets(("Car", 0, [("nan", 0, 0, 0)]), ("Car", "x", [(1, 0, 0, 0)]), ("Car", 0, [(1, 0, 0, 0)])))
    drive = only(root)
    assert drive.tracks.num_rows == 1
    assert [row[0] for row in drive.quarantined] == ["tracklet_labels.xml tracklet 0", "tracklet_labels.xml tracklet 1"]
    path.write_text(tracklets(("Car", 1, [(1, 0, 0, 0), (2, 0, 0, 0), (1e9, 0, 0, 0), (4, 0, 0, 0)])))
    drive = only(root)
    np.testing.assert_array_equal(drive.tracks.column("t_us").to_numpy(), drive.ego.t_us[1:3])
    why = "pose 2: not a number, or farther than 1000 m away; it and 1 poses after it are left out"
    assert drive.quarantined == (("tracklet_labels.xml tracklet 0", "poses_unusable", why),)
    path.write_text('<!DOCTYPE b [<!ENTITY a "x">]><b/>')
    with pytest.raises(UnusableInput, match="its document type declares something"):
        only(root)


def test_times_that_go_back_take_only_their_own_rows(tmp_path):
    root = official(tmp_path)
    drive = root / "2011_09_26" / DRIVE
    (drive / "tracklet_labels.xml").write_text(tracklets(("Car", 0, [(9, 0, 0, 0)] * 12)))
    order = [0, 1, 2, 3, 4, 5, 6, 7, 2.5, 9, 10, 11]  # the ninth row says it was between the third and the fourth
    (drive / "oxts" / "timestamps.txt").write_text("\n".join(map(stamp, order)))
    (drive / "image_02" / "timestamps.txt").write_text("\n".join(stamp(i + 0.1) for i in order))
    clips = Artifact(run(ingest, {"drives": str(root)}, out=str(tmp_path / "c"), config=IngestConfig()))
    rows = {(row["where"], row["reason"]) for row in clips.table("quarantine").to_pylist()}
    assert rows == {
        ("ego row 8", "time_goes_back"),
        ("tracklet_labels.xml", "time_goes_back"),
        ("0000000008.png", "time_goes_back"),
    }
    assert clips.manifest.counts["frames"] == 11


def test_rows_that_cannot_be_used_are_quarantined(tmp_path):
    rows = [oxts() for _ in range(12)]
    rows[3] = rows[3][:7]
    rows[4][0] = float("nan")
    rows[5][0] = 1e30
    root = official(tmp_path, rows)
    data = root / "2011_09_26" / DRIVE / "oxts" / "data"
    (data / "0000000006.txt").unlink()
    (data / "0000000007.txt").write_text("\x00 junk " * 30)
    (data / "0000000012.txt").write_text("1 2 3")
    pictures = root / "2011_09_26" / DRIVE / "image_02" / "data"
    (pictures / "0000000002.png").rename(pictures / "0000000040.png")
    drive = only(root)
    assert drive.ego.row.tolist() == [0, 1, 2, 8, 9, 10, 11]
    problems = [(where.rsplit("/", 1)[1], reason, detail) for where, reason, detail in drive.quarantined]
    assert [p[:2] for p in problems] == [
        *((f"{i:010d}.txt", "oxts_unusable") for i in (3, 4, 5, 6, 7)),
        ("0000000012.txt", "no_time_stamp"),
        ("0000000040.png", "no_time_stamp"),
        ("0000000002", "picture_missing"),
    ]
    assert problems[0][2] == "7 numbers, a row has 30"
    assert "latitude nan" in problems[1][2]
    assert problems[3][2] == "missing"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (f"{DRIVE}/oxts/timestamps.txt", None, "timestamps.txt: missing"),
        (f"{DRIVE}/oxts/timestamps.txt", "", "timestamps.txt: no time stamps"),
        (f"{DRIVE}/oxts/timestamps.txt", "2011-09-26 13:10:51.0\n2011-13-26 13:10:52.0\n", "row 2: '2011-13-26"),
        (f"{DRIVE}/oxts/timestamps.txt", "2011-09-26 13:10:51.0\n", "1 of 1 rows can be used"),
        (f"{DRIVE}/image_02/timestamps.txt", None, "timestamps.txt: missing"),
        ("calib_imu_to_velo.txt", None, "calib_imu_to_velo.txt: missing"),
        ("calib_imu_to_velo.txt", "R: 1 2\nT: 0 0 0", "row 1: R has 2 values, not 9 numbers"),
        ("calib_imu_to_velo.txt", "R: 1 0 0 0 1 0 0 0 1", "T is missing"),
        ("calib_imu_to_velo.txt", "R: 2 0 0 0 1 0 0 0 1\nT: 0 0 0", "R is not a rotation"),
        ("calib_imu_to_velo.txt", "R: 1 0 0 0 1 0 0 0 1\nT: 0 0 1e9", "T is 1e+09 m"),
        ("calib_velo_to_cam.txt", "R: a b c d e f g h i\nT: 0 0 0", "row 1: R is not numbers"),
        ("calib_cam_to_cam.txt", CAM_TO_CAM.replace("P_rect_02: 70", "P_rect_02: 0"), "has no focal length"),
        ("calib_cam_to_cam.txt", CAM_TO_CAM.replace("P_rect_02", "P_rect_03"), "P_rect_02 is missing"),
    ],
)
def test_files_that_cannot_be_used_are_named(tmp_path, name, text, message):
    path = official(tmp_path) / "2011_09_26" / name
    path.unlink()
    if text is not None:
        path.write_text(text)
    with pytest.raises(UnusableInput) as error:
        only(tmp_path)
    assert message in str(error.value)


def test_unrectified_drives_and_links_out_of_the_folder_are_refused(tmp_path):
    root = official(tmp_path / "d")
    day = root / "2011_09_26"
    secret = tmp_path / "secret.txt"
    secret.write_text("1 2 3")
    row = day / DRIVE / "oxts" / "data" / "0000000003.txt"
    row.unlink()
    row.symlink_to(secret)
    with pytest.raises(UnusableInput, match="a link that leads out of"):
        only(root)
    shutil.move(day / DRIVE, day / DRIVE.replace("sync", "extract"))
    with pytest.raises(UnusableInput, match="not rectified and not synchronised"):
        only(root)


def test_recorded_drive(test_drives):
    reader, root = reader_of(str(test_drives / "kitti_raw_0013"), "auto")
    assert reader is kitti_raw
    (recording,) = reader.recordings(root)
    drive = recording.open()
    assert drive.drive_id == "kitti-2011_09_26_131051"
    assert [camera.name for camera in drive.rig.cameras] == ["image_02", "image_03"]
    left, right = (camera.rig_from_camera[:3, 3] for camera in drive.rig.cameras)
    np.testing.assert_allclose(left, [1.03, 0.07, 1.66], atol=0.01)  # published: 1.03 m, 0.06 m, 1.65 m
    assert np.linalg.norm(left - right) == pytest.approx(0.533, abs=0.001)
    ego = drive.ego
    with (root / "derived" / "ego.csv").open() as file:
        rows = list(csv.DictReader(file))
    # the same drive on the development kit's map: that of a sphere, and not turned by the convergence
    kit = np.array([[float(row["x"]), float(row["y"])] for row in rows])
    turn = matrix_from_quaternion(ego.wxyz)
    imu = (ego.xyz_m + turn @ IMU_M)[:, :2]
    moved = np.linalg.norm(imu - imu[0], axis=1)
    np.testing.assert_allclose(moved, np.linalg.norm(kit - kit[0], axis=1), rtol=2e-3, atol=1e-3)
    np.testing.assert_allclose(ego.speed_mps, [float(row["speed"]) for row in rows], atol=1e-6)
    yaw = yaw_from_quaternion(ego.wxyz) - [float(row["yaw"]) for row in rows]
    np.testing.assert_allclose(np.degrees(yaw), -0.424, atol=0.003)  # true north is left of north on the map here
    frames = [sum(1 for _ in drive.frames(camera.name)) for camera in drive.rig.cameras]
    assert frames == [144, 144]
