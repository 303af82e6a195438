"""Cuts come in the stated order, and only as deep as the deadline asks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeway.model.cuts import SHORT_REASONING, Cut, cuts
from causeway.serving.deadline import Costs, choose_cut

COSTS = Costs(fixed=10.0, reasoning=50.0, flow_step=4.0, short_reasoning=20.0)
# ×1.2: 120, 96, 81.6 with the whole reasoning; 45.6 with a short one; 21.6 without


@pytest.mark.parametrize(
    ("remaining_ms", "expected"),
    [
        (None, Cut(10, True, "")),
        (120.0, Cut(10, True, "")),
        (119.9, Cut(5, True, "flow_steps=5")),
        (95.9, Cut(2, True, "flow_steps=2")),
        (81.5, Cut(2, True, "flow_steps=2,reasoning=short", SHORT_REASONING)),
        (45.5, Cut(2, False, "flow_steps=2,reasoning=off")),
        (1.0, Cut(2, False, "flow_steps=2,reasoning=off")),
    ],
)
def test_fewer_flow_steps_come_before_a_shorter_reasoning_and_that_before_none(remaining_ms, expected):
    assert choose_cut(True, remaining_ms, COSTS) == expected


def test_reasoning_that_was_not_asked_for_is_no_degradation():
    assert choose_cut(False, 60.0, COSTS) == Cut(10, False, "")
    assert choose_cut(False, 1.0, COSTS) == Cut(2, False, "flow_steps=2")


@given(st.floats(0, 1000), st.floats(0, 1000), st.booleans())
def test_more_time_never_cuts_deeper(one: float, other: float, reasoning: bool):
    less, more = sorted((one, other))
    assert COSTS.of(choose_cut(reasoning, less, COSTS)) <= COSTS.of(choose_cut(reasoning, more, COSTS))


def test_costs_are_taken_from_calls_and_what_was_cut_stays_known():
    first = Costs().after(Cut(10, True), {"reasoning": 50.0, "action": 40.0}, 100.0)
    assert first == Costs(fixed=10.0, reasoning=50.0, flow_step=4.0)
    second = first.after(Cut(2, False), {"reasoning": 0.0, "action": 8.0}, 28.0)
    assert (second.fixed, second.reasoning, second.flow_step) == pytest.approx((12.0, 50.0, 4.0))


def test_a_short_reasoning_is_measured_apart_and_never_costs_more_than_a_whole_one():
    whole = Costs().after(Cut(10, True), {"reasoning": 50.0, "action": 40.0}, 100.0)
    short = whole.after(Cut(10, True, "", SHORT_REASONING), {"reasoning": 20.0, "action": 40.0}, 70.0)
    assert (short.reasoning, short.short_reasoning) == (50.0, 20.0)
    assert Costs(10.0, 50.0, 4.0, short_reasoning=80.0).of(Cut(2, True, "", SHORT_REASONING)) == pytest.approx(81.6)


def test_the_order_of_cuts_is_what_the_page_says():
    assert [cut.degraded for cut in cuts(True)] == [
        "",
        "flow_steps=5",
        "flow_steps=2",
        "flow_steps=2,reasoning=short",
        "flow_steps=2,reasoning=off",
    ]
    assert [cut.degraded for cut in cuts(False)] == ["", "flow_steps=5", "flow_steps=2"]
