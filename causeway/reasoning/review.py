"""People and labels: what needs a person, and what becomes of a label that people looked at.

Knows the order in which labels are worth a look and how answers of one, two or three people become one label. Does not
know how answers are kept (`answers`) or the page on which they are given. Source of the shares: arXiv 2511.00088,
section 3.2 and table 4 (about 10 % labelled by people, 10-20 % of that audited by another one).
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from causeway.artifacts.hashing import fingerprint
from causeway.errors import UsageError
from causeway.reasoning.answers import Answer, Problem, read_answers
from causeway.reasoning.behaviour import Behaviour
from causeway.reasoning.critic import CriticConfig
from causeway.reasoning.grammar import render
from causeway.reasoning.label import check_label
from causeway.reasoning.records import CocRecord, component_rows

if TYPE_CHECKING:
    from causeway.evidence import Evidence


@dataclass(frozen=True)
class ReviewConfig:
    """Where corrections are, and which share of each scenario's accepted labels is queued.

    `state` is the hash of the corrections' bytes, filled in here: new corrections make a new artifact.
    """

    corrections: str = ""
    sample_share: float = 0.1
    state: str = field(default="", init=False)

    def __post_init__(self) -> None:
        if not 0.0 <= self.sample_share <= 1.0:
            raise UsageError(f"sample_share {self.sample_share}: a share is from 0 to 1")
        if not self.corrections:
            return
        folder = Path(self.corrections)
        if not folder.is_dir():
            raise UsageError(f"{folder}: no folder of corrections; make it or leave the setting out")
        object.__setattr__(self, "state", fingerprint(sorted(folder.glob("*.jsonl"))))


AUDIT_SHARE = 0.15  # of the queue: a second person looks at these, not knowing what the first said


@dataclass(frozen=True)
class Correction:
    """What people say a label should be: a record, that it is excluded, or that they do not agree."""

    who: str
    when_us: int
    record: CocRecord
    excluded: str = ""  # why the moment is not fit to be labelled
    disagreement: str = ""  # who says what


def read_corrections(folder: str) -> tuple[dict[str, Correction], list[Problem]]:
    """What holds for each moment by now, and every line that cannot be used; nothing for ""."""
    answers, problems = read_answers(folder)
    of_moment: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        if answer.done:
            of_moment[answer.moment_id].append(answer)
    return {moment_id: resolved(given) for moment_id, given in of_moment.items()}, problems


def resolved(answers: Iterable[Answer]) -> Correction:
    """One correction of the finished answers to one moment, one at least.

    The last `final` answer decides. Without one the first answer counts if nobody says otherwise; else it is a
    disagreement, which a third person ends.
    """
    given = sorted(answers, key=lambda a: (a.since_us, a.who))
    final = [a for a in given if a.role == "final"]
    if final:
        return _correction(max(final, key=lambda a: a.when_us))
    if len({(a.state, a.decisions) for a in given}) > 1:
        words = "; ".join(f"{a.who} says {_said(a)}" for a in given)
        last = max(given, key=lambda a: a.when_us)
        return Correction(last.who, last.when_us, last.record, disagreement=words)
    return _correction(given[0])


def disagree(answers: Iterable[Answer]) -> bool:
    """Whether finished answers to one moment need a third person."""
    given = [a for a in answers if a.done]
    return bool(given) and bool(resolved(given).disagreement)


def _correction(answer: Answer) -> Correction:
    excluded = (answer.note or "not fit to be labelled") if answer.state == "excluded" else ""
    return Correction(answer.who, answer.when_us, answer.record, excluded=excluded)


def _said(answer: Answer) -> str:
    return "excluded" if answer.state == "excluded" else " and ".join(answer.decisions)


def corrected(row: dict, correction: Correction | None, known: "tuple[Evidence, Behaviour] | None" = None) -> dict:
    """A label as people want it; the row itself without a correction.

    With the evidence of its moment and what the ego did next (`known`) the label is checked again: wheels that
    contradict the words send it to review, all else that the critic finds stands in its reasons, as people see more
    than the evidence table holds. Without a cause it stays in `review`. Without `known` a verdict on consistency is
    kept only for unchanged decisions.
    """
    if correction is None:
        return row
    if correction.disagreement:
        return {**row, "status": "review", "reasons": [f"reviewers disagree: {correction.disagreement}"]}
    if correction.excluded:
        return {**row, "status": "rejected", "reasons": [f"excluded by {correction.who}: {correction.excluded}"]}
    record = correction.record
    return {
        **row,
        "longitudinal_decision": record.longitudinal_decision,
        "lateral_decision": record.lateral_decision,
        "components": component_rows(record.components),
        "trace": render(record),
        "teacher": f"human:{correction.who}",
        "teacher_version": str(correction.when_us),
        **dict.fromkeys(("prompt_hash", "agreement", "critic")),  # these were about the teacher's label
        **(_unchecked(row, correction) if known is None else _checked_again(correction, *known)),
    }


def _unchecked(row: dict, correction: Correction) -> dict:
    record = correction.record
    before = row["longitudinal_decision"], row["lateral_decision"]
    same = before == (record.longitudinal_decision, record.lateral_decision)
    return {
        "critic_score": None,
        "consistent": row["consistent"] if same else "undecidable",
        "status": "accepted" if record.components else "review",
        "reasons": [f"corrected by {correction.who}"],
    }


def _checked_again(correction: Correction, evidence: "Evidence", behaviour: Behaviour) -> dict:
    label = check_label(correction.record, evidence, behaviour, CriticConfig())
    doubtful = not correction.record.components or label.consistent == "no"
    return {
        "critic_score": label.critic_score,
        "consistent": label.consistent,
        "status": "review" if doubtful else "accepted",
        "reasons": [f"corrected by {correction.who}", *label.reasons],
    }


def queue_of(rows: list[dict], config: ReviewConfig) -> list[dict]:
    """What a person should look at: unexplained moments first, then refused labels, then a sample of the rest.

    Of the accepted labels of each scenario the share of the settings is queued, one at least. Labels that people
    settled are left out, and no others take their place in the sample.
    """
    sample = _sample(rows, config.sample_share)
    queue = []
    for row in rows:
        priority, why = _priority(row, sample)
        if why:
            kept = {name: row[name] for name in ("moment_id", "clip_id", "t0_us", "status")}
            queue.append(kept | {"priority": priority, "why": why})
    return queue


def audited(moment_id: str, share: float = AUDIT_SHARE) -> bool:
    """Whether a second person looks at this moment; the same on every machine and for every queue."""
    return drawn("audit", moment_id) < share


def drawn(what: str, moment_id: str) -> float:
    """A number from 0 to 1 for a moment, the same everywhere: lots that nobody can influence."""
    return int.from_bytes(sha256(f"{what}:{moment_id}".encode()).digest()[:8], "big") / 2**64


def _settled(row: dict) -> bool:
    """Whether people said what becomes of it."""
    excluded = row["status"] == "rejected" and any(str(r).startswith("excluded by") for r in row["reasons"] or ())
    return excluded or (str(row["teacher"]).startswith("human:") and not _disputed(row))


def _disputed(row: dict) -> bool:
    return any(str(reason).startswith("reviewers disagree") for reason in row["reasons"] or ())


def _in_doubt(row: dict) -> bool:
    """Not accepted, or teachers who were asked together did not say the same."""
    agreement = row.get("agreement")
    return row["status"] != "accepted" or (agreement is not None and agreement < 1.0)


def _sample(rows: list[dict], share: float) -> set[str]:
    """Of each scenario's accepted labels the share with the lowest lots, rounded up.

    What people looked at keeps its place: else each run with their corrections would draw another share of the rest.
    """
    of_scenario: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if _settled(row) or _disputed(row) or not _in_doubt(row):
            of_scenario[row.get("scenario") or ""].append(row["moment_id"])
    chosen: set[str] = set()
    for ids in of_scenario.values():
        ids.sort(key=lambda moment_id: drawn("review", moment_id))
        chosen.update(ids[: ceil(share * len(ids) - 1e-9)])
    return chosen


def _priority(row: dict, sample: set[str]) -> tuple[int, str]:
    if _settled(row):
        return 0, ""
    if row["status"] != "accepted":
        return (0 if row["status"] == "review" else 1), "; ".join(row["reasons"] or ()) or row["status"]
    if _in_doubt(row):
        return 1, f"teachers agree to {row['agreement']:.2f} only"
    return (2, "sample") if row["moment_id"] in sample else (0, "")
