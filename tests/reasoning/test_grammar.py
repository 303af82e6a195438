from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.reasoning import GRAMMAR_WORDS, CocRecord, Component, TraceError, parse, render
from causeway.reasoning.names import (
    COMPONENT_KINDS,
    LATERAL_DECISIONS,
    LONGITUDINAL_DECISIONS,
    MOTIONS,
    RELATIVE_POSES,
)

LIGHT = Component("traffic_light", "red_light", relative_pose="in_path")
LEAD = Component("critical_object", "car", relative_pose="in_path", motion="slowing")
PARKED = Component("critical_object", "car", relative_pose="right", motion="stopped", rank=2)


def components(rank: int) -> st.SearchStrategy[Component]:
    kinds = [(category, kind) for category, kinds in COMPONENT_KINDS.items() for kind in kinds]
    return st.builds(
        lambda pair, pose, motion: Component(*pair, None, pose, motion, rank=rank),
        st.sampled_from(kinds),
        st.sampled_from(RELATIVE_POSES),
        st.sampled_from(MOTIONS),
    )


records = st.builds(
    CocRecord,
    st.sampled_from(LONGITUDINAL_DECISIONS),
    st.sampled_from(LATERAL_DECISIONS),
    st.integers(0, 3).flatmap(lambda n: st.tuples(*(components(i + 1) for i in range(n)))),
)


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        (CocRecord("stop_for_static_constraint", "none", (LIGHT,)), "Stop for the red light ahead."),
        (CocRecord("lead_following", "none", (LEAD,)), "Keep distance to the slowing car ahead."),
        (
            CocRecord("none", "nudge_in_lane_left", (PARKED,)),
            "Nudge left in lane for the stopped car on the right.",
        ),
        (
            CocRecord("stop_for_static_constraint", "nudge_in_lane_left", (PARKED, LIGHT)),
            "Stop and nudge left in lane for the red light ahead and the stopped car on the right.",
        ),
        (CocRecord("passing_acceleration", "none", (LEAD,)), "Accelerate to pass the slowing car ahead."),
        (CocRecord("none", "none"), "Continue unchanged."),
    ],
)
def test_sentences(record: CocRecord, sentence: str) -> None:
    assert render(record) == sentence


def test_every_pair_of_decisions_has_its_own_sentence() -> None:
    pairs = list(product(LONGITUDINAL_DECISIONS, LATERAL_DECISIONS))
    assert len({render(CocRecord(*pair)) for pair in pairs}) == len(pairs) == 112
    assert [parse(render(CocRecord(*pair))) for pair in pairs] == [CocRecord(*pair) for pair in pairs]


@settings(max_examples=300, deadline=None)
@given(records)
def test_round_trip_and_vocabulary(record: CocRecord) -> None:
    sentence = render(record)
    assert parse(sentence) == record
    words = sentence.replace(",", " ,").replace(".", " .").split()
    assert set(words) <= set(GRAMMAR_WORDS)
    assert len(words) <= 11 + 9 * len(record.components)


def test_case_and_spacing_do_not_matter() -> None:
    assert parse("  stop  FOR the red light\nahead . ") == CocRecord("stop_for_static_constraint", "none", (LIGHT,))


@pytest.mark.parametrize(
    ("trace", "named"),
    [
        ("", "full stop"),
        ("Stop for the red light ahead", "full stop"),
        (".", "word 1 of the trace, '.'"),
        ("Fly for the red light ahead.", "word 1 of the trace, 'fly'"),
        ("Stop because the red light ahead.", "word 2 of the trace, 'because'"),
        ("Stop for the red banana ahead.", "word 5 of the trace, 'banana'"),
        ("Stop for.", "word 3 of the trace, '.'"),
        ("Stop for the red light ahead. Stop.", "word 8 of the trace, 'stop'"),
        ("Stop for the red light and the red light and the red light.", "word 6 of the trace, 'and'"),
        ("Stop for the red light, the red light.", "word 6 of the trace, ','"),
        ("Keep distance for the car ahead.", "word 3 of the trace, 'for'"),
        ("Stop and.", "word 2 of the trace, 'and'"),
        ("Stop for " + "the red light and " * 5 + "the red light.", "6 components"),
    ],
)
def test_what_the_grammar_cannot_have_said_is_named(trace: str, named: str) -> None:
    with pytest.raises(TraceError, match=named):
        parse(trace)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(), st.lists(st.sampled_from(GRAMMAR_WORDS)).map(" ".join)))
def test_any_text_parses_or_is_refused(trace: str) -> None:
    try:
        record = parse(trace)
    except TraceError:
        return
    assert parse(render(record)) == record


@pytest.mark.parametrize(
    "record",
    [
        CocRecord("stop", "none"),
        CocRecord("none", "none", (Component("critical_object", "red_light"),)),
        CocRecord("none", "none", (LIGHT,) * 4),
    ],
)
def test_what_cannot_be_said_is_refused(record: CocRecord) -> None:
    with pytest.raises(TraceError):
        render(record)
