import io
import shutil

import numpy as np
import pytest
from PIL import Image

from causeway.artifacts import Artifact, run
from causeway.clips import ego_of_clip, rows_of_clip
from causeway.clips.ingest import IngestConfig, ingest
from causeway.clips.readers.kitti import odometry as kitti_odometry
from causeway.errors import UnusableInput


def official(root, pictures=12):
    """A straight drive at 10 m/s along the camera's z, with a grey camera."""
    folder = root / "sequences" / "07" / "image_0"
    folder.mkdir(parents=True)
    (root / "poses").mkdir()
    times, poses = [], []
    for index in range(pictures):
        picture = Image.fromarray(np.full((37, 124), 40 + 10 * index, np.uint8))
        picture.save(folder / f"{index:06d}.png")
        times.append(f"{index * 0.1:e}")
        poses.append(f"1 0 0 0 0 1 0 0 0 0 1 {index * 1.0}")
    (root / "sequences" / "07" / "times.txt").write_text("\n".join(times) + "\n")
    (root / "sequences" / "07" / "calib.txt").write_text("P0: 70 0 60 0 0 70 17 0 0 0 1 0\nTr: 1 2\n")
    (root / "poses" / "07.txt").write_text("\n".join(poses) + "\n")
    return root


def ingested(root, out):
    return Artifact(run(ingest, {"drives": str(root)}, out=str(out), config=IngestConfig()))


def test_official_folders(tmp_path):
    clips = ingested(official(tmp_path / "kitti"), tmp_path / "c")
    ego = ego_of_clip(clips, "kitti-07-000")
    np.testing.assert_allclose(ego.x_m, np.arange(12.0), atol=1e-9)
    np.testing.assert_allclose(ego.speed_mps, 10.0)
    frames = rows_of_clip(clips, "frames", "kitti-07-000").to_pylist()
    assert len(frames) == 12
    assert abs(int(np.asarray(Image.open(io.BytesIO(frames[3]["image"]))).mean()) - 70) <= 1
    (rig,) = clips.table("rigs").to_pylist()
    assert (rig["fx"], rig["cx"], rig["cy"]) == (70, 60, 17)
    assert rig["rig_from_camera"][11] == 1.65  # published height above the road
    assert clips.table("clips").column("has_map").to_pylist() == [False]


def test_scans_beside_the_pictures_are_no_part_of_the_input(tmp_path):
    root = official(tmp_path / "kitti")
    (root / "sequences/07/velodyne").mkdir()
    (root / "sequences/07/velodyne/000000.bin").write_bytes(b"never read")
    read = ["poses/07.txt", "sequences/07/calib.txt", "sequences/07/image_0", "sequences/07/times.txt"]
    assert kitti_odometry.paths(root) == [root / name for name in read]


def test_the_rig_turns_about_its_axle_not_about_the_camera():
    turn = np.eye(4)[None, :3].repeat(2, axis=0)
    angle = 0.2  # the camera turns left (about its -y) and moves as a camera 1.03 m ahead of the axle must
    turn[1, :, :3] = [[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0], [np.sin(angle), 0, np.cos(angle)]]
    turn[1, :, 3] = [-1.03 * np.sin(angle), 0, 1.03 * (np.cos(angle) - 1)]
    xyz, wxyz = kitti_odometry._rig_poses(turn)
    assert xyz[1] == pytest.approx([0, 0, 0], rel=1e-7, abs=1e-12)
    assert 2 * np.arctan2(wxyz[1, 3], wxyz[1, 0]) == pytest.approx(angle, rel=1e-7, abs=0)


def test_a_picture_of_zero_bytes_is_quarantined_and_said(tmp_path, capsys):
    root = official(tmp_path / "kitti")
    (root / "sequences/07/image_0/000004.png").write_bytes(b"")
    whole = root / "sequences/07/image_0/000005.png"
    whole.write_bytes(whole.read_bytes()[:-30])
    clips = ingested(root, tmp_path / "c")
    assert clips.manifest.counts["frames"] == 10
    rows = clips.table("quarantine").to_pylist()
    assert [(r["where"], r["reason"]) for r in rows] == [
        ("000004.png", "picture_unusable"),
        ("000005.png", "picture_unusable"),
    ]
    assert "000004.png: the file has zero bytes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("poses/07.txt", "1 2 3\n", "3 numbers a row"),
        ("poses/07.txt", "1 0 0 0 0 1 0 0 0 0 1 0\n", "1 poses but times.txt has 12 rows"),
        ("poses/07.txt", "a b\n", "not a table of numbers"),
        (
            "sequences/07/times.txt",
            "\n".join(["0", "0.1", "0.1"] + ["1"] * 9),
            "9 of 12 ego rows are unusable; ego row 2",
        ),
        (
            "sequences/07/times.txt",
            "\n".join(str(1e9 * i) for i in range(12)),
            "11 of 12 ego rows are unusable; ego row 1",
        ),
        ("sequences/07/times.txt", "", "times.txt: no rows"),
        ("sequences/07/calib.txt", "P0: 1 2\n", "row 1: P0 has 2 values, not 12 numbers"),
        ("sequences/07/calib.txt", "P0: a b c d e f g h i j k l\n", "row 1: P0 is not numbers"),
        ("poses/07.txt", None, "missing"),
    ],
)
def test_bad_files_are_named(tmp_path, name, text, message):
    root = official(tmp_path / "kitti")
    (root / name).unlink()
    if text is not None:
        (root / name).write_text(text)
    with pytest.raises(UnusableInput, match=message) as caught:
        ingested(root, tmp_path / "c")
    assert "\n" not in str(caught.value)


