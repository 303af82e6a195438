"""A model that is full says so before a request is unpacked, and counts it once."""

import pytest

from causeway.serving import metrics
from causeway.serving.batching import PLACES, Closed
from tests.serving.stub_policy import StubPolicy


def test_a_full_model_refuses_before_it_reads(monkeypatch: pytest.MonkeyPatch):
    from causeway.serving.predictor import CausewayModel, Refusal, Served

    counted: list[tuple[str, str]] = []
    monkeypatch.setattr(metrics, "refused", lambda model, outcome, took_s: counted.append((model, outcome)))
    model = CausewayModel(Served(StubPolicy(), StubPolicy.spec, "v", "crowded"))
    for _ in range(PLACES):
        model.refuse_when_full("one of those who find a place")
        model._batcher.enter()
    with pytest.raises(Refusal, match="32 requests are inside") as refused:
        model.refuse_when_full("one too many")
    assert (refused.value.http_status, refused.value.outcome) == (429, "full")
    assert counted == [("crowded", "full")]
    model._batcher.leave()
    assert model.refuse_when_full("after one left") is None


def test_a_full_model_that_stops_says_that_it_stops():
    from causeway.serving.predictor import CausewayModel, Served

    model = CausewayModel(Served(StubPolicy(), StubPolicy.spec, "v", "stopping"))
    for _ in range(PLACES):
        model._batcher.enter()
    model.stop()
    assert model.refuse_when_full("a front passes it on to the next server, and one of a full server not") is None
    with pytest.raises(Closed):
        model._batcher.enter()
