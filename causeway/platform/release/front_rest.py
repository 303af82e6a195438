"""The REST address of a laptop's front, as an ASGI application.

Knows how a body comes in and an answer goes out. Does not know servers (`front.py` passes requests on). Imports grpc
and httpx: import this module inside functions.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from causeway.platform.release.front import Front
from causeway.serving.contract import MAX_MESSAGE_BYTES

Asgi = Callable[[Any, Any, Any], Awaitable[None]]


def rest_app(front: Front, status: Callable[[], bytes]) -> Asgi:
    """The REST side: `/front` tells how requests fare, everything else is passed on."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        if scope["path"] == "/front":
            await _answer(send, 200, [("content-type", "application/json")], status())
            return
        body = await _body(receive)
        if body is None:
            await _answer(send, 413, [], b'{"error": "request: larger than %d bytes"}' % MAX_MESSAGE_BYTES)
            return
        headers = [(key.decode("latin-1"), value.decode("latin-1")) for key, value in scope["headers"]]
        query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
        answer = await front.pass_on(scope["method"], scope["path"] + query, headers, body)
        dropped = ("transfer-encoding", "connection", "content-encoding", "content-length", "date", "server")
        kept = [(key, value) for key, value in answer.headers.items() if key.lower() not in dropped]
        await _answer(send, answer.status_code, kept, answer.content)

    return app


async def _body(receive: Any) -> bytes | None:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None  # its caller is gone: half a body is not passed on
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_MESSAGE_BYTES:
            return None
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


async def _answer(send: Any, status: int, headers: Sequence[tuple[str, str]], body: bytes) -> None:
    encoded = [(key.encode("latin-1"), value.encode("latin-1")) for key, value in headers]
    encoded.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
