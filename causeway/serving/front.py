"""What stands between the network and KServe's REST side: body sizes, malformed bodies, calls that are not offered.

Knows where KServe 0.21 would answer a malformed request with a server error, and answers those cases itself. Does not
know the endpoint's inputs. Imports fastapi and kserve: import this module inside functions only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from causeway.serving.batching import PLACES
from causeway.serving.contract import MAX_MESSAGE_BYTES
from causeway.serving.predictor import Refusal

AT_ONCE = 2 * PLACES  # requests whose bodies are held; who comes later would find no place anyhow
_MEDIA_TYPES = ("application/json", "application/octet-stream", "")

Scope: TypeAlias = Mapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Any]]
Send: TypeAlias = Callable[[Any], Awaitable[None]]


class FrontDoor:
    """ASGI middleware: refuses what is too large, too many, in another protocol or version, before KServe sees it."""

    def __init__(self, app: Any) -> None:
        self._app, self._inside = app, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; other kinds of events pass through."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        problem = _problem(scope) or self._crowd(scope)
        if problem is not None:
            status, message = problem
            return await JSONResponse({"error": message}, status)(dict(scope), receive, send)
        self._inside += 1
        try:
            return await self._pass_on(scope, receive, send)
        finally:
            self._inside -= 1

    def _crowd(self, scope: Scope) -> tuple[int, str] | None:
        """No more bodies are taken than `AT_ONCE`; a question for readiness has none and always passes."""
        if scope["method"] != "POST" or self._inside < AT_ONCE:
            return None
        return 429, f"the server is full: {AT_ONCE} requests are inside; ask again later or elsewhere"

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        if body is None:
            message = f"request: larger than {MAX_MESSAGE_BYTES} bytes"
            return await JSONResponse({"error": message}, 413)(dict(scope), receive, send)
        return await self._app(scope, _replay(body, receive), send)


def _problem(scope: Scope) -> tuple[int, str] | None:
    path = scope["path"]
    if path.startswith("/v1") or "/versions/" in path or path.startswith("/v2/repository"):
        return 404, f"{path[:100]}: not offered; ask POST /v2/models/causeway/infer"
    headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
    if any(key.startswith("ce-") for key in headers):
        return 400, "request: CloudEvents are not taken; send an Open Inference Protocol v2 request"
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if scope["method"] == "POST" and media_type not in _MEDIA_TYPES:
        return 415, "content-type: expected application/json, or application/octet-stream with binary data"
    return None


async def _body(receive: Receive) -> bytes | None:
    """The whole body, None when it is too large; the rest of a body that is too large is not kept."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        size += len(message.get("body", b""))
        if size > MAX_MESSAGE_BYTES:
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once and then what really comes (a disconnect)."""
    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Any:
        return pending.pop() if pending else await receive()

    return replayed


def prepare_app(app: FastAPI) -> None:
    """Put the front door before KServe's web application and give refusals their status."""
    app.add_middleware(FrontDoor)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _not_served)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refusal)
    return JSONResponse({"error": error.message}, error.http_status)


async def _not_served(_: Request, error: Exception) -> JSONResponse:
    """No such path or method, or a body that is no JSON: in the same form as every other error."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": str(error.detail)}, error.status_code)


async def _malformed(_: Request, error: Exception) -> JSONResponse:
    """FastAPI's own handler echoes the body, which fails on NaN and on bytes that are no text."""
    assert isinstance(error, RequestValidationError)
    return JSONResponse({"error": first_fault(list(error.errors()))}, 400)


def first_fault(errors: list[Any]) -> str:
    """The first fault of a pydantic validation, as field and problem."""
    named = next((e for e in errors if "InferenceRequest" in e["loc"]), errors[0])
    place = ".".join(str(part) for part in named["loc"] if part not in ("body", "InferenceRequest"))
    return f"{place or 'body'}: {named['msg']}"[:300]
