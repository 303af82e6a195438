"""What every request passes and every answer carries: who may speak to this server, and what a browser may do.

Knows headers. A request that changes anything must be JSON from this server's own pages; bodies are small. Nothing
but this server's own scripts and styles runs on its pages, so that HTML in any field is text. Does not know sessions.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

_MOST_BYTES = 64 * 1024
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}

App = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


def guarded(app: App, bound_to: str) -> App:
    """The app behind the guard. Bound to loopback it answers to loopback names alone (no DNS rebinding)."""
    only_loopback = bound_to in _LOOPBACK

    async def guard(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = _refusal(scope["method"], headers, only_loopback)

        async def send_with_headers(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                there = {name.lower() for name, _ in message["headers"]}
                more = [(n.encode(), v.encode()) for n, v in _HEADERS.items() if n.encode() not in there]
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        if refusal is None:
            await app(scope, receive, send_with_headers)
        else:
            status, text = refusal
            body = f'{{"error": "{text}"}}'.encode()
            head = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            await send_with_headers({"type": "http.response.start", "status": status, "headers": head})
            await send({"type": "http.response.body", "body": body})

    return guard


def _refusal(method: str, headers: dict[str, str], only_loopback: bool) -> tuple[int, str] | None:
    """Why a request is not answered: status and text; None for one that is."""
    if only_loopback and _name_of(headers.get("host", "")) not in _LOOPBACK:
        return 421, "this server answers to its own address alone"
    if method in ("GET", "HEAD"):
        return None
    length = headers.get("content-length", "")
    counted = length.isascii() and length.isdigit()
    checks = (
        (method == "POST", 405, "only GET and POST are known here"),
        (headers.get("content-type", "").split(";")[0].strip().lower() == "application/json", 415, "send JSON"),
        (_from_here(headers), 403, "asked from another page"),
        (counted and "transfer-encoding" not in headers, 411, "say how long the body is"),
        (counted and len(length) < 9 and int(length) <= _MOST_BYTES, 413, "too much at once"),
    )
    return next(((status, text) for passed, status, text in checks if not passed), None)


def _from_here(headers: dict[str, str]) -> bool:
    """Whether a page of this server asks, or no browser at all."""
    origin = headers.get("origin")
    same = origin is None or _netloc(origin) == headers.get("host", "")
    return same and headers.get("sec-fetch-site", "same-origin") == "same-origin"


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _name_of(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
