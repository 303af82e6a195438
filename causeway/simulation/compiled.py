"""Loops as machine code, through numba, kept on disk so that they are compiled once.

Knows how a function is compiled. Does not know what it does. Plain IEEE arithmetic: no fastmath and no threads, so
nothing is reordered, and LLVM joins no multiplication with an addition unless it is told to. What is kept on disk is
taken as old only when the very file that holds the function changes: functions that call each other share a file.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from numba import njit

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """The function as machine code; kept beside its file, in the user's cache, or (no place to write) in memory."""
    try:
        return njit(cache=True, error_model="numpy")(function)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        return njit(error_model="numpy")(function)
