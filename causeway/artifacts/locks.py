"""One process at a time: a lock that is a file beside what it guards.

Knows how a lock file may be removed although others wait for it. Does not know what is guarded. The kernel lets go
of the lock of a process that dies, however it dies.
"""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def alone(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file `path`; says on stderr when it has to wait for another process that is at `what`."""
    lock = _hold(path, what)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # while it is held: whoever waits for this file sees that it is gone
        lock.close()


def _hold(path: Path, what: str) -> IO[str]:
    waited = False
    while True:
        lock = path.open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if waited else fcntl.LOCK_NB))
            if _is(lock, path):
                return lock
        except BlockingIOError:
            print(f"{what}: waiting for another process that is making the same", file=sys.stderr, flush=True)
            waited = True
        except BaseException:
            lock.close()
            raise
        lock.close()


def _is(lock: IO[str], path: Path) -> bool:
    """False when the file that was locked is no longer the one at `path`: its holder removed it meanwhile."""
    try:
        return os.path.samestat(os.fstat(lock.fileno()), path.stat())
    except FileNotFoundError:
        return False
