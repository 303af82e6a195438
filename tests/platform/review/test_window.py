"""Nothing in the past of a window depends on anything that came after t0."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from causeway.artifacts import Artifact, write_artifact
from causeway.errors import UnusableInput
from causeway.platform.review.candidates import candidates
from causeway.platform.review.window import load_window, open_source

T0_US = 8_000_000
TABLES = ("clips", "ego", "tracks", "frames", "rigs", "lanes", "road_elements", "signals")


def poisoned(clips: Artifact, folder: Path, rng: np.random.Generator) -> Artifact:
    """The same clips with garbage in every row that was made from anything after t0."""
    tables = {name: clips.table(name).to_pylist() for name in TABLES}
    for name in ("ego", "tracks", "frames"):
        for row in tables[name]:
            if max(row["t_us"], row.get("observed_us", 0)) > T0_US:
                for column, value in row.items():
                    if isinstance(value, float):
                        row[column] = float(rng.normal() * 100)
                if name == "frames":
                    row["image"] = b"poison"
    tables["tracks"].append({**tables["tracks"][0], "t_us": T0_US + 100_000, "observed_us": T0_US + 100_000,
                             "track_id": "from the future"})  # fmt: skip
    late = {"clip_id": "bend-000", "t_us": T0_US + 100_000, "signal_id": "s", "state": "red", "lane_ids": ["1"]}
    tables["signals"].append(late)
    write_artifact("clips", tables, folder)
    return Artifact.open(folder)


def test_the_past_is_the_same_whatever_came_after(clips: Artifact, tmp_path: Path, rng: np.random.Generator) -> None:
    other = poisoned(clips, tmp_path / "poisoned", rng)
    whole, bad = (load_window(open_source(c), "bend-000", T0_US) for c in (clips, other))
    assert whole.past == bad.past
    assert candidates(whole.past) == candidates(bad.past)
    assert whole.rest() != bad.rest()
    assert whole.past["boxes"][-1][0]["id"] == "7"


def test_a_row_that_was_made_from_later_readings_is_not_known_at_t0(clips: Artifact, tmp_path: Path) -> None:
    tables = {name: clips.table(name).to_pylist() for name in TABLES}
    for row in tables["ego"] + tables["tracks"]:
        row["observed_us"] = row["t_us"] + 50_000
    write_artifact("clips", tables, tmp_path / "late")
    window = load_window(open_source(Artifact.open(tmp_path / "late")), "bend-000", T0_US)
    assert window.past["t"][-1] == -100_000
    assert window.rest()["t"][0] == 0
    assert window.past["ego"][-1] == [0.0, 0.0, 0.0]


def test_a_window_reaches_over_the_border_of_its_clip(clips: Artifact) -> None:
    source = open_source(clips)
    ahead = load_window(source, "bend-000", 9_000_000)
    assert ahead.rest()["t"][-1] == 6_400_000
    back = load_window(source, "bend-001", 11_000_000)
    assert back.past["t"] == list(range(-2_000_000, 1, 100_000))
    # 10 m/s on a bend of 50 m: 0.2 rad in a second, the same in both clips' frames
    for window in (ahead, back):
        x, y, yaw = window.past["ego"][-11]
        assert (x, y) == pytest.approx((-50 * np.sin(0.2), 50 * (1 - np.cos(0.2))), abs=2e-3)
        assert yaw == pytest.approx(-0.2, abs=2e-3)
        box = window.past["boxes"][-1][0]["pose"]
        assert box[:2] == pytest.approx([50 * np.sin(0.4), 50 * (1 - np.cos(0.4))], abs=0.02)


def test_pictures_of_both_halves(clips: Artifact) -> None:
    window = load_window(open_source(clips), "bend-000", T0_US)
    assert window.past["frames"]["front"][-1] < 0
    assert window.rest()["frames"]["front"][0] > 0
    at = window.t0_us + window.past["frames"]["front"][-1]
    assert window.frames.image("front", at)[:2] == b"\xff\xd8"
    assert window.frames.image("front", at + 1) == b""


def test_pictures_of_other_cameras_are_not_read(
    clips: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = {name: clips.table(name).to_pylist() for name in TABLES}
    tables["frames"] += [row | {"camera": "rear", "image": b"rear"} for row in tables["frames"]]
    write_artifact("clips", tables, tmp_path / "two")
    read: list[list[str]] = []
    look = Artifact.look

    def spy(self: Artifact, name: str, columns: Any = None, **among: Any) -> Any:
        if "image" in columns:
            read.append(among["camera"])
        return look(self, name, columns, **among)

    monkeypatch.setattr(Artifact, "look", spy)
    window = load_window(open_source(Artifact.open(tmp_path / "two")), "bend-000", T0_US)
    at = window.t0_us + window.past["frames"]["front"][-1]
    assert window.frames.image("front", at)[:2] == b"\xff\xd8"
    assert read == [["front"]]
    assert window.frames.image("rear", at) == b"rear"
    assert window.frames.image("none", at) == b""


@pytest.mark.parametrize(("clip_id", "t0_us"), [("other", T0_US), ("bend-000", 40_000_000), ("bend-000", -5)])
def test_a_moment_that_is_not_in_its_clip_is_refused(clips: Artifact, clip_id: str, t0_us: int) -> None:
    with pytest.raises(UnusableInput, match="name its own clips"):
        load_window(open_source(clips), clip_id, t0_us)


def test_a_table_cut_short_is_refused_in_one_line(clips: Artifact, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "cut"
    shutil.copytree(clips.location, folder)
    data = (folder / "tracks.parquet").read_bytes()
    (folder / "tracks.parquet").write_bytes(data[: len(data) // 2])
    with pytest.raises(UnusableInput, match="not a readable Parquet file"):
        open_source(Artifact.open(folder))


def test_candidates_come_from_what_is_near_the_path(clips: Artifact) -> None:
    found = candidates(load_window(open_source(clips), "bend-000", 2_000_000).past)
    assert [c["kind"] for c in found] == ["car", "stop_line", "crosswalk"]
    assert all(set(c) == {"category", "kind", "track_id", "relative_pose", "motion", "at"} for c in found)
