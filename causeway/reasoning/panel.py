"""Teachers and perhaps a critic, asked about many moments at once.

Knows how many moments are under way, and that one that cannot be labelled is still a label with its reason. Does
not know tables, what is asked or how it is sent. The order in which answers come back changes no label.
"""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import TracebackType

from causeway.errors import CausewayError, UsageError
from causeway.reasoning.behaviour import Behaviour
from causeway.reasoning.budget import Purse
from causeway.reasoning.critic import CriticConfig
from causeway.reasoning.judge import Judge, judged, unjudged
from causeway.reasoning.label import Asked, Label, causes_of, check_label, failed_label
from causeway.reasoning.label_config import LabelConfig
from causeway.reasoning.ledger import Ledger, ledger_folder
from causeway.reasoning.pictures import small_jpegs
from causeway.reasoning.records import CocRecord
from causeway.reasoning.teachers import Teacher, endpoint, teacher
from causeway.reasoning.teachers.endpoint import Asking, EndpointTeacher
from causeway.reasoning.teachers.endpoint_address import CRITIC_KEY, TEACHER_KEY, Address, family, key_of, refuse_alike
from causeway.reasoning.teachers.endpoint_client import Client, NoAnswer, Patience, Stop
from causeway.reasoning.teachers.ensemble import Opinion, vote
from causeway.reasoning.teachers.schema import BadAnswer
from causeway.reasoning.teachers.seen import Seen

_PICTURE_WIDTH_PX = 640
_READY = 2  # moments made ready for each one that may be in flight, so that no slot waits for a picture


