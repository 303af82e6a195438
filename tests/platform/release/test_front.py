"""What a laptop's front passes on, what it does not count against a candidate, and that a folder has one front."""

import asyncio
import fcntl
import sys

import grpc
import httpx
import pytest

from causeway.errors import Refused
from causeway.platform.release import front_process
from causeway.platform.release.endpoint import NotReady
from causeway.platform.release.front import Front, _travels
from causeway.platform.release.laptop import LaptopEndpoint
from causeway.platform.release.record import Served
from causeway.platform.release.slots import Slot

SENT = [
    ("Host", "front:8080"),
    ("Transfer-Encoding", "chunked"),
    ("TE", "trailers"),
    ("Expect", "100-continue"),
    ("Authorization", "Bearer secret"),
    ("traceparent", "00-1-2-01"),
    ("tenant", "north"),
]


def test_rest_headers_of_the_request_travel_and_those_of_the_connection_do_not():
    seen: list[httpx.Request] = []

    def server(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={})

    async def passed() -> httpx.Response:
        front = Front()
        front.slots["p"] = Slot("p", http="http://server", weight=100, ready=True)
        front._http = httpx.AsyncClient(transport=httpx.MockTransport(server))
        return await front.pass_on("POST", "/v2/models/causeway/infer", SENT, b"{}")

    assert asyncio.run(passed()).status_code == 200
    headers = {key: value for key, value in seen[0].headers.items() if key in {k.lower() for k, _ in SENT}}
    assert headers == {"host": "server", "authorization": "Bearer secret", "traceparent": "00-1-2-01", "tenant": "north"}
    assert seen[0].headers["content-length"] == "2"


def test_metadata_of_the_request_travels():
    keys = ["authorization", "causeway-consent", "tenant", "te", "user-agent", "grpc-timeout", ":path"]
    assert [key for key in keys if _travels(key)] == ["authorization", "causeway-consent", "tenant"]


@pytest.mark.parametrize(("code", "counted"), [("RESOURCE_EXHAUSTED", (1, 0)), ("INTERNAL", (0, 1))])
def test_a_copy_that_a_full_server_sheds_is_no_fault_of_the_candidate(code, counted):
    class Channel:
        def unary_unary(self, method):
            async def call(request, **_):
                nothing = grpc.aio.Metadata()
                raise grpc.aio.AioRpcError(grpc.StatusCode[code], nothing, nothing)

            return call

    async def copied() -> tuple[int, int]:
        front = Front()
        front._channels["there"] = Channel()
        await front._compare(Slot("p", grpc="there"), b"", b"", [])
        return front.shadow.skipped, front.shadow.failed

    assert asyncio.run(copied()) == counted


def test_half_a_body_is_not_passed_on():
    from causeway.platform.release.front_rest import _body

    async def read(*messages: dict) -> bytes | None:
        left = list(messages)

        async def receive() -> dict:
            return left.pop(0)

        return await _body(receive)

    first = {"type": "http.request", "body": b"ab", "more_body": True}
    assert asyncio.run(read(first, {"type": "http.disconnect"})) is None
    assert asyncio.run(read(first, {"type": "http.request", "body": b"c"})) == b"abc"


def test_a_folder_has_one_front_by_whichever_name(tmp_path, monkeypatch, capsys):
    (tmp_path / "endpoint").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "endpoint")
    assert LaptopEndpoint(tmp_path / "link").folder == LaptopEndpoint(tmp_path / "endpoint").folder
    monkeypatch.setattr(sys, "argv", ["front", "--folder", str(tmp_path / "endpoint")])
    with (tmp_path / "endpoint" / ".front.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert front_process.main() == Refused.exit_code
    assert "its front runs already" in capsys.readouterr().err


def test_what_was_given_up_for_an_earlier_wish_does_not_end_the_next_one(tmp_path, monkeypatch):
    served = Served("a" * 64, "/policies/a", 1)
    place = LaptopEndpoint(tmp_path)
    before = {"slots": {served.name: {"problem": "3 starts in vain: no weights"}}}
    told = [before | {"seen": 0, "applied": -1}, {"slots": {}, "seen": 1, "applied": 1}]
    monkeypatch.setattr(place, "_start_front", lambda: None)
    monkeypatch.setattr(place, "figures", lambda: told.pop(0))
    place.show(served, None, 0, 5.0)
    assert told == []
    told[:] = [before | {"seen": 2, "applied": 1}]
    with pytest.raises(NotReady, match="no weights") as error:
        place.show(served, None, 0, 5.0)
    assert error.value.exit_code == Refused.exit_code


def test_a_server_that_does_not_start_is_tried_at_once_then_ever_later():
    pauses = [front_process._pause_s(in_vain) for in_vain in (1, 2, 3, 4, 5, 7, 8, 500)]
    assert pauses == [0.0, 0.0, 1.0, 2.0, 4.0, 16.0, 30.0, 30.0]
