"""A bounded waiting room and one worker thread that answers what waits in small batches.

Knows places, order and draining: who finds no place is refused at once, nothing is dropped in silence. Does not know
what a job is: `key` says which jobs may share a batch and `work` does them. Jobs with other keys keep their order.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

PLACES = 32  # jobs inside at most, arriving and waiting ones included
LARGEST_BATCH = 8
WINDOW_S = 0.005

Job = TypeVar("Job")
Result = TypeVar("Result")


class Full(Exception):
    """No place is free."""


class Closed(Exception):
    """The room is being emptied for good."""


class Batcher(Generic[Job, Result]):
    """`places` jobs at most are inside (arriving, waiting or being done), `largest` at most share a batch.

    `work` returns one result or exception for each job of a batch; an exception it raises goes to all of them.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Job]], Sequence[Result | Exception]],
        key: Callable[[Job], Hashable],
        places: int = PLACES,
        largest: int = LARGEST_BATCH,
        window_s: float = WINDOW_S,
    ) -> None:
        self._work, self._key = work, key
        self._places, self._largest, self._window_s = places, largest, window_s
        self._inside, self._closed = 0, False
        self._waiting: deque[tuple[Job, Future[Result]]] = deque()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="batcher", daemon=True)
        self._thread.start()

    def enter(self) -> None:
        """Take a place before any work is done for a job; Full or Closed when there is none. Pair with `leave`."""
        with self._changed:
            if self._closed:
                raise Closed
            if self._inside >= self._places:
                raise Full
            self._inside += 1

    def leave(self) -> None:
        """Give the place back."""
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    def put(self, job: Job) -> Future[Result]:
        """Hand over the job of a taken place; a future that is cancelled before its turn is not worked on."""
        future: Future[Result] = Future()
        with self._changed:
            self._waiting.append((job, future))
            self._changed.notify_all()
        return future

    @property
    def full(self) -> bool:
        """True when `enter` would raise Full; a closed room raises Closed, full or not."""
        return not self._closed and self._inside >= self._places

    @property
    def inside(self) -> int:
        """Jobs that have a place: arriving, waiting or being done."""
        return self._inside

    @property
    def waiting(self) -> int:
        """Jobs that wait for their turn."""
        return len(self._waiting)

    @property
    def closed(self) -> bool:
        """True once the room is being emptied."""
        return self._closed

    def close(self) -> None:
        """Refuse newcomers from now on; those inside are still answered."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def join(self, timeout_s: float) -> bool:
        """Wait until a closed room is empty; False when it was not in time."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or (self._closed and not self._inside))
                if not self._waiting:
                    return
                batch = self._gather()
            self._answer([(job, future) for job, future in batch if future.set_running_or_notify_cancel()])

    def _gather(self) -> list[tuple[Job, Future[Result]]]:
        """The longest waiting job and those that fit to it, waiting `window_s` for more while others arrive."""
        first = self._waiting.popleft()
        batch, key, until = [first], self._key(first[0]), time.monotonic() + self._window_s
        while True:
            self._take(batch, key)
            others_arriving = self._inside > len(batch) + len(self._waiting)
            left = until - time.monotonic()
            if len(batch) == self._largest or not others_arriving or left <= 0:
                return batch
            self._changed.wait(left)

    def _take(self, batch: list[tuple[Job, Future[Result]]], key: Hashable) -> None:
        """Move waiting jobs with this key into the batch, as many as it holds."""
        passed: deque[tuple[Job, Future[Result]]] = deque()
        while self._waiting and len(batch) < self._largest:
            item = self._waiting.popleft()
            (batch if self._key(item[0]) == key else passed).append(item)
        self._waiting.extendleft(reversed(passed))

    def _answer(self, batch: Sequence[tuple[Job, Future[Result]]]) -> None:
        if not batch:
            return
        try:
            results = self._work([job for job, _ in batch])
        except Exception as error:
            results = [error] * len(batch)
        for (_, future), result in zip(batch, results, strict=True):
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
