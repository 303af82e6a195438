"""Whose turn it is, and how two answers differ."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causeway.platform.release.compare import difference
from causeway.platform.release.slots import Slot, next_slot, set_weights
from causeway.serving import inference_pb2 as pb


def slots(*weights: int) -> list[Slot]:
    return [Slot(f"p{number}", ready=True, weight=weight) for number, weight in enumerate(weights)]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 100))
def test_of_every_hundred_each_gets_exactly_its_per_cent(percent):
    both = slots(100 - percent, percent)
    found = Counter(next_slot(both).name for _ in range(100))
    assert (found["p0"], found["p1"]) == (100 - percent, percent)


def test_shares_are_spread_and_not_in_blocks():
    both = slots(80, 20)
    turns = "".join(next_slot(both).name[1] for _ in range(10))
    assert turns.count("1") == 2
    assert "11" not in turns


def test_who_is_away_or_was_tried_or_has_no_share_gets_nothing():
    both = slots(50, 50)
    both[0].ready = False
    assert next_slot(both).name == "p1"
    assert next_slot(both, tried=["p1"]) is None
    both[0].ready = True
    set_weights(both, {"p0": 0, "p1": 100}.__getitem__)
    assert {next_slot(both).name for _ in range(5)} == {"p1"}
    assert next_slot(both, tried=["p1"]) is None


def answer(path: np.ndarray, decision: bytes) -> bytes:
    response = pb.ModelInferResponse()
    response.outputs.add(name="trajectory", datatype="FP32", shape=path.shape)
    response.outputs.add(name="decision", datatype="BYTES", shape=[1, 2])
    response.raw_output_contents.extend([path.astype("<f4").tobytes(), decision])
    return response.SerializeToString()


def test_two_answers_differ_by_path_and_decision():
    path = np.zeros((1, 64, 3))
    aside = path + np.array([3.0, 4.0, 9.0])
    assert difference(answer(path, b"a"), answer(aside, b"b")) == (5.0, True)
    assert difference(answer(path, b"a"), answer(path, b"a")) == (0.0, False)
    with pytest.raises(ValueError, match="not finite"):
        difference(answer(path, b"a"), answer(path * np.nan, b"a"))
    with pytest.raises(ValueError, match="no answer"):
        difference(b"\xff\xff\xff", answer(path, b"a"))
