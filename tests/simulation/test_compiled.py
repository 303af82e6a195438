"""Kernels are kept on disk and compiled anew only when their own file changes: so they may use nothing of another file."""

import ast
import importlib
import pkgutil
from pathlib import Path

from numba.core import config
from numba.core.dispatcher import Dispatcher

from causeway import simulation
from causeway.simulation.compiled import compiled

FLAGS = {"SHINES", "SKY"}  # bits of a canvas, which belong to `fill` and never change


def taken_from_elsewhere(module):
    """(kernel, name) of all that kernels of a module use and its file imports from another of ours."""
    tree = ast.parse(Path(module.__file__).read_text())
    ours = [n for n in tree.body if isinstance(n, ast.ImportFrom) and n.module and n.module.startswith("causeway")]
    imported = {alias.asname or alias.name for node in ours for alias in node.names}
    own = {k: v for k, v in vars(module).items() if isinstance(v, Dispatcher) and k not in imported}
    return [
        (name, used) for name, kernel in own.items() for used in kernel.py_func.__code__.co_names if used in imported
    ]


def test_kernels_take_nothing_from_another_file():
    found, kernels = [], 0
    for info in pkgutil.walk_packages(simulation.__path__, "causeway.simulation."):
        module = importlib.import_module(info.name)
        kernels += sum(isinstance(value, Dispatcher) for value in vars(module).values())
        found += [(info.name, *row) for row in taken_from_elsewhere(module) if row[1] not in FLAGS]
    assert kernels > 30
    assert found == []


def test_a_kernel_is_not_compiled_anew_for_each_literal(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))  # what an earlier run kept would not be compiled at all

    @compiled
    def inner(number: int, yes: bool) -> int:
        return number + 1 if yes else number

    @compiled
    def outer(number: int) -> int:
        return inner(1, True) + inner(2, False) + inner(number, number > 3)

    assert outer(5) == 2 + 2 + 6
    assert len(inner.signatures) == 1
