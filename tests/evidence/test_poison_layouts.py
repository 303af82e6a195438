"""The promise that no cause comes from the future, for every layout: from spoilt raw files to evidence.

Everything later than t0 in a raw drive is overwritten, mixed up or taken away; the drive is ingested and its features
are built. The evidence at t0 must not change by one bit. Moments are given, because finding them needs the future.
"""

import re
from pathlib import Path

import pytest

from causeway.artifacts import Artifact, run, write_artifact
from causeway.clips.ingest import IngestConfig, ingest
from causeway.clips.readers.layouts import LAYOUTS
from causeway.evidence.step import build_features
from tests.clips.raw_drives import WRITERS
from tests.clips.raw_story import SPOILS, TABLES, Story, story, without_future

T0_US = 9_000_000  # after a drive's first tick
TRACKS = {"lead_track_id", "crossing_track_id", "obstacle_track_id", "left_track_id", "oncoming_track_id"}
MAP = {"lane_offset_m", "lane_width_m", "has_left_lane", "lane_end_distance_m", "on_ramp"}
# what the made drive must show at t0 in each layout: without it the test would compare nulls
SEEN = {
    "physicalai-av": {
        *(*TRACKS, *MAP, "signal_state", "stop_line_distance_m", "crosswalk_id"),
        *("left_indicator", "route_action", "route_distance_m"),
    },
    "argoverse2": {*TRACKS, *MAP, "crosswalk_id"},
    "commonroad": {*TRACKS, *MAP},
    "comma2k19": {"ego_speed_mps"},
    "kitti-raw": {*TRACKS},
    "kitti-odometry": {"ego_speed_mps"},
    "pandaset": {*TRACKS},
    "tables": {*TRACKS, *MAP, "signal_state", "stop_line_distance_m", "crosswalk_id"},
}


def test_no_layout_is_forgotten():
    assert set(WRITERS) == set(SEEN) == set(LAYOUTS)


def number_of(drive_id: str, numbers: range) -> int:
    """Which of the written drives this is: layouts name them in their own ways."""
    for form in (r"(?<!\d){:04d}(?!\d)", "-{:02d}$", "-{}$"):
        found = [n for n in numbers if re.search(form.format(n), drive_id)]
        if found:
            return found[0]
    raise AssertionError(drive_id)


def spoilt(name: str) -> Story:
    """The drive spoilt after t0: `huge` in all that was recorded, `agents huge` only in what was seen of others."""
    *only, spoil = name.split()
    return without_future(story(), T0_US, SPOILS[spoil], tuple(only) or TABLES)


def evidence_of(layout: str, folder: Path, spoils: list[str]) -> tuple[dict[str, dict], Artifact]:
    """({spoil: evidence at t0}, the clips), with the untouched drive as `clean`; all drives are read at once."""
    stories = {"0000": story()}
    stories |= {f"{n:04d}": spoilt(spoil) for n, spoil in enumerate(spoils, 1)}
    drives = WRITERS[layout](folder / "drives", stories)
    clips = run(ingest, {"drives": str(drives)}, out=str(folder / "clips"), config=IngestConfig(layout=layout))
    names = ["clean", *spoils]
    moments = {}
    for row in sorted(Artifact(clips).table("clips").to_pylist(), key=lambda r: -r["start_us"]):
        name = names[number_of(row["drive_id"], range(len(names)))]
        moment = {"moment_id": name, "clip_id": row["clip_id"], "t0_us": row["start_us"] + T0_US, "end_us": None}
        moments[name] = moment | dict.fromkeys(("channel", "before", "after", "scenario", "split"), "x")
    write_artifact("moments", {"moments": list(moments.values())}, folder / "moments")
    inputs = {"moments": str(folder / "moments"), "clips": clips.location}
    evidence = Artifact(run(build_features, inputs, out=str(folder / "evidence")))
    return {row.pop("moment_id"): row for row in evidence.table("evidence").to_pylist()}, Artifact(clips)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_spoilt_future_changes_no_bit_of_evidence(layout: str, tmp_path: Path):
    assert changed(layout, tmp_path, ["others", "deleted"]) == {"others": {}, "deleted": {}}


@pytest.mark.slow
@pytest.mark.parametrize("table", [*TABLES, ""])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_however_it_is_spoilt(layout: str, table: str, tmp_path: Path):
    spoils = [f"{table} {spoil}".strip() for spoil in SPOILS]
    assert changed(layout, tmp_path, spoils) == {spoil: {} for spoil in spoils}


def changed(layout: str, folder: Path, spoils: list[str]) -> dict[str, dict[str, tuple]]:
    """{spoil: {feature: (clean, spoilt)}} of features that are not the same to the bit; every drive must be read."""
    found, clips = evidence_of(layout, folder, spoils)
    clean = found.pop("clean")
    assert {name for name in SEEN[layout] if clean[name] is None} == set()
    assert "drive_unusable" not in clips.table("quarantine").column("reason").to_pylist()
    return {
        spoil: {name: (clean[name], row[name]) for name in clean if name != "clip_id" and row[name] != clean[name]}
        for spoil, row in found.items()
    }
