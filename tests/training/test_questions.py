"""Questions of stage one: only what the sample's own data answers."""

from causeway.training.questions import ALWAYS, LABELLED, ask
from tests.training.examples import GO, STOP, example_samples


def test_a_labelled_sample_is_asked_for_decision_and_cause():
    red, green = example_samples(2)
    asked = dict(ask(red, number) for number in range(5))
    assert set(asked) == set(ALWAYS) | set(LABELLED)
    assert asked["Why?"] == red.reasoning == STOP
    assert asked["What is the decision?"] == "Stop."
    assert asked["What will the vehicle do?"] in (
        "strong decelerate and go straight.",
        "gentle decelerate and go straight.",
    )
    assert asked["What is the speed?"] == f"{round(red.observation.speed_mps)} metres per second."
    assert dict(ask(green, number) for number in range(5))["Why?"] == GO


def test_a_sample_without_reasoning_is_never_asked_for_a_cause():
    sample = example_samples(1, reasoning=False)[0]
    assert {ask(sample, number)[0] for number in range(50)} == set(ALWAYS)
