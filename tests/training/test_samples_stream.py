"""Orders, places and shares: every sample once, the same row of samples whoever reads it and wherever it goes on."""

import threading
from itertools import chain, islice, zip_longest

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.errors import UsageError
from causeway.training.sample_stream import Place, Share, one_epoch, read_ahead, stream
from causeway.training.schedule import batch_of

COUNTS = {"count": st.integers(1, 30), "world": st.integers(1, 5), "workers": st.integers(1, 4)}


def numbers(count: int, start: Place | None, share: Share, taken: int) -> list[int]:
    return [n for _, n in islice(stream(range(count), 7, start, share), taken)]


def row_of(count: int, start: Place | None = None, taken: int = 100) -> list[int]:
    """The whole row of samples, as one process sees it."""
    return numbers(count, start, Share(), taken)


@settings(max_examples=40, deadline=None)
@given(**COUNTS, position=st.integers(0, 30), seed=st.integers(0, 3))
def test_the_shares_of_an_epoch_have_every_sample_once(count, world, workers, position, seed):
    start = Place(2, min(position, count))
    shares = [Share(rank, world, worker, workers) for rank in range(world) for worker in range(workers)]
    found = list(chain.from_iterable(one_epoch(range(count), seed, start, share) for share in shares))
    whole = list(one_epoch(range(count), seed, Place(2)))
    assert sorted(found) == sorted(whole[start.position :])
    assert sorted(whole) == list(range(count))


@settings(max_examples=40, deadline=None)
@given(**COUNTS)
def test_ranks_and_workers_in_turns_are_the_row_of_one_process(count, world, workers):
    whole = row_of(count, taken=12 * world * workers)
    for rank in range(world):
        own = [numbers(count, Place(), Share(rank, world, worker, workers), 12) for worker in range(workers)]
        in_turns = list(chain.from_iterable(zip(*own, strict=True)))
        assert in_turns == whole[rank::world] == numbers(count, Place(), Share(rank, world), 12 * workers)


@settings(max_examples=40, deadline=None)
@given(**COUNTS, turns=st.integers(1, 20), other=st.integers(1, 5))
def test_it_goes_on_exactly_with_another_number_of_ranks(count, world, workers, turns, other):
    places = [p for p, _ in islice(stream(range(count), 7, None, Share(world - 1, world)), turns)]
    goes_on = [numbers(count, places[-1], Share(rank, other), 8) for rank in range(other)]
    whole = row_of(count, taken=turns * world + 8 * other)
    assert list(chain.from_iterable(zip_longest(*goes_on))) == whole[turns * world :]
    assert places[-1] == Place(*divmod(turns * world, count))


def test_the_order_is_the_training_loops() -> None:
    assert list(chain.from_iterable(batch_of(step, 4, 11, 7) for step in range(20))) == row_of(11, taken=80)


def test_seed_and_epoch_decide_the_order() -> None:
    orders = {tuple(one_epoch(range(20), seed, Place(epoch))) for seed in (0, 1) for epoch in (0, 1)}
    assert len(orders) == 4
    assert row_of(20, Place(1), 20) == row_of(20, taken=40)[20:]


@pytest.mark.parametrize("place", [Place(0, 12), Place(-1, 0), Place(0, -1)])
def test_a_place_that_is_not_there_is_refused(place):
    with pytest.raises(UsageError, match="no place in 11 samples"):
        next(stream(range(11), 0, place))
    with pytest.raises(UsageError, match="no place in 11 samples"):
        next(one_epoch(range(11), 0, place))


def test_no_samples_are_no_endless_row() -> None:
    with pytest.raises(UsageError, match="0 samples"):
        next(stream([], 0))
    assert list(one_epoch([], 0)) == []


@pytest.mark.parametrize("share", [(2, 2, 0, 1), (-1, 2, 0, 1), (0, 1, 3, 3), (0, 1, -1, 1), (0, 0, 0, 1)])
def test_a_share_that_is_not_there_is_refused(share):
    with pytest.raises(UsageError, match="numbered from 0"):
        Share(*share)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_reading_ahead_keeps_the_order_and_a_bound(workers):
    begun, used, late = [], [], threading.Event()

    def read(item: int) -> int:
        begun.append(item)
        if item == 0:
            late.wait(0.05)  # the first is the slowest
        return item * item

    for answer in read_ahead(read, range(30), workers):
        used.append(answer)
        assert len(begun) <= len(used) + workers
    assert used == [n * n for n in range(30)]


def test_an_error_comes_up_where_its_item_would_have():
    def read(item: int) -> int:
        if item == 3:
            raise UsageError("three")
        return item

    answers = read_ahead(read, range(9), 2)
    assert [next(answers) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(UsageError, match="three"):
        next(answers)
