"""In which order samples are used, whoever reads them: by seed and epoch alone, and from any place on.

Knows orders, places and how ranks and workers share them. Does not know files or training. One endless row of samples
is laid out, epoch after epoch, each a permutation of all samples by (seed, epoch); `world` ranks take it in turns, and
each rank's workers take its turns in turns. A place in that row is the whole state: nothing else needs to be stored.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from causeway.errors import UsageError
from causeway.model.observation import Sample
from causeway.training.schedule import order

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Place:
    """Where a run stands: `position` samples of this epoch have been taken, by all ranks together."""

    epoch: int = 0
    position: int = 0


@dataclass(frozen=True)
class Share:
    """Which turns are ours: those of `rank` of `world`, and of these every `workers`-th from the `worker`-th on."""

    rank: int = 0
    world: int = 1
    worker: int = 0
    workers: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.world or not 0 <= self.worker < self.workers:
            which = f"rank {self.rank} of {self.world}, worker {self.worker} of {self.workers}"
            raise UsageError(f"{which}: both are numbered from 0")


def stream(
    samples: Sequence[Sample], seed: int, start: Place | None = None, share: Share | None = None
) -> Iterator[tuple[Place, Sample]]:
    """Our samples without end from a place on, each with the place to go on from once every rank has had its turn.

    A run that stopped between two turns goes on from that place exactly, with as many ranks and workers as it likes:
    what is still to come is the same row of samples, shared anew. The samples of workers 0, 1, … of a rank, taken in
    turns, are that rank's own row, whatever their number. UsageError for no samples or a place that is not in them.
    """
    start, share = start or Place(), share or Share()
    if not 0 <= start.position <= len(samples) or start.epoch < 0 or not len(samples):
        raise UsageError(f"{start} is no place in {len(samples)} samples")
    turn, first = share.worker, start.epoch * len(samples) + start.position
    while True:
        epoch, place = divmod(first + turn * share.world + share.rank, len(samples))
        after = divmod(first + (turn + 1) * share.world, len(samples))
        yield Place(*after), samples[int(order(seed, epoch, len(samples))[place])]
        turn += share.workers


def one_epoch(
    samples: Sequence[Sample], seed: int, start: Place | None = None, share: Share | None = None
) -> Iterator[Sample]:
    """Our samples of what is left of one epoch; all shares together have each of them once. UsageError as `stream`."""
    start, share = start or Place(), share or Share()
    if not 0 <= start.position <= len(samples) or start.epoch < 0:
        raise UsageError(f"{start} is no place in {len(samples)} samples")
    rest = order(seed, start.epoch, len(samples))[start.position :]
    for number in rest[share.rank :: share.world][share.worker :: share.workers]:
        yield samples[int(number)]


def read_ahead(read: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """`read` of every item in their order, up to `workers` of them in hand while the last answer is used.

    Whatever the number of workers the answers are the same; an error comes up where its item would have.
    """
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[R]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(read, item))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
