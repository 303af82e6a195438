"""Questions about a drive that its own data answers: what stage one learns before any action.

Knows which questions a sample can answer: what was driven, how fast and how far is always known; what is there, the
state of a light, decisions and causes only where a label named them. Numbers are answered in bins. Does not know
tokens or models. Nothing is guessed: no label, no question about causes.

Answers are balanced: where one answer of a question is given more often than all others together, it is asked for only
as often as those, so that always giving it is right about half of the time (`Balance`). All others are asked on every
look at a sample: pictures are the dear part of a pass. Kinds of questions are those of the paper's first stage,
perception and driving (arXiv 2511.00088, sec. 4); their words are ours.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from causeway.model.observation import Sample
from causeway.reasoning import CocRecord, Component, TraceError, parse, render
from causeway.reasoning.mapping import actions_of_trajectory, deciding_action

Answer = Callable[[Sample], str | None]
"""The answer to a question about a sample; None where its data does not know it."""

SPEED_BIN_MPS, DISTANCE_BIN_M, SIDE_BIN_M = 2, 10, 2
_HALF_WAY, _END = 31, 63  # 3.2 s and 6.4 s
_NO_CAUSE_WORDS = "none"


def _first_action(sample: Sample, channel: int) -> str:
    """The first thing done after t0 on one channel, in the words of the meta actions."""
    speed_mps = np.float64(sample.observation.speed_mps)
    names = list(actions_of_trajectory(sample.trajectory_rig, speed_mps)[channel])
    return f"{(deciding_action(names) or 'none').replace('_', ' ')}."


def _bin(value: float, width: int, unit: str) -> str:
    """A number as the lower end of its bin: `8 metres` are 8 … 10 with a width of 2."""
    return f"{int(np.floor(value / width)) * width} {unit}."


def _speed(sample: Sample) -> str:
    return _bin(sample.observation.speed_mps, SPEED_BIN_MPS, "metres per second")


def _later_speed(sample: Sample) -> str:
    path = sample.trajectory_rig[:, :2]
    moved = np.hypot(*(path[_END] - path[_END - 10]))  # over the last second
    return _bin(float(moved), SPEED_BIN_MPS, "metres per second")


def _distance(sample: Sample) -> str:
    return _bin(float(np.hypot(*sample.trajectory_rig[_END, :2])), DISTANCE_BIN_M, "metres")


def _side(sample: Sample) -> str:
    aside = float(sample.trajectory_rig[_HALF_WAY, 1])
    if abs(aside) < SIDE_BIN_M / 2:
        return "straight ahead."
    return f"{_bin(abs(aside), SIDE_BIN_M, 'metres')[:-1]} to the {'left' if aside > 0 else 'right'}."


def causes(sample: Sample) -> tuple[Component, ...]:
    """The components that a sample's label names; none where it has no label that parses."""
    try:
        return parse(sample.reasoning).components if sample.reasoning else ()
    except TraceError:
        return ()


def _of_first(name: str) -> Answer:
    """The answer of one field of the first component, or None."""

    def answer(sample: Sample) -> str | None:
        first = next(iter(causes(sample)), None)
        value = getattr(first, name) if first else _NO_CAUSE_WORDS
        return None if value == _NO_CAUSE_WORDS else f"{value.replace('_', ' ')}."

    return answer


def _light(sample: Sample) -> str | None:
    lights = [c.kind for c in causes(sample) if c.category == "traffic_light"]
    return f"{lights[0].split('_')[0]}." if lights else None


def _decision(channel: int) -> Answer:
    def answer(sample: Sample) -> str | None:
        if not sample.reasoning:
            return None
        pair = ["none", "none"]
        pair[channel] = sample.decision[channel]
        return render(CocRecord(pair[0], pair[1]))

    return answer


def _cause(sample: Sample) -> str | None:
    return sample.reasoning or None


ALWAYS: dict[str, Answer] = {
    "What will the vehicle do?": lambda sample: _first_action(sample, 0),
    "Which way will it go?": lambda sample: _first_action(sample, 1),
    "What is the speed?": _speed,
    "What will the speed be?": _later_speed,
    "How far will it go?": _distance,
    "Where will it be?": _side,
}
LABELLED: dict[str, Answer] = {
    "What is there?": _of_first("kind"),
    "Where is it?": _of_first("relative_pose"),
    "What does it do?": _of_first("motion"),
    "What is the light?": _light,
    "What is the speed decision?": _decision(0),
    "What is the lane decision?": _decision(1),
    "Why?": _cause,
}
QUESTIONS: dict[str, Answer] = ALWAYS | LABELLED
FREE = frozenset({"Why?"})  # whole sentences: no closed set of answers to be balanced or counted


def answers(sample: Sample) -> dict[str, str]:
    """{question: answer} of everything that a sample's data knows."""
    found = ((question, answer(sample)) for question, answer in QUESTIONS.items())
    return {question: said for question, said in found if said is not None}


@dataclass(frozen=True)
class Balance:
    """How often each answer of each question is given in the data that a stage trains on."""

    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def chance(self, question: str, answer: str) -> float:
        """The share of its turns in which a question is asked of a sample with this answer.

        A question that everybody answers alike is never asked.
        """
        given = self.counts.get(question, {})
        if question in FREE or answer not in given:
            return 1.0
        return min(1.0, (sum(given.values()) - given[answer]) / given[answer])


def balance_of(samples: Sequence[Sample], most: int = 2048) -> Balance:
    """The balance of at most so many samples, spread evenly."""
    counts: dict[str, Counter[str]] = {}
    for number in range(0, len(samples), max(1, -(-len(samples) // most))):
        for question, answer in answers(samples[number]).items():
            counts.setdefault(question, Counter())[answer] += 1
    return Balance({question: dict(given) for question, given in counts.items()})


def ask(sample: Sample, balance: Balance, uniform: Sequence[float]) -> dict[str, str]:
    """{question: answer} of those asked of this sample in a turn, by one number in [0, 1) for each of `QUESTIONS`.

    At least one is asked: where none has its turn, the one that was nearest to it.
    """
    known, numbers = answers(sample), dict(zip(QUESTIONS, uniform, strict=True))
    late = {question: numbers[question] - balance.chance(question, answer) for question, answer in known.items()}
    turn = [question for question in known if late[question] < 0] or [min(late, key=late.__getitem__)]
    return {question: known[question] for question in turn}


def ask_one(sample: Sample, balance: Balance, uniform: Sequence[float]) -> dict[str, str]:
    """One of those that `ask` asks, by one number more."""
    *numbers, which = uniform
    asked = list(ask(sample, balance, numbers).items())
    return dict([asked[int(which * len(asked))]])
