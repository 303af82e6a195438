"""Questions about a drive that its own data answers: what stage one learns before any action.

Knows which questions a sample can answer: what was driven and how fast is always known, decisions and causes only
where a label named them. Does not know tokens or models. Nothing is guessed: no label, no question about causes.
"""

from collections.abc import Callable

import numpy as np

from causeway.model.observation import Sample
from causeway.reasoning import CocRecord, render
from causeway.reasoning.mapping import actions_of_trajectory, deciding_action

Answer = Callable[[Sample], str]


def _action(sample: Sample) -> str:
    """The first thing done after t0 on both channels, in the words of the meta actions."""
    speed_mps = np.float64(sample.observation.speed_mps)
    channels = actions_of_trajectory(sample.trajectory_rig, speed_mps)
    names = [deciding_action(list(channel)) or "none" for channel in channels]
    return " and ".join(name.replace("_", " ") for name in names) + "."


def _speed(sample: Sample) -> str:
    return f"{round(sample.observation.speed_mps)} metres per second."


def _decision(sample: Sample) -> str:
    return render(CocRecord(*sample.decision))


def _cause(sample: Sample) -> str:
    return sample.reasoning


ALWAYS: dict[str, Answer] = {
    "What will the vehicle do?": _action,
    "What is the speed?": _speed,
}
LABELLED: dict[str, Answer] = {
    "What is the decision?": _decision,
    "Why?": _cause,
}


def ask(sample: Sample, number: int) -> tuple[str, str]:
    """(question, answer): the `number`-th of the questions that this sample can answer, going round.

    Causes are asked twice as often as anything else: they are what the pictures are for.
    """
    choices = list(ALWAYS.items())
    if sample.reasoning:
        choices += [*LABELLED.items(), ("Why?", _cause)]
    question, answer = choices[number % len(choices)]
    return question, answer(sample)
