"""Traces of answered requests by OpenTelemetry, off unless the standard variable OTEL_TRACES_EXPORTER asks for them.

Knows which spans an answer has: one for the request, and one for each of its parts inside. Does not know collectors:
`console` writes spans to stderr, `otlp` needs the package opentelemetry-exporter-otlp-proto-grpc and its variables.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from causeway.errors import UsageError
from causeway.serving.answering import Answered
from causeway.serving.contract import TIMING

VARIABLE = "OTEL_TRACES_EXPORTER"
_tracer: Any = None


def trace_if_asked() -> None:
    """Begin to trace when OTEL_TRACES_EXPORTER says where to; UsageError for a place that is not known."""
    global _tracer  # noqa: PLW0603  # one process has one tracer, as the library itself has it
    place = os.environ.get(VARIABLE, "none")
    if place in ("", "none"):
        return
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": "causeway"}))
    provider.add_span_processor(BatchSpanProcessor(_exporter(place)))
    _tracer = provider.get_tracer("causeway.serving")


def _exporter(place: str) -> Any:
    if place == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter(out=sys.stderr)
    if place != "otlp":
        raise UsageError(f"{VARIABLE}={place}: expected none, console or otlp")
    try:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise UsageError(f"{VARIABLE}=otlp: install opentelemetry-exporter-otlp-proto-grpc, or say console") from error
    return OTLPSpanExporter()


def answered(about: Mapping[str, Any], answer: Answered, arrived_s: float, headers: Mapping[str, str] | None) -> None:
    """Write the spans of one answer; its parts are laid one behind the other as they were done."""
    if _tracer is None:
        return
    from opentelemetry.trace import set_span_in_context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    end_ns, now_s = time.time_ns(), time.perf_counter()
    parent = TraceContextTextMapPropagator().extract(dict(headers or {}))
    kept = {key: str(value) for key, value in about.items()} | {"degraded": answer.degraded, "batch": answer.batch}
    start_ns = end_ns - int((now_s - arrived_s) * 1e9)
    request = _tracer.start_span("infer", context=parent, start_time=start_ns, attributes=kept)
    inside, at_ns = set_span_in_context(request), start_ns
    parts = dict(zip(TIMING, answer.timing_ms.tolist(), strict=True))
    for part in ("decode", "queue", "vision", "prefill", "reasoning", "action"):
        span = _tracer.start_span(part, context=inside, start_time=at_ns)
        at_ns += int(parts[part] * 1e6)
        span.end(end_time=at_ns)
    request.end(end_time=end_ns)
