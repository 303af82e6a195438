"""The key-frame rules, one scenario after the other, on drives made of a few numbers."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.meta_actions.keyframes import key_frames
from causeway.meta_actions.keyframes_around import SIGNALS, Sightings, stretches, unknown
from causeway.meta_actions.keyframes_types import Behaviour, KeyFrame
from causeway.meta_actions.names import CHANNELS, LANE, LATERAL, LONGITUDINAL
from causeway.meta_actions.scenarios import ALL_SCENARIOS, GENERIC, SCENARIOS, generic_of

N = 200
RED, YELLOW, GREEN = (SIGNALS.index(state) for state in ("red", "yellow", "green"))
HOLD, SLOW, HARD, GO, STAND, BACK = (
    LONGITUDINAL.index(name)
    for name in (
        "maintain_speed", "gentle_decelerate", "strong_decelerate", "gentle_accelerate", "stop", "reverse"
    )
)  # fmt: skip
STRAIGHT, LEFT, RIGHT, SHARP = (
    LATERAL.index(name) for name in ("go_straight", "steer_left", "steer_right", "sharp_steer_left")
)


def codes(first, *changes):
    """A row that begins with `first` and changes to `code` at `tick`."""
    row = np.full(N, first)
    for tick, code in changes:
        row[tick:] = code
    return row


def drive(longitudinal=None, lateral=None, lane=None, speed=10.0, yaw=0.0):
    still = codes(HOLD), codes(STRAIGHT), np.full(N, -1)
    rows = [default if row is None else row for row, default in zip((longitudinal, lateral, lane), still, strict=True)]
    return Behaviour(np.arange(N) * 100_000, np.full(N, 0.0) + speed, np.full(N, 0.0) + yaw, *rows)


def around(**columns):
    nothing = unknown(np.arange(N) * 100_000)[0]
    return replace(nothing, **{name: _column(getattr(nothing, name), value) for name, value in columns.items()})


def _column(default, value):
    return np.full(N, value, dtype=default.dtype) if np.isscalar(value) else np.asarray(value, dtype=default.dtype)


def sightings(
    track, ticks, offset_m, gap_m=20.0, along_mps=10.0, weak=False, clearance_m=-1.0, into_lane_m=0.0, signals=0
):
    n = len(ticks)
    full = {"gap_m": gap_m, "offset_m": offset_m, "clearance_m": clearance_m, "along_mps": along_mps}
    full |= {"across_mps": 0.0, "lane_offset_m": offset_m, "into_lane_m": into_lane_m}
    arrays = {name: np.broadcast_to(np.asarray(v, dtype=float), n) for name, v in full.items()}
    kinds = {"weak": np.full(n, weak), "heads_our_way": np.full(n, True)}
    lights = np.broadcast_to(np.asarray(signals, dtype=int), n)
    return Sightings(tick=np.asarray(ticks), track=np.full(n, track), **arrays, **kinds, signals=lights)


NOBODY = unknown(np.zeros(0, dtype=np.int64))[1]


def frames(behaviour, there=None, seen=NOBODY):
    return key_frames(behaviour, there or around(), seen).frames


def named(behaviour, there=None, seen=NOBODY):
    return [(frame.tick, frame.scenario) for frame in frames(behaviour, there, seen)]


def braking(tick=100, to=130, then=HOLD):
    return codes(HOLD, (tick, SLOW), (to, then))


def after(tick, value, before=np.nan):
    return np.where(np.arange(N) >= tick, value, before)


def test_braking_alone_is_one_moment_half_a_second_before():
    assert named(drive(braking())) == [(95, "slow")]
    assert named(drive(codes(HOLD, (100, SLOW), (112, HARD), (130, SLOW), (140, HOLD)))) == [(95, "slow")]
    assert named(drive(codes(HOLD, (100, HARD), (130, STAND)))) == [(95, "stop")]
    assert named(drive(codes(STAND, (100, GO), (130, HOLD)))) == [(95, "start")]
    assert named(drive(codes(SLOW, (100, GO)))) == [(95, "speed_up")]
    assert named(drive(codes(HOLD, (100, STAND)))) == [(95, "stop")]
    assert named(drive(codes(STAND, (100, BACK), (140, STAND)))) == [(95, "reverse")]


def test_what_becomes_of_the_others_is_counted():
    row = codes(HOLD, (60, SLOW), (75, HARD), (90, STAND), (120, GO), (140, HOLD))
    found = key_frames(drive(row), around(), NOBODY)
    assert len(found.frames) == 2
    assert (found.counts["transitions"], found.counts["continues"], found.counts["ends"]) == (5, 2, 1)


def test_slow_for_lead_and_stop_for_lead():
    lead = {"lead": 1, "lead_gap_m": 15.0, "lead_mps": 6.0, "lead_accel_mps2": -2.0}
    assert named(drive(braking()), around(**lead)) == [(95, "slow_for_lead")]
    far = lead | {"lead_gap_m": 75.0, "lead_mps": 11.0, "lead_accel_mps2": 0.0}
    assert named(drive(braking()), around(**far)) == [(95, "slow")]
    assert named(drive(braking(then=STAND)), around(**lead | {"lead_gap_m": 5.0})) == [(95, "stop_for_lead")]


def test_stop_for_a_light_is_the_later_of_the_rule_and_its_turning():
    gap = np.linspace(60, 3, N)
    for turns, expected in ((50, 95), (97, 97), (108, 108)):
        signal = np.where(np.arange(N) < turns, GREEN, np.where(np.arange(N) < turns + 20, YELLOW, RED))
        there = around(signal=signal, signal_gap_m=gap)
        assert named(drive(braking(to=160, then=STAND)), there) == [(expected, "stop_for_control")]


def test_a_stopped_lead_beats_the_red_light_behind_it():
    there = {"lead": 1, "lead_gap_m": 4.0, "lead_mps": 0.0, "signal": RED, "signal_gap_m": 11.0}
    assert named(drive(braking(then=STAND)), around(**there)) == [(95, "stop_for_lead")]
    assert named(drive(braking(then=STAND)), around(**there | {"signal_gap_m": 2.0})) == [(95, "stop_for_control")]


def test_a_stop_sign_is_a_stop_line_at_which_one_stands():
    assert named(drive(braking(then=STAND)), around(stop_gap_m=2.0)) == [(95, "stop_for_control")]
    assert named(drive(braking()), around(stop_gap_m=2.0)) == [(95, "slow")]


def test_resume_is_the_later_of_the_rule_and_green():
    row = codes(STAND, (100, GO))
    for turns, expected in ((60, 95), (98, 98)):
        signal = np.where(np.arange(N) < turns, RED, GREEN)
        there = around(signal=signal, signal_gap_m=3.0)
        assert named(drive(row), there) == [(expected, "resume_at_control")]
    queue = around(signal=GREEN, signal_gap_m=9.0, lead=1, lead_gap_m=3.0, lead_mps=1.0)
    assert named(drive(row), queue) == [(95, "start")]
    assert named(drive(row), around(signal=RED, signal_gap_m=3.0)) == [(95, "start")]
    assert named(drive(row), around(stop_gap_m=1.0)) == [(95, "resume_at_control")]


def test_yield_to_somebody_weaker_and_risky_driving():
    walks = {"crossing": 3, "crossing_gap_m": 15.0, "crossing_mps": 0.0}
    assert named(drive(braking()), around(**walks, crossing_weak=True)) == [(95, "yield_to_vru")]
    assert named(drive(braking()), around(**walks)) == [(95, "risky_driving")]
    assert named(drive(braking()), around(**walks | {"crossing_gap_m": 45.0})) == [(95, "slow")]  # no need to brake
    assert named(drive(codes(STAND, (100, BACK))), around(lead=1, lead_gap_m=4.0, lead_mps=-1.0)) == [
        (95, "risky_driving")
    ]


def test_cut_in_is_when_the_other_begins_to_move_over():
    ticks = np.arange(60, 130)
    offset = np.interp(ticks, [80, 105], [3.5, 0.5])
    lead = {"lead": np.where(np.arange(N) >= 95, 7, -1), "lead_gap_m": after(95, 10.0), "lead_mps": after(95, 8.0)}
    found = named(drive(braking()), around(**lead), sightings(7, ticks, offset, gap_m=10.0))
    assert [name for _, name in found] == ["cut_in"]
    assert abs(found[0][0] - 80) <= 1
    next_piece = around(**lead, lane=after(90, 2, 1), lane_offset_m=0.1)  # the lane goes on in another one
    assert named(drive(braking()), next_piece, sightings(7, ticks, offset, gap_m=10.0)) == found
    straight = sightings(7, ticks, np.full(len(ticks), 0.5), gap_m=10.0)
    assert named(drive(braking()), around(**lead), straight) == [(95, "slow_for_lead")]
    ours = around(**lead, lane=after(90, 2, 1), lane_offset_m=after(90, -1.7, 1.7))
    assert named(drive(braking()), ours, sightings(7, ticks, offset, gap_m=10.0)) == [(95, "slow_for_lead")]


def test_who_only_leans_our_way_or_was_ahead_all_along_cuts_in_nobody():
    """Velocities across the lane are noisy: a move counts when it ends before us."""
    ticks = np.arange(60, 150)
    lead = {"lead": 7, "lead_gap_m": 10.0, "lead_mps": 8.0}
    beside = {"crossing": after(95, 8, -1), "crossing_joins": after(95, True, False), "crossing_gap_m": after(95, 12.0)}
    leans = sightings(8, ticks, np.interp(ticks, [80, 100, 120], [4.2, 3.4, 4.0]))
    assert named(drive(braking()), around(**lead, **beside), leans) == [(95, "slow_for_lead")]
    assert named(drive(braking()), around(**beside, crossing_mps=8.0), leans) == [(95, "slow")]
    flickers = lead | {"lead": np.where((np.arange(N) >= 93) & (np.arange(N) < 96), -1, 7)}
    straight = sightings(7, ticks, np.full(len(ticks), 0.4), gap_m=10.0)
    assert named(drive(braking()), around(**flickers), straight) == [(95, "slow_for_lead")]


def test_bump_works_and_curve():
    assert named(drive(braking()), around(bump_gap_m=np.linspace(80, -40, N).clip(0))) == [(95, "speed_bump")]
    works = around(works=5, works_gap_m=15.0, works_offset_m=-1.5)
    assert named(drive(braking()), works) == [(95, "bypass_construction")]
    assert named(drive(braking()), around(works=1, works_gap_m=15.0)) == [(95, "slow")]
    yaw = np.interp(np.arange(N), [110, 150], [0.0, 1.0])
    bend = np.where((np.arange(N) > 80) & (np.arange(N) < 150), 0.05, 0.0)
    there = around(has_map=True, curve_per_m=bend, curve_gap_m=np.where(bend > 0, 8.0, np.nan))
    only = frames(drive(braking(), yaw=yaw), there)
    assert [(f.tick, f.scenario, f.last) for f in only] == [(95, "curve", 149)]
    assert named(drive(braking()), there) == [(95, "slow")]  # whoever does not turn does not brake for it


def test_steering_into_a_curve_is_part_of_braking_for_it_or_a_moment_when_one_enters_it():
    yaw = np.interp(np.arange(N), [110, 150], [0.0, 1.0])
    bend = np.where((np.arange(N) > 80) & (np.arange(N) < 150), 0.05, 0.0)
    there = around(has_map=True, lane=1, curve_per_m=bend, curve_gap_m=np.where(bend > 0, 8.0, np.nan))
    steers = codes(STRAIGHT, (112, LEFT), (150, STRAIGHT))
    assert named(drive(braking(), steers, yaw=yaw), there) == [(95, "curve")]
    only = frames(drive(None, steers, yaw=yaw), there)
    assert [(f.tick, f.scenario, f.last) for f in only] == [(112, "curve", 149)]
    slight = key_frames(drive(None, steers, yaw=yaw / 10), there, NOBODY)
    assert (slight.frames, slight.counts["follows_lane"]) == ([], 1)
    assert named(drive(None, steers, yaw=yaw), replace(there, in_junction=np.ones(N, dtype=bool)))[0] == (
        107, "turn_left"
    )  # fmt: skip


def test_steering_without_a_map():
    yaw = np.interp(np.arange(N), [100, 140], [0.0, 0.3])
    assert named(drive(None, codes(STRAIGHT, (100, LEFT), (140, STRAIGHT)), yaw=yaw)) == [(95, "steer_left")]
    sharp = codes(STRAIGHT, (100, LEFT), (110, SHARP), (130, LEFT), (140, STRAIGHT))
    assert named(drive(None, sharp, yaw=5 * yaw)) == [(95, "turn_left")]
    swerve = np.interp(np.arange(N), [100, 115, 130], [0.0, 0.1, 0.0])
    out_and_back = codes(STRAIGHT, (100, LEFT), (115, RIGHT), (130, STRAIGHT))
    assert named(drive(None, out_and_back, yaw=swerve)) == [(95, "shift_left")]
    parked = around(obstacle_gap_m=30.0, obstacle_offset_m=-2.0)
    assert named(drive(None, out_and_back, yaw=swerve), parked) == [(95, "nudge")]


def across(*points, lanes=None, **more):
    """On a lane, at the offsets given by (tick, m)."""
    offset = np.interp(np.arange(N), *zip(*points, strict=True))
    return around(has_map=True, has_tracks=True, lane=1 if lanes is None else lanes, lane_offset_m=offset, **more)


OUT = ((80, 0.0), (110, 1.2), (150, 1.2), (180, 0.0))


def test_a_nudge_and_the_way_back():
    parked = {"obstacle_gap_m": 30.0, "obstacle_offset_m": -2.0}
    (out, nudge), (back, keeps) = named(drive(), across(*OUT, **parked))
    assert (nudge, keeps) == ("nudge", "keep_lane")
    assert abs(out - 75) <= 2
    assert abs(back - 145) <= 2
    works = {"works": 4, "works_gap_m": 20.0, "works_offset_m": -1.5}
    assert named(drive(), across(*OUT, **works))[0][1] == "bypass_construction"
    walker = sightings(4, np.arange(N), -2.0, gap_m=20.0, weak=True, clearance_m=0.5)
    assert named(drive(), across(*OUT), walker)[0][1] == "yield_to_vru"
    shift = frames(drive(), across(*OUT))[0]
    assert (shift.scenario, shift.channel, shift.before, shift.after) == (
        *("shift_left", "lane"),
        *("lane_keep", "slight_shift_left"),
    )
    other_side = {"obstacle_gap_m": 30.0, "obstacle_offset_m": 2.0}
    assert named(drive(), across(*OUT, **other_side))[0][1] == "shift_left"


def test_wandering_within_the_lane_is_no_decision():
    assert named(drive(), across((80, 0.0), (110, 0.6), (150, 0.6), (180, 0.2))) == []
    assert named(drive(), replace(across(*OUT), in_junction=np.ones(N, dtype=bool))) == []


def test_a_shift_of_the_lane_channel_that_is_no_move_is_wandering():
    shifts = codes(LANE.index("lane_keep"), (80, LANE.index("slight_shift_left")), (110, LANE.index("lane_keep")))
    little = across((80, 0.0), (110, 0.4))
    found = key_frames(drive(lane=shifts), little, NOBODY)
    assert (found.frames, found.counts["wanders"], found.counts["ends"]) == ([], 1, 1)
    assert [f.scenario for f in frames(drive(lane=shifts), across((80, 0.0), (110, 1.2)))] == ["shift_left"]


def test_a_move_whose_beginning_is_off_the_map_leaves_or_comes_back_as_it_does_later():
    comes = across((0, 1.5), (80, 1.5), (110, 0.0))
    part = replace(comes, has_map=np.arange(N) >= 84, lane=after(84, 1, -1))
    part = replace(part, lane_offset_m=np.where(part.has_map, comes.lane_offset_m, np.nan))
    assert [f.scenario for f in frames(drive(), part)] == ["keep_lane"]


def test_no_range_is_longer_than_a_clip():
    count = 700
    there = unknown(np.arange(count) * 100_000)[0]
    there = replace(there, has_map=np.ones(count, dtype=bool), in_junction=np.arange(count) >= 64)
    there = replace(there, line_crossed=np.arange(count) == 60)
    rows = {"longitudinal": np.full(count, HOLD), "lateral": np.full(count, STRAIGHT), "lane": np.full(count, -1)}
    slow = Behaviour(there.t_us, np.full(count, 1.5), np.zeros(count), **rows)
    (frame,) = frames(slow, there)
    assert (frame.tick, frame.scenario, frame.last) == (60, "pass_intersection", 60 + slow.config.range_ticks)


def test_steering_within_a_move_belongs_to_it():
    steers = codes(STRAIGHT, (82, LEFT), (96, RIGHT), (110, STRAIGHT))
    found = key_frames(drive(None, steers), across(*OUT[:3]), NOBODY)
    only = found.frames[0]
    assert (only.channel, only.before, only.after) == ("lateral", "go_straight", "steer_left")
    assert (len(found.frames), found.counts["within_move"], found.counts["transitions"]) == (1, 3, 3)


def changing_lanes(**more):
    offset = np.interp(np.arange(N), [80, 120], [0.0, 3.6])
    over = offset > 1.8
    there = across((0, 0), (1, 0), lanes=np.where(over, 2, 1), **more)
    return replace(there, lane_offset_m=np.where(over, offset - 3.6, offset))


def test_lane_change_begins_when_one_leaves_the_middle():
    (tick, scenario), = named(drive(), changing_lanes())  # fmt: skip
    assert scenario == "lane_change"
    assert abs(tick - 75) <= 2
    late = codes(LANE.index("lane_keep"), (96, LANE.index("lane_change_left")), (120, LANE.index("lane_keep")))
    (frame,) = frames(drive(lane=late), changing_lanes())
    assert (frame.channel, frame.before, frame.after) == ("lane", "lane_keep", "lane_change_left")
    assert abs(frame.tick - 75) <= 2
    assert named(drive(lane=late)) == [(91, "lane_change")]  # where no offset says better


def test_lane_change_preparation_while_the_lane_is_taken():
    slow_lead = {"lead": 1, "lead_gap_m": 18.0, "lead_mps": 6.0}
    taken = np.where((np.arange(N) >= 40) & (np.arange(N) < 70), True, False)
    found = frames(drive(), changing_lanes(**slow_lead, beside_left=taken))
    assert next((f.tick, f.scenario, f.last) for f in found) == (40, "lane_change_preparation", 69)
    assert [f.scenario for f in found] == ["lane_change_preparation", "lane_change"]
    assert [f.scenario for f in frames(drive(), changing_lanes(**slow_lead, beside_right=taken))] == ["lane_change"]
    assert [f.scenario for f in frames(drive(), changing_lanes(beside_left=taken))] == ["lane_change"]


def test_nudge_preparation_while_traffic_comes():
    parked = {"obstacle_gap_m": 25.0, "obstacle_offset_m": -2.0}
    taken = (np.arange(N) >= 50) & (np.arange(N) < 72)
    found = frames(drive(), across(*OUT, **parked, beside_left=taken))
    assert next((f.tick, f.scenario, f.last) for f in found) == (50, "nudge_preparation", 71)


def test_passing_an_intersection_from_the_line_until_the_tail_is_out():
    junction = (np.arange(N) >= 64) & (np.arange(N) < 90)
    there = around(has_map=True, line_crossed=np.arange(N) == 60, in_junction=junction)
    (frame,) = frames(drive(), there)
    assert (frame.tick, frame.scenario, frame.last) == (60, "pass_intersection", 90)
    assert (frame.before, frame.after) == ("maintain_speed", "maintain_speed")
    assert frames(drive(), around(has_map=True, line_crossed=np.arange(N) == 60)) == []
    # whoever begins to brake then has decided that
    assert named(drive(braking(tick=68)), there) == [(63, "slow")]


def test_going_on_before_somebody_who_waits():
    intends = (np.arange(N) >= 50) & (np.arange(N) < 62)
    there = {"crossing": np.where(intends, 5, -1), "crossing_gap_m": np.where(intends, 20.0, np.nan)}
    there |= {"crossing_weak": intends}
    seen = sightings(5, np.arange(40, 90), 3.0, gap_m=20.0, weak=True)
    (frame,) = frames(drive(), around(**there), seen)
    assert (frame.tick, frame.scenario, frame.last) == (50, "no_yield_to_vru", 89)
    assert [f.scenario for f in frames(drive(braking(tick=55, to=80)), around(**there), seen)] == ["yield_to_vru"]
    assert frames(drive(speed=1.0), around(**there), seen) == []


def test_near_transitions_of_different_channels_are_one_moment():
    lateral = codes(STRAIGHT, (92, LEFT), (140, STRAIGHT))
    yaw = np.interp(np.arange(N), [92, 140], [0.0, 0.3])
    (frame,) = frames(drive(codes(HOLD, (100, HARD), (130, HOLD)), lateral, yaw=yaw))
    # the stronger speaks, at the time of the earlier
    assert (frame.tick, frame.channel, frame.after) == (87, "longitudinal", "strong_decelerate")
    lead = around(lead=1, lead_gap_m=8.0, lead_mps=5.0)
    (frame,) = frames(drive(braking(), lateral, yaw=yaw), lead)
    assert (frame.tick, frame.scenario) == (95, "slow_for_lead")  # what has a cause keeps its own time
    assert len(frames(drive(braking(tick=110), lateral, yaw=yaw))) == 2


@pytest.mark.parametrize(("channel", "names"), CHANNELS.items())
def test_every_transition_has_a_name_of_the_closed_set(channel, names):
    found = {generic_of(a, b) for a in names for b in names if a != b}
    assert found <= set(ALL_SCENARIOS)
    assert found <= {*GENERIC, "lane_change"}


def test_the_sixteen_scenarios():
    assert len(SCENARIOS) == len(set(ALL_SCENARIOS)) - len(GENERIC) == 16


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_transition_is_accounted_for_and_the_future_of_a_run_is_its_own(data):
    """Whatever happens: the counts add up, key frames are in order, within the run and have names of the set."""
    rows = []
    for names in CHANNELS.values():
        ticks = data.draw(st.lists(st.integers(1, N - 1), max_size=6, unique=True).map(sorted))
        values = data.draw(st.lists(st.integers(0, len(names) - 1), min_size=7, max_size=7))
        rows.append(codes(values[0], *zip(ticks, values[1:], strict=False)))
    if data.draw(st.booleans()):
        rows[2] = np.full(N, -1)
    yaw = np.cumsum(np.repeat(data.draw(st.lists(st.floats(-0.05, 0.05), min_size=10, max_size=10)), N // 10))
    there = around()
    if data.draw(st.booleans()):
        knots = data.draw(st.lists(st.floats(-2, 2), min_size=9, max_size=9))
        there = across(*zip(range(0, N + 1, 25), knots, strict=True), lead=1, lead_gap_m=9.0, lead_mps=5.0)
    found = key_frames(drive(*rows, yaw=yaw), there, NOBODY)
    reasons = {name: number for name, number in found.counts.items() if name != "transitions"}
    assert found.counts["transitions"] == sum(f.transitions for f in found.frames) + sum(reasons.values())
    assert min(reasons.values(), default=0) >= 0
    ticks = [f.tick for f in found.frames]
    assert len(set(ticks)) == len(ticks)
    assert all(0 <= f.tick < N and f.scenario in ALL_SCENARIOS for f in found.frames)
    assert all(f.last is None or f.tick <= f.last < N for f in found.frames)


def test_stretches():
    assert list(stretches(np.array([True, False, True, True]))) == [(0, 1), (2, 4)]
    assert list(stretches(np.array([], dtype=bool))) == []
    assert KeyFrame(5, "lane", "a", "b", "nudge").until(3).last == 5


def test_a_preparation_begins_when_one_slows_for_it_and_that_is_no_other_moment():
    """Nobody around shows that a lane ends: that one slows while the lane beside is taken does."""
    taken = np.where((np.arange(N) >= 30) & (np.arange(N) < 70), True, False)
    slows = codes(HOLD, (40, SLOW), (60, HOLD))
    found = frames(drive(slows), changing_lanes(beside_left=taken))
    assert [(f.tick, f.scenario) for f in found[:1]] == [(40, "lane_change_preparation")]
    assert [f.scenario for f in found] == ["lane_change_preparation", "lane_change"]
    assert "lane_change_preparation" not in [f.scenario for f in frames(drive(slows), changing_lanes())]


def test_a_slowing_stays_where_another_action_speaks_for_the_preparation():
    taken = np.where((np.arange(N) >= 30) & (np.arange(N) < 70), True, False)
    brief = codes(HOLD, (40, SLOW), (51, GO), (64, HOLD))  # one goes on half a second after the preparation began
    found = key_frames(drive(brief), changing_lanes(beside_left=taken), NOBODY)
    assert [(f.tick, f.scenario) for f in found.frames[:2]] == [(35, "slow"), (46, "speed_up")]
    assert found.counts["within_range"] == 0
    longer = codes(HOLD, (40, SLOW), (57, GO), (64, HOLD))
    found = key_frames(drive(longer), changing_lanes(beside_left=taken), NOBODY)
    assert [(f.tick, f.scenario) for f in found.frames[:2]] == [(40, "lane_change_preparation"), (52, "speed_up")]
    assert found.counts["within_range"] == 1


def test_going_on_begins_when_what_is_left_of_the_braking_has_faded():
    speed = np.concatenate([np.full(103, 5.0), 5.0 + 0.05 * np.arange(1, N - 102)])
    row = codes(HOLD, (60, SLOW), (100, GO))
    assert named(drive(row, speed=speed))[-1] == (97, "speed_up")
    assert named(drive(row, speed=5.0))[-1] == (95, "speed_up")  # nothing to be seen of it
