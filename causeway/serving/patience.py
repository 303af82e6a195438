"""HTTP connections that must say in time what they want: against clients that send a header a byte a minute.

Knows uvicorn's protocol on httptools, which itself waits for headers for ever. Does not know bodies (`front.py` bounds
those). Imports uvicorn: import inside functions only.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADERS_S = 10.0


class PatientProtocol(HttpToolsProtocol):
    """Closes a connection whose next headers are not whole `HEADERS_S` after it, or the request, began."""

    _headers_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection without a request yet."""
        super().connection_made(transport)
        self._await_headers()

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._await_headers()

    def on_headers_complete(self) -> None:
        """Headers are here; from now on the front door watches."""
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more will come."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _await_headers(self) -> None:
        self._stop_waiting()
        self._headers_due = self.loop.call_later(HEADERS_S, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None
