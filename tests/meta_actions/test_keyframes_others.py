"""Who cuts in and who drives dangerously, in sightings made of a few numbers."""

from dataclasses import replace

import numpy as np
import pytest

from tests.meta_actions.test_keyframes import after, around, braking, drive, named, sightings

N = 200
TICKS = np.arange(60, 150)


def cutter(**more):
    """(around, sightings) of somebody who comes over from the left between ticks 80 and 105 and is our lead from 95."""
    offset = np.interp(TICKS, [80, 105], [3.5, 0.5])
    lead = {"lead": np.where(np.arange(N) >= 95, 7, -1), "lead_gap_m": after(95, 10.0), "lead_mps": after(95, 8.0)}
    return around(**lead), sightings(7, TICKS, offset, gap_m=10.0, **more)


def lights(side, first, last):
    return np.where((first <= TICKS) & (last >= TICKS), side, 0)


@pytest.mark.parametrize(
    ("shown", "began"),
    [
        (lights(-1, 70, 110), 70),  # signals first
        (lights(-1, 90, 110), 80),  # moves first
        (lights(1, 70, 110), 80),  # signals away from us
        (lights(-1, 64, 72), 80),  # had signalled, and left it
    ],
)
def test_a_cut_in_begins_with_the_signal_or_the_move_whichever_is_first(shown, began):
    found = named(drive(braking()), *cutter(signals=shown))
    assert [name for _, name in found] == ["cut_in"]
    assert abs(found[0][0] - began) <= 1


def seen_as(rows, **columns):
    """Sightings with some columns set, each a number or an array [rows]."""
    return replace(rows, **{n: np.broadcast_to(np.asarray(v), len(rows.tick)) for n, v in columns.items()})


def test_who_comes_towards_us_in_our_lane_drives_dangerously():
    towards = sightings(7, TICKS, 1.5, gap_m=40.0, along_mps=-8.0, into_lane_m=np.where(TICKS > 98, 0.5, -0.5))
    comes = seen_as(towards, heads_our_way=False)
    assert named(drive(braking()), around(), comes) == [(95, "risky_driving")]
    in_its_lane = seen_as(comes, into_lane_m=-0.2)
    assert named(drive(braking()), around(), in_its_lane) == [(95, "slow")]
    assert named(drive(braking()), around(in_junction=True), comes) == [(95, "slow")]  # it turns there


def test_who_backs_up_before_us_drives_dangerously():
    back = sightings(7, TICKS, 0.0, gap_m=20.0, along_mps=np.where(TICKS > 96, -1.0, 0.0), into_lane_m=2.5)
    assert named(drive(braking()), around(), back) == [(95, "risky_driving")]
    stands = seen_as(back, along_mps=0.0)
    assert named(drive(braking()), around(), stands) == [(95, "slow")]


def test_who_swings_into_our_lane_and_out_again_drives_dangerously():
    swing = np.interp(TICKS, [85, 102, 120], [3.5, 1.6, 3.5])
    weaves = sightings(7, TICKS, swing, gap_m=12.0, into_lane_m=2.7 - swing)
    assert named(drive(braking()), around(), weaves) == [(95, "risky_driving")]
    small = np.interp(TICKS, [85, 102, 120], [2.3, 1.6, 2.3])
    assert named(drive(braking()), around(), sightings(7, TICKS, small, into_lane_m=2.7 - small)) == [(95, "slow")]


def test_a_change_of_lane_is_dangerous_when_it_is_quick_and_unannounced():
    there, seen = cutter()
    quick = seen_as(seen, across_mps=np.where((TICKS > 85) & (TICKS < 100), -3.0, 0.0), into_lane_m=1.0)
    assert named(drive(braking()), there, quick) == [(95, "risky_driving")]
    told = seen_as(quick, signals=lights(-1, 70, 110))
    assert [name for _, name in named(drive(braking()), there, told)] == ["cut_in"]
    calm = seen_as(quick, across_mps=np.where((TICKS > 85) & (TICKS < 100), -1.5, 0.0))
    assert [name for _, name in named(drive(braking()), there, calm)] == ["cut_in"]
