"""What every verb of the command line shares: its common options, how it tells its result, how it runs one step.

Knows what goes to stdout (the result alone) and what to stderr (everything else). Knows no verb.
"""

import json
import os
import sys
import threading
from _thread import interrupt_main
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

if TYPE_CHECKING:
    from causeway.artifacts import Manifest

Out = Annotated[str, typer.Option("--out", help="Where the result goes: a folder or s3://bucket/prefix.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else.")]
Clips = Annotated[str, typer.Option("--clips", help="The clips artifact.")]
Seed = Annotated[int, typer.Option(help="Random seed.")]
Sets = Annotated[list[str] | None, typer.Option("--set", help="A setting, as name=value; may be repeated.")]


_results: list[str] = []


def tell(result: dict[str, Any], text: str, as_json: bool) -> None:
    """Keep a verb's result for the end: one JSON object, or text for a person."""
    _results.append(json.dumps(result) if as_json else text)


def keep_interrupts() -> None:
    """Let Ctrl-C count also where Python can only pass over it: inside a callback from native code (numba has one)."""
    passed_over = sys.unraisablehook

    def told(what: Any) -> None:
        if issubclass(what.exc_type, KeyboardInterrupt):  # said again once the callback is over
            threading.Timer(0.05, interrupt_main).start()
        else:
            passed_over(what)

    sys.unraisablehook = told


class Verb(TyperCommand):
    """A verb, whose result alone goes to stdout."""

    def invoke(self, ctx: Any) -> Any:
        """Run the verb and print what it told, also when it ended in a refusal."""
        try:
            with _stdout_is_stderr():
                return super().invoke(ctx)
        finally:
            _print_results()


@contextmanager
def _stdout_is_stderr() -> Iterator[None]:
    """Whatever libraries, their C code and child processes print goes to stderr meanwhile."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def _print_results() -> None:
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        sys.stdout.write("".join(f"{text}\n" for text in _results))  # KFP may have left print() indenting
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    _results.clear()


def run_step(name: str, inputs: dict[str, Any], settings: dict[str, Any], out: str, as_json: bool) -> "Manifest":
    """Run one step and say what it made."""
    from dataclasses import asdict

    from causeway.platform.steps import run_named

    manifest = run_named(name, inputs, settings, out=out)
    counts = ", ".join(f"{value} {key}" for key, value in sorted(manifest.counts.items()))
    tell(asdict(manifest), f"{manifest.kind} {manifest.content_hash[:12]} at {manifest.location}: {counts}", as_json)
    return manifest
