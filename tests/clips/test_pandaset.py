import pickle
import shutil

import numpy as np
import pytest

from causeway.artifacts import Artifact, run
from causeway.clips import ego_of_clip, rows_of_clip
from causeway.clips.geometry import conjugate, interpolate_se3, rotate, yaw_from_quaternion
from causeway.clips.ingest import IngestConfig, ingest
from causeway.clips.readers.pandaset import reader as pandaset
from causeway.clips.readers.pandaset import tracks as pandaset_tracks
from causeway.errors import UnusableInput
from tests.clips.pandaset_fixture import (
    CAMERA,
    FRAMES,
    STAMPS,
    T0_S,
    agents,
    pose,
    write_agents,
    write_json,
    write_sequence,
    write_video,
)


@pytest.fixture
def folder(tmp_path):
    """`set/raw/002` with its pictures and `set/derived` with the tracks."""
    write_sequence(tmp_path / "set" / "raw" / "002")
    write_agents(tmp_path / "set" / "derived", agents())
    return tmp_path / "set"


def opened(root):
    (recording,) = pandaset.recordings(root)
    return recording.open()


def reasons(drive):
    return [reason for _, reason, _ in drive.quarantined]


def test_a_sequence_becomes_a_clip_in_the_rig_frame(folder, tmp_path):
    clips = Artifact(run(ingest, {"drives": str(folder)}, out=str(tmp_path / "c"), config=IngestConfig()))
    (row,) = clips.table("clips").to_pylist()
    assert (row["clip_id"], row["place"], row["cameras"]) == ("pandaset-002-000", "san-francisco", [CAMERA])
    assert (row["has_tracks"], row["has_map"], row["has_signals"]) == (True, False, False)
    assert row["start_us"] == round(T0_S * 1e6)
    ego = ego_of_clip(clips, "pandaset-002-000")
    np.testing.assert_allclose(ego.x_m, np.arange(FRAMES), atol=1e-6)  # forward is the poses' y axis
    np.testing.assert_allclose([ego.y_m, ego.z_m, ego.yaw_rad], 0, atol=1e-6)
    np.testing.assert_allclose(ego.speed_mps, 10.5)  # as measured, not as driven
    assert set(rows_of_clip(clips, "ego", "pandaset-002-000").column("speed_source").to_pylist()) == {"measured"}
    car = rows_of_clip(clips, "tracks", "pandaset-002-000").to_pylist()
    assert {(r["track_id"], r["type"]) for r in car} == {("a", "car")}
    places = [[r["x_m"], r["y_m"], r["z_m"], r["yaw_rad"]] for r in car]
    np.testing.assert_allclose(places, [[40, -2, 0.4 + 0.37, 0]] * FRAMES, atol=1e-9)
    frames = rows_of_clip(clips, "frames", "pandaset-002-000").to_pylist()
    assert [f["t_us"] - row["start_us"] for f in frames] == [50_000 + 100_000 * k for k in range(FRAMES - 1)]
    (rig,) = clips.table("rigs").to_pylist()
    np.testing.assert_allclose([rig["fx"], rig["cy"]], [190, 54])  # the pictures are a tenth of 1920 x 1080
    mounting = np.reshape(rig["rig_from_camera"], (4, 4))
    np.testing.assert_allclose(mounting, [[0, 0, 1, 1], [-1, 0, 0, 0], [0, -1, 0, 1.8 + 0.37], [0, 0, 0, 1]], atol=1e-6)
    quarantined = {row["reason"]: row["detail"] for row in clips.table("quarantine").to_pylist()}
    assert set(quarantined) == {"seen_by_both_lidars", "before_first_pose"}
    assert quarantined["seen_by_both_lidars"] == f"{FRAMES} of {2 * FRAMES} boxes, the first is row {FRAMES}"
    counts = clips.manifest.counts
    assert counts["read"] == counts["kept"] + counts["quarantine"]


def test_the_folder_may_be_the_set_raw_or_the_sequence(folder):
    for root, outside in ((folder, []), (folder / "raw", ["derived"]), (folder / "raw" / "002", ["derived"])):
        assert pandaset.fits(root)
        assert [path.name for path in pandaset.paths(root)] == [root.name, *outside]
        drive = opened(root)
        assert (drive.drive_id, drive.tracks.num_rows) == ("pandaset-002", FRAMES)
    assert not pandaset.fits(folder / "derived")


