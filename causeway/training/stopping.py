"""Being asked to stop: SIGTERM sets a mark that the training loop reads between two steps.

Knows signals. Does not know what is saved. A cluster sends SIGTERM before it takes a machine away.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def stop_asked() -> Iterator[Callable[[], bool]]:
    """Yield a question, "was SIGTERM received?"; what happened at SIGTERM before happens again afterwards."""
    received = threading.Event()

    def mark(_signal: int, _frame: Any) -> None:
        received.set()

    if threading.current_thread() is not threading.main_thread():  # Python hands signals to the main thread alone
        yield received.is_set
        return
    before = signal.signal(signal.SIGTERM, mark)
    try:
        yield received.is_set
    finally:
        signal.signal(signal.SIGTERM, before)
