import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from PIL import Image

from causeway.artifacts import Artifact, run
from causeway.clips import ego_by_drive, ego_of_clip, rows_of_clip, tracks_of_clip
from causeway.clips.ingest import IngestConfig, ingest, ingest_paths, without_folders
from causeway.clips.readers.physicalai import layout
from causeway.errors import UnusableInput, UsageError
from tests.clips.physicalai_fixture import CAMERA, write_drives


@pytest.fixture(scope="module")
def drives(tmp_path_factory):
    return write_drives(tmp_path_factory.mktemp("in") / "drives", ["b", "a"])


@pytest.fixture(scope="module")
def clips(drives, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "clips"
    return Artifact(run(ingest, {"drives": str(drives)}, out=str(out), config=IngestConfig(clip_s=2.0)))


def test_clips_are_cut_and_described(clips):
    rows = clips.table("clips").to_pylist()
    assert [row["clip_id"] for row in rows] == ["a-000", "a-001", "b-000", "b-001"]
    first, second = rows[:2]
    assert (first["ticks"], second["ticks"]) == (20, 11)
    assert second["start_us"] == first["end_us"] + 100_000
    assert first["cameras"] == [layout.camera_name(CAMERA)] == ["front_wide"]
    assert (first["has_tracks"], first["has_map"], first["has_signals"]) == (True, True, True)
    assert (first["source"], first["licence"], first["vehicle_id"]) == ("test-world", "Apache-2.0", "test-car")
    assert (first["origin_x_m"], second["origin_x_m"]) == (0.0, pytest.approx(20.0))


def test_ego_starts_at_the_origin_of_its_clip_and_is_chained_by_drive(clips):
    ego = ego_of_clip(clips, "a-001")
    np.testing.assert_allclose(ego.x_m, np.arange(11.0), atol=1e-6)
    np.testing.assert_allclose([ego.y_m, ego.yaw_rad], 0, atol=1e-6)
    whole = ego_by_drive(clips)["a"]
    np.testing.assert_allclose(whole.x_m, np.arange(31.0), atol=1e-6)
    np.testing.assert_allclose(whole.speed_mps, 10.0, atol=1e-9)
    assert list(whole.clip_id[[0, 30]]) == ["a-000", "a-001"]
    with pytest.raises(UsageError, match="no such clip"):
        ego_of_clip(clips, "c-000")


def test_tracks_lanes_and_lights_are_in_the_clip_frame(clips):
    tracks = tracks_of_clip(clips, "a-001")
    assert set(tracks.column("type").to_pylist()) == {"car"}
    np.testing.assert_allclose(tracks.column("x_m").to_numpy(), 20 + np.arange(11.0), atol=1e-6)
    np.testing.assert_allclose(tracks.column("y_m").to_numpy(), 0, atol=1e-6)
    np.testing.assert_allclose(tracks.column("vx_mps").to_numpy(), 10, atol=1e-6)
    assert (tracks.column("observed_us").to_numpy() >= tracks.column("t_us").to_numpy()).all()
    (lane,) = rows_of_clip(clips, "lanes", "a-001").to_pylist()
    np.testing.assert_allclose(lane["centre"], [[-20, 0], [80, 0]], atol=1e-6)
    lights = rows_of_clip(clips, "signals", "a-000")
    assert lights.column("state").to_pylist() == ["green", "red"]
    assert rows_of_clip(clips, "signals", "a-001").num_rows == 0


def test_pictures_keep_their_own_times(clips):
    frames = rows_of_clip(clips, "frames", "b-000").to_pylist()
    assert [f["t_us"] for f in frames] == list(range(0, 2_000_000, 100_000))
    assert Image.open(io.BytesIO(frames[0]["image"])).size == (64, 48)
    (rig,) = rows_of_clip(clips, "rigs", "b-000").to_pylist()
    assert (rig["fx"], rig["cx"], rig["length_m"]) == (50.0, 32.0, 4.6)
    pose = np.array(rig["rig_from_camera"]).reshape(4, 4)
    np.testing.assert_allclose(pose[:3, 2], [1, 0, 0], atol=1e-12)  # the camera looks ahead
    np.testing.assert_allclose(pose[:3, 0], [0, -1, 0], atol=1e-12)  # its x axis points right


def test_wide_pictures_and_their_rigs_shrink_together(drives, tmp_path):
    config = IngestConfig(max_width=32, max_frame_hz=5.0)
    clips = Artifact(run(ingest, {"drives": str(drives)}, out=str(tmp_path / "c"), config=config))
    frames = rows_of_clip(clips, "frames", "a-000")
    assert set(frames.column("width").to_pylist()) == {32}
    assert (np.diff(frames.column("t_us").to_numpy()) == 200_000).all()
    assert rows_of_clip(clips, "rigs", "a-000").column("fx").to_pylist() == [25.0]


def test_a_killed_run_goes_on_where_it_stopped(drives, tmp_path, monkeypatch):
    from causeway.clips import ingest as module

    whole = run(ingest, {"drives": str(drives)}, out=str(tmp_path / "whole"), config=IngestConfig(clip_s=1.0))
    written = []
    real = module._write_clip

    def dies_at_third(shard, drive, motion, cut, frames, config):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(cut.clip.clip_id)
        real(shard, drive, motion, cut, frames, config)

    monkeypatch.setattr(module, "_write_clip", dies_at_third)
    config, inputs = IngestConfig(clip_s=1.0), {"drives": str(drives)}
    with pytest.raises(KeyboardInterrupt):
        run(ingest, inputs, out=str(tmp_path / "c"), config=config)
    assert not (tmp_path / "c").exists()
    monkeypatch.setattr(module, "_write_clip", lambda *a: (written.append(a[3].clip.clip_id), real(*a)))
    resumed = run(ingest, inputs, out=str(tmp_path / "c"), config=config)
    assert resumed.content_hash == whole.content_hash
    assert len(written) == len(set(written))


def test_one_unusable_drive_is_quarantined_and_the_others_kept(drives, tmp_path, capsys):
    root = write_drives(tmp_path / "drives", ["a", "b"])
    index = pa.table({"clip_id": ["a", "b", "gone"], "chunk": [0, 0, 7]})
    pa.parquet.write_table(index, root / layout.CLIP_INDEX)
    clips = Artifact(run(ingest, {"drives": str(root)}, out=str(tmp_path / "c"), config=IngestConfig()))
    assert clips.manifest.counts["clips"] == 2
    (row,) = clips.table("quarantine").to_pylist()
    assert (row["source"], row["reason"]) == ("gone", "drive_unusable")
    assert "no egomotion in chunk 7" in capsys.readouterr().err


def _damage(root, feature, change):
    path = root / feature.chunk(0)
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda r: _damage(r, layout.EGOMOTION, lambda b: b[: len(b) // 2]), "not a whole zip file"),
        (lambda r: (r / layout.CAMERA_INTRINSICS.chunk(0)).write_bytes(b"x"), "not a readable Parquet file"),
        (lambda r: (r / layout.CAMERA_INTRINSICS.chunk(0)).unlink(), "has no calibration"),
        (lambda r: (r / layout.FEATURES_CSV).write_text("feature\nx\n"), "column directory is missing"),
        (lambda r: pa.parquet.write_table(pa.table({"chunk": [0]}), r / layout.CLIP_INDEX), "column clip_id"),
    ],
)
def test_bad_input_is_one_line_with_exit_code_4(tmp_path, damage, message):
    root = write_drives(tmp_path / "drives", ["a"])
    damage(root)
    with pytest.raises(UnusableInput, match=message) as caught:
        run(ingest, {"drives": str(root)}, out=str(tmp_path / "c"), config=IngestConfig())
    assert caught.value.exit_code == 4
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "c").exists()