def test_one_table_of_tracks_is_not_given_to_two_sequences(folder):
    write_sequence(folder / "raw" / "003")
    write_agents(folder / "raw" / "003" / "derived", agents(track_id=["c"] * 2 * FRAMES))
    first, second = (recording.open() for recording in pandaset.recordings(folder))
    assert (first.drive_id, first.tracks) == ("pandaset-002", None)
    assert reasons(first) == ["cuboids_not_opened"]
    assert set(second.tracks.column("track_id").cast("string").to_pylist()) == {"c"}


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("a cuboid pickle was opened",))


def test_pickles_are_never_opened(folder):
    (folder / "derived" / "agents.parquet").unlink()
    for path in (folder / "raw/002/annotations/cuboids").iterdir():
        path.write_bytes(pickle.dumps(Trap()))
    drive = opened(folder)
    assert drive.tracks is None
    ((where, reason, detail),) = drive.quarantined
    assert (where.endswith("cuboids"), reason) == (True, "cuboids_not_opened")
    assert detail.startswith(f"{FRAMES} pickles can run code")
    assert "agents.parquet" in detail
    shutil.rmtree(folder / "raw/002/annotations")
    assert opened(folder).quarantined == ()


def test_a_video_stands_in_for_missing_pictures(folder):
    shutil.rmtree(folder / "raw")
    write_sequence(folder / "raw" / "002", pictures=False)
    assert (opened(folder).rig.cameras, reasons(opened(folder))) == ((), ["seen_by_both_lidars", "no_pictures"])
    write_video(folder / "derived" / f"{CAMERA}.mp4")
    drive = opened(folder)
    frames = list(drive.frames(CAMERA))
    assert [frame.t_us for frame in frames[:2]] == [round(T0_S * 1e6) - 50_000, round(T0_S * 1e6) + 50_000]
    assert frames[0].load().shape == (54, 96, 3)
    assert len(frames) == FRAMES
    write_video(folder / "derived" / f"{CAMERA}.mp4", pictures=FRAMES - 4)
    with pytest.raises(UnusableInput, match=r"front_camera\.mp4: the video ends early, 26 of 30 pictures"):
        opened(folder)


def test_pictures_that_are_missing_or_have_no_time_are_counted(folder):
    camera = folder / "raw" / "002" / "camera" / CAMERA
    (camera / "07.jpg").unlink()
    (camera / "30.jpg").write_bytes(b"x")
    (camera / "last.jpg").write_bytes(b"x")
    (camera / "08.png").write_bytes(b"x")
    drive = opened(folder)
    assert reasons(drive)[1:] == ["picture_without_time"] * 3 + ["picture_missing"]
    assert drive.quarantined[-1][2] == "1 of 30 time stamps have no picture"
    assert len(list(drive.frames(CAMERA))) == FRAMES - 1


def test_the_compact_form_alone_gives_ego_and_tracks(folder):
    shutil.rmtree(folder / "raw")
    write_video(folder / "derived" / f"{CAMERA}.mp4")
    lines = [f"{t - T0_S},{t},{k},{2 * k},0.5,{0.25}" for k, t in enumerate(STAMPS)]
    (folder / "derived" / "ego.csv").write_text("\n".join(["t,timestamp,x,y,z,yaw", *lines]))
    drive = opened(folder)
    assert (drive.drive_id, drive.ego.speed_mps, drive.rig.cameras) == ("pandaset-set", None, ())
    np.testing.assert_allclose(drive.ego.xyz_m[3], [3, 6, 0.5 - 0.37])
    np.testing.assert_allclose(yaw_from_quaternion(drive.ego.wxyz), 0.25)
    assert drive.tracks.num_rows == FRAMES
    assert reasons(drive) == ["seen_by_both_lidars", "no_calibration"]
    (folder / "derived" / "ego.csv").write_text("t,timestamp,x\n0,1,2\n")
    with pytest.raises(UnusableInput, match=r"ego\.csv: not a table of numbers with timestamp"):
        opened(folder)


