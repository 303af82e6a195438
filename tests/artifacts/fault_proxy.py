"""An HTTP proxy before an S3 server that does harm on order: drops, refuses, cuts short, flips bytes, stalls."""

import http.client
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Fault = str | None
# what happens to a request (method, path, how many came before): None or one of the names in `_Handler`
Plan = Callable[[str, str, int], Fault]
BUSY = b"<Error><Code>SlowDown</Code><Message>later</Message></Error>"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "FaultProxy"

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.next_fault(self.command, self.path)
        if fault == "drop":
            return self._reset()
        if fault == "busy":
            return self._answer(503, [("Content-Type", "application/xml")], BUSY)
        if fault == "gateway":
            return self._answer(502, [("Content-Type", "text/html")], b"<html>bad gateway</html>")
        if fault == "stall":
            time.sleep(self.server.stall_s)
            return self._reset()
        if fault == "flip-request" and body:
            body = _flipped(body)
        status, headers, answer = self._ask(body)
        if fault == "lose-answer":
            return self._reset()
        if fault == "flip-answer" and answer:
            answer = _flipped(answer)
        self._answer(status, headers, answer, cut=fault == "cut")

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass_on  # noqa: N815

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=30)
        try:
            upstream.request(self.command, self.path, body=body or None, headers=dict(self.headers))
            answer = upstream.getresponse()
            data = answer.read()
            kept = [(n, v) for n, v in answer.getheaders() if n.lower() not in ("transfer-encoding", "connection")]
            return answer.status, kept, data
        finally:
            upstream.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], data: bytes, cut: bool = False) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() != "content-length":
                self.send_header(name, value)
        length = next((v for n, v in headers if n.lower() == "content-length"), str(len(data)))
        if status != 204:
            self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[: len(data) // 2] if cut else data)
            self.server.answered_bytes += len(data)
        if cut:
            self.close_connection = True

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


def _flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0x20]) + data[middle + 1 :]


class FaultProxy(ThreadingHTTPServer):
    """Counts the requests of each method and does to each what its plan says."""

    daemon_threads = True

    def __init__(self, upstream: str, stall_s: float = 1.0) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream, self.stall_s = upstream, stall_s
        self.plan: Plan = lambda *_: None
        self.seen: list[tuple[str, str]] = []
        self.done: list[str] = []
        self.answered_bytes = 0
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def next_fault(self, method: str, path: str) -> Fault:
        with self._lock:
            number = len(self.seen)
            self.seen.append((method, path))
        fault = self.plan(method, path, number)  # which may ask through this proxy itself
        if fault:
            self.done.append(fault)
        return fault

    def handle_error(self, *_: object) -> None:
        pass


@contextmanager
def proxied(upstream: str) -> Iterator[FaultProxy]:
    proxy = FaultProxy(upstream)
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
