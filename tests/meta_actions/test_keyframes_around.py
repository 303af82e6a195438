"""What key frames see of a clip: one straight road, and what a test puts on it. And what evidence sees of a tag."""

import numpy as np
import pytest

from causeway.artifacts import Artifact, write_artifact
from causeway.evidence.records import NAMES
from causeway.meta_actions.keyframes_around import SIGNALS, around_drive
from causeway.meta_actions.moments_config import DEFAULTS
from tests.evidence.scenes import clip_row, ego_rows, rig_row, road, signal_row, track_row

TICKS, START = 60, 1_000_000


@pytest.fixture
def seen(tmp_path):
    """Columns and sightings of a car at 10 m/s from x = 0; its front bumper is 3.5 m ahead of it."""

    def look(**tables):
        given = {"clips": [clip_row("c", "d", TICKS, START)], "ego": ego_rows("c", [10.0] * TICKS)}
        given |= {"rigs": [rig_row("c")], **road("c")} | tables
        write_artifact("clips", given, tmp_path / "clips")
        clips = Artifact.open(tmp_path / "clips")
        return around_drive(clips, clips.table("clips").to_pylist(), DEFAULTS)

    return look


def element(kind, x_m, y_m=0.0, name="e"):
    shape = [[x_m, y_m - 0.2], [x_m, y_m + 0.2]]
    return {"clip_id": "c", "element_id": f"{name}{x_m}", "kind": kind, "lane_ids": ["a"], "shape": shape}


def test_an_empty_road(seen):
    around, sightings = seen(road_elements=[])
    assert (around.lead == -1).all()
    assert np.isnan(around.lead_gap_m).all()
    assert around.has_map.all()
    assert len(sightings.tick) == 0
    assert not around.line_crossed.any()


def test_bump_and_crosswalk(seen):
    around, _ = seen(road_elements=[element("bump", 33.5), element("crosswalk", 23.5), element("bump", 28.5, 9.0)])
    assert around.bump_gap_m[10] == pytest.approx(33.5 - 10 - 3.5)
    assert np.isnan(around.bump_gap_m[35])
    assert np.flatnonzero(around.line_crossed).tolist() == [20]


def test_cones_and_barriers_narrow_the_way(seen):
    cones = [element("cone", x, -1.6) for x in (30.0, 34.0, 38.0)] + [element("cone", 36.0, 12.0)]
    around, _ = seen(road_elements=cones)
    assert around.works[0] == 3
    assert around.works_gap_m[0] == pytest.approx(30 - 3.5)
    assert around.works_offset_m[0] == pytest.approx(-1.6)
    barrier = [track_row("c", i, "b", 30.0, 2.0, type="static", length_m=1.0, width_m=0.4) for i in range(TICKS)]
    around, _ = seen(road_elements=[], tracks=barrier)
    assert (around.works[5], around.works_offset_m[5]) == (1, 2.0)


def test_who_is_beside(seen):
    left = [track_row("c", i, "l", i - 2.0, 3.6, vx_mps=10.0) for i in range(TICKS)]
    far = [track_row("c", i, "f", i + 40.0, -3.6, vx_mps=10.0) for i in range(TICKS)]
    around, _ = seen(tracks=left + far)
    assert around.beside_left[10:50].all()
    assert not around.beside_right.any()
    comes = [track_row("c", i, "o", 60.0 - i, -3.6, vx_mps=-10.0, yaw_rad=np.pi) for i in range(TICKS)]
    around, _ = seen(tracks=comes)
    assert not around.beside_right[0]
    assert around.beside_right[25]


def test_a_long_truck_is_beside_us_until_its_front_is_behind_us(seen):
    """Gaps are from bumper to bumper, however long the other is: its front is at 36 m, our tail 0.5 m behind us."""
    rows = [
        track_row("c", i, "truck", 30.0, -3.6, length_m=12.0, width_m=2.5, vx_mps=0.0, type="truck")
        for i in range(TICKS)
    ]
    around, _ = seen(tracks=rows)
    assert np.flatnonzero(around.beside_right)[-1] == 40


def test_light_and_line(seen):
    around, _ = seen(signals=[signal_row("c", i, "green" if i < 20 else "red") for i in range(TICKS)])
    assert [SIGNALS[around.signal[i]] for i in (10, 30)] == ["green", "red"]
    assert around.signal_gap_m[10] == pytest.approx(100 - 10 - 3.5)
    assert around.stop_gap_m[10] == pytest.approx(100 - 10 - 3.5)


def test_ticks_go_on_over_clips(tmp_path):
    rows = [clip_row("c", "d", 30, START), clip_row("e", "d", 30, START + 3_000_000)]
    ego = ego_rows("c", [10.0] * 30) + ego_rows("e", [10.0] * 30, START + 3_000_000)
    tracks = [track_row("c", i, "a", 20.0 + i, 0.0, vx_mps=10.0) for i in range(30)]
    tracks += [track_row("e", 30 + i, "a", 20.0 + i, 0.0, vx_mps=10.0) for i in range(30)]
    given = {"clips": rows, "ego": ego, "tracks": tracks, "rigs": [rig_row("c"), rig_row("e")]}
    write_artifact("clips", given, tmp_path / "clips")
    around, sightings = around_drive(Artifact.open(tmp_path / "clips"), rows, DEFAULTS)
    assert len(around.t_us) == 60
    assert len(set(around.lead[5:].tolist())) == 1  # one track, one number
    assert sightings.tick.max() == 59


def test_a_tag_is_no_evidence():
    """A scenario is found with what came after t0: the record that causes are named from must not hold it."""
    assert not {"scenario", "channel", "before", "after", "end_us", "split"} & set(NAMES)
