"""What the public data set has beside the built-in world's layout, and zip files that are not what they say."""

import io
import json
import struct
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from causeway.clips.readers import zip_members
from causeway.clips.readers.physicalai import layout
from causeway.clips.readers.physicalai import reader as physicalai_av
from causeway.clips.readers.physicalai.folder import Folder
from causeway.clips.readers.zip_members import read_member
from causeway.errors import UnusableInput
from tests.clips.physicalai_fixture import (
    CAMERA,
    _parquet,
    obstacle_ahead,
    straight_egomotion,
    video_bytes,
    write_drives,
)


@pytest.fixture
def root(tmp_path):
    return write_drives(tmp_path / "drives", ["a", "b"], seconds=1.0)


def opened(root, clip_id="a"):
    return {r.drive_id: r for r in physicalai_av.recordings(root)}[clip_id].open()


def rewrite(root, feature, change):
    """The features.csv row of a feature, changed."""
    path = root / layout.FEATURES_CSV
    import csv

    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if row["feature"] == feature:
            change(row)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, layout.FEATURES_COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def replace_zip(root, feature, members):
    path = root / feature.chunk(0)
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_names_come_from_the_feature_table_alone(root):
    old = root / layout.EGOMOTION.chunk(0)
    new = root / "elsewhere" / "motion-7-0.zip"
    new.parent.mkdir()
    with zipfile.ZipFile(old) as archive, zipfile.ZipFile(new, "w") as target:
        for name in archive.namelist():
            target.writestr(f"x/{name.split('.')[0]}/m.parquet", archive.read(name))
    old.unlink()
    templates = json.dumps({"whatever": "x/{clip_id}/m.parquet"})
    rewrite(
        root,
        "egomotion",
        lambda row: row.update(chunk_path="elsewhere/motion-7-{chunk_id}.zip", clip_files_in_zip=templates),
    )
    assert len(opened(root).ego.t_us) == 101
    assert root / "elsewhere" in physicalai_av.paths(root)


@pytest.mark.parametrize("template", ["../{chunk_id}.zip", "/etc/passwd", "labels/../../x.zip", "a\\..\\b.zip"])
def test_a_path_that_leads_out_of_the_folder_is_refused(root, template):
    rewrite(root, "egomotion", lambda row: row.update(chunk_path=template))
    with pytest.raises(UnusableInput, match="leads out of the folder"):
        opened(root)


def test_templates_hold_no_other_fields(root):
    rewrite(root, "egomotion", lambda row: row.update(chunk_path="labels/{chunk_id.__class__}.zip"))
    with pytest.raises(UnusableInput, match="no egomotion in chunk 0"):
        opened(root)


def test_members_whose_names_lead_elsewhere_are_never_written(root, tmp_path):
    before = set(tmp_path.rglob("*"))
    name = layout.EGOMOTION.member("a", "egomotion")
    replace_zip(
        root, layout.EGOMOTION, {"../../evil": b"x", "/abs": b"x", name: _parquet(straight_egomotion(1.0, 5.0))}
    )
    assert len(opened(root).ego.t_us) == 101
    assert set(tmp_path.rglob("*")) == before


def test_online_tables_go_before_those_worked_out_afterwards(root):
    slow = straight_egomotion(1.0, 1.0)
    replace_zip(root, layout.EGOMOTION_OFFLINE, {"a.egomotion.offline.parquet": _parquet(slow)})
    near = replace_zip(root, layout.OBSTACLES_ONLINE, {"a.obstacle.parquet": _parquet(obstacle_ahead(1.0, 8.0))})
    with (root / layout.FEATURES_CSV).open("a", newline="") as file:
        import csv

        for feature in (layout.EGOMOTION_OFFLINE, layout.OBSTACLES_ONLINE):
            csv.DictWriter(file, layout.FEATURES_COLUMNS).writerow(feature.row())
    drive = opened(root)
    assert drive.ego.speed_mps[0] == pytest.approx(10.0)
    assert drive.tracks.column("y_m")[0].as_py() == pytest.approx(8.0)
    replace_zip(root, layout.OBSTACLES_ONLINE, {"a.obstacle.parquet": _parquet(obstacle_ahead(1.0, 8.0).slice(0, 0))})
    assert opened(root).tracks.num_rows == 0  # the vehicle saw nothing: that is known, and nothing to be made up for
    near.unlink()
    (root / layout.EGOMOTION.chunk(0)).unlink()
    drive = opened(root)
    assert drive.ego.speed_mps[0] == pytest.approx(1.0)
    assert drive.tracks.column("y_m")[0].as_py() == pytest.approx(20.0)


