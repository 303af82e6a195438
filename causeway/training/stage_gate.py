"""The short evaluation at a stage's end: does it beat its baseline on samples it has not trained on?

Knows one question a stage: `vlm` must answer more questions right than the most frequent answer of each kind does (the
mean over the kinds, so that an easy kind does not carry the rest); `action` and `coc` must drive nearer to what was
driven than constant velocity; `coc` must also say a whole sentence everywhere; who foresees frames must be nearer to
them than the newest frame again. Does not know how a stage trains, nor
the evaluation of a release: that has suites of its own. A stage that loses says so; whether it is refused is a setting.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from causeway.model.action_space import trajectory_from_controls
from causeway.model.observation import HORIZON_STEPS, Sample
from causeway.model.prediction import seed_of
from causeway.training.questions import FREE, answers
from causeway.training.text_rewards import read_trace

FILE_NAME = "stage_gates.json"
BATCH = 8


@dataclass(frozen=True)
class Verdict:
    """One stage's number beside its baseline's."""

    stage: str
    metric: str
    value: float
    baseline: float
    baseline_name: str
    n: int
    split: str  # which samples: val, test, or train where there are no others, which proves nothing
    beats: bool
    detail: str = ""

    def sentence(self) -> str:
        """One line for a log, the model card and a refusal."""
        how = "beats" if self.beats else "does NOT beat"
        seen = ", which it was trained on" if self.split == "train" else ""
        more = f"; {self.detail}" if self.detail else ""
        return (
            f"stage {self.stage} {how} {self.baseline_name}: {self.metric} {self.value:.3f} against "
            f"{self.baseline:.3f} on {self.n} samples of split {self.split}{seen}{more}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, rounded so that the last bits of a sum are nobody's business."""
        return {k: round(v, 6) if isinstance(v, float) else v for k, v in asdict(self).items()}


def judge(stage: str, policy: Any, samples: Sequence[Sample], split: str, how: str = "") -> Verdict:
    """The verdict on a policy after a stage. how: one of `_JUDGES`, or "words"; "" = as its name says.

    Stages without a gate of their own are judged as `coc` is.
    """
    policy.eval()
    return _JUDGES.get(how or stage, _judge_words_and_paths)(stage, policy, samples, split)


@torch.no_grad()
def answered(policy: Any, samples: Sequence[Sample]) -> tuple[dict[str, list[bool]], dict[str, list[str]]]:
    """Of every question with a closed set of answers: which were given right, and what the right ones were."""
    asked = [(s, q, a) for s in samples for q, a in answers(s).items() if q not in FREE]
    right = [hit for start in range(0, len(asked), BATCH) for hit in _answered(policy, asked[start : start + BATCH])]
    hits, said = defaultdict[str, list[bool]](list), defaultdict[str, list[str]](list)
    for (_, question, answer), hit in zip(asked, right, strict=True):
        hits[question].append(hit)
        said[question].append(answer)
    return hits, said


def _judge_answers(stage: str, policy: Any, samples: Sequence[Sample], split: str) -> Verdict:
    hits, said = answered(policy, samples)
    ours, most = accuracy_beside_majority(hits, said)
    worst = min(hits, key=lambda q: np.mean(hits[q]) - majority_share(said[q]))
    return Verdict(
        stage,
        "answers right, mean over kinds of question",
        ours,
        most,
        "the most frequent answer",
        len(samples),
        split,
        ours > most,
        f"least gained on {worst!r}",
    )


def accuracy_beside_majority(
    hits: Mapping[str, Sequence[bool]], said: Mapping[str, Sequence[str]]
) -> tuple[float, float]:
    """(mean over kinds of the share of right answers, the same of always giving each kind's most frequent one)."""
    ours = [float(np.mean(hits[question])) for question in hits]
    return float(np.mean(ours)), float(np.mean([majority_share(said[question]) for question in hits]))


def majority_share(said: Sequence[str]) -> float:
    """The share of the most frequent of these answers."""
    return max(Counter(said).values()) / len(said)


def _answered(policy: Any, asked: Sequence[tuple[Sample, str, str]]) -> list[bool]:
    """Which answers the policy would give word by word: every token is its first choice behind the right ones before.

    What is right everywhere is what greedy decoding says, and one pass tells.
    """
    batch = policy.collate_questions([sample for sample, _, _ in asked], [{said[1]: said[2]} for said in asked])
    hidden = policy.forward_tokens(batch).prefix_hidden
    first_choice = policy.word_logits(hidden[:, :-1]).argmax(dim=-1)
    wrong = (first_choice != batch.input_ids[:, 1:]) & batch.answer_labels[:, 1:]
    return [not row for row in wrong.any(dim=1).tolist()]


