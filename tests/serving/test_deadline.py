"""Cuts come in the stated order, and only as deep as the deadline asks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeway.serving.deadline import Costs, Cut, choose_cut

COSTS = Costs(fixed=10.0, reasoning=50.0, flow_step=4.0)  # ×1.2: 120, 96, 81.6 with reasoning; 21.6 without


@pytest.mark.parametrize(
    ("remaining_ms", "expected"),
    [
        (None, Cut(10, True, "")),
        (120.0, Cut(10, True, "")),
        (119.9, Cut(5, True, "flow_steps=5")),
        (95.9, Cut(2, True, "flow_steps=2")),
        (81.5, Cut(2, False, "flow_steps=2,reasoning=off")),
        (1.0, Cut(2, False, "flow_steps=2,reasoning=off")),
    ],
)
def test_fewer_flow_steps_come_before_no_reasoning(remaining_ms, expected):
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
