"""Cuts are measured on the same samples with the same noise, and their price is a difference to the whole answer."""

from dataclasses import replace

import numpy as np
import pytest

from causeway.evaluation.cut_costs import estimates, measure_cuts
from causeway.model.cuts import SHORT_REASONING, cuts
from causeway.model.observation import ObservationSpec, Sample, example_observation
from tests.serving.stub_policy import StubPolicy

SPEC = ObservationSpec(height=16, width=24)


class Worse(StubPolicy):
    """Drives straight on, and one metre beside it for each flow step that was cut; says less with less reasoning."""

    def predict(self, samples, n=1, seed=0, *, flow_steps=10, **options):
        found = super().predict(samples, n, 0, flow_steps=flow_steps, **options)
        found.trajectory_rig[:] = 0.0
        found.trajectory_rig[..., 1] = 10.0 - flow_steps
        whole = options["use_reasoning"] and options.get("max_reasoning_tokens") is None
        found.decision[:] = [[("yield" if whole else "none", "lane_keeping")] * n for _ in samples]
        return found


def sample(number: int) -> Sample:
    straight = np.zeros((64, 3), np.float32)
    observation = example_observation(number, SPEC)
    controls = np.zeros((64, 2), np.float32)
    ids = (f"s{number}", f"c{number}", observation.t0_us)
    return Sample(*ids, "val", "x", observation, "", ("none", "none"), controls, straight)


def test_the_price_of_a_cut_is_its_difference_to_the_whole_answer():
    costs = measure_cuts(Worse(), [sample(n) for n in range(3)], timed=2)
    assert [cost.degraded for cost in costs] == [cut.degraded for cut in cuts(True)]
    assert [cost.mean["ade"] for cost in costs] == [0.0, 5.0, 8.0, 8.0, 8.0]
    assert [cost.price["ade"].value for cost in costs] == [0.0, 5.0, 8.0, 8.0, 8.0]
    assert [cost.same_decision.value for cost in costs] == [1.0, 1.0, 1.0, 0.0, 0.0]
    assert {cost.same_decision.n for cost in costs} == {3}
    told = estimates(costs)
    assert told["latency_cut_flow_steps_2_reasoning_off_ade_worse"][0].value == 8.0
    assert told["latency_cut_flow_steps_5_same_decision"][0].value == 1.0
    assert len(told) == 8


class Stopped(Worse):
    """Says of a reasoning that was cut short that it is no sentence, as a policy does; crashes on two flow steps."""

    def predict(self, samples, n=1, seed=0, *, flow_steps=10, **options):
        short = options.get("max_reasoning_tokens") is not None
        if flow_steps == 2 and not short:
            raise RuntimeError("out of memory")
        found = super().predict(samples, n, seed, flow_steps=flow_steps, **options)
        return replace(found, truncated=((short,) * n,) * len(samples))


def test_a_short_reasoning_is_no_failure_of_the_cut_that_asks_for_it_and_a_crash_keeps_no_decision():
    costs = {cost.degraded: cost for cost in measure_cuts(Stopped(), [sample(n) for n in range(3)], timed=0)}
    short, crashed = costs["flow_steps=2,reasoning=short"], costs["flow_steps=2"]
    assert (short.price["ade"].value, short.price["ade"].n) == (8.0, 3)
    assert (crashed.same_decision.value, crashed.same_decision.n) == (0.0, 3)
    assert crashed.price["ade"].n == 0


def test_no_samples_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        measure_cuts(Worse(), [])


def test_a_policy_is_told_no_more_than_the_cut():
    assert cuts(True)[0].options == {"flow_steps": 10, "use_reasoning": True}
    assert cuts(True)[3].options["max_reasoning_tokens"] == SHORT_REASONING