def test_light_states_of_other_times_are_counted(root):
    times = [-1, 0, 1_000_000, 1_100_000, 1_100_001]  # poses from 0 to 1 s
    lights = {"timestamp": times, "signal_id": ["s"] * 5, "state": ["red"] * 5, "lane_ids": [["a"]] * 5}
    member = layout.SIGNALS.member("a", layout.SIGNALS.name)
    replace_zip(root, layout.SIGNALS, {member: _parquet(pa.table(lights))})
    drive = opened(root)
    assert drive.signals.column("t_us").to_pylist() == times[1:4]
    assert drive.quarantined == (("light state rows", "no_ego_pose", "2 of 5, the first is row 0"),)


def test_boxes_in_a_gap_of_the_poses_and_those_there_twice_are_counted(root):
    poses, seen = straight_egomotion(3.0, 10.0), obstacle_ahead(3.0, 20.0)
    left = pa.concat_tables([poses.slice(0, 101), poses.slice(200)])  # none from 1.0 to 2.0 s
    replace_zip(root, layout.EGOMOTION, {"a.egomotion.parquet": _parquet(left)})
    doubled = _parquet(pa.concat_tables([seen, seen.slice(5, 3)]))
    replace_zip(root, layout.OBSTACLES, {layout.OBSTACLES.member("a", layout.OBSTACLES.name): doubled})
    drive = opened(root)
    assert drive.tracks.num_rows == 22
    assert drive.quarantined == (
        ("obstacle.offline", "no_ego_pose", "9 of 34 boxes, the first is row 11"),
        ("obstacle.offline", "same_object_same_time", "3 of 34 boxes, the first is row 31"),
    )


def test_only_valid_clips_with_the_split_and_place_that_the_metadata_says(root):
    index = {
        "clip_id": ["a", "b", "c"],
        "chunk": [0, 0, 0],
        "clip_is_valid": [True, False, None],
        "split": ["train"] * 3,
    }
    pq.write_table(pa.table(index), root / layout.CLIP_INDEX)
    (root / "splits").mkdir()
    pq.write_table(pa.table({"clip_id": ["a"], "split": ["test"]}), root / layout.SPLITS)
    (root / "metadata").mkdir()
    pq.write_table(pa.table({"clip_id": ["a"], "country": ["Portugal"]}), root / layout.DATA_COLLECTION)
    (recording,) = physicalai_av.recordings(root)
    drive = recording.open()
    assert (drive.drive_id, drive.source_split, drive.place) == ("a", "test", "Portugal")


@pytest.mark.parametrize("name", [layout.FEATURE_PRESENCE, layout.SENSOR_PRESENCE])
def test_what_is_announced_and_not_there_is_on_record(root, name):
    (root / "metadata").mkdir()
    pq.write_table(
        pa.table({"clip_id": ["a", "b"], "obstacle.offline": [True, False], CAMERA: [True, True]}), root / name
    )
    for feature in (layout.OBSTACLES, layout.camera_feature(CAMERA)):
        replace_zip(root, feature, {"other": b""})
    found = opened(root, "a")
    assert found.tracks is None
    assert [(where, why) for where, why, _ in found.quarantined] == [
        (CAMERA, "announced_but_missing"),
        ("obstacle.offline", "announced_but_missing"),
    ]
    assert [where for where, _, _ in opened(root, "b").quarantined] == [CAMERA]


def test_bad_ego_rows_are_named(root):
    table = straight_egomotion(1.0, 5.0).to_pydict()
    table["x"][3], table["timestamp"][50] = float("nan"), 0
    name = layout.EGOMOTION.member("a", "egomotion")
    replace_zip(root, layout.EGOMOTION, {name: _parquet(pa.table(table))})
    assert [(w, r) for w, r, _ in opened(root).quarantined] == [
        ("ego row 3", "not_a_number"),
        ("ego row 50", "time_goes_back"),
    ]


def test_pictures_without_a_time_stamp_are_counted(root):
    camera = layout.camera_feature(CAMERA)
    stamps = _parquet(pa.table({"timestamp": np.arange(8) * 100_000}))
    members = {camera.member("a", "video"): video_bytes(11), camera.member("a", "frame_timestamps"): stamps}
    replace_zip(root, camera, members)
    drive = opened(root)
    assert len(list(drive.frames("front_wide"))) == 8
    assert drive.quarantined[0][1:] == ("no_time", "3 of 11 pictures have no time stamp")


def good():
    return _parquet(straight_egomotion(1.0, 5.0))


def _bomb(path, name):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, b"\0" * 30_000_000)


