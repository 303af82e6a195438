"""Rewards of words, the mix, and what all rewards promise: NaN refused, torch alike, documented."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from causeway.errors import UnusableInput, UsageError
from causeway.reasoning import CocRecord, Component, render
from causeway.training.rewards import ACTION, REWARDS, SPANS, TEXT, RewardMix, filled, mixed
from causeway.training.text_rewards import consistency, consistency_graded, reasoning_grade
from tests.training.examples import agent_at, circle, straight

FEW = settings(max_examples=40, deadline=None)
ANY = arrays(np.float64, (64, 3), elements=st.floats(allow_nan=False, allow_infinity=False))
CAR, THERE = np.array([[4.0, 2.0]]), np.ones((1, 64), dtype=bool)

# --- words --------------------------------------------------------------------------------------------------------

CAR_AHEAD = Component("critical_object", "car", None, "in_path", "slowing")
LIGHT = Component("traffic_light", "red_light", None, "in_path", rank=2)
CURVE = Component("road_event", "left_curve", None, "in_path", rank=3)
LABEL = CocRecord("lead_following", "lane_keeping", (CAR_AHEAD, LIGHT))


def said(longitudinal="lead_following", lateral="lane_keeping", components=(CAR_AHEAD, LIGHT)) -> str:
    return render(CocRecord(longitudinal, lateral, components))


@pytest.mark.parametrize(
    ("trace", "grade"),
    [
        (said(), 5),
        (said(components=(Component("critical_object", "car", None, "in_path", "stopped"), LIGHT)), 4),
        (said(components=(CAR_AHEAD,)), 4),
        (said(components=(CURVE,)), 3),
        (said(components=()), 3),
        (said("yield"), 2),
        (said("yield", "turn_left"), 1),
        ("the car is nice", 0),
        ("", 0),
    ],
)
def test_reasoning_grade_follows_the_rubric(trace, grade):
    assert reasoning_grade([trace], [said()]) == [grade]


DECISIONS = st.sampled_from(["lead_following", "yield", "stop_for_static_constraint"])
CAUSES = st.sets(st.sampled_from([CAR_AHEAD, LIGHT, CURVE]))


@FEW
@given(DECISIONS, DECISIONS, CAUSES, CAUSES, CAUSES)
def test_reasoning_grade_never_falls_with_a_right_decision_or_a_right_cause(known, other, causes, named, more):
    label = CocRecord(known, "lane_keeping", tuple(causes))
    good = tuple(named & causes)
    better = tuple((named | more) & causes)
    grades = reasoning_grade(
        [said(other, components=good), said(known, components=good), said(known, components=better)],
        [render(label)] * 3,
    )
    assert 0 <= grades[0] <= grades[1] <= grades[2] <= 5


SIDES = st.sampled_from(["lane_keeping", "turn_left", "nudge_in_lane_right"])


@FEW
@given(DECISIONS, DECISIONS, SIDES, SIDES, CAUSES)
def test_reasoning_grade_never_falls_when_one_more_decision_is_right(known, other, side, another, named):
    label = render(CocRecord(known, side, tuple(named)))
    traces = [said(*pair, components=tuple(named)) for pair in ((other, another), (known, another), (known, side))]
    grades = reasoning_grade(traces, [label] * 3)
    assert grades[0] <= grades[1] <= grades[2] == 5
    if other != known and another != side:
        assert grades.tolist() == [1, 2, 5]


@FEW
@given(st.text())
def test_reasoning_grade_is_bounded_for_any_text(text):
    assert 0 <= reasoning_grade([text], [said()])[0] <= 5


def test_reasoning_grade_needs_a_label():
    with pytest.raises(UnusableInput, match="without reasoning has no grade"):
        reasoning_grade([said()], [""])


STOP, GO = "Stop for the red light ahead.", "Accelerate to pass."


def test_consistency_is_one_only_when_the_path_does_what_the_trace_says():
    braking, speeding, level = straight(12.0, -3.0), straight(12.0, 2.0), straight(12.0)
    paths, speeds = np.stack([braking, speeding, level]), np.full(3, 12.0)
    assert consistency(paths, speeds, [STOP] * 3) == pytest.approx([1, 0, 0])
    assert consistency(paths, speeds, [GO] * 3) == pytest.approx([0, 1, 0])
    assert consistency(paths, speeds, ["nonsense", "", STOP + STOP]) == pytest.approx([0, 0, 0])


def test_consistency_needs_both_channels():
    left = circle(12.0, 60.0)
    paths, speeds = np.stack([left, left * [1, -1, -1]]), np.full(2, 12.0)
    trace = render(CocRecord("set_speed_tracking", "turn_left"))
    assert consistency(paths, speeds, [trace] * 2) == pytest.approx([1, 0])


@settings(max_examples=15, deadline=None)
@given(ANY, st.floats(-50, 50))
def test_consistency_is_zero_or_one_for_any_finite_path(predicted, speed):
    assert consistency(predicted[None], np.array([speed]), [STOP])[0] in (0.0, 1.0)


def test_graded_consistency_pays_for_half_of_it_and_for_the_way_there():
    braking, late, level = straight(12.0, -3.0), straight(12.0), straight(12.0)
    late[16:, 0] = late[15, 0] + np.cumsum(np.maximum(12.0 - 0.3 * np.arange(1, 49), 0.0)) * 0.1
    paths, speeds = np.stack([braking, late, level]), np.full(3, 12.0)
    grades = consistency_graded(paths, speeds, ["Track the set speed for the green light ahead."] * 3)
    assert grades[2] == 1.0
    assert grades[0] == 0.5  # it brakes throughout: the lateral channel alone
    assert grades[1] == pytest.approx((1 + 6 / 18 / 2) / 2)  # it holds its speed for 6 of the 18 ticks that count
    assert consistency_graded(paths, speeds, ["nonsense"] * 3).tolist() == [0, 0, 0]


SENTENCES = st.sampled_from([STOP, GO, "Track the set speed for the green light ahead.", "nonsense"])


@FEW
@given(st.floats(0, 25), st.floats(-6, 4), SENTENCES)
def test_graded_consistency_is_one_exactly_where_the_binary_one_is(speed, accel, sentence):
    path, speeds = straight(speed, accel)[None], np.array([speed])
    graded = consistency_graded(path, speeds, [sentence])[0]
    assert 0.0 <= consistency(path, speeds, [sentence])[0] <= graded <= 1.0
    assert (graded == 1.0) == (consistency(path, speeds, [sentence])[0] == 1.0)


@settings(max_examples=15, deadline=None)
@given(ANY, st.floats(-50, 50))
def test_graded_consistency_is_bounded_for_any_finite_path(predicted, speed):
    assert 0.0 <= consistency_graded(predicted[None], np.array([speed]), [STOP])[0] <= 1.0


# --- all of them --------------------------------------------------------------------------------------------------

GOOD, EXPERT = np.stack([straight(5.0)]), np.stack([straight(6.0)])
CALLS = {
    "displacement": lambda p: REWARDS["displacement"](p, EXPERT),
    "comfort": REWARDS["comfort"],
    "jerk": REWARDS["jerk"],
    "collision": lambda p: REWARDS["collision"](p, agent_at(20, 0), CAR, THERE),
    "time_to_collision": lambda p: REWARDS["time_to_collision"](p, agent_at(20, 0), CAR, THERE),
    "clearance": lambda p: REWARDS["clearance"](p, agent_at(20, 0), CAR, THERE),
    "off_road": lambda p: REWARDS["off_road"](p, [np.array([[-9.0, 2.0], [20.0, 2.0], [20.0, -2.0], [-9.0, -2.0]])]),
    "consistency": lambda p: REWARDS["consistency"](p, np.array([5.0]), [STOP]),
    "consistency_graded": lambda p: REWARDS["consistency_graded"](p, np.array([5.0]), [STOP]),
    "progress": lambda p: REWARDS["progress"](p, EXPERT),
}


NOWHERE = np.array([[np.nan, 2.0]])
OTHERS = {
    "speed_mps, comfort": lambda: REWARDS["comfort"](GOOD, np.array([np.nan])),
    "speed_mps, consistency": lambda: REWARDS["consistency"](GOOD, np.array([np.nan]), [STOP]),
    "speed_mps, graded": lambda: REWARDS["consistency_graded"](GOOD, np.array([np.nan]), [STOP]),
    "expert, displacement": lambda: REWARDS["displacement"](GOOD, EXPERT * np.nan),
    "expert, progress": lambda: REWARDS["progress"](GOOD, EXPERT * np.nan),
    "sizes_m, collision": lambda: REWARDS["collision"](GOOD, agent_at(20, 0), NOWHERE, THERE),
    "sizes_m, time to collision": lambda: REWARDS["time_to_collision"](GOOD, agent_at(20, 0), NOWHERE, THERE),
    "sizes_m, clearance": lambda: REWARDS["clearance"](GOOD, agent_at(20, 0), NOWHERE, THERE),
}


@pytest.mark.parametrize("call", sorted(OTHERS))
def test_nan_in_what_a_path_is_held_against_is_refused_by_name(call):
    with pytest.raises(UnusableInput, match=f"{call.partition(',')[0]} holds nan"):
        OTHERS[call]()


@pytest.mark.parametrize("name", sorted(CALLS))
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_refused_by_name_and_place(name, bad):
    broken = GOOD.copy()
    broken[0, 7, 1] = bad
    with pytest.raises(UnusableInput, match=r"predicted holds (nan|inf) at \(0, 7, 1\)"):
        CALLS[name](broken)


@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_wrong_shape_is_refused(name):
    with pytest.raises(UnusableInput, match="shape"):
        CALLS[name](GOOD[..., :2])


@pytest.mark.parametrize("name", sorted(CALLS))
def test_torch_in_torch_out_with_the_same_numbers(name):
    torch = pytest.importorskip("torch")
    answer = CALLS[name](torch.tensor(GOOD))
    assert isinstance(answer, torch.Tensor)
    np.testing.assert_allclose(answer.numpy(), CALLS[name](GOOD), atol=1e-6)


def test_every_reward_says_its_inputs_range_unit_and_source():
    assert set(REWARDS) == set(SPANS) == {field.name for field in fields(RewardMix)}
    for name, reward in REWARDS.items():
        for word in ("Input", "Range:", "Unit:", "Source:"):
            assert word in (reward.__doc__ or ""), (name, word)


def test_mix_weighs_each_span_and_weight_zero_is_absent():
    mix = RewardMix(**dict.fromkeys(REWARDS, 0.0) | {"displacement": 2.0, "reasoning_grade": 0.1, "consistency": 0.5})
    parts = {"displacement": np.array([-0.5]), "reasoning_grade": np.array([5.0]), "consistency": np.array([1.0])}
    assert mix.wanted() == ("displacement", "consistency", "reasoning_grade")
    assert mixed(mix, parts, ACTION) == pytest.approx([-0.5])
    assert mixed(mix, parts, TEXT) == pytest.approx([1.0])
    assert mixed(mix, parts | {"jerk": np.array([-1.0])}, ACTION) == pytest.approx([-0.5])


@FEW
@given(st.sampled_from(sorted(REWARDS)), st.floats(0, 3), st.floats(-1, 5), st.floats(0, 2))
def test_mix_never_falls_when_a_reward_rises(name, weight, value, more):
    mix = RewardMix(**{name: weight})
    for span in (TEXT, ACTION):
        lower, higher = ({name: np.array([v])} for v in (value, value + more))
        assert mixed(mix, higher, span) >= mixed(mix, lower, span)


@pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf")])
def test_a_weight_that_inverts_is_refused(weight):
    with pytest.raises(UsageError, match="weight jerk"):
        RewardMix(jerk=weight)


def test_a_row_without_a_reward_moves_no_advantage():
    nan = np.nan
    rows = filled(np.array([1.0, nan, 3.0, nan, nan, nan]), group=3)
    assert rows.tolist() == [1.0, 2.0, 3.0, 0.0, 0.0, 0.0]
    assert (rows.reshape(2, 3) - rows.reshape(2, 3).mean(axis=1, keepdims=True))[0].tolist() == [-1.0, 0.0, 1.0]


@FEW
@given(arrays(np.float64, (4, 3), elements=st.floats(-5, 5)), arrays(np.bool_, (4, 3)))
def test_filling_keeps_every_reward_that_there_is(values, missing):
    rows = filled(np.where(missing, np.nan, values).reshape(-1), group=3).reshape(4, 3)
    assert np.isfinite(rows).all()
    assert (rows[~missing] == values[~missing]).all()