def test_a_pose_without_a_rotation_and_a_picture_without_a_time_are_quarantined(tmp_path):
    root = official(tmp_path / "kitti")
    poses = (root / "poses" / "07.txt").read_text().splitlines()
    poses[3] = "2 0 0 0 0 1 0 0 0 0 1 3"
    (root / "poses" / "07.txt").write_text("\n".join(poses))
    shutil.copy(root / "sequences/07/image_0/000001.png", root / "sequences/07/image_0/000012.png")
    clips = ingested(root, tmp_path / "c")
    rows = {r["where"]: (r["reason"], r["detail"]) for r in clips.table("quarantine").to_pylist()}
    assert rows["000012.png"] == ("no_time_stamp", "times.txt has 12 rows; this one has none, or one that is no time")
    assert rows["ego row 3"][0] == "not_a_number"
    assert len(rows) == 2


def test_times_that_are_none_or_go_back_take_only_their_own_rows_and_pictures(tmp_path):
    root = official(tmp_path / "kitti")
    times = (root / "sequences/07/times.txt").read_text().splitlines()
    times[4], times[6] = "nan", "0.25"
    (root / "sequences/07/times.txt").write_text("\n".join(times))
    clips = ingested(root, tmp_path / "c")
    assert {(r["where"], r["reason"]) for r in clips.table("quarantine").to_pylist()} == {
        ("000004.png", "no_time_stamp"),
        ("000006.png", "time_goes_back"),
        ("ego row 4", "out_of_range"),
        ("ego row 6", "time_goes_back"),
    }
    np.testing.assert_allclose(ego_of_clip(clips, "kitti-07-000").x_m, np.arange(12.0), atol=1e-9)
    assert clips.manifest.counts["frames"] == 10


def test_links_out_of_the_folder_are_refused(tmp_path):
    root = official(tmp_path / "kitti")
    shutil.move(root / "poses", tmp_path / "elsewhere")
    (root / "poses").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnusableInput, match="a link that leads out of"):
        kitti_odometry.paths(root)


def test_the_compact_form_agrees_with_its_own_table(test_drives):
    """Real drive: full poses moved to the rear axle, against the plane coordinates that come with them."""
    root = test_drives / "kitti_odom_gray"
    if not root.is_dir():
        pytest.skip("no kitti_odom_gray among the test drives")
    (recording,) = kitti_odometry.recordings(root)
    drive = recording.open()
    assert (drive.drive_id, len(drive.ego.t_us)) == ("kitti-03", 801)
    assert drive.ego.t_us[-1] == 82_880_000
    length_m = np.linalg.norm(np.diff(drive.ego.xyz_m, axis=0), axis=1).sum()
    assert 553 < length_m < 563  # the camera's path is 559 m; the axle's is a little shorter in turns
    frame = next(drive.frames("image_0"))
    assert frame.load().shape == (374, 1242, 3)


def test_without_full_poses_the_plane_is_used(tmp_path):
    folder = tmp_path / "derived"
    folder.mkdir()
    rows = [f"{i * 0.1},{i * 1.0},0,0,0" for i in range(5)]
    (folder / "seq05_ego.csv").write_text("t,x,y,z,yaw\n" + "\n".join(rows) + "\n")
    (recording,) = kitti_odometry.recordings(tmp_path)
    drive = recording.open()
    np.testing.assert_allclose(drive.ego.xyz_m[:, 0], np.arange(5.0))
    assert drive.rig.cameras == ()
    (folder / "seq05_ego.csv").write_bytes(b"t,x,y,z,yaw\n0,0,0,0,\xff\n")
    with pytest.raises(UnusableInput, match="not a table of numbers"):
        recording.open()
    (folder / "seq05_ego.csv").write_text("t,x,y,z\n0,0,0,0\n")
    with pytest.raises(UnusableInput, match="column yaw is missing"):
        recording.open()
