import asyncio
import errno
import json
import multiprocessing
import os
import signal
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from causeway.errors import Refused, UsageError
from causeway.reasoning.budget import Budget, Purse, Spent
from causeway.reasoning.ledger import Answer, Ledger, ledger_folder

KEY, OTHER = "ab" * 32, "cd" * 32
ANSWER = Answer("{}", "", "m-1", 10, 2)


def answered(folder: Path, **answers: Answer) -> Ledger:
    ledger = Ledger(folder)

    async def all_of_them() -> None:
        await asyncio.gather(*(ledger.answered(key, answer, 0.1) for key, answer in answers.items()))

    asyncio.run(all_of_them())
    return ledger


def test_an_answer_is_found_by_whoever_asks_again(tmp_path: Path) -> None:
    ledger = answered(tmp_path, **{KEY: ANSWER, OTHER: Answer(None, "not JSON")})
    for later in (ledger, Ledger(tmp_path)):
        assert later.find(KEY) == Answer("{}", "", "m-1", 10, 2, replayed=True)
        assert later.find(OTHER) == Answer(None, "not JSON", replayed=True)
        assert later.find("00" * 32) is None
    ledger.close()


def test_what_was_sent_and_failed_is_no_answer(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.sent(KEY, {"call": "components"}, ["text"])
    ledger.failed(KEY, "500", 0.5, perhaps_paid=False)
    ledger.close()
    assert Ledger(tmp_path).find(KEY) is None
    rows = [json.loads(line) for file in tmp_path.glob("*.jsonl") for line in file.read_text().splitlines()]
    assert [row["event"] for row in rows] == ["sent", "unpaid"]


@pytest.mark.parametrize("keep", range(0, 200, 7))
def test_a_line_torn_off_by_a_kill_is_passed_over(tmp_path: Path, keep: int) -> None:
    answered(tmp_path, **{KEY: ANSWER}).close()
    (file,) = tmp_path.glob("*.jsonl")
    whole = file.read_bytes()
    (tmp_path / "second").mkdir()
    answered(tmp_path / "second", **{OTHER: ANSWER}).close()
    (second,) = (tmp_path / "second").glob("*.jsonl")
    file.write_bytes(whole + second.read_bytes()[:keep])
    ledger = Ledger(tmp_path)
    assert ledger.find(KEY) is not None
    assert ledger.find(OTHER) is None


@pytest.mark.parametrize("line", [b"\xff\n", b'"answered"\n', b'{"event": "answered"}\n', b'{"event": "answered", "key": "zz", "answer": {}}\n'])
def test_foreign_lines_are_passed_over(tmp_path: Path, line: bytes) -> None:
    answered(tmp_path, **{KEY: ANSWER}).close()
    (file,) = tmp_path.glob("*.jsonl")
    file.write_bytes(line + file.read_bytes() + line)
    assert Ledger(tmp_path).find(KEY) is not None


def test_a_ledger_is_a_folder_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAUSEWAY_CACHE", str(tmp_path))
    assert ledger_folder("") == tmp_path / "answers"
    with pytest.raises(UsageError, match="name a folder"):
        ledger_folder("s3://bucket/ledger")


def test_half_a_line_on_a_full_disk_spoils_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write

    def full(file: int, line: bytes) -> int:
        if real(file, line[:20]) < len(line):
            raise OSError(errno.ENOSPC, "No space left on device")
        return len(line)

    ledger = answered(tmp_path, **{KEY: ANSWER})
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        ledger.sent(OTHER, {}, "text")
    monkeypatch.undo()
    asyncio.run(ledger.answered(OTHER, ANSWER, 0.1))
    ledger.close()
    for later in (ledger, Ledger(tmp_path)):
        assert later.find(KEY) is not None
        assert later.find(OTHER) is not None


def test_what_was_sent_and_perhaps_paid_is_known_later(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for key, outcomes in ((KEY, (True, False, None)), (OTHER, (False,))):
        for perhaps_paid in outcomes:
            ledger.sent(key, {"call": "components"}, "text")
            if perhaps_paid is not None:  # else a kill
                ledger.failed(key, "500", 0.5, perhaps_paid)
    ledger.sent("00" * 32, {}, "text")
    asyncio.run(ledger.answered("00" * 32, ANSWER, 0.1))
    ledger.close()
    assert [Ledger(tmp_path).lost(key) for key in (KEY, OTHER, "00" * 32, "11" * 32)] == [2, 0, 0, 0]


def asks_first(folder: Path, pipe: Connection) -> None:
    """Another process: asks, tells that it does, and answers once it is told to."""

    async def ask() -> None:
        ledger = Ledger(folder)
        assert await ledger.claim(KEY) is None
        pipe.send("asked")
        if pipe.recv():
            await ledger.answered(KEY, ANSWER, 0.1)
            ledger.release(KEY)
        else:
            os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(ask())


@pytest.mark.parametrize(("lives", "found"), [(True, replace(ANSWER, replayed=True)), (False, None)])
def test_what_another_process_is_asking_is_waited_for(tmp_path: Path, lives: bool, found: Answer | None) -> None:
    async def ask_second() -> tuple[bool, Answer | None]:
        ledger = Ledger(tmp_path)
        assert await ledger.claim(OTHER) is None  # nobody else asks that
        asking = asyncio.create_task(ledger.claim(KEY))
        await asyncio.sleep(0.3)
        waits = not asking.done()
        here.send(lives)
        return waits, await asking

    context = multiprocessing.get_context("forkserver")
    here, there = context.Pipe()
    process = context.Process(target=asks_first, args=(tmp_path, there))
    process.start()
    assert here.recv() == "asked"
    assert asyncio.run(ask_second()) == (True, found)
    process.join()


CALL = Spent(1, 100, 50)


async def spend(purse: Purse, count: int) -> None:
    for _ in range(count):
        await purse.reserve(CALL)
        await purse.settle(CALL, Spent(1, 80, 20))


@pytest.mark.parametrize(("budget", "fits"), [
    (Budget(), 50),
    (Budget(calls=3), 3),
    (Budget(tokens=350), 3),  # 150 set aside beside 0, 100 and 200 spent
    (Budget(tokens=149), 0),
    (Budget(money=0.0005, price_in=1.0, price_out=2.0), 3),  # 200 set aside beside 0, 120, 240 of 500 millionths
])  # fmt: skip
def test_a_purse_gives_what_its_budget_allows(budget: Budget, fits: int) -> None:
    purse = Purse(budget)
    asyncio.run(spend(purse, fits))
    assert purse.spent == Spent(fits, 80 * fits, 20 * fits)
    if fits < 50:
        with pytest.raises(Refused, match=f"spent {fits} calls"):
            asyncio.run(spend(Purse(budget), fits + 1))


def test_what_is_under_way_counts_until_it_is_known() -> None:
    async def two_at_once() -> list[int]:
        purse, order = Purse(Budget(tokens=200)), []
        await purse.reserve(CALL)
        waiting = asyncio.create_task(purse.reserve(CALL))
        await asyncio.sleep(0)
        order.append(waiting.done())
        await purse.settle(CALL, Spent(1, 30, 20))
        await waiting
        order.append(waiting.done())
        return order

    assert asyncio.run(two_at_once()) == [False, True]


def test_answers_paid_for_before_count_too() -> None:
    purse = Purse(Budget(calls=2))
    purse.replayed(Spent(1, 5, 5))
    with pytest.raises(Refused, match="spent 2 calls of 2"):
        asyncio.run(spend(purse, 2))
