"""The record of an endpoint: which moves it bears, and that it comes back as it was written."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causeway.errors import Refused, UnusableInput
from causeway.platform.release.record import (
    DECIDED,
    ON_TRIAL,
    Record,
    Served,
    begun,
    ended,
    failed,
    from_json,
    returned,
    step_of,
    stepped,
    to_json,
)

A, B, C = (Served(letter * 64, f"/policies/{letter}", at) for at, letter in enumerate("abc", start=1))
EMPTY = Record("out/endpoint")


def promoted(record: Record, served: Served) -> Record:
    return ended(stepped(begun(record, served, "db", 9.0, "w", "why", 1), "promoting", 100, "w", "good", 2, {}), "w", 3)


def test_a_release_from_dark_to_promoted():
    record = promoted(EMPTY, A)
    assert (record.phase, record.champion, record.candidate, record.registry) == ("promoted", A, None, "db")
    record = begun(record, B, "db", 9.0, "ann", "better", 4)
    record = stepped(record, "canary", 10, "ann", "as good", 5, {"lost": 0})
    assert step_of(record) == "canary 10 %"
    assert begun(record, B, "db", 9.0, "ben", "again", 6) is record
    with pytest.raises(Refused, match="is on trial"):
        begun(record, C, "db", 9.0, "ben", "me too", 6)
    record = ended(stepped(record, "rolling_back", 0, "ann", "worse", 7, {}), "ann", 8)
    assert (record.phase, record.champion, record.candidate) == ("rolled_back", A, None)
    assert [move.step for move in record.moves[3:]] == ["dark", "canary 10 %", "rolling back", "rolled back"]
    assert {move.policy for move in record.moves[3:]} == {B.policy}


def test_the_champion_before_comes_back():
    record = promoted(promoted(EMPTY, A), B)
    back = ended(returned(record, "ann", "it was better", 9), "ann", 10)
    assert (back.champion, back.before) == (A, B)
    with pytest.raises(Refused, match="no champion before"):
        returned(promoted(EMPTY, A), "ann", "", 9)


def test_nothing_on_trial_cannot_be_stepped_and_a_promotion_that_fails_goes_back():
    with pytest.raises(Refused, match="no policy is on trial"):
        stepped(promoted(EMPTY, A), "promoting", 100, "w", "", 1, {})
    promoting = stepped(begun(EMPTY, A, "", 9.0, "w", "", 1), "promoting", 100, "w", "", 2, {})
    assert failed(promoting, "w", "it crashed", 3).phase == "rolling_back"
    assert failed(EMPTY, "w", "", 3) is EMPTY
    assert begun(promoted(EMPTY, A), A, "", 9.0, "w", "", 5).phase == "promoted"


MOVES = st.sampled_from(["begin a", "begin b", "begin c", "up", "promote", "back", "end", "return"])


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(MOVES, max_size=25))
def test_whatever_happens_there_is_one_champion_and_every_move_is_kept(moves):
    record, count = EMPTY, 0
    actions = {
        "begin a": lambda r: begun(r, A, "", 9.0, "w", "", 1),
        "begin b": lambda r: begun(r, B, "", 9.0, "w", "", 1),
        "begin c": lambda r: begun(r, C, "", 9.0, "w", "", 1),
        "up": lambda r: stepped(r, "canary", 10, "w", "", 1, {}),
        "promote": lambda r: stepped(r, "promoting", 100, "w", "", 1, {}),
        "back": lambda r: stepped(r, "rolling_back", 0, "w", "", 1, {}),
        "end": lambda r: ended(r, "w", 1),
        "return": lambda r: returned(r, "w", "", 1),
    }
    for move in moves:
        before = record
        try:
            record = actions[move](record)
        except Refused:
            continue
        count += record is not before
        assert (record.candidate is not None) == (record.phase in ON_TRIAL | DECIDED)
        assert record.candidate is None or record.candidate != record.champion
        assert record.champion == before.champion or record.phase == "promoted"
    assert len(record.moves) == count
    assert from_json(to_json(record), "here") == record


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"phase": "x"}', to_json(EMPTY).replace('"empty"', '"gone"')])
def test_what_is_no_record_is_named(text):
    with pytest.raises(UnusableInput, match=r"here: is no record of releases"):
        from_json(text, "here")
