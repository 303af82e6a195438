import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from causeway.artifacts import Artifact, run
from causeway.clips.geometry import quaternion_from_yaw
from causeway.clips.ingest import IngestConfig, ingest
from causeway.clips.pictures import FrameQueue
from causeway.clips.readers.video import as_jpeg
from causeway.clips.types import Drive, Frame, RawEgo, Recording, Rig, Vehicle
from causeway.errors import UnusableInput

ROOT = Path(__file__).resolve().parents[2]


def drive(times, breaks=False):
    def frames(camera):
        yield from (Frame(camera, t, f"p{t}", lambda: b"") for t in times)
        if breaks:
            raise UnusableInput("v.mp4: a picture cannot be decoded")

    t = np.arange(31) * 100_000
    ego = RawEgo(t, np.zeros((31, 3)), quaternion_from_yaw(np.zeros(31)))
    return Drive("d", "made", "none", Rig(Vehicle("v", 4.0, 2.0, 2.5, 1.5)), ego, frames)


def taken(queue, *ends):
    return [[frame.t_us for frame in queue.until(end)] for end in ends]


def test_pictures_come_in_pieces_and_thinned():
    queue = FrameQueue(drive(range(0, 400_000, 33_000)), "c", 10.0)
    assert taken(queue, 150_000, 10**9) == [[0, 99_000], [198_000, 297_000, 396_000]]
    assert (queue.thinned, queue.left_out) == (8, [])


def test_pictures_out_of_order_are_named_and_the_others_kept():
    queue = FrameQueue(drive([0, 200_000, 100_000, 200_000, 300_000]), "c", 10.0)
    assert taken(queue, 10**9) == [[0, 100_000, 200_000, 300_000]]
    assert queue.left_out == [("p200000", "time_goes_back", "at 200000 us, the next one is at 100000 us")]


@pytest.mark.parametrize("place", [0, 1, 3, 5])
def test_one_stamp_far_ahead_costs_one_picture(place):
    times = [100_000 * i for i in range(5)]
    queue = FrameQueue(drive([*times[:place], 10**15, *times[place:]]), "c", 10.0)
    assert taken(queue, 10**12) == [times]
    queue_end = [] if place < 5 else [10**15]
    assert taken(queue, 10**18) == [queue_end]  # what comes last may be in order
    assert [where for where, _, _ in queue.left_out] == ([] if place == 5 else [f"p{10**15}"])


def test_stamps_that_fall_behind_or_come_twice_cost_one_picture_each():
    queue = FrameQueue(drive([100_000, 200_000, 0, 300_000, 300_000, 400_000]), "c", 10.0)
    assert taken(queue, 10**9) == [[100_000, 200_000, 300_000, 400_000]]
    assert [(where, detail) for where, _, detail in queue.left_out] == [
        ("p0", "at 0 us, after 200000 us"),
        ("p300000", "at 300000 us, after 300000 us"),
    ]


def test_a_video_that_breaks_off_keeps_what_came_before():
    queue = FrameQueue(drive([0, 100_000], breaks=True), "c", 10.0)
    assert taken(queue, 10**9) == [[0, 100_000]]
    assert queue.left_out == [("c", "pictures_end_early", "v.mp4: a picture cannot be decoded")]


def bombs():
    header = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (60_000).to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00"
    import zlib

    return header + zlib.crc32(header[12:]).to_bytes(4, "big") + b"\x00\x00\x00\x00IDAT"


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", bombs(), b"GIF89a", b"BM" + b"\0" * 60])
def test_bytes_that_are_no_picture_say_so(data):
    with pytest.raises(ValueError, match="cannot be decoded"):
        as_jpeg(data, 90, 1280)


class _Layout:
    """A reader of drives made in a test."""

    def __init__(self, *drives):
        self.drives = drives

    def recordings(self, root):
        return [Recording(d.drive_id, lambda d=d: d) for d in self.drives]


