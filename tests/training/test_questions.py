"""Questions of stage one: only what the sample's own data answers, and no answer that is right most of the time."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.model.action_space import trajectory_from_controls
from causeway.training.questions import ALWAYS, LABELLED, QUESTIONS, Balance, answers, ask, ask_one, balance_of
from tests.training.examples import GO, STOP, example_samples

PEDESTRIAN = "Yield to the crossing pedestrian on the crosswalk."


def driven(sample, speed_mps: float, accel_mps2: float, curvature_per_m: float = 0.0):
    """The sample with another path."""
    controls = np.tile(np.float32([accel_mps2, curvature_per_m]), (64, 1))
    path = np.float32(trajectory_from_controls(controls[None], np.array([speed_mps]))[0])
    seen = replace(sample.observation, speed_mps=speed_mps)
    return replace(sample, observation=seen, controls=controls, trajectory_rig=path)


def test_a_labelled_sample_answers_every_question_by_its_label_and_its_path():
    red, _ = example_samples(2)
    assert answers(driven(red, 10.5, -1.0)) == {
        "What will the vehicle do?": "gentle decelerate.",
        "Which way will it go?": "go straight.",
        "What is the speed?": "10 metres per second.",
        "What will the speed be?": "4 metres per second.",  # 10.5 − 5.9
        "How far will it go?": "40 metres.",  # 67.2 − 20.48 = 46.7
        "Where will it be?": "straight ahead.",
        "What is there?": "red light.",
        "Where is it?": "in path.",
        "What is the light?": "red.",
        "What is the speed decision?": "Stop.",
        "What is the lane decision?": "Continue unchanged.",
        "Why?": STOP,
    }


def test_words_of_a_moving_cause_and_of_a_bend():
    one = replace(example_samples(1)[0], reasoning=PEDESTRIAN, decision=("yield", "none"))
    known = answers(driven(one, 5.0, 0.0, 0.03))
    assert known["What is there?"] == "pedestrian."
    assert known["Where is it?"] == "crosswalk."
    assert known["What does it do?"] == "crossing."
    assert known["Which way will it go?"] == "steer left."
    assert known["Where will it be?"] == "2 metres to the left."  # 16 m along a bend of 33 m: 3.8 m aside
    assert "What is the light?" not in known


@pytest.mark.parametrize("reasoning", ["", "nobody wrote this sentence"])
def test_without_a_label_that_parses_nothing_is_asked_about_causes(reasoning):
    sample = replace(example_samples(1)[0], reasoning=reasoning)
    about_causes = set(LABELLED) - {"What is the speed decision?", "What is the lane decision?", "Why?"}
    assert not about_causes & set(answers(sample))
    if not reasoning:
        assert set(answers(sample)) == set(ALWAYS)


def test_no_answer_is_asked_for_more_often_than_all_others_together():
    """Nine samples brake and one holds its speed."""
    red, green = example_samples(2)
    samples = [red] * 9 + [green]
    balance = balance_of(samples)
    rng = np.random.default_rng(0)
    turns = [ask(sample, balance, rng.uniform(size=len(QUESTIONS))) for sample in samples for _ in range(50)]
    asked = Counter(pair for turn in turns for pair in turn.items())
    for question in ("What is the light?", "What is the speed decision?", "What will the vehicle do?"):
        said = {answer: n for (q, answer), n in asked.items() if q == question}
        assert len(said) == 2
        assert max(said.values()) < 0.7 * sum(said.values())  # 0.9 where each is asked always


def test_the_chances_by_hand():
    red, green = example_samples(2)
    balance = balance_of([red, red, red, green])
    assert balance.chance("What is the light?", "red.") == pytest.approx(1 / 3)  # given three times, the other once
    assert balance.chance("What is the light?", "green.") == 1.0
    assert balance.chance("What is the light?", "yellow.") == 1.0  # never seen
    assert balance.chance("Where is it?", "in path.") == 0.0  # everybody's is ahead
    assert balance.chance("Why?", STOP) == 1.0  # sentences are no closed set


def test_a_look_is_asked_everything_whose_turn_it_is():
    red, green = example_samples(2)
    known, balance = answers(red), balance_of([red, red, red, green])
    whole = {question for question, answer in known.items() if balance.chance(question, answer) == 1.0}
    assert set(ask(red, balance, [0.99] * len(QUESTIONS))) == whole
    assert set(ask(red, balance, [0.0] * len(QUESTIONS))) == {q for q, a in known.items() if balance.chance(q, a) > 0}


def test_where_nothing_has_its_turn_one_question_is_asked_all_the_same():
    (red,) = example_samples(1, reasoning=False)
    balance = balance_of([red])  # everything is everybody's answer
    numbers = [0.9 - 0.01 * place for place in range(len(QUESTIONS))]
    nearest = max(answers(red), key=list(QUESTIONS).index)
    assert ask(red, balance, numbers) == {nearest: answers(red)[nearest]}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=14, max_size=14), st.booleans())
def test_whatever_the_numbers_a_known_question_gets_its_own_answer(numbers, labelled):
    sample = example_samples(1, reasoning=labelled)[0]
    asked = ask(sample, Balance(), numbers[:-1])
    assert asked == {question: QUESTIONS[question](sample) for question in asked}
    one = ask_one(sample, Balance(), numbers)
    assert len(one) == 1
    assert one.items() <= asked.items()


def test_a_green_light_is_why_it_goes_on():
    assert answers(example_samples(2)[1])["Why?"] == GO
