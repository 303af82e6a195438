"""People and labels: reading their corrections, applying them, and queueing what needs them.

A folder of corrections holds JSON lines files that are only ever appended to, one correction a line:
moment_id, who, when_us, state (`draft`, `accepted`), longitudinal_decision, lateral_decision, components.
Knows corrections and the order in which labels are worth a look. Does not know the page on which they are
made. Source of the 10 % sample: arXiv 2511.00088, section 3.2 (share of human labels and audits).
"""

import json
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from causeway.artifacts.hashing import fingerprint
from causeway.errors import UsageError
from causeway.reasoning.grammar import TraceError, render
from causeway.reasoning.records import CocRecord, component_rows, record_from_row


@dataclass(frozen=True)
class ReviewConfig:
    """Where corrections are, and which share of the accepted labels is queued for a second look.

    `state` is the hash of the corrections' bytes, filled in here: new corrections make a new artifact.
    """

    corrections: str = ""
    sample_share: float = 0.1
    state: str = field(default="", init=False)

    def __post_init__(self) -> None:
        if not self.corrections:
            return
        folder = Path(self.corrections)
        if not folder.is_dir():
            raise UsageError(f"{folder}: no folder of corrections; make it or leave the setting out")
        object.__setattr__(self, "state", fingerprint(sorted(folder.glob("*.jsonl"))))


@dataclass(frozen=True)
class Correction:
    """What one person says a label should be."""

    who: str
    when_us: int
    record: CocRecord


Problem = tuple[str, str, str]  # where, reason, detail


def read_corrections(folder: str) -> tuple[dict[str, Correction], list[Problem]]:
    """The last accepted correction of each moment, and every line that cannot be used; nothing for ""."""
    found: dict[str, Correction] = {}
    problems: list[Problem] = []
    for file in sorted(Path(folder).glob("*.jsonl")) if folder else ():
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), start=1):
            try:
                row = json.loads(line)
                if row["state"] != "accepted":
                    continue
                moment_id, correction = str(row["moment_id"]), _correction(row)
            except (ValueError, KeyError, TypeError, TraceError) as error:
                problems.append((f"{file.name}:{number}", "not_a_correction", f"{type(error).__name__}: {error}"))
                continue
            before = found.get(moment_id)
            if before is None or correction.when_us >= before.when_us:
                found[moment_id] = correction
    return found, problems


def _correction(row: dict) -> Correction:
    record = record_from_row(row)
    ranked = tuple(replace(c, rank=rank) for rank, c in enumerate(record.components, start=1))
    record = replace(record, components=ranked)
    render(record)
    return Correction(str(row["who"]), int(row["when_us"]), record)


def corrected(row: dict, correction: Correction | None) -> dict:
    """A label as a person wants it; the row itself without a correction.

    Without a cause it stays in `review`. The checks judged the old label, so their verdict is kept only for
    unchanged decisions.
    """
    if correction is None:
        return row
    record = correction.record
    decisions = {
        "longitudinal_decision": record.longitudinal_decision,
        "lateral_decision": record.lateral_decision,
    }
    same = all(row[name] == value for name, value in decisions.items())
    return {
        **row,
        **decisions,
        "components": component_rows(record.components),
        "trace": render(record),
        "teacher": f"human:{correction.who}",
        "teacher_version": str(correction.when_us),
        "critic_score": None,
        "consistent": row["consistent"] if same else "undecidable",
        "status": "accepted" if record.components else "review",
        "reasons": [f"corrected by {correction.who}"],
    }


def queue_of(rows: list[dict], config: ReviewConfig) -> list[dict]:
    """What a person should look at: unexplained moments first, then refused labels, then a sample of the rest."""
    queue = []
    for row in rows:
        priority, why = _priority(row, config)
        if why:
            kept = {name: row[name] for name in ("moment_id", "clip_id", "t0_us", "status")}
            queue.append(kept | {"priority": priority, "why": why})
    return queue


def _priority(row: dict, config: ReviewConfig) -> tuple[int, str]:
    if row["teacher"].startswith("human:"):
        return 0, ""
    if row["status"] != "accepted":
        return (0 if row["status"] == "review" else 1), "; ".join(row["reasons"]) or row["status"]
    share = int.from_bytes(sha256(f"review:{row['moment_id']}".encode()).digest()[:8], "big") / 2**64
    return (2, "sample") if share < config.sample_share else (0, "")
