"""An OpenAI-compatible endpoint on this machine's loopback that answers as a test says, and remembers who asked what."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

HOLD = -1.0  # a pause without end


@dataclass(frozen=True)
class Request:
    """What one request asked."""

    number: int
    headers: dict[str, str]
    body: dict[str, Any]
    at_s: float

    @property
    def call(self) -> str:
        return self.body["response_format"]["json_schema"]["name"]

    @property
    def key(self) -> str:
        return self.headers["idempotency-key"]

    @property
    def ids(self) -> list[str]:
        item = self.body["response_format"]["json_schema"]["schema"]["properties"]["components"]["items"]
        return item["properties"]["id"]["enum"]

    @property
    def text(self) -> str:
        return "\n".join(part.get("text", "") for part in self.body["messages"][1]["content"])

    @property
    def pictures(self) -> list[str]:
        parts = self.body["messages"][1]["content"]
        return [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]


@dataclass(frozen=True)
class Reply:
    """What is sent back; `cut` bytes of the body are kept back and the connection is closed."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    wait_s: float = 0.0
    cut: int = 0


def said(answer: Any, **other: Any) -> Reply:
    """A chat completion with this answer, JSON unless it is text."""
    text = answer if isinstance(answer, str) else json.dumps(answer)
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 100, "completion_tokens": 10}
    return Reply(json.dumps({"model": "fake-1", "choices": [choice], "usage": usage} | other).encode())


def named(thing: str, kind: str, motion: str = "none", **other: Any) -> dict[str, Any]:
    """One component of an answer."""
    plain = {"kind": kind, "id": thing, "relative_pose": "in_path", "motion": motion}
    return plain | {"first_picture": 0, "last_picture": 0} | other


def good(request: Request) -> Reply:
    """The answer of someone who understands: what leads or shines is the cause, and the ego slows down for it."""
    if request.call == "components":
        things = {"lead": named("lead", "car", "slowing"), "signal": named("signal", "red_light")}
        return said({"components": [thing for name, thing in things.items() if name in request.ids]})
    if request.call == "decision":
        stops = "stop_for_static_constraint" if "red_light" in request.text else "lead_following"
        decision = stops if '"kind"' in request.text else "speed_adaptation"
        return said({"longitudinal_decision": decision, "lateral_decision": "none"})
    flags = ("decision_fits", "causes_cover", "causes_true", "nearest_cause")
    return said(dict.fromkeys(flags, True) | {"reason": ""})


class FakeEndpoint:
    """The running server: its address, every request, and how many were answered at once."""

    def __init__(self, answer: Callable[[Request], Reply]) -> None:
        self.answer = answer
        self.requests: list[Request] = []
        self.answered: list[str] = []  # keys of the requests whose whole answer was handed to the system
        self.spans: list[tuple[float, float]] = []  # from when to when each was worked on
        self.url = ""

    def of(self, call: str) -> list[Request]:
        return [request for request in self.requests if request.call == call]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._one(head.decode("latin-1"), reader, writer)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _one(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = [line.split(": ", 1) for line in head.split("\r\n")[1:] if line]
        headers = {name.lower(): value for name, value in lines}
        content = await reader.readexactly(int(headers["content-length"]))
        begun = time.monotonic()
        request = Request(len(self.requests), headers, json.loads(content), begun)
        self.requests.append(request)
        reply = self.answer(request)
        await asyncio.sleep(3600 if reply.wait_s == HOLD else reply.wait_s)
        length = {"Content-Length": str(len(reply.body)), "Content-Type": "application/json"} | reply.headers
        lines = [f"HTTP/1.1 {reply.status} X", *(f"{name}: {value}" for name, value in length.items())]
        whole = "\r\n".join(lines).encode() + b"\r\n\r\n" + reply.body
        writer.write(whole[: len(whole) - reply.cut])
        await writer.drain()
        self.spans.append((begun, time.monotonic()))
        self.answered.append(request.key)
        if reply.cut:
            raise ConnectionError


@contextmanager
def fake_endpoint(answer: Callable[[Request], Reply] = good) -> Iterator[FakeEndpoint]:
    """A server in a thread of its own, on a free port."""
    loop, fake = asyncio.new_event_loop(), FakeEndpoint(answer)
    server = loop.run_until_complete(asyncio.start_server(fake.serve, "127.0.0.1", 0, limit=2**24))
    fake.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield fake
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
