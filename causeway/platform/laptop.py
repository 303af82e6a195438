"""Pipelines on this machine: Kubeflow's own local runner, each step in a process of its own.

Knows how to run a pipeline function through `kfp.local`, to show which step of how many is running, and to turn a
failed step back into the error it ended with. Does not know what the steps do, and caches nothing: steps look their
own results up.
"""

import builtins
import contextlib
import importlib
import io
import json
import logging
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from causeway.artifacts import Manifest, read_manifest
from causeway.errors import CausewayError, UsageError
from causeway.platform.descendants import stop_descendants
from causeway.platform.rounds import RUN
from causeway.platform.run_record import Use, use_from_line, write_record
from causeway.platform.steps import as_causeway_error, error_from_line
from causeway.training.recipes import RECIPES

PIPELINES = ("data", "training", "release", "retraining")
_TASK = re.compile(r"Executing task '?([\w-]+)")
_DONE = re.compile(r"Task '?([\w-]+)'? finished with status (\w+)")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def pipeline_function(name: str) -> Callable:
    """A pipeline by name, or by the name of a recipe other than the one of `training`; UsageError for no such name."""
    recipes = [recipe for recipe in RECIPES if recipe != "alpamayo"]
    if name not in (*PIPELINES, *recipes):
        known = f"{', '.join(PIPELINES)}, and of recipes {', '.join(recipes)}"
        raise UsageError(f"{name}: no such pipeline; pipelines are {known}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name in recipes:
            return importlib.import_module("pipelines.recipes").pipeline_of(name)  # type: ignore[no-any-return]
        return getattr(importlib.import_module(f"pipelines.{name}"), name)


def run_pipeline(name: str, arguments: Mapping[str, Any], log: Path) -> Manifest:
    """Run a pipeline here and return the manifest of the artifact it ends with.

    Everything that steps print goes to the file `log`; stderr shows which step of how many is running. Raises the
    error of the step that failed.
    """
    from kfp import local

    pipeline = pipeline_function(name)
    check_arguments(name, pipeline, arguments)
    log.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="causeway-kfp-"))
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin starve each other on a shared machine
    relay, state = _Relay(name, task_count(pipeline), log), "FAILED"
    run = f"laptop-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{name}-{os.getpid()}"
    try:
        local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(scratch), raise_on_error=True)
        with _quiet(), _interruptible(), contextlib.redirect_stdout(relay), _named(run):
            task = pipeline(**arguments)
        relay.done, state = relay.total, "SUCCEEDED"  # of tasks side by side KFP does not always tell the end
        return read_manifest(task.output.path)
    except RuntimeError as error:
        raise relay.error or CausewayError(f"pipeline {name}: {error}; its log is {log}") from error
    finally:
        relay.finish()
        shutil.rmtree(scratch, ignore_errors=True)
        _record(run, name, arguments, state, relay)


@contextlib.contextmanager
def _named(run: str) -> Iterator[None]:
    """Steps know which run they are of, as on a cluster."""
    before = os.environ.get(RUN)
    os.environ[RUN] = run
    try:
        yield
    finally:
        os.environ.pop(RUN)
        if before is not None:
            os.environ[RUN] = before


def _record(run: str, name: str, arguments: Mapping[str, Any], state: str, relay: "_Relay") -> None:
    """Leave the run's record; the error a run ended with matters more than a store that cannot be written."""
    error, reason = str(relay.error or ""), str(arguments.get("reason", ""))
    with contextlib.suppress(CausewayError, OSError):
        write_record(str(arguments["root"]), run, f"causeway-{name}", reason, state, error, relay.uses)


def check_arguments(name: str, pipeline: Callable, arguments: Mapping[str, Any]) -> None:
    """UsageError when an argument is unknown or a required one is missing."""
    inputs = pipeline.component_spec.inputs or {}  # type: ignore[attr-defined]
    unknown = sorted(set(arguments) - set(inputs))
    missing = sorted(n for n, s in inputs.items() if not s.optional and n not in arguments)
    if unknown:
        raise UsageError(f"pipeline {name}: no setting {unknown[0]!r}; it has {', '.join(sorted(inputs))}")
    if missing:
        raise UsageError(f"pipeline {name}: {missing[0]!r} is missing; give it with --set {missing[0]}=…")


