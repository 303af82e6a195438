"""Progress for people: a bar with rate and time left on a terminal, one line each ten seconds elsewhere.

Writes to stderr only. Knows nothing of what is being counted.
"""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
_LINE_EVERY_S = 10.0


def progress(items: Sequence[T] | Iterable[T], total: int, unit: str) -> Iterator[T]:
    """Pass `items` through and tell how far along they are; `unit` is what one item is called."""
    if sys.stderr.isatty():
        yield from _bar(items, total, unit)
        return
    started = told = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - told >= _LINE_EVERY_S:
            told, rate = now, done / (now - started)
            left_s = (total - done) / rate if rate else 0.0
            print(f"{unit}: {done} of {total}, {rate:.1f}/s, {left_s:.0f} s left", file=sys.stderr, flush=True)


def _bar(items: Iterable[T], total: int, unit: str) -> Iterator[T]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield from bar.track(items, total=total, description=unit)
