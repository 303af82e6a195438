"""Callers that trickle or say nothing, and a server that is killed at work: whoever behaves is answered all the same."""

import os
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest

from causeway.serving.client import ask
from causeway.serving.intake import ON_THEIR_WAY
from causeway.serving.process import ServerProcess
from causeway.serving.stream import stream, summary
from tests.serving.questions import OBSERVATION

pytestmark = pytest.mark.slow  # they wait for the ten seconds that such callers are given
PROGRAM = (sys.executable, str(Path(__file__).with_name("stub_policy.py")))
INFER = "/inference.GRPCInferenceService/ModelInfer"
HEADERS, DATA, RESET, SETTINGS = 1, 0, 3, 4  # kinds of HTTP/2 frames
END_STREAM, END_HEADERS = 1, 4


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess("0", program=PROGRAM) as running:
        yield running


def test_rest_headers_and_bodies_that_trickle_hold_nobody_up_and_are_ended(server):
    place = ("127.0.0.1", server.http_port)
    begun = b"POST /v2/models/causeway/infer HTTP/1.1\r\nHost:"
    whole = begun + b" x\r\nContent-Length: 100\r\nContent-Type: application/json\r\n\r\n{"
    with ExitStack() as open_ones:
        headers = [open_ones.enter_context(socket.create_connection(place)) for _ in range(30)]
        bodies = [open_ones.enter_context(socket.create_connection(place)) for _ in range(30)]
        for sent, connections in ((begun, headers), (whole, bodies)):
            for connection in connections:
                connection.sendall(sent)
        for _ in range(3):
            assert ask(server.http_url, OBSERVATION).degraded == ""
            for connection in headers + bodies:
                connection.sendall(b" ")
        ends = time.monotonic() + 30
        assert {_last_words(connection, ends) for connection in headers} == {b""}
        assert {_last_words(connection, ends)[9:12] for connection in bodies} == {b"408"}


def _last_words(connection: socket.socket, ends: float) -> bytes:
    connection.settimeout(max(ends - time.monotonic(), 0.1))
    return connection.recv(200)


def test_grpc_calls_that_say_nothing_make_way_for_those_who_ask(server):
    silence = threading.Event()

    def nothing() -> Iterator[bytes]:
        silence.wait(40)
        yield from ()

    large = [("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(server.grpc_url, large) as channel:
        infer = channel.stream_unary(INFER)
        silent = [infer.future(nothing()) for _ in range(ON_THEIR_WAY)]
        answers = [ask(server.grpc_url, OBSERVATION, timeout_s=30) for _ in range(3)]
        still_there = sum(not call.done() for call in silent)
        ended = [call.code().name for call in silent]
        silence.set()
        with pytest.raises(grpc.RpcError) as too_large:
            channel.unary_unary(INFER)(bytes(65 << 20), timeout=30)
    assert {answer.policy_version for answer in answers} == {"5" * 64}
    assert still_there == ON_THEIR_WAY - 1  # one made way, and its place is free since
    assert sorted(set(ended)) == ["DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"]
    assert too_large.value.code().name == "RESOURCE_EXHAUSTED"


def frame(kind: int, flags: int, call: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", call) + payload


def headers_of_a_call(authority: str) -> bytes:
    """As HPACK writes headers without a table."""
    fields = {":method": "POST", ":scheme": "http", ":path": INFER, ":authority": authority, "te": "trailers"}
    fields["content-type"] = "application/grpc"
    written = [(bytes([len(name)]) + name.encode(), bytes([len(v)]) + v.encode()) for name, v in fields.items()]
    return b"".join(b"\x00" + name + value for name, value in written)


def test_grpc_messages_that_trickle_byte_by_byte_make_way_and_are_ended(server):
    calls = range(1, 2 * ON_THEIR_WAY, 2)  # a client's calls have odd numbers
    with socket.create_connection(("127.0.0.1", server.grpc_port)) as connection:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0, b""))
        for call in calls:
            promised = b"\x00" + struct.pack(">I", 1000)
            connection.sendall(frame(HEADERS, END_HEADERS, call, headers_of_a_call(server.grpc_url)))
            connection.sendall(frame(DATA, 0, call, promised + b"\x0a"))
        for _ in range(3):
            assert ask(server.grpc_url, OBSERVATION, timeout_s=30).degraded == ""
            connection.sendall(b"".join(frame(DATA, 0, call, b"\x00") for call in calls))
        ended = set(_calls_ended(connection, len(calls)))
    assert ended == set(calls)


def _calls_ended(connection: socket.socket, count: int) -> set[int]:
    """The calls that the server ended, until there are so many or it says nothing for 30 s."""
    connection.settimeout(30)
    ended: set[int] = set()
    with connection.makefile("rb") as incoming:
        while len(ended) < count:
            about = incoming.read(9)
            kind, flags, call = about[3], about[4], struct.unpack(">I", about[5:])[0]
            incoming.read(int.from_bytes(about[:3]))
            if kind == RESET or (kind == HEADERS and flags & END_STREAM):
                ended.add(call)
    return ended


def test_vehicles_under_way_when_the_server_is_killed_are_all_answered():
    first, second = (ServerProcess("20", program=PROGRAM) for _ in range(2))
    for name in ("http_port", "http_url", "grpc_port", "grpc_url"):
        setattr(second, name, getattr(first, name))
    with ThreadPoolExecutor(2) as pool:
        with first:
            urls = (first.grpc_url, first.http_url)
            loads = [pool.submit(stream, url, [OBSERVATION], 6.0, vehicles=2, retry_s=120) for url in urls]
            time.sleep(2.0)
            os.kill(first.pid, signal.SIGKILL)
            first.wait(20)
        with second:
            ends = [summary(load.result(200)) for load in loads]
    assert [end["outcomes"] for end in ends] == [{"answered": 120}] * 2
    assert [set(end["versions"]) for end in ends] == [{"20" * 64}] * 2