def ingested(tmp_path, monkeypatch, *drives):
    from causeway.clips import ingest as module

    (tmp_path / "in").mkdir()
    layout = _Layout(*drives)
    layout.paths = lambda root: [tmp_path / "in"]
    monkeypatch.setattr(module, "reader_of", lambda drives, name: (layout, tmp_path / "in"))
    return Artifact(run(ingest, {"drives": str(tmp_path / "in")}, out=str(tmp_path / "c"), config=IngestConfig()))


def test_two_drives_of_one_name_are_not_one(tmp_path, monkeypatch):
    clips = ingested(tmp_path, monkeypatch, drive([]), drive([]))
    assert clips.manifest.counts["clips"] == 1
    (row,) = clips.table("quarantine").to_pylist()
    assert (row["reason"], "second drive of this name" in row["detail"]) == ("drive_unusable", True)


def test_gaps_bad_rows_and_poses_alone_are_all_accounted_for(tmp_path, monkeypatch):
    t = np.concatenate([np.arange(30) * 100_000, [5_000_000], 10_000_000 + np.arange(30) * 100_000])
    xyz = np.stack([t * 1e-5, 0.0 * t, 0.0 * t], axis=-1)
    xyz[3] = np.nan
    broken = RawEgo(t, xyz, quaternion_from_yaw(np.zeros(61)), np.full(61, 12.0))
    from dataclasses import replace

    clips = ingested(tmp_path, monkeypatch, replace(drive([]), ego=broken))
    rows = clips.table("quarantine").to_pylist()
    assert [(row["where"], row["reason"]) for row in rows] == [
        ("ego row 3", "not_a_number"),
        ("ego rows 30 to 30", "between_gaps"),
    ]
    spans = [(c["start_us"], c["end_us"]) for c in clips.table("clips").to_pylist()]
    assert spans == [(0, 2_900_000), (10_000_000, 12_900_000)]
    ego = clips.table("ego")
    np.testing.assert_allclose(ego.column("speed_mps").to_numpy(), 12.0)
    np.testing.assert_allclose(ego.column("derived_speed_mps").to_numpy(), 10.0)
    counts = clips.manifest.counts
    assert counts["read"] == counts["kept"] + counts["quarantine"] == 4


def test_a_century_of_poses_is_one_line(tmp_path, monkeypatch):
    from dataclasses import replace

    t = np.arange(31) * 80_000_000_000
    apart = RawEgo(t, np.zeros((31, 3)), quaternion_from_yaw(np.zeros(31)))
    with pytest.raises(UnusableInput, match="at most 80000 s apart: no two ticks"):
        ingested(tmp_path, monkeypatch, replace(drive([]), ego=apart))


def test_a_jpeg_stays_as_it_is():
    buffer = io.BytesIO()
    Image.new("RGB", (32, 24)).save(buffer, "JPEG")
    assert as_jpeg(buffer.getvalue(), 90, 1280) == (buffer.getvalue(), 32, 24)


def test_what_is_no_picture_is_said_in_words_that_are_the_same_in_every_run():
    with pytest.raises(ValueError, match=r"^cannot be decoded \(not a picture of a known format\)$"):
        as_jpeg(b"no picture", 90, 1280)


def test_a_picture_that_says_it_is_larger_than_memory_is_refused_without_a_warning(recwarn):
    buffer = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(buffer, "PNG")
    with pytest.raises(ValueError, match="144000000 pixels"):
        as_jpeg(buffer.getvalue(), 90, 1280)
    assert len(recwarn) == 0


def test_colours_of_a_video_are_the_same_without_vector_code():
    """FFmpeg's flags are those of the process, so another one decodes without."""
    code = """
import hashlib, io, sys
from causeway.clips.readers.video import picture_array, video_pictures
from tests.clips.physicalai_fixture import video_bytes
from tests.data_steps import without_vector_code
data = io.BytesIO(video_bytes(3))
if sys.argv[1] == "plain":
    without_vector_code()
print([hashlib.sha256(picture_array(picture).tobytes()).hexdigest() for picture in video_pictures(data, "v")])
"""
    said = [
        subprocess.run([sys.executable, "-c", code, way], capture_output=True, text=True, check=True, cwd=ROOT).stdout
        for way in ("plain", "usual")
    ]
    assert said[0] == said[1] != ""
