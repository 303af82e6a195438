"""The processes that a process started, and ending them: a step of a pipeline is a child of a shell of ours.

Knows `/proc` of Linux, and does nothing where there is none. Does not know what the processes do; a step that is
ended leaves a staging folder from which the same command goes on.
"""

import contextlib
import os
import signal
from pathlib import Path


def stop_descendants(pid: int) -> None:
    """Ask every process below `pid` to end, the deepest first."""
    for child in reversed(descendants(pid)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(child, signal.SIGTERM)


def descendants(pid: int) -> list[int]:
    """Every process below `pid`, parents before their children."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        parent = _parent_of(folder)
        if parent is not None:
            children.setdefault(parent, []).append(int(folder.name))
    found, todo = [], [pid]
    while todo:
        below = children.get(todo.pop(0), [])
        found += below
        todo += below
    return found


def _parent_of(folder: Path) -> int | None:
    try:
        stat = (folder / "stat").read_text(errors="replace")
    except OSError:  # it ended meanwhile
        return None
    return int(stat.rpartition(")")[2].split()[1])  # the name before it may hold anything
