"""Places are bounded, equal keys share a batch, and a closed room is emptied before it ends."""

import threading

import pytest

from causeway.serving.batching import Batcher, Closed, Full

LONG_S = 20.0


class Room:
    """A batcher whose worker waits for `open` and notes the batches it did."""

    def __init__(self, places: int = 8, largest: int = 3) -> None:
        self.open, self.began = threading.Event(), threading.Event()
        self.batches: list[list] = []
        self.batcher = Batcher(self.work, lambda job: job[0], places, largest, window_s=0.2)

    def work(self, batch):
        self.batches.append(list(batch))
        self.began.set()
        assert self.open.wait(LONG_S)
        return [ValueError(job) if job[1] == "bad" else job[1].upper() for job in batch]

    def ask(self, key: str, text: str):
        self.batcher.enter()
        future = self.batcher.put((key, text))
        future.add_done_callback(lambda _: self.batcher.leave())
        return future

    def busy(self):
        """Occupy the worker with a first job."""
        future = self.ask("first", "a")
        assert self.began.wait(LONG_S)
        return future


@pytest.fixture
def room():
    room = Room()
    yield room
    room.open.set()
    room.batcher.close()
    assert room.batcher.join(LONG_S)


def test_jobs_with_one_key_share_a_batch_and_others_keep_their_order(room):
    futures = [room.busy()]
    futures += [room.ask(key, text) for key, text in (("x", "b"), ("y", "c"), ("x", "d"), ("x", "e"), ("x", "f"))]
    room.open.set()
    assert [f.result(LONG_S) for f in futures] == list("ABCDEF")
    assert room.batches == [
        [("first", "a")],
        [("x", "b"), ("x", "d"), ("x", "e")],  # three at most
        [("y", "c")],
        [("x", "f")],
    ]


def test_no_place_is_said_at_once_and_is_free_again_after(room):
    futures = [room.busy(), *(room.ask("x", "b") for _ in range(7))]
    with pytest.raises(Full):
        room.ask("x", "b")
    room.open.set()
    for future in futures:
        future.result(LONG_S)
    assert room.ask("x", "c").result(LONG_S) == "C"


def test_one_jobs_error_is_its_own(room):
    futures = [room.busy(), room.ask("x", "bad"), room.ask("x", "b")]
    room.open.set()
    with pytest.raises(ValueError, match="bad"):
        futures[1].result(LONG_S)
    assert futures[2].result(LONG_S) == "B"


def test_a_cancelled_job_is_not_worked_on(room):
    first, second = room.busy(), room.ask("x", "b")
    assert second.cancel()
    room.open.set()
    assert first.result(LONG_S) == "A"
    assert room.ask("z", "c").result(LONG_S) == "C"
    assert [("x", "b")] not in room.batches


def test_a_closed_room_answers_those_inside_and_refuses_newcomers(room):
    futures = [room.busy(), room.ask("x", "b")]
    room.batcher.close()
    with pytest.raises(Closed):
        room.ask("x", "c")
    room.open.set()
    assert [f.result(LONG_S) for f in futures] == ["A", "B"]
    assert room.batcher.join(LONG_S)


def test_an_error_of_the_worker_reaches_the_caller_and_the_room_goes_on():
    def work(batch):
        if batch == ["bad"]:
            raise KeyError("no")
        return batch

    batcher = Batcher(work, lambda job: job, places=4, largest=2, window_s=0.0)
    for job in ("bad", "good"):
        batcher.enter()
        future = batcher.put(job)
        if job == "bad":
            with pytest.raises(KeyError):
                future.result(LONG_S)
        else:
            assert future.result(LONG_S) == "good"
        batcher.leave()
    batcher.close()
    assert batcher.join(LONG_S)
