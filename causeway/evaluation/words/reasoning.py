"""The reasoning suite: are the words well formed, do they say what the label says, and do the wheels do what they say?

Knows traces, labels and the one consistency rule of `causeway.reasoning`; who else judges words is in `judges` (an
endpoint), `hallucination` (the evidence) and `people`. Does not know how answers were made. Answers are greedy: what
the policy most likely says. `consistency` and `parse_rate` need no labels; the rest does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from causeway.artifacts import Artifact
from causeway.evaluation.answers import Answering, Answers, AskConfig, ask
from causeway.evaluation.measured import Measured
from causeway.evaluation.open_loop_suite import failure_notes
from causeway.evaluation.statistics import Estimate
from causeway.evaluation.words.decision_classes import f1_estimates, most_frequent
from causeway.evaluation.words.hallucination import invented
from causeway.evaluation.words.judges import judge_words
from causeway.evaluation.words.people import judge_agreement, people_say, right_by_people
from causeway.model.observation import Sample
from causeway.reasoning import CocRecord
from causeway.reasoning.mapping import consistency
from causeway.training.text_rewards import grade_records, read_trace

if TYPE_CHECKING:
    from causeway.evidence import Evidence

Array = NDArray[np.float64]
NAN = float("nan")
CHANNELS = ("longitudinal", "lateral")

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
    "hallucination_rate": "share",
    "hallucinated_components": "share",
}


@dataclass(frozen=True)
class Beside:
    """What words are held against besides the samples' labels, as far as it is there."""

    evidence: Mapping[str, "Evidence"] = field(default_factory=dict)  # by sample id: what was observable at t0
    judge: str = ""  # MODEL@URL of an OpenAI-compatible endpoint
    corrections: str = ""  # a folder of what reviewers said


def evidence_of(artifact: Artifact | None, samples: Sequence[Sample]) -> dict[str, "Evidence"]:
    """Evidence by sample id of these samples, as far as the artifact holds it; none of none."""
    if artifact is None:
        return {}
    from causeway.evidence import read_evidence

    wanted = {s.sample_id for s in samples}
    return {one.moment_id: one for one in read_evidence(artifact) if one.moment_id in wanted}


def reasoning(
    policy: Answering, samples: Sequence[Sample], config: AskConfig, beside: Beside | None = None
) -> Measured:
    """Ask for one greedy answer a sample and judge it; a failed answer judges as one that does not parse."""
    beside = beside or Beside()
    answers = ask(policy, samples, config, temperature=0.0)
    said = [read_trace(words[0]) for words in answers.reasoning]
    labels = [read_trace(s.reasoning) if s.reasoning else None for s in samples]
    rows = [
        judge(sample, answers, i) | against_evidence(said[i], beside.evidence.get(sample.sample_id))
        for i, sample in enumerate(samples)
    ]
    values = {name: np.array([row.get(name, NAN) for row in rows]) for name in UNITS} | majority(labels)
    verdicts = None
    if beside.judge:
        words = [of_sample[0] for of_sample in answers.reasoning]
        verdicts = judge_words(beside.judge, samples, words, beside.evidence, config.seed)
        values |= verdicts.values
    by_people, agreement = _people(samples, said, values, beside.corrections, config.seed)
    counts = {"reasoning_failed_answers": (int(answers.failed.sum()), len(samples))}
    counts |= {"judge_failed_answers": (verdicts.unanswered, len(samples))} if verdicts else {}
    return Measured(
        suite="reasoning",
        unit_ids=[s.sample_id for s in samples],
        clusters=[s.clip_id for s in samples],
        groups=[s.scenario or "unnamed" for s in samples],
        values=values | by_people,
        units={name: UNITS.get(name, "share") for name in values | by_people},
        counts=counts,
        estimates=classes(samples, said, labels, config.seed) | agreement,
        grouped=["decision_accuracy", "consistency"],
        notes=[
            *_notes(samples, labels, beside, by_people),
            *(verdicts.notes if verdicts else ()),
            *failure_notes("reasoning", samples, answers),
        ],
    )


def _notes(
    samples: Sequence[Sample], labels: Sequence[CocRecord | None], beside: Beside, by_people: Mapping[str, Array]
) -> list[str]:
    labelled = sum(label is not None for label in labels)
    notes = [f"reasoning: {labelled} of {len(samples)} samples have a label; accuracy is over those"]
    known = sum(s.sample_id in beside.evidence for s in samples)
    if known < len(samples):
        notes.append(f"reasoning: {known} of {len(samples)} samples have evidence; hallucination is over those")
    if not beside.judge:
        notes.append("reasoning: no judge endpoint was named; words are graded by the rule judge alone")
    if not by_people:
        notes.append("reasoning: no person has labelled any of these moments; so judges are not held against people")
    return notes


def against_evidence(said: CocRecord | None, evidence: "Evidence | None") -> dict[str, float]:
    """`hallucinated_components`: of the causes named that the evidence can tell of, the share it does not hold;
    `hallucination_rate`: whether there is one. Nothing without evidence, or where it can tell of none."""
    if said is None or evidence is None:
        return {}
    wrong, told = invented(said, evidence)
    return {"hallucinated_components": wrong / told, "hallucination_rate": float(wrong > 0)} if told else {}


def classes(
    samples: Sequence[Sample], said: Sequence[CocRecord | None], labels: Sequence[CocRecord | None], seed: int
) -> dict[str, tuple[Estimate, str]]:
    """F1 of each decision and macro F1 by channel, and under `majority/` those of always saying the most frequent."""
    known = [i for i, label in enumerate(labels) if label is not None]
    clusters = [samples[i].clip_id for i in known]
    found = dict[str, tuple[Estimate, str]]()
    for channel in CHANNELS:
        truth = [getattr(labels[i], f"{channel}_decision") for i in known]
        ours = [getattr(said[i], f"{channel}_decision", None) for i in known]
        found |= f1_estimates(channel, ours, truth, clusters, seed)
        always = f1_estimates(channel, most_frequent(truth), truth, clusters, seed)
        found |= {f"majority/{name}": estimate for name, estimate in always.items()}
    return found


def _people(
    samples: Sequence[Sample], said: Sequence[CocRecord | None], values: Mapping[str, Array], folder: str, seed: int
) -> tuple[dict[str, Array], dict[str, tuple[Estimate, str]]]:
    """Accuracy against people's decisions, and how far each judge's verdict on the decisions agrees with theirs."""
    people = people_say(folder, [s.sample_id for s in samples])
    if not people:
        return {}, {}
    right = right_by_people(said, [people.get(s.sample_id) for s in samples])
    judges = {"rule_judge": values["decision_accuracy"]}
    judges |= {"endpoint_judge": values["judge_decision_fits"]} if "judge_decision_fits" in values else {}
    return {"people_accuracy": right}, judge_agreement(right, judges, [s.clip_id for s in samples], seed)


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
    for channel in CHANNELS:
        said = [getattr(label, f"{channel}_decision") if label else None for label in labels]
        top = next(iter(most_frequent([name for name in said if name is not None])), None)
        hits = [NAN if name is None else float(name == top) for name in said]
        found[f"majority/{channel}_accuracy"] = np.array(hits, dtype=np.float64)
    return found
