"""The reasoning suite: are the words well formed, do they say what the label says, and do the wheels do what they say?

Knows traces, labels and the one consistency rule of `causeway.reasoning`. Does not know how answers were made. Answers
are greedy: what the policy most likely says. `consistency` and `parse_rate` need no labels; the rest does.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from causeway.evaluation.answers import Answering, Answers, AskConfig, ask
from causeway.evaluation.measured import Measured
from causeway.evaluation.open_loop_suite import failure_notes
from causeway.model.observation import Sample
from causeway.reasoning import CocRecord
from causeway.reasoning.mapping import consistency
from causeway.training.text_rewards import grade_records, read_trace

Array = NDArray[np.float64]
NAN = float("nan")

UNITS = {
    "parse_rate": "share",
    "consistency": "share",
    "consistency_decided": "share",
    "reasoning_words": "words",
    "longitudinal_accuracy": "share",
    "lateral_accuracy": "share",
    "decision_accuracy": "share",
    "component_precision": "share",
    "component_recall": "share",
    "reasoning_grade": "grade",
}


def reasoning(policy: Answering, samples: Sequence[Sample], config: AskConfig) -> Measured:
    """Ask for one greedy answer a sample and judge it; a failed answer judges as one that does not parse."""
    answers = ask(policy, samples, config, temperature=0.0)
    rows = [judge(sample, answers, i) for i, sample in enumerate(samples)]
    labels = [read_trace(s.reasoning) if s.reasoning else None for s in samples]
    values = {name: np.array([row.get(name, NAN) for row in rows]) for name in UNITS} | majority(labels)
    labelled = sum(label is not None for label in labels)
    return Measured(
        suite="reasoning",
        unit_ids=[s.sample_id for s in samples],
        clusters=[s.clip_id for s in samples],
        groups=[s.scenario or "unnamed" for s in samples],
        values=values,
        units=UNITS | {name: "share" for name in values if "/" in name},
        counts={"reasoning_failed_answers": (int(answers.failed.sum()), len(samples))},
        grouped=["decision_accuracy", "consistency"],
        notes=[
            f"reasoning: {labelled} of {len(samples)} samples have a label; accuracy is over those",
            *failure_notes("reasoning", samples, answers),
        ],
    )


def judge(sample: Sample, answers: Answers, index: int) -> dict[str, float]:
    """The values of one answer; accuracy and components only where the sample has a label that parses.

    `consistency` is the paper's binary one (undecidable and unparseable count 0), `consistency_decided` leaves
    out what cannot be decided, not what failed. Components match by category and kind; precision is absent when the
    policy names none, recall when the label names none.
    """
    words = answers.reasoning[index][0]
    said = read_trace(words)
    row = {"parse_rate": float(said is not None), "reasoning_words": float(len(words.split()))}
    if not answers.failure[index]:
        kept = consistency(words, answers.trajectory_rig[index, 0], sample.observation.speed_mps)
        row["consistency"] = float(kept == "yes")
        row["consistency_decided"] = NAN if kept == "undecidable" else float(kept == "yes")
    else:
        row["consistency"] = row["consistency_decided"] = 0.0
    known = read_trace(sample.reasoning) if sample.reasoning else None
    return row | (against_label(said, known) if known else {})


def against_label(said: CocRecord | None, known: CocRecord) -> dict[str, float]:
    """Decision accuracy by channel and of both, component precision and recall, and the rule judge's grade (0–5)."""
    along = float(said is not None and said.longitudinal_decision == known.longitudinal_decision)
    aside = float(said is not None and said.lateral_decision == known.lateral_decision)
    ours = {(c.category, c.kind) for c in said.components} if said else set()
    theirs = {(c.category, c.kind) for c in known.components}
    return {
        "longitudinal_accuracy": along,
        "lateral_accuracy": aside,
        "decision_accuracy": along * aside,
        "component_precision": len(ours & theirs) / len(ours) if ours else NAN,
        "component_recall": len(ours & theirs) / len(theirs) if theirs else NAN,
        "reasoning_grade": grade_records(said, known),
    }


def majority(labels: Sequence[CocRecord | None]) -> dict[str, Array]:
    """The accuracy of always saying the most frequent decision of these very labels: what a policy must beat."""
    found = {}
    for channel in ("longitudinal", "lateral"):
        said = [getattr(label, f"{channel}_decision") if label else None for label in labels]
        counted = Counter(name for name in said if name is not None)
        top = min(counted, key=lambda name: (-counted[name], name)) if counted else None
        hits = [NAN if name is None else float(name == top) for name in said]
        found[f"majority/{channel}_accuracy"] = np.array(hits, dtype=np.float64)
    return found