def test_a_truncated_video_is_refused(tmp_path):
    from causeway.clips.readers.video import check_video
    from tests.clips.physicalai_fixture import video_bytes

    data = video_bytes(20)
    path = tmp_path / "v.mp4"
    path.write_bytes(data)
    assert check_video(path, "v.mp4", 20) == 20
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(UnusableInput, match=r"v\.mp4: not a readable video"):
        check_video(path, "v.mp4", 20)
    path.write_bytes(data)
    with pytest.raises(UnusableInput, match="20 of 25 pictures"):
        check_video(path, "v.mp4", 25)


def test_locations_that_hold_no_drives(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "note.txt").write_text("x")
    for name, message in (("empty", "an empty folder"), ("none", "not there"), ("other", "in none of the layouts")):
        with pytest.raises(UnusableInput, match=message):
            ingest_paths(str(tmp_path / name), IngestConfig())
    with pytest.raises(UnusableInput, match="does not look like tables"):
        ingest_paths(str(tmp_path / "other"), IngestConfig(layout="tables"))
    with pytest.raises(UsageError, match="no such layout"):
        ingest_paths(str(tmp_path / "other"), IngestConfig(layout="waymo"))


def test_quarantine_does_not_know_this_machine():
    assert without_folders("/a/b/c.jpg: bad, see d/e.txt") == "c.jpg: bad, see e.txt"
    assert without_folders("expected 1 / 2") == "expected 1 / 2"