def _huge(path, name):
    _stored(path, name)
    _patch_sizes(path, len(good()), 3 * 2**30)


def _larger_than_said(path, name):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, good() * 40)
    _patch_sizes(path, len(good()) * 40, 100)


def _patch_sizes(path, true, said):
    data = path.read_bytes().replace(struct.pack("<I", true), struct.pack("<I", said))
    path.write_bytes(data)


def _stored(path, name):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, good())


def _twice(path, name):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, good())
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr(name, good())


def _encrypted(path, name):
    _stored(path, name)
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    path.write_bytes(bytes(data))


def _truncated(path, name):
    _stored(path, name)
    path.write_bytes(path.read_bytes()[:-300])


def _flipped(path, name):
    _stored(path, name)
    data = bytearray(path.read_bytes())
    data[200] ^= 0xFF
    path.write_bytes(bytes(data))


def _strange_method(path, name):
    _stored(path, name)
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        data[data.index(mark) + offset] = 97
    path.write_bytes(bytes(data))


def _nested(path, name):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr(name, good())
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, inner.getvalue())


def _announces_much(path, name):
    table = pa.table({c: pa.array(np.zeros(3_000_000)) for c in straight_egomotion(0.1, 1.0).column_names})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, _parquet(table))


def _other_clip(path, name):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name.replace("a.", "z."), good())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_bomb, "as zip bombs are"),
        (_huge, "bytes; more than 2147483648 are not read"),
        (_larger_than_said, "not a whole zip file|is larger than"),
        (_twice, "is in it 2 times"),
        (_encrypted, "is encrypted"),
        (_truncated, "not a whole zip file"),
        (_flipped, "not a whole zip file"),
        (_strange_method, "not a whole zip file"),
        (_nested, "not a readable Parquet file"),
        (_announces_much, "announces 45000000 values"),
        (_other_clip, "no egomotion in chunk 0"),
    ],
)
def test_zip_files_that_are_not_what_they_say(root, spoil, message, monkeypatch):
    from causeway.clips.readers import parquet

    monkeypatch.setattr(parquet, "MOST_VALUES", 10_000_000)
    name = layout.EGOMOTION.member("a", "egomotion")
    spoil(root / layout.EGOMOTION.chunk(0), name)
    with pytest.raises(UnusableInput, match=message) as caught:
        opened(root)
    assert "\n" not in str(caught.value)


def test_a_member_is_read_in_pieces_and_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(zip_members, "_PIECE", 7)
    _stored(tmp_path / "x.zip", "m")
    assert read_member(tmp_path / "x.zip", "m").getvalue() == good()
    assert read_member(tmp_path / "x.zip", "n") is None


@pytest.mark.parametrize("chunk", [None, 1.5, "0"])
def test_an_index_without_whole_chunk_numbers(root, chunk):
    pq.write_table(pa.table({"clip_id": ["a"], "chunk": [chunk]}), root / layout.CLIP_INDEX)
    with pytest.raises(UnusableInput, match="not a whole number"):
        opened(root)


def test_lanes_of_other_types_are_one_line(root):
    rows = [{"lane_id": "a", "centre": "x", "left": [], "right": [], "successors": [], "kind": "drive"}]
    replace_zip(root, layout.LANES, {layout.LANES.member("a", "lanes"): _parquet(pa.Table.from_pylist(rows))})
    with pytest.raises(UnusableInput, match="a: lanes: columns are not of the types"):
        opened(root)


def test_features_that_are_no_table(root):
    (root / layout.FEATURES_CSV).write_bytes(b"\xff\xfe\x00feature")
    with pytest.raises(UnusableInput):
        Folder(root)


def test_turn_signals_are_joined_to_the_boxes_and_unknown_states_are_counted(root):
    boxes = opened(root).tracks
    assert "indicator" not in boxes.column_names
    shown = {"timestamp": [0, 100_000, 200_000, 100_000], "track_id": ["7", "7", "7", "other"]}
    table = pa.table(shown | {"indicator": ["off", "left", "purple", "right"]})
    member = layout.INDICATORS.member("a", layout.INDICATORS.name)
    path = root / layout.INDICATORS.chunk(0)
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, _parquet(table))
    drive = opened(root)
    assert drive.tracks.column("t_us").to_pylist() == boxes.column("t_us").to_pylist()
    assert drive.tracks.column("indicator").to_pylist()[:4] == ["off", "left", None, None]
    assert [entry for entry in drive.quarantined if entry[1] == "unknown_indicator"] == [
        ("indicators", "unknown_indicator", "1 of 4 rows")
    ]
