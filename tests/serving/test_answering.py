"""A batch is answered row by row as each would be alone; faults stay with whoever caused them."""

import time
from dataclasses import replace

import numpy as np
import pytest

from causeway.errors import UnusableInput
from causeway.model.cuts import SHORT_REASONING
from causeway.model.observation import ObservationSpec, example_observation
from causeway.serving.answering import TIMING, Answered, Answerer, Asked, Late, PolicyFailed
from causeway.serving.request import Question, Settings
from causeway.serving.tensors import InvalidRequest
from tests.serving.stub_policy import FAULTY_SPEED_MPS, NAN_SPEED_MPS, StubPolicy

SPEC = ObservationSpec(height=16, width=24)


def asked(seed: int = 0, speed: float = 8.0, deadline_ms: int | None = None, waited_s: float = 0.0, **kw) -> Asked:
    question = Question(example_observation(seed, SPEC, speed), Settings(**kw), deadline_ms, decode_ms=1.5)
    return Asked(question, time.perf_counter() - waited_s)


def asked_with_seed(noise: int) -> Asked:
    question = Question(example_observation(0, SPEC, 8.0), Settings(seed=noise), None, decode_ms=1.5)
    return Asked(question, time.perf_counter())


def test_seeds_of_a_batch_stay_with_their_questions():
    answerer = Answerer(StubPolicy())
    together = answerer.answer([asked_with_seed(seed) for seed in (3, 1, 2)])
    alone = [answerer.answer([asked_with_seed(seed)])[0] for seed in (3, 1, 2)]
    assert [a.trajectory_rig[0, 0, 0] for a in together] == [a.trajectory_rig[0, 0, 0] for a in alone]
    assert len({float(a.trajectory_rig[0, 0, 0]) for a in together}) == 3


def test_a_question_that_cannot_come_in_time_behind_others_is_hopeless_and_alone_it_is_tried():
    answerer = Answerer(StubPolicy(sleep_ms=20.0))
    assert not answerer.hopeless(asked(deadline_ms=1), waiting=9)  # nothing is known of the costs yet
    answerer.warm_up(SPEC)
    assert answerer.hopeless(asked(deadline_ms=8), waiting=9)
    assert not answerer.hopeless(asked(deadline_ms=8), waiting=0)
    assert not answerer.hopeless(asked(deadline_ms=60_000), waiting=9)
    assert not answerer.hopeless(asked(), waiting=9)


def test_costs_of_a_size_are_its_own_or_those_of_the_nearest_smaller_one():
    answerer = Answerer(StubPolicy())
    assert answerer.costs(4).fixed == 0.0
    answerer.warm_up(SPEC)
    assert answerer.costs(7) == answerer.costs(1)
    assert answerer.costs(9) == answerer.costs(8)
    assert answerer.costs(8).short_reasoning == 10.0


def test_a_batch_answers_each_as_alone():
    answerer = Answerer(StubPolicy())
    batch = [asked(seed) for seed in range(4)]
    together = answerer.answer(batch)
    for one, answer in zip(batch, together, strict=True):
        (alone,) = answerer.answer([one])
        assert isinstance(alone, Answered)
        assert isinstance(answer, Answered)
        np.testing.assert_array_equal(answer.trajectory_rig, alone.trajectory_rig)
        assert answer.reasoning == alone.reasoning
    assert not np.array_equal(together[0].trajectory_rig, together[1].trajectory_rig)


def test_timing_has_every_part_and_decoding_counts_once():
    (answer,) = Answerer(StubPolicy()).answer([asked(waited_s=1.0)])
    timing = dict(zip(TIMING, answer.timing_ms.tolist(), strict=True))
    assert (timing["decode"], timing["prefill"], timing["reasoning"], timing["action"]) == (1.5, 1.0, 30.0, 20.0)
    assert timing["queue"] >= 998.5
    assert timing["total"] >= timing["queue"] + timing["decode"]


