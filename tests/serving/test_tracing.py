"""Traces are off unless asked for; an answer is one span with its parts inside, under the caller's own trace."""

import time

import numpy as np
import pytest

from causeway.errors import UsageError
from causeway.serving import request_log, tracing
from causeway.serving.answering import Answered
from causeway.serving.contract import TIMING

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def answer() -> Answered:
    timing_ms = np.arange(1, len(TIMING) + 1, dtype=np.float32)  # queue 1, decode 2, …
    path, controls = np.zeros((1, 64, 3), np.float32), np.zeros((1, 64, 2), np.float32)
    now = time.perf_counter()
    return Answered(path, controls, [""], [("yield", "none")], timing_ms, "flow_steps=5", "", now - 0.02, now, 3)


def test_traces_are_off_unless_a_place_is_named(monkeypatch):
    monkeypatch.delenv(tracing.VARIABLE, raising=False)
    tracing.trace_if_asked()
    assert tracing._tracer is None
    monkeypatch.setenv(tracing.VARIABLE, "zipkin")
    with pytest.raises(UsageError, match="none, console or otlp"):
        tracing.trace_if_asked()


def test_an_answer_is_a_span_with_its_parts(monkeypatch):
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(tracing, "_tracer", provider.get_tracer("test"))
    about = {"model": "causeway", "id": "7", "vehicle": "car-1"}
    tracing.answered(about, answer(), time.perf_counter() - 0.03, {"traceparent": PARENT})
    *parts, whole = kept.get_finished_spans()
    assert [span.name for span in parts] == ["decode", "queue", "vision", "prefill", "reasoning", "action"]
    assert [round((span.end_time - span.start_time) / 1e6) for span in parts] == [2, 1, 3, 4, 5, 6]
    assert (whole.name, whole.attributes["degraded"], whole.attributes["vehicle"]) == ("infer", "flow_steps=5", "car-1")
    assert f"{whole.context.trace_id:032x}" in PARENT
    assert {span.parent.span_id for span in parts} == {whole.context.span_id}


def test_a_log_that_cannot_be_written_is_one_line(tmp_path):
    with pytest.raises(UsageError, match="cannot be written"):
        request_log.log_to(str(tmp_path / "no" / "log"))
