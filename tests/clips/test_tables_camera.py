"""Pictures and videos of own rigs, and their times."""

import json

import numpy as np
import pytest
from PIL import Image

from causeway.artifacts import Artifact, run
from causeway.clips.ingest import IngestConfig, ingest
from tests.clips.own_tables import opened, put
from tests.clips.physicalai_fixture import video_bytes

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