class Panel:
    """Everybody who is asked, for one run of the step; a context manager."""

    def __init__(self, config: LabelConfig) -> None:
        self._config = config
        teachers, critic = config.teachers(), config.critic_address()
        addresses = [t for t in teachers if isinstance(t, Address)]
        refuse_alike([*addresses, critic] if critic else addresses)
        keys = {one: key_of(one, addresses, TEACHER_KEY) for one in addresses}
        critic_key = key_of(critic, [critic], CRITIC_KEY) if critic else ""
        self._runner = asyncio.Runner()
        self._ledger = Ledger(ledger_folder(config.ledger))
        self._purse = Purse(config.budget())
        self._clients: list[Client] = []
        self._teachers = [self._member(one, keys.get(one, "")) if isinstance(one, Address) else one for one in teachers]
        self._judge = Judge(self._asking(critic, critic_key)) if critic else None

    def __enter__(self) -> "Panel":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients:
            self._runner.run(client.close())
        self._runner.close()
        self._ledger.close()
        print(self._summary(), file=sys.stderr, flush=True)

    def _member(self, one: Address, key: str) -> EndpointTeacher:
        return EndpointTeacher(self._asking(one, key))

    def _asking(self, one: Address, key: str) -> Asking:
        patience = Patience(in_flight=self._config.in_flight, timeout_s=self._config.timeout_s)
        self._clients.append(Client(one, key, patience, self._ledger, self._purse))
        return Asking(self._clients[-1], self._config.seed, self._config.max_tokens)

    def costs(self) -> dict[str, int]:
        """What the answers used so far cost, whether paid now or in an earlier run."""
        spent = self._purse.spent
        return {"calls": spent.calls, "tokens_in": spent.tokens_in, "tokens_out": spent.tokens_out}

    def _summary(self) -> str:
        spent, asked = self._purse.spent, sum(client.asked for client in self._clients)
        known = sum(client.replayed for client in self._clients)
        tokens = f"{spent.tokens_in} tokens in, {spent.tokens_out} out, {self._purse.money(spent):.2f} money"
        return f"label_moments: {asked} requests sent, {known} answers known before; all together {tokens}"

    def labels(self, moments: Iterator[Asked]) -> list[tuple[Asked, Label]]:
        """A label for every moment, in their order. Raises what stopped the asking, after what was in flight came
        back."""
        return self._runner.run(self._labels(moments))

    async def _labels(self, moments: Iterator[Asked]) -> list[tuple[Asked, Label]]:
        numbered, taking = enumerate(moments), asyncio.Lock()
        found: dict[int, tuple[Asked, Label]] = {}
        failures: list[BaseException] = []

        async def work() -> None:
            while not failures:
                try:
                    async with taking:  # one drive is read at a time
                        taken = await asyncio.to_thread(next, numbered, None)
                    if taken is None:
                        return
                    label = await self._label(taken[1])
                    found[taken[0]] = (replace(taken[1], pictures=()), label)  # pictures are large
                except BaseException as error:
                    failures.append(error)
                    if not isinstance(error, Exception):
                        raise

        await asyncio.gather(*(work() for _ in range(_READY * self._config.in_flight)))
        for failure in failures:
            raise failure.error if isinstance(failure, Stop) else failure
        for client in self._clients:
            client.refuse_silence()
        return [found[number] for number in sorted(found)]

    def _stop(self, error: CausewayError) -> None:
        """Let nobody ask on, or wait to ask again, in a run that has failed."""
        for client in self._clients:
            client.stop(error)

    async def _label(self, asked: Asked) -> Label:
        pictures, problems = await asyncio.to_thread(small_jpegs, asked.pictures, _PICTURE_WIDTH_PX)
        seen = Seen(asked.evidence, pictures)
        opinions = await _all(*(self._opinion(one, seen, asked.behaviour) for one in self._teachers))
        label = _voted(opinions, asked)
        if self._judge is not None and label.status != "rejected" and label.record.components:
            label = await self._judged(self._judge, label, seen, asked.behaviour, opinions)
        return replace(label, reasons=(*label.reasons, *problems))

    async def _opinion(self, one: str | EndpointTeacher, seen: Seen, behaviour: Behaviour) -> Opinion:
        if isinstance(one, str):
            return _by_name(one, teacher(one), seen, behaviour)
        name = one.asking.client.address.name
        try:
            components, served = await one.name_components(seen)
            decisions, _ = await one.decide(components, behaviour, seen.evidence.moment_id)
        except (BadAnswer, NoAnswer) as error:
            return Opinion(name, endpoint.VERSION, None, f"answer: {error}", isinstance(error, BadAnswer))
        except Stop as error:
            self._stop(error.error)  # at once: the other teachers may be in a long pause
            raise
        record = CocRecord(*decisions, causes_of(components, decisions))
        return Opinion(name, f"{endpoint.VERSION} {served}".strip(), record, served_model=served)

    async def _judged(
        self, judge: Judge, label: Label, seen: Seen, behaviour: Behaviour, opinions: Sequence[Opinion]
    ) -> Label:
        try:
            verdict, served = await judge.verdict(label, seen, behaviour)
        except (BadAnswer, NoAnswer) as error:
            return unjudged(label, str(error))
        for opinion in opinions:
            if served and family(served) == family(opinion.served_model):
                text = f"{judge.name}: serves {served} as {opinion.teacher} does; a teacher may not be its own critic"
                raise Stop(UsageError(f"{text}; name another model"))
        return judged(label, verdict, CriticConfig())


async def _all(*asked: object) -> list[Opinion]:
    """Everybody's opinion; when one is stopped, the others are still heard to the end, for they are paid."""
    found = await asyncio.gather(*asked, return_exceptions=True)  # type: ignore[call-overload]
    for one in found:
        if isinstance(one, BaseException):
            raise one
    return found


def _by_name(name: str, one: Teacher, seen: Seen, behaviour: Behaviour) -> Opinion:
    components = one.name_components(seen.evidence)
    decisions = one.decide(components, behaviour)
    return Opinion(name, one.VERSION, CocRecord(*decisions, causes_of(components, decisions)))


def _voted(opinions: Sequence[Opinion], asked: Asked) -> Label:
    """The label that the opinions make, checked; with nothing usable among them it is rejected, unasked it waits."""
    versions = ",".join(opinion.version for opinion in opinions)
    stands = vote(opinions)
    if stands is None:
        status = "rejected" if any(opinion.answered for opinion in opinions) else "review"
        label = failed_label(status, tuple(opinion.problem for opinion in opinions))
        return replace(label, teacher_version=versions, agreement=None if len(opinions) == 1 else 0.0)
    config = CriticConfig()
    label = check_label(stands.record, asked.evidence, asked.behaviour, config)
    status = label.status
    if stands.agreement is not None and stands.agreement <= config.agreed_above and status == "accepted":
        status = "review"
    reasons = (*label.reasons, *stands.reasons)
    return replace(label, status=status, reasons=reasons, teacher_version=versions, agreement=stands.agreement)
