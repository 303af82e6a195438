from pathlib import Path
from typing import Any

import pytest

from causeway.artifacts import Artifact, write_artifact
from causeway.clips import clips_of
from causeway.errors import UsageError
from causeway.reasoning.pictures import RawPicture, picture_reader, small_jpegs
from tests.evidence.scenes import clip_row, ego_rows, rig_row

SECOND = 1_000_000
AHEAD = [0.0, 0.0, 1.0, 1.9, -1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 1.4, 0.0, 0.0, 0.0, 1.0]
LEFT = [1.0, 0.0, 0.0, 1.9, 0.0, 0.0, 1.0, 0.0, 0.0, -1.0, 0.0, 1.4, 0.0, 0.0, 0.0, 1.0]
RIGS = (("left", LEFT, 100.0), ("tele", AHEAD, 2000.0), ("wide", AHEAD, 300.0))


def clips(folder: Path, times_us: list[int], cameras: Any = RIGS) -> Artifact:
    """Two clips of 3 s each; every camera takes a picture at each time."""
    rows = [clip_row("d-000", "d", 30, 0), clip_row("d-001", "d", 30, 3 * SECOND)]
    ego = ego_rows("d-000", [5.0] * 30, 0) + ego_rows("d-001", [5.0] * 30, 3 * SECOND)
    frames, rigs = [], []
    for clip_id in ("d-000", "d-001"):
        for camera, pose, fx in cameras:
            rigs.append(rig_row(clip_id) | {"camera": camera, "rig_from_camera": pose, "fx": fx})
            for t_us in times_us:
                if (t_us >= 3 * SECOND) == (clip_id == "d-001"):
                    row = {"clip_id": clip_id, "camera": camera, "t_us": t_us, "image": f"{camera} {t_us}".encode()}
                    frames.append(row | {"width": 1, "height": 1})
    write_artifact("clips", {"clips": rows, "ego": ego, "frames": frames, "rigs": rigs}, folder)
    return Artifact.open(folder)


def taken(made: Artifact, t0_us: int, camera: str = "") -> list[int]:
    return [p.t_us for p in picture_reader(made, camera)(list(clips_of(made).values()), t0_us)]


def test_two_a_second_up_to_t0_across_clips(tmp_path: Path) -> None:
    made = clips(tmp_path / "clips", list(range(0, 6 * SECOND, 100_000)))
    assert taken(made, 4 * SECOND) == [2_000_000, 2_500_000, 3_000_000, 3_500_000, 4_000_000]
    assert taken(made, 4 * SECOND + 50_000) == [2_500_000, 3_000_000, 3_500_000, 4_000_000]


def test_pictures_that_come_seldom_or_not_at_all(tmp_path: Path) -> None:
    made = clips(tmp_path / "clips", [1_700_000, 2_230_000, 2_700_000, 4_000_001])
    assert taken(made, 4 * SECOND) == [2_230_000, 2_700_000]
    assert taken(made, 3 * SECOND) == [1_700_000, 2_230_000, 2_700_000]
    assert taken(clips(tmp_path / "none", [], ()), 4 * SECOND) == []


def test_what_comes_after_t0_changes_nothing(tmp_path: Path) -> None:
    times = list(range(0, 6 * SECOND, 70_000))
    whole = clips(tmp_path / "whole", times)
    cut = clips(tmp_path / "cut", [t for t in times if t <= 4 * SECOND])
    assert taken(whole, 4 * SECOND) == taken(cut, 4 * SECOND)


def test_the_widest_camera_that_looks_ahead(tmp_path: Path) -> None:
    made = clips(tmp_path / "clips", [SECOND])
    read = picture_reader(made)(list(clips_of(made).values()), SECOND)
    assert [p.camera for p in read] == ["wide"]
    named = picture_reader(made, "left")(list(clips_of(made).values()), SECOND)
    assert named == (RawPicture("left", SECOND, b"left 1000000"),)
    with pytest.raises(UsageError, match="they have left, tele, wide"):
        picture_reader(made, "rear")


def test_what_is_no_picture_is_told() -> None:
    pictures, problems = small_jpegs([RawPicture("c", 5, b""), RawPicture("c", 6, b"\xff\xd8\xff")], 640)
    assert pictures == ()
    assert [text.startswith(f"pictures: the one at {t_us} us is unreadable") for t_us, text in zip((5, 6), problems, strict=True)] == [True, True]