def test_labels_of_the_data_set_are_all_known_and_others_are_kept_as_unknown(folder):
    assert len(pandaset_tracks.TYPE_OF_LABEL) == 28
    write_agents(folder / "derived", agents(label=["Zeppelin"] * 2 * FRAMES))
    assert set(opened(folder).tracks.column("type").cast("string").to_pylist()) == {"unknown"}


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("frame", FRAMES, "no_ego_pose"),
        ("frame", -1, "no_ego_pose"),
        ("t", 0.0, "box_at_another_time"),
        ("t", float("nan"), "box_at_another_time"),
    ],
)
def test_boxes_that_fit_no_sweep_are_counted(folder, column, value, reason):
    columns = agents()
    columns[column][4] = value
    write_agents(folder / "derived", columns)
    drive = opened(folder)
    assert (reason, f"1 of {2 * FRAMES} boxes, the first is row 4") in {
        (why, text) for _, why, text in drive.quarantined
    }
    assert drive.tracks.num_rows == FRAMES - 1


def test_a_pose_that_means_nothing_takes_its_boxes_with_it(folder):
    poses = [pose(0.0, float(k), 0.0) for k in range(FRAMES)]
    poses[5]["position"]["x"] = float("nan")
    write_json(folder / "raw/002/lidar/poses.json", poses)
    drive = opened(folder)
    assert drive.quarantined[0][:2] == ("ego row 5", "not_a_number")
    assert len(drive.ego.t_us) == FRAMES - 1
    assert "no_ego_pose" in reasons(drive)
    assert drive.tracks.num_rows == FRAMES - 1


@pytest.mark.parametrize(
    ("rows", "reason"),
    [([], "0 rows for 30 poses"), ([{"lat": 37.0}] * FRAMES, "a row lacks yvel or lat"), ({"a": 1}, "a row lacks")],
)
def test_without_a_usable_measured_speed_none_is_claimed(folder, rows, reason):
    write_json(folder / "raw/002/meta/gps.json", rows)
    drive = opened(folder)
    assert drive.ego.speed_mps is None
    assert drive.quarantined[0][1] == "speed_unusable"
    assert drive.quarantined[0][2].startswith(reason)


def test_the_mounting_is_that_of_the_first_two_seconds(folder):
    """What the camera's poses become later is the future of every moment."""
    path = folder / "raw/002/camera" / CAMERA / "poses.json"
    before = opened(folder).rig.cameras[0].rig_from_camera
    half = np.sqrt(0.5)
    kept = [pose(0.0, k - 0.5 + 1.0, 1.8, (half, -half, 0.0, 0.0)) for k in range(21)]
    write_json(path, kept + [pose(500.0, 9.0, 9.0, (0.0, 1.0, 0.0, 0.0))] * (FRAMES - 21))
    np.testing.assert_array_equal(opened(folder).rig.cameras[0].rig_from_camera, before)
    write_json(path, [*kept[:10], pose(0.0, 90.0, 1.8), *kept[11:], *kept[:9]])
    with pytest.raises(UnusableInput, match=r"poses\.json: the camera moves"):
        opened(folder)


SEQUENCE = "raw/002"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (f"{SEQUENCE}/lidar/poses.json", '[{"position"', r"poses\.json: not readable JSON"),
        (f"{SEQUENCE}/lidar/poses.json", "[]", r"poses\.json: 0 poses but timestamps\.json has 30 stamps"),
        (f"{SEQUENCE}/lidar/poses.json", '[{"position": 1}]', r"poses\.json: row 0: no position with x, y, z"),
        (f"{SEQUENCE}/lidar/poses.json", "{}", r"poses\.json: not a list"),
        (f"{SEQUENCE}/lidar/poses.json", "[" * 100_000, r"poses\.json: not readable JSON"),
        (f"{SEQUENCE}/lidar/timestamps.json", '["now"]', r"timestamps\.json: row 0: no number"),
        (f"{SEQUENCE}/lidar/timestamps.json", "[1, NaN]", r"timestamps\.json: row 1: no time in seconds"),
        (f"{SEQUENCE}/lidar/timestamps.json", f"[1{'0' * 400}]", r"timestamps\.json: row 0: no number"),
        (f"{SEQUENCE}/lidar/timestamps.json", "[1557540000500]", r"timestamps\.json: row 0: no time in seconds"),
        (f"{SEQUENCE}/lidar/timestamps.json", None, r"timestamps\.json: missing"),
        (f"{SEQUENCE}/camera/{CAMERA}/intrinsics.json", '{"fx": 1}', r"intrinsics\.json: no numbers fx, fy"),
        (f"{SEQUENCE}/camera/{CAMERA}/intrinsics.json", '{"fx":-1,"fy":1,"cx":1,"cy":1}', "impossible intrinsics"),
        (f"{SEQUENCE}/camera/{CAMERA}/poses.json", "[]", "0 poses but"),
        (f"{SEQUENCE}/meta/gps.json", "[", r"gps\.json: not readable JSON"),
        ("derived/agents.parquet", "PAR1", r"agents\.parquet: not a readable Parquet file"),
    ],
)
def test_files_that_cannot_be_used_are_named(folder, name, text, message):
    (folder / name).unlink()
    if text is not None:
        (folder / name).write_text(text)
    with pytest.raises(UnusableInput, match=message) as caught:
        opened(folder)
    assert "\n" not in str(caught.value)


