"""Which moment lies before whom, and what was said about it so far.

Knows tasks, answers and who looks at what at this moment. Half of it is memory, rebuilt from the answers' files at the
start; what is said goes to the file first. Does not know HTTP, pictures or what a decision means.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from threading import RLock
from typing import Any

from causeway.errors import UnusableInput, UsageError
from causeway.platform.review.login import Session
from causeway.platform.review.notebook import append
from causeway.reasoning.answers import Answer, events_of, following
from causeway.reasoning.review import audited, disagree, drawn

_CLAIM_S = 900.0  # who has not moved for longer has left
_UPCOMING = 2


@dataclass(frozen=True)
class Task:
    """One queued moment; `key` names it in addresses and says nothing about it."""

    key: str
    moment_id: str
    clip_id: str
    t0_us: int
    priority: int
    label: dict[str, Any]
    audit: bool

    @property
    def order(self) -> tuple[int, float]:
        """Urgent ones first, else by lot: the rest of one moment is the past of its neighbour in time."""
        return self.priority, drawn("order", self.moment_id)


def task_of(queued: dict[str, Any], label: dict[str, Any]) -> Task:
    """A row of the review queue and its label as a task."""
    name = queued["moment_id"]
    key = sha256(f"review:{name}".encode("utf-8", "replace")).hexdigest()[:16]
    return Task(key, name, queued["clip_id"], queued["t0_us"], queued["priority"], label, audited(name))


class Desk:
    """Tasks and answers, for several reviewers at once; every method may be called from any thread."""

    def __init__(
        self, tasks: Iterable[Task], answers: Iterable[Answer], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.tasks = {task.key: task for task in sorted(tasks, key=lambda t: t.order)}
        self._key_of = {task.moment_id: task.key for task in self.tasks.values()}
        self._answers: dict[str, dict[str, Answer]] = {}
        self._of: dict[str, dict[str, Answer]] = {}  # the same answers by person
        self._settled: set[str] = set()
        self._claims: dict[str, dict[str, float]] = {}
        self._before: dict[str, str] = {}  # what each person has claimed
        self._clock = clock
        self._lock = RLock()
        self._last_us = 0
        for answer in answers:
            self._last_us = max(self._last_us, answer.when_us)
            if answer.moment_id in self._key_of:
                self._keep(self._key_of[answer.moment_id], answer)

    def answers(self) -> list[Answer]:
        """Everybody's last word on everything."""
        with self._lock:
            return [answer for given in self._answers.values() for answer in given.values()]

    def answer(self, who: str, key: str) -> Answer | None:
        """What a person said about a task."""
        return self._answers.get(key, {}).get(who)

    def unlocked(self, who: str, key: str) -> bool:
        """Whether a person may see what came after t0: the causes are stored."""
        answer = self.answer(who, key)
        return answer is not None and (answer.seen is not None or answer.done)

    def role(self, who: str, key: str) -> str:
        """Which look a person's is: the first, a blind second one, or the one that ends a disagreement."""
        own = self.answer(who, key)
        if own is not None and own.seen is not None:
            return own.role
        others = [a for name, a in self._answers.get(key, {}).items() if name != who]
        if disagree(others):
            return "final"
        return "audit" if others else "first"

    def upcoming(self, session: Session, count: int = 1 + _UPCOMING) -> list[str]:
        """What a person should do next: what is half done, then what nobody has before them, skipped ones last."""
        with self._lock:
            own = self._of.get(session.who, {})
            half = [key for key, answer in own.items() if not answer.done and key not in session.skipped]
            closed = self._settled | own.keys() | session.skipped.keys()
            fresh = (key for key in self.tasks if key not in closed)
            free, taken = self._parted(session.who, fresh, count)
            skipped = [key for key in session.skipped if self._is_open(session.who, key)]
            return [*half, *free, *taken, *skipped][:count]

    def _parted(self, who: str, keys: Iterable[str], count: int) -> tuple[list[str], list[str]]:
        """The first so many keys that nobody else has before them, and those passed over on the way."""
        free: list[str] = []
        taken: list[str] = []
        for key in keys:
            (taken if self._is_taken(who, key) else free).append(key)
            if len(free) >= count:
                break
        return free, taken

    def claim(self, who: str, key: str) -> None:
        """Say that a person looks at a task now, and at no other."""
        with self._lock:
            self._claims.get(self._before.pop(who, ""), {}).pop(who, None)
            self._claims.setdefault(key, {})[who] = self._clock()
            self._before[who] = key

    def progress(self, session: Session) -> dict[str, int]:
        """How many moments this person did and may still do, and how many of all are settled."""
        with self._lock:
            own = self._of.get(session.who, {})
            done = sum(1 for answer in own.values() if answer.done)
            left = len(self.tasks) - done - len(self._settled - own.keys())
            return {"done": done, "left": left, "settled": len(self._settled), "total": len(self.tasks)}

    def record(self, session: Session, key: str, event: dict[str, Any]) -> None:
        """Store one event of a person; UnusableInput when it cannot be read back, OSError when it cannot be kept."""
        with self._lock:
            self._last_us = max(self._last_us + 1, time.time_ns() // 1000)
            named = {"moment_id": self.tasks[key].moment_id, "who": session.who, "when_us": self._last_us}
            whole = {**event, **named, "role": self.role(session.who, key)}
            answer = _read_back(whole)
            append(session.file, whole)
            answer = following(self.answer(session.who, key), answer)
            self._keep(key, answer)
            if answer.done:
                session.finished.append(key)
                session.skipped.pop(key, None)

    def undo(self, session: Session) -> str | None:
        """Take back the last decision of this session; its causes stay, as the rest was seen. None: there is none."""
        with self._lock:
            while session.finished:
                key = session.finished[-1]
                answer = self.answer(session.who, key)
                taken_back = answer is not None and answer.done
                if taken_back:
                    self.record(session, key, {"state": "withdrawn"})
                session.finished.pop()  # not before it is stored: what could not be taken back still can
                if taken_back:
                    return key
            return None

    def _keep(self, key: str, answer: Answer) -> None:
        """Remember an answer and whether its task needs any more."""
        self._answers.setdefault(key, {})[answer.who] = answer
        self._of.setdefault(answer.who, {})[key] = answer
        done = [a for a in self._answers[key].values() if a.done]
        enough = len(done) >= (2 if self.tasks[key].audit else 1)
        (self._settled.add if enough and not disagree(done) else self._settled.discard)(key)

    def _is_open(self, who: str, key: str) -> bool:
        """Whether an answer of this person is wanted; what others settled is, once they began it."""
        own = self.answer(who, key)
        return key not in self._settled if own is None else not own.done

    def _is_taken(self, who: str, key: str) -> bool:
        """Whether somebody else has the task before them."""
        now = self._clock()
        claimed = any(n != who and now - t < _CLAIM_S for n, t in self._claims.get(key, {}).items())
        return claimed or any(n != who and not a.done for n, a in self._answers.get(key, {}).items())


def _read_back(event: dict[str, Any]) -> Answer:
    """What the event will mean when its line is read."""
    import json

    try:
        return next(events_of(json.dumps(event)))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnusableInput(f"this answer cannot be stored: {error}") from error


def task_at(desk: Desk, key: str) -> Task:
    """The task of a key; UsageError for one that is not queued."""
    if key not in desk.tasks:
        raise UsageError("no such moment in this queue")
    return desk.tasks[key]
