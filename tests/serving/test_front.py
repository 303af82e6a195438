"""The front door holds no more bodies than it must."""

import asyncio
import hashlib

from causeway.serving.access import Tokens
from causeway.serving.front import AT_ONCE, FrontDoor


def request(door: FrontDoor, method: str, statuses: list[int]) -> asyncio.Task[None]:
    async def receive():
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message):
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {"type": "http", "path": "/v2/models/causeway/infer", "method": method, "headers": []}
    return asyncio.ensure_future(door(scope, receive, send))


def test_bodies_beyond_the_limit_are_refused_at_once_and_those_inside_are_answered():
    async def scene() -> tuple[list[int], list[int]]:
        opened = asyncio.Event()

        async def slow(scope, receive, send):
            await opened.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})

        door, inside, later = FrontDoor(slow), [], []
        held = [request(door, "POST", inside) for _ in range(AT_ONCE)]
        await asyncio.sleep(0)
        await request(door, "POST", later)
        ready = request(door, "GET", later)
        opened.set()
        await asyncio.gather(*held, ready)
        await request(door, "POST", later)
        return inside, later

    inside, later = asyncio.run(scene())
    assert inside == [200] * AT_ONCE
    assert later == [429, 200, 200]


def post(door: FrontDoor, messages: list[dict], wait_s: float = 0.0, headers: tuple = ()) -> list[dict]:
    """What a door sends for a POST whose body comes in these messages, each after `wait_s`."""
    sent: list[dict] = []

    async def scene() -> None:
        coming = iter(messages)

        async def receive():
            await asyncio.sleep(wait_s)
            return next(coming)

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "path": "/v2/models/causeway/infer", "method": "POST", "headers": list(headers)}
        await door(scope, receive, send)

    asyncio.run(scene())
    return sent


async def echo(scope, receive, send):
    message = await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": message["body"]})


def part(body: bytes, more: bool = True) -> dict:
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_body_in_parts_arrives_whole():
    assert post(FrontDoor(echo), [part(b"ab"), part(b"c", False)])[1]["body"] == b"abc"


def test_a_body_that_trickles_is_given_up():
    sent = post(FrontDoor(echo, body_s=0.05), [part(b"x")] * 100, wait_s=0.02)
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]


def test_bodies_together_hold_no_more_than_is_said(monkeypatch):
    monkeypatch.setattr("causeway.serving.front.HELD_BYTES", 10)
    door = FrontDoor(echo)
    assert post(door, [part(b"x" * 6), part(b"x" * 6, False)])[0]["status"] == 429
    assert post(door, [part(b"x" * 10, False)])[0]["status"] == 200  # what was held is let go
    monkeypatch.setattr("causeway.serving.front.MAX_MESSAGE_BYTES", 5)
    assert post(door, [part(b"x" * 6, False)])[0]["status"] == 413


def test_a_door_with_tokens_reads_nothing_of_a_stranger():
    door = FrontDoor(echo, tokens=Tokens((("car-1", hashlib.sha256(b"right").digest()),)))
    for headers in ((), ((b"authorization", b"Bearer wrong"),), ((b"authorization", b"Bearer right"),) * 2):
        assert post(door, [], headers=headers)[0]["status"] == 401
    assert post(door, [part(b"x", False)], headers=((b"authorization", b"Bearer right"),))[0]["status"] == 200


class Wire:
    """A transport that notes when it is closed."""

    def __init__(self) -> None:
        self.closed = False

    def get_extra_info(self, name):
        return None

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def test_a_connection_must_say_what_it_wants_in_time(monkeypatch):
    from uvicorn import Config
    from uvicorn.server import ServerState

    from causeway.serving import patience

    monkeypatch.setattr(patience, "HEADERS_S", 0.05)

    async def scene(sent: bytes) -> bool:
        config = Config(echo, log_config=None)
        config.load()
        wire, protocol = Wire(), patience.PatientProtocol(config, ServerState(), {})
        protocol.connection_made(wire)
        protocol.data_received(sent)
        await asyncio.sleep(0.15)
        return wire.closed

    assert asyncio.run(scene(b"POST /x HTTP/1.1\r\nHost: "))
    assert not asyncio.run(scene(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"))


def test_a_version_in_the_query_is_refused_before_kserve_says_that_it_cannot_do_it():
    sent: list[dict] = []

    async def scene() -> None:
        async def send(message):
            sent.append(message)

        query = {"query_string": b"model_version=2", "method": "GET", "headers": []}
        await FrontDoor(None)({"type": "http", "path": "/v2/models/causeway/ready", **query}, None, send)

    asyncio.run(scene())
    assert sent[0]["status"] == 400
    assert b"query: none is taken" in sent[1]["body"]
