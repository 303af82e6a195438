import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.reasoning.answers import Answer, events_of, last_words, read_answers

CAR = {"category": "critical_object", "kind": "car", "track_id": "7", "relative_pose": "in_path", "motion": "slowing"}


def line(state: str, when_us: int, **fields: Any) -> str:
    row = {"moment_id": "m", "who": "ann", "when_us": when_us, "state": state, "role": "first", "components": [CAR]}
    if state == "accepted":
        row |= {"longitudinal_decision": "lead_following", "lateral_decision": "none"}
    return json.dumps(row | fields)


def words(*texts: str) -> list[Answer]:
    return last_words(event for text in texts for event in events_of(text))


def test_a_decision_follows_its_causes() -> None:
    (answer,) = words(line("components", 1), line("accepted", 2, components=[]))
    assert (answer.state, answer.since_us, answer.when_us) == ("accepted", 1, 2)
    assert [c.track_id for c in answer.seen or ()] == ["7"]
    assert answer.record.components == ()


def test_causes_are_named_once_and_outlive_what_is_taken_back() -> None:
    later = line("components", 4, components=[CAR | {"kind": "bus"}])
    (answer,) = words(line("components", 1), line("accepted", 2), line("withdrawn", 3), later)
    assert (answer.state, answer.done) == ("components", False)
    assert [c.kind for c in answer.seen or ()] == ["car"]


def test_the_role_of_the_causes_stays() -> None:
    (answer,) = words(line("components", 1, role="audit"), line("accepted", 2, role="first"))
    assert answer.role == "audit"


def test_lines_in_any_order_mean_the_same() -> None:
    texts = [line("components", 1), line("accepted", 2), line("withdrawn", 3), line("excluded", 4, note="dark")]
    assert words(*texts) == words(*reversed(texts))
    assert words(*texts)[0].state == "excluded"


def test_a_line_written_by_hand_is_final() -> None:
    row = json.loads(line("accepted", 5))
    del row["role"]
    (answer,) = words(json.dumps(row))
    assert (answer.role, answer.seen) == ("final", None)


@pytest.mark.parametrize(
    "text",
    [
        "{half a li",
        "[]",
        "7",
        line("flown", 1),
        line("accepted", 1, longitudinal_decision="fly"),
        line("accepted", 1, components="none"),
        line("accepted", 1, components=[CAR] * 4),
        line("components", 1, components=[CAR] * 9),
        line("components", 1, components=[CAR | {"kind": "dragon"}]),
        line("components", 1, components=[CAR | {"wings": 2}]),
        line("accepted", 1, role="queen"),
        line("accepted", 1).replace('"when_us": 1', '"when_us": "soon"'),
        "[" * 100_000,
        line("accepted", 1).replace('"when_us": 1', '"when_us": 1e999'),
        line("accepted", 10**30),
        line("accepted", 1, moment_id="\ud800"),
        line("accepted", 1, who=""),
        line("accepted", 1, who={"name": "ann"}),
        line("excluded", 1, note="\ud800"),
        line("accepted", 1, components=[CAR, CAR]),
        line("accepted", 1, components=[CAR | {"track_id": 7}]),
        line("accepted", 1, components=[CAR | {"track_id": "\ud800"}]),
        line("accepted", 1, components=[CAR | {"observed_from_us": None}]),
        line("accepted", 1, components=[CAR | {"observed_to_us": 10**30}]),
        line("excluded", 1, components=[CAR | {"\ud800": 1}]),
    ],
)
def test_a_line_that_cannot_be_used_is_named_and_the_others_count(text: str, tmp_path: Path) -> None:
    (tmp_path / "ann.jsonl").write_text(f"{line('accepted', 1)}\n{text}\n\n{line('draft', 2)}\n")
    answers, problems = read_answers(str(tmp_path))
    assert [a.state for a in answers] == ["accepted"]
    assert [(where, reason) for where, reason, _ in problems] == [("ann.jsonl:2", "not_a_correction")]
    assert all(len(detail.encode()) < 1000 for _, _, detail in problems)  # a table takes it


def test_what_is_no_file_of_lines_is_named_and_the_others_count(tmp_path: Path) -> None:
    (tmp_path / "ann.jsonl").write_text(line("accepted", 1))
    (tmp_path / "folder.jsonl").mkdir()
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / os.fsdecode(b"z\xff.jsonl")).write_text("half a li")
    answers, problems = read_answers(str(tmp_path))
    assert [a.who for a in answers] == ["ann"]
    assert [(where, reason) for where, reason, _ in problems] == [
        ("folder.jsonl", "not_readable"),
        ("pipe.jsonl", "not_readable"),
        ("z\\udcff.jsonl:1", "not_a_correction"),
    ]


def test_a_line_cut_short_by_a_crash_is_named(tmp_path: Path) -> None:
    whole = line("components", 1) + "\n" + line("accepted", 2)
    (tmp_path / "ann.jsonl").write_text(whole[:-9])
    answers, problems = read_answers(str(tmp_path))
    assert [a.state for a in answers] == ["components"]
    assert [where for where, _, _ in problems] == ["ann.jsonl:2"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["components", "accepted", "excluded", "withdrawn"]), min_size=1, max_size=8))
def test_who_named_causes_keeps_them_whatever_follows(states: list[str]) -> None:
    kinds = ["car", "bus", "truck", "cyclist"]
    texts = [line(s, i + 1, components=[CAR | {"kind": kinds[i % 4]}]) for i, s in enumerate(states)]
    (answer,) = words(*texts)
    first = next((i for i, s in enumerate(states) if s == "components"), None)
    seen = [c.kind for c in answer.seen] if answer.seen is not None else None
    assert seen == (None if first is None else [kinds[first % 4]])
    assert answer.done == (states[-1] in ("accepted", "excluded") or (first is not None and _done(states, first)))


def _done(states: list[str], first: int) -> bool:
    """Causes named again change nothing, so what was said before them holds."""
    said = [s for i, s in enumerate(states) if s != "components" or i == first]
    return said[-1] in ("accepted", "excluded")
