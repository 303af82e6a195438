"""What reviewers said, as it is kept: JSON lines that are only ever appended to.

A folder holds one file for each reviewer and session, one event a line: moment_id, who, when_us, state and, by state,
`components` (the causes named from the past alone), `accepted` (decisions and the causes cited), `excluded` (not fit
to be labelled, with a note), `withdrawn` (the reviewer took the decision back); `draft` and what is older is left
alone. `role` says which look it was: `first`, `audit` (a second one, blind to the first) or `final` (it decides; also
of lines that name none). Knows lines and how one person's events follow each other. Does not know labels or the page.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from causeway.reasoning.grammar import render
from causeway.reasoning.names import NONE
from causeway.reasoning.records import CocRecord, Component, record_from_row

ROLES = ("first", "audit", "final")
MAX_SEEN = 8  # causes that one person may name from the past; a decision cites fewer
Problem = tuple[str, str, str]  # where, reason, detail
_IGNORED = ("draft",)


@dataclass(frozen=True)
class Answer:
    """What one person last said about one moment.

    `seen` are the causes named before the future was shown (None: not asked, as in lines written by hand). `state`
    is `components` while the decision is open, else `accepted` or `excluded`; `since_us` is when it was first given.
    """

    moment_id: str
    who: str
    when_us: int
    since_us: int
    state: str
    role: str
    record: CocRecord
    seen: tuple[Component, ...] | None = None
    note: str = ""

    @property
    def done(self) -> bool:
        """Whether nothing more is asked of this person about this moment."""
        return self.state in ("accepted", "excluded")

    @property
    def decisions(self) -> tuple[str, str]:
        """The longitudinal and the lateral decision."""
        return self.record.longitudinal_decision, self.record.lateral_decision


def read_answers(folder: str) -> tuple[list[Answer], list[Problem]]:
    """Everybody's last word on every moment, by moment and time, and every line that cannot be used.

    Nothing for ""; a file that cannot be opened is one problem.
    """
    events: list[Answer] = []
    problems: list[Problem] = []
    for file in sorted(Path(folder).glob("*.jsonl")) if folder else ():
        try:
            lines = _lines(file)
        except OSError as error:
            problems.append((_plain(file.name), "not_readable", _plain(str(error))))
            continue
        for number, line in enumerate(lines, start=1):
            try:
                events += events_of(line)
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                said = _plain(f"{type(error).__name__}: {error}")
                problems.append((_plain(f"{file.name}:{number}"), "not_a_correction", said))
    return last_words(events), problems


def _lines(file: Path) -> list[str]:
    if not file.is_file():  # to read a pipe would never end
        raise OSError(f"{file} is no file")
    return file.read_text(encoding="utf-8", errors="replace").split("\n")


def _plain(text: str) -> str:
    """Text that every table and terminal takes: a lone surrogate, as in a foreign file's name, is written out."""
    return text[:500].encode("utf-8", "backslashreplace").decode()


def last_words(events: Iterable[Answer]) -> list[Answer]:
    """Each person's last word on each moment, by moment and the time of the first one."""
    found: dict[tuple[str, str], Answer] = {}
    for event in sorted(events, key=lambda e: e.when_us):
        key = event.moment_id, event.who
        found[key] = following(found.get(key), event)
    return sorted(found.values(), key=lambda a: (a.moment_id, a.since_us, a.who))


def following(before: Answer | None, event: Answer) -> Answer:
    """What holds after an event: causes named before the future was shown stay, and so does their role."""
    if before is None:
        return event
    seen = before.seen if before.seen is not None else event.seen
    if event.seen is not None and before.seen is not None:
        return before  # they are named once: whoever saw the future cannot name them again
    role = before.role if before.seen is not None else event.role
    return replace(event, seen=seen, role=role, since_us=before.since_us)


def events_of(line: str) -> Iterator[Answer]:
    """The event of one line, none for an empty line or a draft; ValueError, TypeError or KeyError for any other."""
    if line.strip():
        row = json.loads(line)
        if row["state"] not in _IGNORED:
            yield _event(row)


def _event(row: dict[str, Any]) -> Answer:
    state, role, when_us = row["state"], row.get("role", "final"), _whole(row["when_us"])
    record = _record(row, state)
    if role not in ROLES:
        raise ValueError(f"role {role!r} is none of {', '.join(ROLES)}")
    return Answer(
        moment_id=_text(row["moment_id"]),
        who=_text(row["who"]),
        when_us=when_us,
        since_us=when_us,
        state="components" if state == "withdrawn" else state,
        role=role,
        record=record,
        seen=record.components if state == "components" else None,
        note=_text(row["note"]) if row.get("note") else "",
    )


def _record(row: dict[str, Any], state: str) -> CocRecord:
    """What was said, ranked; it can be put into words and stored, whoever wrote the line."""
    record = _ranked(record_from_row({"components": row.get("components", []), **_decisions(row, state)}))
    said = record.components
    for component in said:
        _whole(component.observed_from_us)
        _whole(component.observed_to_us)
        if component.track_id is not None:
            _text(component.track_id)
    if len({replace(c, rank=0, observed_from_us=0, observed_to_us=0) for c in said}) < len(said):
        raise ValueError("a cause is named twice")
    if state == "components" and len(said) > MAX_SEEN:
        raise ValueError(f"{len(said)} components; name the {MAX_SEEN} most important")
    for part in [replace(record, components=(c,)) for c in said] if state == "components" else [record]:
        render(part)
    return record


def _whole(value: Any) -> int:
    if type(value) is not int or not -(2**63) <= value < 2**63:
        raise ValueError(f"{value!r} is no time in whole µs")
    return value


def _text(value: Any) -> str:
    """A text that is one and can be stored: JSON knows halves of characters, UTF-8 does not."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} is no text")
    value.encode()
    return value


def _decisions(row: dict[str, Any], state: str) -> dict[str, str]:
    names = ("longitudinal_decision", "lateral_decision")
    if state == "accepted":
        return {name: row[name] for name in names}
    if state not in ("components", "excluded", "withdrawn"):
        raise ValueError(f"state {state!r} is not known")
    return dict.fromkeys(names, NONE)


def _ranked(record: CocRecord) -> CocRecord:
    ranked = tuple(replace(c, rank=rank) for rank, c in enumerate(record.components, start=1))
    return replace(record, components=ranked)
