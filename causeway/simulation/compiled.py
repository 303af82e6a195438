"""Loops as machine code, through numba, kept on disk so that they are compiled once.

Knows how a function is compiled. Does not know what it does. Plain IEEE arithmetic: no fastmath and no threads, so
nothing is reordered, and LLVM joins no multiplication with an addition unless it is told to. What is kept on disk is
taken as old only when the very file that holds the function changes: functions that call each other share a file.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from numba import njit
from numba.core.types import unliteral

OPTIONS: dict[str, Any] = {"error_model": "numpy", "no_cfunc_wrapper": True}  # no C code calls a kernel
P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """The function as machine code; kept beside its file, in the user's cache, or (no place to write) in memory."""
    try:
        kernel = njit(cache=True, **OPTIONS)(function)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        kernel = njit(**OPTIONS)(function)
    return _once(kernel)


def _once(kernel: Any) -> Any:
    """The kernel, compiled once for the types it is called with by others, not anew for each literal among them."""
    found = getattr(kernel, "get_call_template", None)
    if found is None:  # numba is switched off, and the kernel is the function itself
        return kernel

    def template(args: tuple, kws: dict) -> Any:
        return found(tuple(map(unliteral, args)), {name: unliteral(kind) for name, kind in kws.items()})

    kernel.get_call_template = template
    return kernel
