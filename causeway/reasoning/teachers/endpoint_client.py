"""Asking one endpoint: many requests in flight, retried, bounded, on record and within the budget.

Knows the OpenAI-compatible request and its failures: refused, too busy, hanging, cut off, too long. Does not know
what is asked or what an answer means. Every outcome is an `Answer`, a `NoAnswer` for this question alone, or a
`Stop` for all.
"""

import asyncio
import contextlib
import email.utils
import json
import math
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from causeway.artifacts.hashing import text_hash
from causeway.errors import CausewayError, Refused, UnusableInput, UsageError, one_line
from causeway.reasoning.budget import Purse, Spent
from causeway.reasoning.ledger import Answer, Ledger
from causeway.reasoning.teachers.endpoint_address import Address
from causeway.reasoning.teachers.endpoint_answers import Malformed, answer_in, error_instead, error_text

_WAITS_S = (0.5, 30.0)  # the first pause at most, and any pause at most, unless the server names one
_LONGEST_ASKED_WAIT_S = 300.0
_FATAL = frozenset({401, 403, 404, 405, 407, 410})  # the key, the address or the model is wrong: so for every question
_LATER = frozenset({408, 409, 425, 429})
_GIVES_UP_AFTER = 8  # questions in a row that nobody answered


@dataclass(frozen=True)
class Patience:
    """How long and how often one question is asked; `LabelConfig` refuses numbers that make no sense."""

    in_flight: int
    timeout_s: float
    attempts: int = 6
    longest_bytes: int = 1 << 20


@dataclass(frozen=True)
class Question:
    """A request's messages and the schema of its answer; `about` says what it is for, `told` is it without pictures."""

    about: Mapping[str, Any]
    messages: list[dict[str, Any]]
    told: Any
    schema_name: str
    schema: dict[str, Any]
    seed: int
    estimate: Spent
    longest_tokens: int


class NoAnswer(UnusableInput):
    """This question got no answer although it was asked often enough."""


class Stop(Exception):
    """No further question makes sense; `error` says why."""

    def __init__(self, error: CausewayError) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass
class _Dialect:
    """What this server is known not to take; learned from its refusals."""

    dropped: set[str] = field(default_factory=set)
    tokens_name: str = "max_tokens"

    def learn(self, refusal: str) -> None:
        """Say otherwise, or leave out, what a refusal names."""
        if "max_tokens" in refusal:
            self.tokens_name = "max_completion_tokens"
        else:
            self.dropped |= {name for name in ("temperature", "seed") if name in refusal}

    def wire(self, address: Address, question: Question) -> dict[str, Any]:
        shape = {"name": question.schema_name, "strict": True, "schema": question.schema}
        body = {
            "model": address.model,
            "messages": question.messages,
            "temperature": 0,
            "seed": question.seed,
            self.tokens_name: question.longest_tokens,
            "response_format": {"type": "json_schema", "json_schema": shape},
        }
        return {name: value for name, value in body.items() if name not in self.dropped}


