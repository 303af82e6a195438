"""What an endpoint is told and what of its answers is taken, without an endpoint."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.errors import CausewayError
from causeway.reasoning.behaviour import Behaviour
from causeway.reasoning.names import COMPONENT_KINDS
from causeway.reasoning.records import CocRecord, Component
from causeway.reasoning.teachers.endpoint_address import Address, address, key_of
from causeway.reasoning.teachers.ensemble import Opinion, vote
from causeway.reasoning.teachers.facts import facts_of
from causeway.reasoning.teachers.prompts import components_text, decision_text
from causeway.reasoning.teachers.schema import (
    CATEGORY_OF,
    BadAnswer,
    components_schema,
    read_components,
    read_decision,
)
from causeway.reasoning.teachers.seen import Picture, Seen
from tests.reasoning.seen import CURVE, LEAD, RED, T0_US


def pictures(*seconds: float) -> tuple[Picture, ...]:
    return tuple(Picture("front", T0_US + round(s * 1e6), b"") for s in seconds)


def test_a_picture_from_after_t0_cannot_be_shown(evidence: Any) -> None:
    assert len(Seen(evidence(), pictures(-2.0, 0.0)).pictures) == 2
    for late in (0.000001, -2.5):
        with pytest.raises(CausewayError, match="only those of the 2 s before"):
            Seen(evidence(), pictures(-1.0, late))


def test_facts_have_handles_and_no_ids(evidence: Any) -> None:
    facts = {fact.handle: fact for fact in facts_of(evidence(**LEAD, **RED, **CURVE))}
    assert list(facts) == ["lead", "signal", "stop_line", "curve"]
    assert (facts["lead"].track_id, facts["lead"].since_us) == ("7", 9_000_000)
    assert facts["lead"].told == {
        "id": "lead",
        "what": "the road user that we follow",
        "type": "car",
        "distance_m": 20.0,
        "speed_mps": 8.0,
        "accel_mps2": -2.0,
        "since_s": -1.0,
    }
    assert facts["signal"].told["state"] == "red"
    assert (facts["stop_line"].track_id, facts["curve"].track_id) == (None, None)


@given(st.text(max_size=300))
@settings(max_examples=50, deadline=None)
def test_no_text_of_the_data_is_told(text: str) -> None:
    from causeway.evidence import Evidence

    names = {"lead_track_id": "‖" + text, "lead_type": "‖" + text, "signal_state": "‖" + text, "sign_id": "‖" + text}
    seen = Seen(Evidence("‖" + text, "‖" + text, T0_US, T0_US, T0_US, 10.0, **names))  # type: ignore[arg-type]
    told = components_text(seen, facts_of(seen.evidence))
    assert "‖" not in told
    assert "\\u2016" not in told


def test_each_kind_says_its_category() -> None:
    assert len(CATEGORY_OF) == sum(len(kinds) for kinds in COMPONENT_KINDS.values())


def test_without_pictures_a_thing_needs_an_id(evidence: Any) -> None:
    def ids(facts: tuple, count: int) -> list[str]:
        schema = components_schema(facts, count)
        return schema["properties"]["components"]["items"]["properties"]["id"]["enum"]

    facts = facts_of(evidence(**LEAD))
    assert ids(facts, 0) == ["lead"]
    assert ids(facts, 3) == ["lead", "none"]


def one(**fields: Any) -> str:
    plain = {"kind": "rain", "id": "none", "relative_pose": "none", "motion": "none"}
    return json.dumps({"components": [plain | {"first_picture": 1, "last_picture": 2} | fields]})


def test_what_only_pictures_show_was_observed_in_them(evidence: Any) -> None:
    seen = Seen(evidence(), pictures(-1.0, -0.5, 0.0))
    assert read_components(one(), seen, ()) == (
        Component("odd_constraint", "rain", None, "none", "none", T0_US - 1_000_000, T0_US - 500_000, 1),
    )
    for first, last in ((0, 0), (2, 1), (1, 4), (-1, 1)):
        with pytest.raises(BadAnswer, match="no id and no picture"):
            read_components(one(first_picture=first, last_picture=last), seen, ())


def test_a_thing_of_the_evidence_was_observed_as_the_evidence_says(evidence: Any) -> None:
    seen = Seen(evidence(**LEAD), pictures(0.0))
    (component,) = read_components(one(id="lead", kind="car"), seen, facts_of(seen.evidence))
    assert (component.track_id, component.observed_from_us, component.observed_to_us) == ("7", 9_000_000, T0_US)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)))
@settings(max_examples=60, deadline=None)
def test_any_other_json_is_a_bad_answer(value: Any) -> None:
    with pytest.raises(BadAnswer) as caught:
        read_decision(json.dumps(value))
    assert len(str(caught.value)) < 400


@given(st.text())
@settings(max_examples=60, deadline=None)
def test_any_other_text_is_a_bad_answer(text: str) -> None:
    with pytest.raises(BadAnswer):
        read_decision(text)


def test_the_second_question_has_runs_of_actions() -> None:
    behaviour = Behaviour(("maintain_speed",) * 4 + ("stop",) * 2, ("go_straight",) * 6, (None, "lane_keep", "lane_keep"))
    assert decision_text((), behaviour).splitlines()[1:] == [
        "none was observable",
        "The ego's own actions after t0:",
        "longitudinal: 0.1-0.4 s maintain_speed, 0.5-0.6 s stop",
        "lateral: 0.1-0.6 s go_straight",
        "lane: 0.2-0.3 s lane_keep",
    ]


CAR, LIGHT = Component("critical_object", "car", "7"), Component("traffic_light", "red_light", "s")


def opinion(name: str, decision: str = "yield", *components: Component) -> Opinion:
    return Opinion(name, "1", CocRecord(decision, "none", components))


def test_votes() -> None:
    assert vote([Opinion("a", "1", None, "answer: x")]) is None
    alone = vote([opinion("a", "yield", CAR)])
    assert alone is not None
    assert (alone.agreement, alone.reasons) == (None, ())
    won = vote([opinion("a", "lead_following", CAR), opinion("b", "yield", LIGHT), opinion("c", "yield", CAR), opinion("d", "yield", CAR)])
    assert won is not None
    assert (won.record.longitudinal_decision, won.record.components, won.agreement) == ("yield", (CAR,), 0.5)
    assert won.reasons == ("agreement: a says lead_following, none for car", "agreement: b says yield, none for red_light")
    tie = vote([opinion("a", "lead_following", CAR), opinion("b", "yield", CAR)])
    assert tie is not None
    assert tie.record.longitudinal_decision == "lead_following"


def test_addresses() -> None:
    assert address("org/m@http://h:8000/v1/") == Address("org/m", "http://h:8000/v1")
    assert address("https://h/v1/chat/completions", "m").url == "https://h/v1"
    assert address("m@http://h/v1", "other").model == "m"


def test_keys_come_from_the_environment() -> None:
    here, there = Address("m", "http://here:1/v1"), Address("n", "https://there/v1")
    assert key_of(here, [here], "K", {}) == ""
    assert key_of(here, [here], "K", {"K": " a "}) == "a"
    environ = {"K": "a", "CAUSEWAY_KEY_THERE": "b"}
    assert [key_of(one, [here, there], "K", environ) for one in (here, there)] == ["a", "b"]
