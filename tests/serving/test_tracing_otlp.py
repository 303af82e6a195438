"""A server that is told to trace sends its spans to a collector of the OpenTelemetry protocol."""

import sys
import threading
from concurrent import futures
from pathlib import Path

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as messages
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as service

from causeway.serving.client import ask
from causeway.serving.process import ServerProcess
from tests.serving.questions import OBSERVATION

PROGRAM = (sys.executable, str(Path(__file__).with_name("stub_policy.py")))


class Collector(service.TraceServiceServicer):
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.sent, self.whole = [], threading.Event()

    def Export(self, request, context):
        for resource in request.resource_spans:
            of = {item.key: item.value.string_value for item in resource.resource.attributes}
            self.sent += [(of["service.name"], span) for scope in resource.scope_spans for span in scope.spans]
        if any(span.name == "infer" for _, span in self.sent):
            self.whole.set()
        return messages.ExportTraceServiceResponse()


def test_an_answer_reaches_the_collector_as_one_trace_with_its_parts(monkeypatch):
    collector, server = Collector(), grpc.server(futures.ThreadPoolExecutor(2))
    service.add_TraceServiceServicer_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    try:
        with ServerProcess("0", program=PROGRAM) as running:
            ask(running.grpc_url, OBSERVATION)
            assert collector.whole.wait(20)
    finally:
        server.stop(1.0).wait()
    parts = ["action", "decode", "infer", "prefill", "queue", "reasoning", "vision"]
    assert sorted(span.name for _, span in collector.sent) == parts
    assert {name for name, _ in collector.sent} == {"causeway"}
    assert len({span.trace_id for _, span in collector.sent}) == 1
    (whole,) = (span for _, span in collector.sent if span.name == "infer")
    assert {span.parent_span_id for _, span in collector.sent if span.name != "infer"} == {whole.span_id}