def test_links_that_lead_out_are_refused(folder, tmp_path):
    path = folder / "derived" / "agents.parquet"
    path.rename(tmp_path / "elsewhere.parquet")
    path.symlink_to(tmp_path / "elsewhere.parquet")
    for root in (folder, folder / "raw" / "002"):
        with pytest.raises(UnusableInput, match="leads out of"):
            pandaset.paths(root)


def test_the_real_sequence(test_drives):
    """Sequence 002: the cameras are where a rig's are, and a parked car's box meets the picture of its video."""
    root = test_drives / "pandaset_002"
    if not root.is_dir():
        pytest.skip("no pandaset_002 among the test drives")
    drive = opened(root)
    assert (drive.drive_id, drive.place, len(drive.ego.t_us)) == ("pandaset-002", "san-francisco", 80)
    assert reasons(drive) == ["seen_by_both_lidars"]
    assert drive.tracks.num_rows == 9365 - 1835
    assert len(set(drive.tracks.column("track_id").cast("string").to_pylist())) == 98
    driven_mps = np.linalg.norm(np.diff(drive.ego.xyz_m, axis=0), axis=1) / np.diff(drive.ego.t_us) * 1e6
    assert np.abs(driven_mps - (drive.ego.speed_mps[1:] + drive.ego.speed_mps[:-1]) / 2).mean() < 0.05
    looks = {camera.name: camera.rig_from_camera[:3, 2] for camera in drive.rig.cameras}
    np.testing.assert_allclose(looks["front_camera"], [1, 0, 0], atol=0.02)
    np.testing.assert_allclose(looks["back_camera"], [-1, 0, 0], atol=0.04)
    np.testing.assert_allclose(looks["left_camera"], [0, 1, 0], atol=0.04)
    front = next(camera for camera in drive.rig.cameras if camera.name == "front_camera")
    np.testing.assert_allclose(front.rig_from_camera[:3, 3], [0.85, 0.0, 2.18], atol=0.02)
    left, right, path = _path_in_picture(drive, front, 40)
    assert left < path[-1] < right  # the way driven lies between the lead's sides at the lead
    assert front.width * 0.4 < path[0] < front.width * 0.6


def _path_in_picture(drive, camera, frame):
    """Columns of the lead's left and right side, and of the ego's further path, in a picture."""
    t_us = [f.t_us for f in drive.frames("front_camera")][frame]
    (xyz,), (wxyz,) = interpolate_se3([t_us], drive.ego.t_us, drive.ego.xyz_m, drive.ego.wxyz)
    rows = drive.tracks.to_pylist()
    sweep = min({row["t_us"] for row in rows}, key=lambda t: abs(t - t_us))
    boxes = np.array([[r["x_m"], r["y_m"], r["z_m"], r["width_m"]] for r in rows if r["t_us"] == sweep])
    in_rig = rotate(np.broadcast_to(conjugate(wxyz), (len(boxes), 4)), boxes[:, :3] - xyz)
    ahead = (in_rig[:, 0] > 5) & (np.abs(in_rig[:, 1]) < 1.5)
    lead = np.flatnonzero(ahead)[np.argmin(in_rig[ahead, 0])]
    later = drive.ego.xyz_m[drive.ego.t_us > t_us + 500_000] - xyz
    path = rotate(np.broadcast_to(conjugate(wxyz), (len(later), 4)), later)
    sides = in_rig[lead] + np.array([[0, boxes[lead, 3] / 2, 0], [0, -boxes[lead, 3] / 2, 0]])
    left, right = _column(camera, sides)
    return left, right, _column(camera, path)


def _column(camera, points_rig):
    points = (points_rig - camera.rig_from_camera[:3, 3]) @ camera.rig_from_camera[:3, :3]
    return camera.fx * points[:, 0] / points[:, 2] + camera.cx
