"""How evenly classes are there, and what is said twice."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeway.reasoning.balance import TWICE_US, balance, balances, first_category, said_twice

LEAD = {"category": "critical_object", "kind": "car", "track_id": "7", "rank": 1}
LIGHT = {"category": "traffic_light", "kind": "red_light", "track_id": "s", "rank": 1}


def row(t0_us: int, decision: str = "lead_following", clip_id: str = "c", **other: Any) -> dict[str, Any]:
    base = {"moment_id": f"{clip_id}@{t0_us}", "clip_id": clip_id, "t0_us": t0_us, "longitudinal_decision": decision}
    return base | {"lateral_decision": "none", "scenario": "slow_for_lead", "components": [LEAD]} | other


def test_shares_and_evenness_of_known_counts() -> None:
    found = balance("x", ["a", "a", "a", "b", None])
    assert (found.labels, found.classes, found.most, found.share) == (5, 3, "a", 0.6)
    assert found.evenness == pytest.approx(0.8650, abs=1e-4)  # entropy of 0.6, 0.2, 0.2 by ln 3
    assert balance("x", ["b", "a"]).evenness == pytest.approx(1.0)
    assert balance("x", ["b", "a"]).most == "a"  # of as frequent ones the first by name
    assert balance("x", ["a"] * 4).evenness == 0.0
    assert balance("x", []).labels == 0


@given(st.lists(st.sampled_from("abcd"), min_size=1))
def test_evenness_is_a_share_and_order_plays_no_part(values: list[str]) -> None:
    found = balance("x", values)
    assert 0.0 <= found.evenness <= 1.0 + 1e-12
    assert found == balance("x", sorted(values))


def test_every_channel_is_balanced() -> None:
    rows = [row(0), row(1, "yield", components=[]), row(2, components=[LIGHT | {"rank": 2}, LEAD])]
    assert [first_category(r) for r in rows] == ["critical_object", "none", "critical_object"]
    of = {b.what: (b.classes, b.most) for b in balances(rows)}
    assert of == {
        "longitudinal_decision": (2, "lead_following"),
        "lateral_decision": (1, "none"),
        "scenario": (1, "slow_for_lead"),
        "first cause": (2, "critical_object"),
    }


def test_the_same_said_of_the_same_thing_within_a_second() -> None:
    rows = [row(0), row(TWICE_US), row(3 * TWICE_US), row(TWICE_US // 2, clip_id="d")]
    assert said_twice(rows) == [("c@0", f"c@{TWICE_US}")]


@pytest.mark.parametrize(
    "other",
    [{"decision": "yield"}, {"components": [LIGHT]}, {"lateral_decision": "turn_left"}, {"components": []}],
)
def test_what_differs_is_not_said_twice(other: dict[str, Any]) -> None:
    assert said_twice([row(0), row(500_000, **other)]) == []
    assert said_twice([row(0, components=[]), row(1, components=[])]) == []  # nothing is said of nothing
