"""gRPC messages come in when there is room for them: so many at a time, so many bytes in all, each in so much time.

Knows that a call's message stays with its sender (HTTP/2's flow control holds it back) until it is read, and that a
caller who says nothing looks like one whose message is on its way: when others wait, the longest under way are given
little time. Does not know what messages mean. The size of a message is known only when it is here, so the number of
those that are on their way is bounded, each by the largest message, and those that are here by their bytes. Imports
kserve through the refusals: import this module inside functions only.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import islice
from typing import Any

import grpc

from causeway.serving.arrival import arrive
from causeway.serving.contract import CROWDED_S, HELD_BYTES, TAKING_S
from causeway.serving.predictor import Refusal, invalid

ON_THEIR_WAY = 24  # messages; the others wait for their turn where they are


class Intake:
    """The messages that a server holds."""

    def __init__(self, taking_s: float = TAKING_S, crowded_s: float = CROWDED_S) -> None:
        self._taking_s, self._crowded_s = taking_s, crowded_s
        self._free, self._held = ON_THEIR_WAY, 0
        self._waiting: deque[asyncio.Future[None]] = deque()  # for a turn
        self._under_way: dict[asyncio.Timeout, float] = {}  # since when, seconds of the loop's clock, oldest first

    @asynccontextmanager
    async def message(self, context: Any) -> AsyncIterator[bytes]:
        """The one message of a call; Refusal when it does not come, or not in time, or there is no room for it.

        It has arrived when it is here, less the time for which we let it wait.
        """
        sent = await self._taken(context)
        if self._held + len(sent) > HELD_BYTES:
            raise _full("it holds too many bytes of requests")
        self._held += len(sent)
        try:
            yield sent
        finally:
            self._held -= len(sent)

    async def _taken(self, context: Any) -> bytes:
        came_s, began_s = time.perf_counter(), 0.0
        try:
            async with asyncio.timeout(self._taking_s) as bound:
                await self._turn()
                began_s = time.perf_counter()
                try:
                    sent = await self._read(context, bound)
                finally:
                    self._leave()
        except TimeoutError as error:
            if began_s and time.perf_counter() - came_s >= self._taking_s:
                problem = f"request: not here within {self._taking_s:g} s"
                raise Refusal(problem, 408, grpc.StatusCode.DEADLINE_EXCEEDED) from error
            raise _full(f"{ON_THEIR_WAY} requests are on their way, and this one takes long") from error
        if sent is grpc.aio.EOF:
            raise invalid("request: no message came")
        arrive(began_s - came_s)
        return bytes(sent)

    async def _turn(self) -> None:
        """Wait for a turn; who waits hurries the longest under way."""
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._hurry()
        try:
            await turn
        except asyncio.CancelledError:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif not turn.cancelled():  # it was handed over at the last moment
                self._leave()
            raise

    def _leave(self) -> None:
        """Hand a turn to who waits longest."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                return turn.set_result(None)
        self._free += 1

    async def _read(self, context: Any, bound: asyncio.Timeout) -> Any:
        self._under_way[bound] = asyncio.get_running_loop().time()
        try:
            self._hurry()
            return await context.read()
        finally:
            del self._under_way[bound]

    def _hurry(self) -> None:
        """As many as wait, of those under way the oldest, get no more time than is given in a crowd."""
        for bound, since_s in islice(self._under_way.items(), len(self._waiting)):
            due_s = since_s + self._crowded_s
            if not bound.expired() and (bound.when() or 0.0) > due_s:
                bound.reschedule(due_s)


def _full(why: str) -> Refusal:
    problem = f"the server is full: {why}; ask again later or elsewhere"
    return Refusal(problem, 429, grpc.StatusCode.RESOURCE_EXHAUSTED, "full")