def test_public_f_theta_cameras_keep_their_polynomial(tmp_path):
    root = write_drives(tmp_path / "drives", ["a"], seconds=1.0)
    path = root / layout.CAMERA_INTRINSICS.chunk(0)
    table = pa.parquet.read_table(path).drop_columns(["model", "fx", "fy", "fw_poly_1"])
    pa.parquet.write_table(table.append_column("fw_poly_1", pa.array([40.0])), path)
    clips = Artifact(run(ingest, {"drives": str(root)}, out=str(tmp_path / "c"), config=IngestConfig()))
    (rig,) = clips.table("rigs").to_pylist()
    assert (rig["model"], rig["fx"], rig["distortion"]) == ("ftheta", 40.0, [0, 40.0, 0, 0, 0])


def test_features_csv_is_what_names_the_files(tmp_path):
    row = layout.EGOMOTION.row()
    assert json.loads(row["clip_files_in_zip"]) == {"egomotion": "{clip_id}.egomotion.parquet"}
    assert layout.camera_feature("cam").chunk(12) == "camera/cam/cam.chunk_0012.zip"


def _obstacles(stamps, placed=None):
    n = len(stamps)
    same = {"source": "x", "track_id": "7", "label_class": "automobile", "reference_frame": "rig"}
    columns = dict.fromkeys(layout.OBSTACLE_COLUMNS, 0.0) | same | {"center_x": 20.0, "orientation_w": 1.0}
    table = {name: [value] * n for name, value in columns.items()}
    return pa.table(table | {"timestamp_us": stamps, "reference_frame_timestamp_us": placed or stamps})


def test_a_box_is_known_when_the_pose_that_places_it_is():
    from causeway.clips.readers.physicalai.tracks import read_tracks as _tracks
    from causeway.clips.types import RawEgo

    still = np.tile([1.0, 0.0, 0.0, 0.0], (3, 1))
    ego = RawEgo(np.array([0, 130_000, 260_000]), np.array([[0.0, 0, 0], [1.3, 0, 0], [2.6, 0, 0]]), still)
    tracks, left_out = _tracks(_obstacles([50_000, 130_000, 150_000], [50_000, 130_000, 120_000]), ego)
    assert tracks.column("observed_us").to_pylist() == [130_000, 130_000, 150_000]
    np.testing.assert_allclose(tracks.column("x_m").to_numpy(), [20.5, 21.3, 21.2])
    assert left_out == ()
    tracks, left_out = _tracks(_obstacles([-1, 0, 260_000, 260_001]), ego)
    assert tracks.column("observed_us").to_pylist() == [0, 260_000]
    assert left_out == (("obstacle.offline", "no_ego_pose", "2 of 4 boxes, the first is row 0"),)