@pytest.mark.parametrize("speed", [FAULTY_SPEED_MPS, NAN_SPEED_MPS])
def test_a_faulty_row_does_not_take_its_neighbours_along(speed):
    answers = Answerer(StubPolicy()).answer([asked(0), asked(1, speed), asked(2)])
    assert [type(a) for a in answers] == [Answered, PolicyFailed, Answered]


def test_input_the_policy_cannot_use_is_the_callers_fault():
    class Picky(StubPolicy):
        def predict(self, samples, *args, **kwargs):
            raise UnusableInput("observation: cameras do not fit")

    (answer,) = Answerer(Picky()).answer([asked()])
    assert isinstance(answer, InvalidRequest)
    assert "cameras do not fit" in str(answer)


def test_a_deadline_that_passed_in_the_queue_costs_no_work():
    policy = StubPolicy()
    answers = Answerer(policy).answer([asked(deadline_ms=50, waited_s=1.0), asked(deadline_ms=60_000)])
    assert [type(a) for a in answers] == [Late, Answered]
    assert [call["batch"] for call in policy.calls] == [1]


def test_a_tight_deadline_is_met_by_cuts_that_are_told():
    policy = StubPolicy()
    answerer = Answerer(policy)
    answerer.warm_up(SPEC)  # the stub says: reasoning 30 ms, action 2 ms a flow step
    (short,) = answerer.answer([asked(deadline_ms=25)])
    assert short.degraded == "flow_steps=2,reasoning=short"
    assert policy.calls[-1] == {"batch": 1, "reasoning": True, "flow_steps": 2, "tokens": SHORT_REASONING}
    (answer,) = answerer.answer([asked(deadline_ms=13)])
    assert answer.degraded == "flow_steps=2,reasoning=off"
    assert answer.reasoning == [""]
    assert policy.calls[-1] == {"batch": 1, "reasoning": False, "flow_steps": 2, "tokens": None}
    (whole,) = answerer.answer([asked()])
    assert whole.degraded == ""


def test_each_answer_says_what_its_own_question_lacked():
    class Short(StubPolicy):
        def predict(self, samples, n=1, *args, **kwargs):
            found = super().predict(samples, n, *args, **kwargs)
            cut = tuple((place == 1,) * n for place in range(len(samples)))
            return replace(found, truncated=cut, missing_cameras=((), ("rear", "side"), ("rear",)))

    answers = Answerer(Short()).answer([asked(seed) for seed in range(3)])
    said = ["", "reasoning=truncated,missing=rear,missing=side", "missing=rear"]
    assert [answer.lacked for answer in answers] == said
    assert {answer.degraded for answer in answers} == {""}


def test_a_reasoning_that_the_deadline_ended_is_told_as_degraded_and_not_as_lacking():
    class Short(StubPolicy):
        def predict(self, samples, n=1, *args, **kwargs):
            found = super().predict(samples, n, *args, **kwargs)
            return replace(found, truncated=((True,) * n,) * len(samples), missing_cameras=(("rear",),) * len(samples))

    answerer = Answerer(Short())
    answerer.warm_up(SPEC)
    (cut,) = answerer.answer([asked(deadline_ms=25)])
    assert (cut.degraded, cut.lacked) == ("flow_steps=2,reasoning=short", "missing=rear")
    (whole,) = answerer.answer([asked()])
    assert (whole.degraded, whole.lacked) == ("", "reasoning=truncated,missing=rear")


def test_only_equal_settings_and_cuts_share_a_batch():
    answerer = Answerer(StubPolicy())
    answerer.warm_up(SPEC)
    base = answerer.key(asked())
    assert answerer.key(asked(seed=5)) == base  # another observation
    assert answerer.key(asked_with_seed(7)) == base  # each keeps its own
    for other in (asked(samples=2), asked(temperature=0.1), asked(reasoning=False), asked(deadline_ms=60_000)):
        assert answerer.key(other) != base
    assert answerer.key(asked(deadline_ms=25)) != answerer.key(asked(deadline_ms=60_000))