class Client:
    """One endpoint, asked by many at once. Use inside one event loop; close it there."""

    def __init__(self, address: Address, key: str, patience: Patience, ledger: Ledger, purse: Purse) -> None:
        self.address, self.asked, self.replayed = address, 0, 0
        self._key, self._patience, self._ledger, self._purse = key, patience, ledger, purse
        self._dialect, self._chance = _Dialect(), random.Random()
        self._unanswered, self._last_problem = 0, ""
        self._dearest: dict[str, Spent] = {}
        self._stop: Stop | None = None
        self._stopped = asyncio.Event()
        self._under_way: dict[str, asyncio.Future[Answer]] = {}
        self._counted: set[str] = set()  # questions whose cost is in the purse
        self._reckoned: set[str] = set()  # those of which that is known what earlier runs lost
        self._slots = asyncio.Semaphore(patience.in_flight)
        headers = {"Accept-Encoding": "identity", "Content-Type": "application/json"}
        self._http = httpx.AsyncClient(
            headers=headers | ({"Authorization": f"Bearer {key}"} if key else {}),
            timeout=httpx.Timeout(patience.timeout_s, connect=min(10.0, patience.timeout_s), pool=None),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=patience.in_flight),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def stop(self, error: CausewayError) -> None:
        """Send nothing more; what is in flight still comes back."""
        self._halt(error)

    async def ask(self, question: Question) -> Answer:
        """The answer, from the ledger if it was ever given. NoAnswer, or Stop when no question makes sense any more."""
        key = self._name_of(question)
        known = self._ledger.find(key)
        if known is not None:
            return self._replayed(key, question, known)
        if key in self._under_way:  # two moments may ask the very same
            return replace(await asyncio.shield(self._under_way[key]), replayed=True)
        self._under_way[key] = asyncio.get_running_loop().create_future()
        try:
            answer = await self._paid(key, question)
        except BaseException as error:
            self._under_way[key].set_exception(error)
            self._under_way[key].exception()  # nobody else may have asked
            raise
        finally:
            done = self._under_way.pop(key)
        done.set_result(answer)
        return answer

    def _replayed(self, key: str, question: Question, known: Answer) -> Answer:
        if key not in self._counted:
            self._counted.add(key)
            self.replayed += 1
            self._purse.replayed(Spent(1, known.tokens_in, known.tokens_out))
            self._count_lost(key, question)
        return known

    def _count_lost(self, key: str, question: Question) -> None:
        """What an earlier run sent and never got an answer to may have been paid: it counts at its estimate."""
        if key not in self._reckoned:
            self._reckoned.add(key)
            for _ in range(self._ledger.lost(key)):
                self._purse.replayed(question.estimate)

    async def _paid(self, key: str, question: Question) -> Answer:
        body = self._wire(question)  # here: what takes time keeps no slot from the next question
        theirs = await self._ledger.claim(key)
        if theirs is not None:
            return self._replayed(key, question, theirs)
        try:
            self._count_lost(key, question)
            async with self._slots:
                answer, took_s = await self._until_answered(key, question, body)
            self._counted.add(key)
            await self._ledger.answered(key, answer, took_s)
        finally:
            self._ledger.release(key)
        return answer

    def _name_of(self, question: Question) -> str:
        """The hash of all that can change the answer; `told` has the hashes of the pictures."""
        asked = [self.address.url, self.address.model, question.told, question.schema, question.seed]
        return text_hash(json.dumps([*asked, question.longest_tokens], sort_keys=True))

    def _wire(self, question: Question) -> bytes:
        return json.dumps(self._dialect.wire(self.address, question)).encode()

    async def _until_answered(self, key: str, question: Question, body: bytes) -> tuple[Answer, float]:
        problem = ""
        for attempt in range(self._patience.attempts):
            if self._stop:
                raise self._stop
            begun = time.monotonic()
            outcome = await self._once(key, question, body)
            took_s = time.monotonic() - begun
            if isinstance(outcome, Answer):
                self._unanswered = 0
                return outcome, took_s
            problem, wait_s = outcome.problem, outcome.wait_s
            self._ledger.failed(key, problem, took_s, outcome.perhaps_paid)
            if outcome.refused:
                refused, body = body, self._wire(question)
                if body == refused:  # there is no other way to say it
                    break
            if attempt + 1 < self._patience.attempts:
                await self._pause(self._pause_s(attempt) if wait_s is None else wait_s)
        self._count_unanswered(problem)
        raise NoAnswer(f"endpoint: {problem}")

    def _count_unanswered(self, problem: str) -> None:
        self._unanswered += 1
        self._last_problem = problem
        if self._unanswered >= _GIVES_UP_AFTER:
            self._halt(self._nobody())

    def _nobody(self) -> UnusableInput:
        text = f"{self.address.name}: {self._unanswered} questions in a row got no answer, the last: "
        advice = "see to the server, the same command goes on where it stopped"
        return UnusableInput(f"{text}{self._last_problem}; {advice}")

    def refuse_silence(self) -> None:
        """Raise when questions were asked and none was ever answered: that is no finding about any moment."""
        if self._unanswered and not self._counted:
            raise self._nobody()

    def _halt(self, error: CausewayError) -> Stop:
        self._stop = self._stop or Stop(error)
        self._stopped.set()
        return self._stop

    async def _pause(self, wait_s: float) -> None:
        """Wait, but not for a server that nobody will ask again."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), wait_s)

    def _pause_s(self, attempt: int) -> float:
        """Full jitter: many that failed at once do not come back at once."""
        first_s, most_s = _WAITS_S
        return self._chance.uniform(0.0, min(most_s, first_s * 2.0**attempt))

    async def _once(self, key: str, question: Question, body: bytes) -> "Answer | _Failure":
        """Send a question once, within the budget; what may have been paid counts at its estimate."""
        cost = estimate = self._estimate(question)
        try:
            await self._purse.reserve(estimate)
        except Refused as error:
            raise self._halt(error) from None
        try:
            outcome = await self._send(key, question, body)
            if isinstance(outcome, Answer):
                known = bool(outcome.tokens_in or outcome.tokens_out)
                cost = Spent(1, outcome.tokens_in, outcome.tokens_out) if known else estimate
                self._learn_cost(question, cost)
                outcome = replace(outcome, tokens_in=cost.tokens_in, tokens_out=cost.tokens_out)
            elif not outcome.perhaps_paid:
                cost = Spent()
            return outcome
        finally:
            await self._purse.settle(estimate, cost)

    def _estimate(self, question: Question) -> Spent:
        """What a question may cost: its own estimate, or the dearest answer to its like so far."""
        plain, dearest = question.estimate, self._dearest.get(question.schema_name, Spent())
        return Spent(1, max(plain.tokens_in, dearest.tokens_in), max(plain.tokens_out, dearest.tokens_out))

    def _learn_cost(self, question: Question, cost: Spent) -> None:
        known = self._dearest.get(question.schema_name, Spent())
        most = Spent(1, max(known.tokens_in, cost.tokens_in), max(known.tokens_out, cost.tokens_out))
        self._dearest[question.schema_name] = most

    async def _send(self, key: str, question: Question, body: bytes) -> "Answer | _Failure":
        self._ledger.sent(key, {**question.about, "to": self.address.name}, question.told)
        self.asked += 1
        headers = {"Idempotency-Key": key}  # a server that honours it does not charge a lost answer twice
        try:
            async with asyncio.timeout(self._patience.timeout_s):
                url = f"{self.address.url}/chat/completions"
                async with self._http.stream("POST", url, content=body, headers=headers) as response:
                    content = await self._bounded(response)
        except TimeoutError:
            return _Failure(f"no answer within {self._patience.timeout_s:g} s", perhaps_paid=True)
        except httpx.HTTPError as error:
            sent = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            return _Failure(self._clean(f"{type(error).__name__}: {error}"), perhaps_paid=sent)
        except httpx.InvalidURL as error:
            raise self._halt(UsageError(f"{self.address.name}: {error}")) from None
        return self._judged(response, content)

    async def _bounded(self, response: httpx.Response) -> bytes | None:
        """The body without the key, should a server echo it; None when it is longer than any answer may be."""
        content = bytearray()
        async for piece in response.aiter_raw():
            content += piece
            if len(content) > self._patience.longest_bytes:
                return None
        return bytes(content).replace(self._key.encode(), b"...") if self._key else bytes(content)

    def _judged(self, response: httpx.Response, content: bytes | None) -> "Answer | _Failure":
        status = response.status_code
        if status == 200:
            overloaded = error_instead(content)
            return _Failure(self._clean(f"200: {overloaded}")) if overloaded else self._answer(response, content)
        said = self._clean(f"{status}: {error_text(content)}")
        if status in _FATAL or 300 <= status < 400:
            raise self._halt(UsageError(f"{self.address.name}: {said}; mend the key, the address or the model"))
        if status in _LATER or status >= 500:
            return _Failure(said, wait_s=_asked_wait_s(response.headers.get("Retry-After")))
        self._dialect.learn(said)
        return _Failure(said, refused=True, wait_s=0.0)

    def _answer(self, response: httpx.Response, content: bytes | None) -> Answer:
        """What came with status 200 was paid for: it is an answer, if perhaps one that cannot be used."""
        if content is None:
            return Answer(None, f"longer than {self._patience.longest_bytes} bytes")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            return Answer(None, "packed although it was asked for plain")
        try:
            answer = answer_in(content)
        except Malformed as error:
            return Answer(None, self._clean(str(error)))
        text = answer.text.replace(self._key, "...") if answer.text and self._key else answer.text
        problem, model = self._clean(answer.problem), self._clean(answer.served_model)
        return replace(answer, text=text, problem=problem, served_model=model)

    def _clean(self, text: str) -> str:
        """One short line without the key, whatever a server or a library says."""
        return one_line(text.replace(self._key, "…") if self._key else text)[:300]


@dataclass(frozen=True)
class _Failure:
    problem: str
    refused: bool = False  # the same words will be refused again
    wait_s: float | None = None  # None: as long as chance says
    perhaps_paid: bool = False


def _asked_wait_s(retry_after: str | None) -> float | None:
    """Seconds that a Retry-After header asks for, as a number or a date; None where it says nothing usable."""
    if not retry_after:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return None if math.isnan(seconds) else min(max(seconds, 0.0), _LONGEST_ASKED_WAIT_S)
