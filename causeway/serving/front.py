"""What stands between the network and KServe's REST side: tokens, body sizes and times, calls that are not offered.

Knows where KServe 0.21 would answer a malformed request with a server error, and answers those cases itself. Does not
know the endpoint's inputs. Imports fastapi and kserve: import this module inside functions only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from causeway.serving.access import OPEN_PATHS, Tokens
from causeway.serving.arrival import VEHICLE, arrive
from causeway.serving.batching import PLACES
from causeway.serving.contract import HELD_BYTES, MAX_MESSAGE_BYTES, TAKING_S
from causeway.serving.predictor import Refusal

AT_ONCE = 2 * PLACES  # requests whose bodies are held; who comes later would find no place anyhow
_MEDIA_TYPES = ("application/json", "application/octet-stream", "")

Scope: TypeAlias = Mapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Any]]
Send: TypeAlias = Callable[[Any], Awaitable[None]]
Problem: TypeAlias = tuple[int, str]  # HTTP status and message


class FrontDoor:
    """ASGI middleware: refuses strangers, what is too large, too many, too slow, of another protocol or version."""

    def __init__(self, app: Any, tokens: Tokens | None = None, body_s: float = TAKING_S) -> None:
        self._app, self._tokens, self._body_s = app, tokens, body_s
        self._inside, self._held = 0, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; other kinds of events pass through."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        problem = self._stranger(scope) or _problem(scope) or self._crowd(scope)
        if problem is not None:
            return await _refuse(problem, scope, receive, send)
        self._inside += 1
        try:
            return await self._pass_on(scope, receive, send)
        finally:
            self._inside -= 1

    def _stranger(self, scope: Scope) -> Problem | None:
        """Without tokens everybody may ask; questions for readiness and metrics need none."""
        if self._tokens is None or (scope["method"] in ("GET", "HEAD") and OPEN_PATHS.fullmatch(scope["path"])):
            return None
        sent = [value for key, value in scope["headers"] if key == b"authorization"]
        vehicle = self._tokens.vehicle(sent[0].decode("latin-1")) if len(sent) == 1 else None
        if vehicle is None:
            return 401, "authorization: expected Bearer and a token of a vehicle"
        VEHICLE.set(vehicle)
        return None

    def _crowd(self, scope: Scope) -> Problem | None:
        """No more bodies are taken than `AT_ONCE`; a question for readiness has none and always passes."""
        if scope["method"] != "POST" or self._inside < AT_ONCE:
            return None
        return 429, f"the server is full: {AT_ONCE} requests are inside; ask again later or elsewhere"

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        parts: list[bytes] = []
        try:
            problem = await self._in_time(parts, receive)
            if problem is not None:
                return await _refuse(problem, scope, receive, send)
            arrive()
            return await self._app(scope, _replay(b"".join(parts), receive), send)
        finally:
            self._held -= sum(map(len, parts))

    async def _in_time(self, parts: list[bytes], receive: Receive) -> Problem | None:
        try:
            return await asyncio.wait_for(self._read(parts, receive), self._body_s)
        except TimeoutError:
            return 408, f"request: not here within {self._body_s:g} s"

    async def _read(self, parts: list[bytes], receive: Receive) -> Problem | None:
        """Read a body into `parts`; the rest of one that is too large is not kept."""
        size = 0
        while True:
            message = await receive()
            part = message.get("body", b"") if message["type"] == "http.request" else b""
            size += len(part)
            if size > MAX_MESSAGE_BYTES:
                return 413, f"request: larger than {MAX_MESSAGE_BYTES} bytes"
            if self._held + len(part) > HELD_BYTES:
                return 429, "the server is full: it holds too many bytes of requests; ask again later or elsewhere"
            self._held += len(part)
            parts.append(part)
            if not message.get("more_body", False):
                return None


async def _refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with an error; the connection ends where a body may still be on its way."""
    status, message = problem
    headers = {401: {"WWW-Authenticate": "Bearer"}, 408: {"Connection": "close"}, 413: {"Connection": "close"}}
    await _said(message, status, headers.get(status))(dict(scope), receive, send)


def _said(message: str, status: int, headers: dict[str, str] | None = None) -> JSONResponse:
    """An error as every one looks; half characters that a caller sent and a message repeats are no UTF-8."""
    return JSONResponse({"error": message.encode("utf-8", "replace").decode()}, status, headers)


def _offered(path: str) -> bool:
    """Not KServe's older protocol, nor versions beside each other, nor loading by callers."""
    return not (path.startswith(("/v1", "/v2/repository")) or "/versions/" in path)


def _problem(scope: Scope) -> Problem | None:
    path = scope["path"]
    if not _offered(path):
        return 404, f"{path[:100]}: not offered; ask POST /v2/models/causeway/infer"
    if scope.get("query_string") and path.startswith("/v2/models"):
        return 400, "query: none is taken; a model has one version, and what an answer depends on is in the body"
    headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
    if any(key.startswith("ce-") for key in headers):
        return 400, "request: CloudEvents are not taken; send an Open Inference Protocol v2 request"
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if scope["method"] == "POST" and media_type not in _MEDIA_TYPES:
        return 415, "content-type: expected application/json, or application/octet-stream with binary data"
    return None


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once and then what really comes (a disconnect)."""
    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Any:
        return pending.pop() if pending else await receive()

    return replayed


def prepare_app(app: FastAPI, tokens: Tokens | None = None) -> None:
    """Put the front door before KServe's web application and give refusals their status."""
    app.add_middleware(FrontDoor, tokens=tokens)
    whole = app.openapi
    app.openapi = lambda: _described(whole())  # type: ignore[method-assign]
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _not_served)


def _described(schema: dict[str, Any]) -> dict[str, Any]:
    """KServe's description of its web application, without what is not offered here."""
    return {**schema, "paths": {path: about for path, about in schema["paths"].items() if _offered(path)}}


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refusal)
    return _said(error.message, error.http_status)


async def _not_served(_: Request, error: Exception) -> JSONResponse:
    """No such path or method, or a body that is no JSON: in the same form as every other error."""
    assert isinstance(error, HTTPException)
    return _said(str(error.detail), error.status_code)


async def _malformed(_: Request, error: Exception) -> JSONResponse:
    """FastAPI's own handler echoes the body, which fails on NaN and on bytes that are no text."""
    assert isinstance(error, RequestValidationError)
    return _said(first_fault(list(error.errors())), 400)


def first_fault(errors: list[Any]) -> str:
    """The first fault of a pydantic validation, as field and problem."""
    named = next((e for e in errors if "InferenceRequest" in e["loc"]), errors[0])
    place = ".".join(str(part) for part in named["loc"] if part not in ("body", "InferenceRequest"))
    return f"{place or 'body'}: {named['msg']}"[:300]
