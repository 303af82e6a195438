"""gRPC messages come in when there is room for them: so many at a time, so many bytes in all, each in so much time.

Knows that a call's message stays with its sender (HTTP/2's flow control holds it back) until it is read. Does not know
what messages mean. The size of a message is known only when it is here, so the number of those that are on their way
is bounded, each by the largest message, and those that are here by their bytes. Imports kserve through the refusals:
import this module inside functions only.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc

from causeway.serving.contract import HELD_BYTES, TAKING_S
from causeway.serving.predictor import Refusal, invalid

ON_THEIR_WAY = 24  # messages; the others wait for their turn where they are


class Intake:
    """The messages that a server holds."""

    def __init__(self, taking_s: float = TAKING_S) -> None:
        self._turns, self._held, self._taking_s = asyncio.Semaphore(ON_THEIR_WAY), 0, taking_s

    @asynccontextmanager
    async def message(self, context: Any) -> AsyncIterator[bytes]:
        """The one message of a call; Refusal when it does not come, or not in time, or there is no room for it."""
        sent = await self._taken(context)
        if self._held + len(sent) > HELD_BYTES:
            problem = "the server is full: it holds too many bytes of requests; ask again later or elsewhere"
            raise Refusal(problem, 429, grpc.StatusCode.RESOURCE_EXHAUSTED, "full")
        self._held += len(sent)
        try:
            yield sent
        finally:
            self._held -= len(sent)

    async def _taken(self, context: Any) -> bytes:
        try:
            async with asyncio.timeout(self._taking_s), self._turns:
                sent = await context.read()
        except TimeoutError as error:
            problem = f"request: not here within {self._taking_s:g} s"
            raise Refusal(problem, 408, grpc.StatusCode.DEADLINE_EXCEEDED) from error
        if sent is grpc.aio.EOF:
            raise invalid("request: no message came")
        return bytes(sent)