def _judge_paths(stage: str, policy: Any, samples: Sequence[Sample], split: str) -> Verdict:
    predictions = [policy.predict(batch, n=1, seed=_seeds(batch), use_reasoning=False) for batch in _batches(samples)]
    driven = np.concatenate([prediction.trajectory_rig for prediction in predictions])[:, 0]
    return _against_constant_velocity(stage, driven, samples, split)


def _judge_words_and_paths(stage: str, policy: Any, samples: Sequence[Sample], split: str) -> Verdict:
    predictions = [policy.predict(batch, n=1, seed=_seeds(batch), temperature=0.0) for batch in _batches(samples)]
    driven = np.concatenate([prediction.trajectory_rig for prediction in predictions])[:, 0]
    found = _against_constant_velocity(stage, driven, samples, split)
    said = [words[0] for prediction in predictions for words in prediction.reasoning]
    named = [pair[0] for prediction in predictions for pair in prediction.decision]
    broken = sum(read_trace(words) is None for words in said)  # cut by the length bound, or empty
    labelled = [(sample, pair) for sample, pair in zip(samples, named, strict=True) if sample.reasoning]
    right = sum(sample.decision == tuple(pair) for sample, pair in labelled)
    detail = f"{broken} of {len(said)} reasonings are no sentence, both decisions right in {right} of {len(labelled)}"
    return Verdict(**{**asdict(found), "beats": found.beats and not broken, "detail": detail})


def _judge_frames(stage: str, policy: Any, samples: Sequence[Sample], split: str) -> Verdict:
    from causeway.model.foresight import error_beside_staying

    ours, still = error_beside_staying(policy, samples)
    what = "error of pixels foreseen (of 255)"
    return Verdict(stage, what, ours, still, "the newest frame again", len(samples), split, ours < still)


def _judge_alone(stage: str, policy: Any, samples: Sequence[Sample], split: str) -> Verdict:
    from causeway.model.embodied import drive_alone

    driven = np.concatenate([drive_alone(policy, batch, _seeds(batch)) for batch in _batches(samples)])
    return _against_constant_velocity(stage, driven, samples, split)


@torch.no_grad()
def _judge_chain(stage: str, policy: Any, samples: Sequence[Sample], split: str) -> Verdict:
    from causeway.model.chain import ask_chain, told_of

    said = [told for batch in _batches(samples) for told in ask_chain(policy, batch)]
    true = [told_of(sample) for sample in samples]
    pairs = list(zip(said, true, strict=True))
    named = [(told.thing, truth.thing) for told, truth in pairs if truth.thing]
    hits, wanted = dict[str, list[bool]](), dict[str, list[str]]()
    if named:
        hits["object"] = [one == other for one, other in named]
        wanted["object"] = [other for _, other in named]
    known = [(told.region, truth.region) for told, truth in pairs if told.region and truth.region]
    if known:
        hits["region"] = [one == other for told, truth in known for one, other in zip(told, truth, strict=True)]
        wanted["region"] = [str(other) for _, truth in known for other in truth]
    ours, most = accuracy_beside_majority(hits, wanted)
    told = ", ".join(f"{link} {np.mean(found):.2f}" for link, found in hits.items())
    what = "links of the chain right"
    return Verdict(stage, what, ours, most, "the most frequent answer", len(samples), split, ours > most, told)


def _seeds(batch: Sequence[Sample]) -> list[int]:
    """A noise of its own for each sample: one noise for all would judge the noise."""
    return [seed_of(0, sample.sample_id) for sample in batch]


def _batches(samples: Sequence[Sample]) -> list[Sequence[Sample]]:
    return [samples[start : start + BATCH] for start in range(0, len(samples), BATCH)]


def _against_constant_velocity(stage: str, driven: np.ndarray, samples: Sequence[Sample], split: str) -> Verdict:
    recorded = np.stack([sample.trajectory_rig for sample in samples])
    speed_mps = np.array([sample.observation.speed_mps for sample in samples])
    straight = trajectory_from_controls(np.zeros((len(samples), HORIZON_STEPS, 2)), speed_mps)
    ours, held = ade_m(driven, recorded), ade_m(straight, recorded)
    return Verdict(stage, "ADE in m over 6.4 s", ours, held, "constant velocity", len(samples), split, ours < held)


def ade_m(paths: np.ndarray, recorded: np.ndarray) -> float:
    """Mean distance in metres of paths [n, 64, 3] to the recorded ones, over ticks and samples."""
    gap = np.asarray(paths, dtype=np.float64)[..., :2] - recorded[..., :2]
    return float(np.hypot(gap[..., 0], gap[..., 1]).mean())


_JUDGES: dict[str, Callable[[str, Any, Sequence[Sample], str], Verdict]] = {
    "vlm": _judge_answers,
    "action": _judge_paths,
    "answers": _judge_answers,
    "paths": _judge_paths,
    "frames": _judge_frames,
    "alone": _judge_alone,
    "chain": _judge_chain,
}
