"""Rule labels per second on one core, beside the same labels asked for as an endpoint's answers are read.

Run: .venv/bin/python benchmarks/bench_rule_teacher.py EVIDENCE [MOMENTS]
EVIDENCE is an artifact of `causeway features`; its rows are repeated up to MOMENTS (20,000). Both sides start from
rows of `evidence.parquet` and end with labels that were checked in the same way (sentence, critic, consistency). The
other side renders what an endpoint would be told, and parses and checks the answer as a model's would be; the answer
itself is at hand, so no model's time counts.
"""

import json
import sys
import time
from dataclasses import asdict

from causeway.artifacts import Artifact
from causeway.evidence import Evidence, evidence_from_row
from causeway.reasoning.behaviour import Behaviour
from causeway.reasoning.critic import CriticConfig
from causeway.reasoning.label import Label, check_label, make_label
from causeway.reasoning.records import record_from_row
from causeway.reasoning.teachers import teacher
from causeway.reasoning.teachers.facts import ego_of, facts_of

MOMENTS = 20_000
CONFIG = CriticConfig()
# one of several things that follow t0, by the moment's number
_AFTER = (
    Behaviour(("maintain_speed",) * 4 + ("gentle_decelerate",) * 21, ("go_straight",) * 25, ("lane_keep",) * 25),
    Behaviour(("stop",) * 4 + ("gentle_accelerate",) * 21, ("go_straight",) * 25, ("lane_keep",) * 25),
    Behaviour(("maintain_speed",) * 25, ("steer_left",) * 25, ("lane_keep",) * 4 + ("slight_shift_left",) * 21),
    Behaviour(("maintain_speed",) * 25, ("go_straight",) * 25, ("lane_keep",) * 25),
)


def by_rules(rows: list[dict]) -> list[Label]:
    """The rule teacher's labels."""
    rules = teacher("rules")
    after = len(_AFTER)
    return [make_label(evidence_from_row(r), _AFTER[i % after], rules, CONFIG) for i, r in enumerate(rows)]


def by_answers(rows: list[dict], answers: list[str]) -> list[Label]:
    """The same labels as answers in JSON to a question in JSON."""
    return [_answered(evidence_from_row(r), a, i) for i, (r, a) in enumerate(zip(rows, answers, strict=True))]


def _answered(evidence: Evidence, answer: str, i: int) -> Label:
    question = json.dumps({"ego": ego_of(evidence), "things": [fact.told for fact in facts_of(evidence)]})
    assert question
    return check_label(record_from_row(json.loads(answer)), evidence, _AFTER[i % len(_AFTER)], CONFIG)


def main() -> None:
    have = Artifact.open(sys.argv[1]).table("evidence").to_pylist()
    count = int(sys.argv[2]) if len(sys.argv) > 2 else MOMENTS
    rows = [have[i % len(have)] for i in range(count)]
    answers = [json.dumps(asdict(label.record)) for label in by_rules(rows)]  # also warms up
    start = time.process_time()
    ours = by_rules(rows)
    rules_s = time.process_time() - start
    start = time.process_time()
    theirs = by_answers(rows, answers)
    answers_s = time.process_time() - start
    assert [label.record for label in ours] == [label.record for label in theirs]
    print(f"{count} moments: rules {count / rules_s:.0f}/s, answers in JSON {count / answers_s:.0f}/s, one core")


if __name__ == "__main__":
    main()
