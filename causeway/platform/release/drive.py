"""A release from its first move to its last, over any endpoint.

Each move is decided by pure functions (`judge.py`), written into the record, and then made; whoever comes after a
crash reads the record and goes on. A person's order (`order`) may come at any time and wins.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from causeway.errors import Refused
from causeway.platform.release import judge
from causeway.platform.release.endpoint import Endpoint, Moved, NotReady
from causeway.platform.release.probe import see
from causeway.platform.release.record import (
    DECIDED,
    NOT_READY,
    ON_TRIAL,
    Record,
    Served,
    begun,
    comes_back,
    ended,
    failed,
    returned,
    step_of,
    stepped,
)
from causeway.platform.release.rules import CanaryRules

if TYPE_CHECKING:
    from causeway.model.observation import Sample

Crown = Callable[[Served], None]
_WRITES = 20  # tries of a record that others write too


def deploy(
    endpoint: Endpoint, candidate: Served, rules: CanaryRules, who: str, why: str, registry: str = ""
) -> Record:
    """Bring a candidate to an endpoint, in the dark. One that does not start is rolled back.

    What an earlier run of the same release left is taken up where it stands. Refused while another is on trial.
    """
    record = _write(endpoint, lambda now: begun(now, candidate, registry, rules.ready_s, who, why, _now_us()))
    try:
        if record.phase in ON_TRIAL:
            endpoint.show(record.champion, record.candidate, record.percent, rules.ready_s)
        elif record.phase not in DECIDED:
            endpoint.show(record.champion, None, 0, rules.ready_s)
    except NotReady as error:
        if record.phase not in ON_TRIAL:
            raise
        return _decide(endpoint, record, judge.Next("rolling_back", 0, f"it did not start: {error}"), who, NOT_READY)
    return record


def trial(endpoint: Endpoint, questions: Sequence[Sample], rules: CanaryRules, who: str) -> Record:
    """Watch the candidate in the dark and at every share, until it is decided whether it stays."""
    asked = 0
    record = endpoint.load()
    while record.phase in ON_TRIAL and record.candidate is not None:
        try:
            endpoint.show(record.champion, record.candidate, record.percent, rules.ready_s)
            sight = see(endpoint, record, questions, rules)
        except NotReady as error:
            return _decide(endpoint, record, judge.Next("rolling_back", 0, f"it does not run: {error}"), who, NOT_READY)
        asked += 1
        findings = judge.judge(sight, record.candidate.policy, record.percent, rules)
        has_champion = record.champion is not None
        move = judge.next_move(record.phase, record.percent, has_champion, findings, asked, rules)
        if move is None:
            record = endpoint.load()  # a person may have decided meanwhile
            continue
        record, asked = _decide(endpoint, record, move, who, judge.figures(sight, findings)), 0
    return record


def _decide(endpoint: Endpoint, seen: Record, move: judge.Next, who: str, figures: Mapping[str, Any]) -> Record:
    """Write a move that was decided about `seen`; when the record is another one by now, that one stands."""
    try:
        record = endpoint.save(stepped(seen, move.phase, move.percent, who, move.why, _now_us(), figures))
    except Moved:
        return endpoint.load()
    _say(record)
    return record


def finish(endpoint: Endpoint, who: str, crown: Crown) -> Record:
    """Do what was decided: all requests to the new champion, or none to the candidate; then the other is stopped.

    `crown` tells the registry who is champion. Nothing to do when nothing is decided.
    """
    record = endpoint.load()
    candidate = record.candidate
    if record.phase not in DECIDED or candidate is None:
        return record
    if record.phase == "promoting":
        try:
            endpoint.show(candidate, None, 0, record.ready_s)
        except NotReady as error:
            why = f"it cannot take over: {error}"
            record = _write(endpoint, lambda now: failed(now, who, why, _now_us()))
        else:
            crown(candidate)
    if record.phase == "rolling_back":
        endpoint.show(record.champion, None, 0, record.ready_s)
    record = _write(endpoint, lambda now: ended(now, who, _now_us()))
    _say(record)
    return record


def order(endpoint: Endpoint, what: str, who: str, why: str) -> Record:
    """A person's word: `promote` or `rollback`. It is written; `finish` does it.

    `rollback` without a trial brings the champion before back. Refused when there is nothing to promote or roll back,
    and when the contrary was decided and is not done yet.
    """

    def change(now: Record) -> Record:
        if now.phase in DECIDED:
            if not _decided(now, what):
                raise Refused(
                    f"{now.endpoint}: {step_of(now)} was decided before; finish it with "
                    f"causeway release resume --endpoint {now.endpoint}, then ask again"
                )
            return now
        if what == "promote":
            return stepped(now, "promoting", 100, who, why, _now_us(), {})
        if now.phase in ON_TRIAL:
            return stepped(now, "rolling_back", 0, who, why, _now_us(), {})
        return returned(now, who, why, _now_us())

    return _write(endpoint, change)


def _decided(record: Record, what: str) -> bool:
    """Whether what was decided, and is not done yet, is what is ordered now."""
    return (what == "promote") == (record.phase == "promoting" and not comes_back(record))


def _write(endpoint: Endpoint, change: Callable[[Record], Record]) -> Record:
    """Change the record, also when others write at the same time."""
    for _ in range(_WRITES):
        before = endpoint.load()
        after = change(before)
        if after == before:
            return before
        try:
            return endpoint.save(after)
        except Moved:
            time.sleep(0.05)
    raise Moved(f"{before.endpoint}: others write its record all the time; try again")


def _now_us() -> int:
    return time.time_ns() // 1000


def _say(record: Record) -> None:
    last = record.moves[-1]
    print(f"release: {last.policy[:12]} {last.step}: {last.why}", file=sys.stderr, flush=True)
