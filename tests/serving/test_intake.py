"""Messages come in when there is room for them: bounded in number, in bytes and in time."""

import asyncio
import time

import grpc
import pytest

from causeway.serving import intake
from causeway.serving.arrival import arrived_s
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


async def crowded(silent: int, honest: int, crowded_s: float, earlier_s: float) -> tuple[list, list, list[float]]:
    """Silent callers, some time later honest ones: what both got, and when honest ones had arrived for the clock."""
    door, quiet = Intake(taking_s=0.6, crowded_s=crowded_s), [Call(here=False) for _ in range(silent)]
    arrived: list[float] = []

    async def counted() -> object:
        came_s = time.perf_counter()
        try:
            async with door.message(Call()) as sent:
                arrived.append(arrived_s() - came_s)
                return sent
        except Refusal as refusal:
            return refusal

    waiting = [asyncio.create_task(take(door, call)) for call in quiet]
    await asyncio.sleep(earlier_s)
    answered = await asyncio.gather(*(asyncio.create_task(counted()) for _ in range(honest)))
    return answered, await asyncio.gather(*waiting), arrived


def test_silent_callers_make_way_for_those_who_wait_and_no_more_of_them_than_wait():
    answered, silent, _ = asyncio.run(crowded(ON_THEIR_WAY, 2, crowded_s=0.05, earlier_s=0.1))
    assert answered == [b"message"] * 2
    codes = [refusal.status_code.name for refusal in silent]
    assert codes == ["RESOURCE_EXHAUSTED"] * 2 + ["DEADLINE_EXCEEDED"] * (ON_THEIR_WAY - 2)


def test_silent_callers_who_waited_themselves_make_way_too():
    answered, silent, _ = asyncio.run(crowded(2 * ON_THEIR_WAY + 3, 1, crowded_s=0.02, earlier_s=0.0))
    assert answered == [b"message"]
    assert "RESOURCE_EXHAUSTED" in {refusal.status_code.name for refusal in silent}


def test_waiting_for_a_turn_counts_against_the_deadline_and_reading_does_not():
    answered, _, arrived = asyncio.run(crowded(ON_THEIR_WAY, 1, crowded_s=0.2, earlier_s=0.0))
    assert answered == [b"message"]
    assert arrived[0] < 0.1  # it came 0.2 s before it had its turn, and is dated from then

    async def slow() -> float:
        door, call = Intake(), Call(here=False)
        came_s = time.perf_counter()
        asyncio.get_running_loop().call_later(0.2, call.here.set)
        async with door.message(call):
            return arrived_s() - came_s

    assert asyncio.run(slow()) >= 0.19


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
