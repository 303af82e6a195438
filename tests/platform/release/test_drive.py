"""A release that is killed goes on, and a person's word against what was decided: on an endpoint that only remembers."""

from dataclasses import replace

import pytest

from causeway.errors import Refused
from causeway.platform.release import drive
from causeway.platform.release.drive import deploy, finish, order, trial
from causeway.platform.release.endpoint import NotReady
from causeway.platform.release.judge import Sight
from causeway.platform.release.record import NOT_READY, Record, Served, begun, ended, returned, stepped
from causeway.platform.release.rules import parse_rules, rules_text

RULES = parse_rules(rules_text(""))
A, B, C = (Served(letter * 64, f"/policies/{letter}", at) for at, letter in enumerate("abc", start=1))


class Remembered:
    """An endpoint that serves nothing; `shown` is what it was last asked to serve."""

    def __init__(self, record: Record) -> None:
        self.record, self.shown, self.patience_s = record, None, 0.0

    def show(self, champion: Served | None, candidate: Served | None, percent: int, ready_s: float) -> None:
        self.shown, self.patience_s = (champion, candidate, percent), ready_s

    def load(self) -> Record:
        return self.record

    def save(self, record: Record) -> Record:
        self.record = replace(record, revision=record.revision + 1)
        return self.record


def decided(record: Record, served: Served, phase: str) -> Record:
    return stepped(begun(record, served, "", 9.0, "w", "why", 1), phase, 0, "w", "measured", 2, {})


FIRST = ended(decided(Record("out/endpoint"), A, "promoting"), "w", 3)
SECOND = ended(decided(FIRST, B, "promoting"), "w", 4)
COMES_BACK = returned(SECOND, "ann", "it was better", 5)


@pytest.mark.parametrize(
    ("record", "what"),
    [
        (decided(FIRST, B, "promoting"), "rollback"),
        (decided(FIRST, B, "rolling_back"), "promote"),
        (decided(SECOND, A, "promoting"), "rollback"),  # the champion before, this time by a trial of its own
        (COMES_BACK, "promote"),
    ],
)
def test_the_contrary_of_what_was_decided_is_refused_and_changes_nothing(record, what):
    place = Remembered(record)
    with pytest.raises(Refused, match="was decided before; finish it with"):
        order(place, what, "ann", "I say so")
    assert place.record == record


@pytest.mark.parametrize(
    ("record", "what"),
    [
        (decided(FIRST, B, "promoting"), "promote"),
        (decided(FIRST, B, "rolling_back"), "rollback"),
        (decided(SECOND, A, "promoting"), "promote"),
        (COMES_BACK, "rollback"),
    ],
)
def test_what_was_decided_may_be_ordered_again(record, what):
    assert order(Remembered(record), what, "ann", "I say so") == record


def nothing_wrong(endpoint: Remembered, record: Record, questions: list, rules: object) -> Sight:
    through = {record.champion.policy: 100 - record.percent, record.candidate.policy: record.percent}
    return Sight(through, 0, 0, 0, [], [], [], [], [])


def test_a_release_that_was_killed_half_way_goes_on_where_it_was(monkeypatch):
    monkeypatch.setattr(drive, "see", nothing_wrong)
    place = Remembered(FIRST)
    deploy(place, B, RULES, "tester", "a test")
    assert place.shown == (A, B, 0)
    with pytest.raises(Refused, match="is on trial"):
        deploy(place, C, RULES, "tester", "another")

    class Killed(Exception):
        pass

    def die(served: Served) -> None:
        raise Killed  # all requests go to it already, and neither registry nor record know yet

    assert trial(place, [], RULES, "tester").phase == "promoting"
    with pytest.raises(Killed):
        finish(place, "tester", die)
    assert (place.shown, place.load().champion) == ((B, None, 0), A)

    crowned: list[Served] = []
    for _ in range(2):
        deploy(place, B, RULES, "tester", "the same again")
        trial(place, [], RULES, "tester")
        record = finish(place, "tester", crowned.append)
        assert (record.phase, record.champion, record.candidate, crowned) == ("promoted", B, None, [B])
    assert [move.step for move in record.moves[3:]] == ["dark", "canary 10 %", "canary 50 %", "promoting", "promoted"]


def test_a_server_is_waited_for_as_long_as_its_release_said_whoever_finishes_it():
    place = Remembered(FIRST)
    rules = RULES.model_copy(update={"ready_s": 7.0})
    deploy(place, B, rules, "tester", "a test")
    order(place, "promote", "ann", "I say so")
    finish(place, "ann", lambda served: None)
    assert (place.shown, place.patience_s) == ((B, None, 0), 7.0)


@pytest.mark.parametrize("shown_before", [0, 1, 3])
def test_a_roll_back_for_want_of_a_server_says_that_nothing_was_judged(shown_before: int, monkeypatch: pytest.MonkeyPatch):
    class NoMachine(Remembered):
        def show(self, champion: Served | None, candidate: Served | None, percent: int, ready_s: float) -> None:
            self.times = getattr(self, "times", 0) + 1
            if self.times > shown_before and B in (champion, candidate):
                raise NotReady("no node has a GPU")

    monkeypatch.setattr(drive, "see", nothing_wrong)
    place = NoMachine(FIRST)
    deploy(place, B, RULES.model_copy(update={"steps": (50,)}), "tester", "a test")
    trial(place, [], RULES.model_copy(update={"steps": (50,)}), "tester")
    record = finish(place, "tester", lambda served: None)
    back = next(move for move in record.moves if move.step == "rolling back")
    assert (record.phase, back.figures) == ("rolled_back", NOT_READY)
    assert "no node has a GPU" in back.why
