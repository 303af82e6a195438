import time

import numpy as np
import pytest

from causeway.errors import UsageError
from causeway.evaluation.answers import AskConfig, ask
from causeway.evaluation.driving.closed_loop import BLIND
from causeway.evaluation.latency import latency
from causeway.model.observation import Observation
from causeway.model.prediction import seed_of
from causeway.simulation.world import World

from .conftest import shows


def test_one_crash_costs_one_sample(known, samples):
    policy = known(break_on=lambda s: "crash" if shows(2)(s) else "nan" if shows(5)(s) else "")
    answers = ask(policy, samples, AskConfig(n=2, batch=4))
    assert [i for i, why in enumerate(answers.failure) if why] == [2, 5]
    assert "out of memory" in answers.failure[2]
    assert "NaN" in answers.failure[5]
    assert answers.trajectory_rig.shape == (8, 2, 64, 3)
    assert np.isnan(answers.trajectory_rig[[2, 5]]).all()
    assert np.isfinite(answers.trajectory_rig[[0, 1, 3, 4, 6, 7]]).all()


def test_a_policy_sees_observations_and_nothing_else(known, samples):
    seen = []
    policy = known(break_on=lambda s: seen.append(type(s)) or "")
    ask(policy, [*samples, World("curve", 1, BLIND).reset()], AskConfig())
    latency(policy, samples, calls=2, seed=0)
    assert set(seen) == {Observation}, "a sample holds its label and its recorded path, the world its events"


def test_too_few_samples_is_a_failure(known, samples):
    class Stingy:
        def predict(self, samples, n=1, seed=0, **options):
            return known().predict(samples, n=1)

    answers = ask(Stingy(), samples, AskConfig(n=6))
    assert answers.failed.all()
    assert "asked for (6, 64, 3)" in answers.failure[0]


def test_late_is_a_failure_of_the_slow_sample_alone(known, samples):
    def slow(seen):
        if shows(3)(seen):
            time.sleep(0.15)
        return ""

    answers = ask(known(break_on=slow), samples, AskConfig(batch=4, deadline_s=0.1))
    assert [i for i, why in enumerate(answers.failure) if why] == [3]
    assert answers.failure[3] == "late: more than 0.1 s"


def test_every_sample_has_a_seed_of_its_own_and_an_observation_the_configs(samples):
    seen = []

    class Noting:
        def predict(self, samples, n=1, seed=0, **options):
            seen.append(seed)
            raise RuntimeError

    ask(Noting(), samples[:2], AskConfig(seed=5))
    assert seen == [[seed_of(5, "s000"), seed_of(5, "s001")], seed_of(5, "s000"), seed_of(5, "s001")]
    seen.clear()
    ask(Noting(), [sample.observation for sample in samples[:2]], AskConfig(seed=5))
    assert seen == [5, 5, 5]


def test_forced_words_travel_with_their_sample(known, samples):
    forced = [f"say {i}" for i in range(8)]
    policy = known(break_on=lambda s: "crash" if shows(1)(s) else "")
    answers = ask(policy, samples, AskConfig(batch=3), forced_reasoning=forced)
    assert [w[0] for w in answers.reasoning] == ["say 0", "", *forced[2:]]


def test_no_samples_and_bad_settings(known):
    assert ask(known(), [], AskConfig()).trajectory_rig.shape == (0, 1, 64, 3)
    with pytest.raises(UsageError):
        AskConfig(n=0)
