import json
from pathlib import Path
from typing import Any

import pytest

from causeway.errors import UsageError
from causeway.reasoning.review import ReviewConfig, audited, corrected, queue_of, read_corrections, resolved
from tests.reasoning.test_answers import line, words

CAR = {"category": "critical_object", "kind": "car", "track_id": "7", "relative_pose": "in_path", "motion": "slowing"}


def row(name: str, **fields: Any) -> dict[str, Any]:
    plain = {
        "moment_id": name, "clip_id": "c", "t0_us": 1, "status": "accepted", "teacher": "rules", "reasons": [],
        "scenario": "curve", "longitudinal_decision": "lead_following", "lateral_decision": "none",
        "consistent": "yes", "components": [], "trace": "",
    }  # fmt: skip
    return plain | fields


def test_the_sample_has_its_share_of_each_scenario() -> None:
    rows = [row(f"curve{i}") for i in range(40)] + [row(f"bump{i}", scenario="speed_bump") for i in range(3)]
    queue = queue_of(rows, ReviewConfig(sample_share=0.1))
    assert {q["why"] for q in queue} == {"sample"}
    assert sum(q["moment_id"].startswith("curve") for q in queue) == 4
    assert sum(q["moment_id"].startswith("bump") for q in queue) == 1  # a rare scenario is looked at, too
    assert queue_of(list(reversed(rows)), ReviewConfig(sample_share=0.1)) == list(reversed(queue))
    assert queue_of(rows, ReviewConfig(sample_share=0.0)) == []
    assert len(queue_of(rows, ReviewConfig(sample_share=1.0))) == 43


def test_what_people_settled_is_not_replaced_in_the_sample() -> None:
    rows = [row(f"curve{i}") for i in range(40)]
    config = ReviewConfig(sample_share=0.1)
    kept, bad, split, later = [q["moment_id"] for q in queue_of(rows, config)]
    said = {
        kept: {"teacher": "human:ann"},
        bad: {"status": "rejected", "reasons": ["excluded by ann: dark"]},
        split: {"status": "review", "reasons": ["reviewers disagree: a says b"]},
    }
    again = queue_of([r | said.get(r["moment_id"], {}) for r in rows], config)
    assert {(q["moment_id"], q["priority"]) for q in again} == {(split, 0), (later, 2)}


def test_everything_in_doubt_is_queued() -> None:
    rows = [
        row("unexplained", status="review", reasons=["cause: none"]),
        row("refused", status="rejected", reasons=["consistency: no"]),
        row("split", agreement=0.5),
        row("agreed", agreement=1.0),
        row("settled", teacher="human:ann", status="review"),
        row("dark", status="rejected", reasons=["excluded by ann: dark"]),
        row("disputed", teacher="rules", status="review", reasons=["reviewers disagree: a says b"]),
    ]
    queue = {q["moment_id"]: (q["priority"], q["why"]) for q in queue_of(rows, ReviewConfig(sample_share=0.0))}
    assert queue == {
        "unexplained": (0, "cause: none"),
        "refused": (1, "consistency: no"),
        "split": (1, "teachers agree to 0.50 only"),
        "disputed": (0, "reviewers disagree: a says b"),
    }


def test_a_share_is_a_share() -> None:
    with pytest.raises(UsageError, match="from 0 to 1"):
        ReviewConfig(sample_share=1.5)


def test_every_seventh_moment_gets_a_second_look() -> None:
    share = sum(audited(f"drive-{i}@{i}00000") for i in range(4000)) / 4000
    assert 0.13 < share < 0.17  # 3 sigma = 0.017


def of(*texts: str) -> Any:
    return resolved([answer for answer in words(*texts) if answer.done])


def test_the_first_counts_where_the_second_says_the_same() -> None:
    found = of(line("accepted", 1), line("accepted", 2, who="bob", role="audit", components=[]))
    assert (found.who, found.disagreement, len(found.record.components)) == ("ann", "", 1)


def test_two_who_differ_leave_it_open_until_a_third_decides() -> None:
    texts = [line("accepted", 1), line("accepted", 2, who="bob", role="audit", longitudinal_decision="yield")]
    assert of(*texts).disagreement == "ann says lead_following and none; bob says yield and none"
    third = of(*texts, line("accepted", 3, who="cid", role="final", longitudinal_decision="none"))
    assert (third.who, third.disagreement, third.record.longitudinal_decision) == ("cid", "", "none")


def test_one_who_excludes_and_one_who_does_not_differ() -> None:
    assert "bob says excluded" in of(line("accepted", 1), line("excluded", 2, who="bob", role="audit")).disagreement


def test_a_decision_taken_back_counts_no_more(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(line("accepted", 1) + "\n" + line("withdrawn", 2) + "\n")
    assert read_corrections(str(tmp_path)) == ({}, [])


def test_what_becomes_of_a_label() -> None:
    label = row("m", status="review")
    disputed = corrected(label, of(line("accepted", 1), line("excluded", 2, who="bob", role="audit")))
    assert (disputed["status"], disputed["teacher"]) == ("review", "rules")
    dark = corrected(label, of(line("excluded", 1, note="the camera is dark")))
    assert (dark["status"], dark["reasons"]) == ("rejected", ["excluded by ann: the camera is dark"])
    changed = corrected(label, of(line("accepted", 1, longitudinal_decision="yield")))
    assert (changed["status"], changed["consistent"], changed["teacher"]) == ("accepted", "undecidable", "human:ann")
    assert corrected(label, None) is label


def test_a_corrected_label_is_checked_again(evidence: Any, behaviour: Any) -> None:
    car = json.dumps([CAR | {"observed_from_us": 0, "observed_to_us": 1}])
    said = of(line("accepted", 1, components=json.loads(car)))
    seen = evidence(lead_track_id="7", lead_type="car", lead_distance_m=9.0, lead_speed_mps=5.0, lead_accel_mps2=-2.0)
    kept = corrected(row("m"), said, (seen, behaviour("strong_decelerate")))
    assert (kept["status"], kept["consistent"], kept["critic_score"]) == ("accepted", "yes", 1.0)
    broken = corrected(row("m"), said, (seen, behaviour("strong_accelerate")))
    assert (broken["status"], broken["consistent"]) == ("review", "no")
    unknown = corrected(row("m"), said, (evidence(), behaviour("strong_decelerate")))
    assert unknown["status"] == "accepted"  # people see more than the evidence table holds
    assert any(reason.startswith("observation") for reason in unknown["reasons"])