def task_count(pipeline: Callable) -> int:
    """How many component tasks a run has; a loop over a fixed list counts each item."""
    spec = pipeline.pipeline_spec  # type: ignore[attr-defined]

    def count(component: Any) -> int:
        total = 0
        for task in component.dag.tasks.values():
            inner = spec.components[task.component_ref.name]
            items = task.parameter_iterator.items.raw
            times = len(json.loads(items)) if items else 1
            total += times * (count(inner) if inner.HasField("dag") else 1)
        return total

    return count(spec.root)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep KFP's warnings off the screen, and leave `print` and the root logger as they were.

    KFP warns about image names and cluster settings on every local task. Around a task it replaces `print` and the
    root logger's handlers; of tasks that run side by side one may put back the other's replacement.
    """
    root, printed = logging.getLogger(), builtins.print
    level, handlers = root.level, root.handlers[:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            builtins.print = printed
            root.setLevel(level)
            root.handlers[:] = handlers


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """An interrupt or a polite kill ends the steps' processes too, also when it reached this process alone.

    KFP waits for its tasks before it lets an interrupt through, so they must be stopped first.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread receives signals
        return

    def stop(signum: int, frame: Any) -> None:
        stop_descendants(os.getpid())
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Relay(io.TextIOBase):
    """Stands in for stdout while KFP runs: writes all to the log, tells progress on stderr, keeps the error."""

    def __init__(self, name: str, total: int, log: Path) -> None:
        self.name, self.total = name, total
        self.done, self.error = 0, None  # type: int, CausewayError | None
        self.uses: list[Use] = []
        self._log = log.open("a", encoding="utf-8")
        self._lines: dict[int, str] = {}  # tasks that run side by side write from threads of their own
        self._lock = threading.RLock()  # KFP makes every print() indent stdout while a task runs: that is us again
        self._started = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._bar = "█"

    def write(self, text: str) -> int:
        with self._lock:
            whole, newline, rest = (self._lines.get(threading.get_ident(), "") + text).rpartition("\n")
            self._lines[threading.get_ident()] = rest
            for line in whole.split("\n") if newline else ():
                self._take(_COLOUR.sub("", line))
        return len(text)

    def writable(self) -> bool:
        return True

    def _take(self, line: str) -> None:
        try:
            if line.strip():
                self._log.write(line.rstrip() + "\n")
                self._log.flush()
        except OSError as error:  # a full disk: KFP would print a traceback for each line; the steps say it as well
            self.error = self.error or as_causeway_error(error)
        if found := _TASK.search(line):
            self._tell(found.group(1))
        elif (found := _DONE.search(line)) and found.group(2) == "SUCCESS":
            self.done += 1
        elif use := use_from_line(line):
            self.uses.append(use)
        self.error = error_from_line(line) or self.error

    def _tell(self, task: str) -> None:
        took_s = time.monotonic() - self._started
        at = min(self.done + 1, self.total)
        filled = self._bar * round(20 * at / self.total)
        text = f"{self.name} [{filled:<20}] step {at} of {self.total}: {task} ({took_s:.0f} s)"
        sys.stderr.write(f"\r\x1b[2K{text}" if self._terminal else f"{text}\n")  # print() would be indented by KFP
        sys.stderr.flush()

    def finish(self) -> None:
        took_s = time.monotonic() - self._started
        text = f"{self.name}: {self.done} of {self.total} steps done in {took_s:.0f} s"
        sys.stderr.write(f"\r\x1b[2K{text}\n" if self._terminal else f"{text}\n")
        sys.stderr.flush()
        with contextlib.suppress(OSError):
            self._log.close()
