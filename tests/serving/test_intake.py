"""Messages come in when there is room for them: bounded in number, in bytes and in time."""

import asyncio

import grpc
import pytest

from causeway.serving import intake
from causeway.serving.intake import ON_THEIR_WAY, Intake
from causeway.serving.predictor import Refusal


class Call:
    """A call whose message comes when it is told to."""

    def __init__(self, message: object = b"message", here: bool = True) -> None:
        self.message, self.here, self.asked = message, asyncio.Event(), False
        if here:
            self.here.set()

    async def read(self) -> object:
        self.asked = True
        await self.here.wait()
        return self.message


async def take(door: Intake, call: Call) -> bytes | Refusal:
    try:
        async with door.message(call) as sent:
            return sent
    except Refusal as refusal:
        return refusal


def test_messages_beyond_the_number_wait_where_they_are_until_it_is_their_turn():
    async def crowd() -> tuple[int, list]:
        door, calls = Intake(), [Call(here=False) for _ in range(ON_THEIR_WAY + 3)]
        tasks = [asyncio.create_task(take(door, call)) for call in calls]
        await asyncio.sleep(0.01)
        asked = sum(call.asked for call in calls)
        for call in calls:
            call.here.set()
        return asked, await asyncio.gather(*tasks)

    asked, taken = asyncio.run(crowd())
    assert asked == ON_THEIR_WAY
    assert taken == [b"message"] * (ON_THEIR_WAY + 3)


def test_bytes_that_are_held_are_counted_until_their_call_ends(monkeypatch):
    monkeypatch.setattr(intake, "HELD_BYTES", 10)

    async def two() -> tuple:
        door = Intake()
        async with door.message(Call(b"sixsix")) as first:
            refused = await take(door, Call(b"fives"))
            fits = await take(door, Call(b"four"))
        return first, refused, fits, await take(door, Call(b"ten bytes.")), await take(door, Call(b"eleven byte"))

    first, refused, fits, later, never = asyncio.run(two())
    assert (first, fits, later) == (b"sixsix", b"four", b"ten bytes.")
    assert (refused.http_status, refused.status_code) == (429, grpc.StatusCode.RESOURCE_EXHAUSTED)
    assert isinstance(never, Refusal)


@pytest.mark.parametrize(
    ("call", "code"),
    [(lambda: Call(here=False), "DEADLINE_EXCEEDED"), (lambda: Call(grpc.aio.EOF), "INVALID_ARGUMENT")],
)
def test_a_message_that_does_not_come_is_refused_and_leaves_its_place(call, code):
    async def late() -> tuple:
        door = Intake(taking_s=0.01)
        refused = [await take(door, call()) for _ in range(ON_THEIR_WAY + 1)]
        return refused[-1], await take(door, Call())

    refused, next_one = asyncio.run(late())
    assert refused.status_code == grpc.StatusCode[code]
    assert next_one == b"message"
