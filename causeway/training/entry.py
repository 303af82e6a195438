"""The entry point of a training stage as a job: `python -m causeway.training.entry STAGE --samples … --out …`.

Knows how one container becomes one or many processes and which exit code it ends with. Does not know stages. With one
process it runs here; with several it starts torchrun (the variables PET_NNODES, PET_NPROC_PER_NODE, PET_NODE_RANK,
PET_MASTER_ADDR and PET_MASTER_PORT are Kubeflow Trainer's, and torchrun reads them itself), hands SIGTERM on, and ends
with the code of the process that mattered most: torchrun itself says 1 to everything.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

from causeway.errors import (
    EXIT_BUG,
    EXIT_DONE,
    EXIT_REFUSED,
    EXIT_TRY_AGAIN,
    EXIT_UNUSABLE_INPUT,
    EXIT_USAGE,
    CausewayError,
    TryAgain,
    UsageError,
)
from causeway.training.config import read_settings
from causeway.training.recipes import recipe_named

_CODES = "CAUSEWAY_EXIT_CODES"  # a folder in which each process leaves its exit code
_MATTERS = (EXIT_UNUSABLE_INPUT, EXIT_REFUSED, EXIT_USAGE, EXIT_TRY_AGAIN, EXIT_BUG)  # the first of these that is there


def main(words: list[str] | None = None) -> int:
    """Run the job; returns its exit code."""
    words = sys.argv[1:] if words is None else words
    if "RANK" in os.environ:
        return _as_worker(words)
    try:
        asked = _asked(words)
    except UsageError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    several = asked.processes > 1 or os.environ.get("PET_NNODES", "1") not in ("", "1")
    return _torchrun(words, asked.processes) if several else _guarded(words)


def _asked(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="causeway.training.entry", description=__doc__)
    parser.error = _complain  # type: ignore[method-assign]
    parser.add_argument("stage", help="of the recipe; of alpamayo vlm, action, coc, rl")
    parser.add_argument("--recipe", default="alpamayo", help="which family of policies")
    parser.add_argument("--samples", required=True, help="location of the samples")
    parser.add_argument("--from", dest="policy", default="", help="the policy to go on from; none for the first stage")
    parser.add_argument("--out", default="", help="where the policy goes")
    parser.add_argument("--root", default="", help="or below which root, by content")
    parser.add_argument("--settings", default="{}", help='JSON of the stage\'s settings: {"steps": 500, "bf16": true}')
    per_node = os.environ.get("PET_NPROC_PER_NODE", "1")
    parser.add_argument("--processes", type=int, default=int(per_node) if per_node.isdigit() else _accelerators())
    parser.add_argument("--manifest", default="", help="a file to leave the finished policy's manifest in")
    asked = parser.parse_args(words)
    recipe = recipe_named(asked.recipe)
    if bool(asked.out) == bool(asked.root):
        raise UsageError("causeway.training.entry: give --out or --root")
    recipe.check_start(asked.stage, bool(asked.policy))
    return asked


def _complain(message: str) -> NoReturn:
    raise UsageError(f"causeway.training.entry: {message}; --help says what it takes")


def _accelerators() -> int:
    """What `auto` and `gpu` mean: a process for each accelerator, one where there is none."""
    import torch

    return max(1, torch.cuda.device_count())


def _guarded(words: list[str]) -> int:
    """Run this process's share; an error for a person is one line and its own exit code.

    SIGTERM outside the loop, which saves first, ends with the same code: what is not finished is simply done again.
    """
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        _work(_asked(words))
    except CausewayError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    finally:
        signal.signal(signal.SIGTERM, before)
    return EXIT_DONE


def _stop(_signal: int, _frame: Any) -> NoReturn:
    raise TryAgain("stopped outside the training loop; the same command goes on")


def _work(asked: argparse.Namespace) -> None:
    from causeway.artifacts import Artifact, config_class, run
    from causeway.training import processes, step

    is_own = asked.recipe == "alpamayo"
    function = getattr(step, f"train_{asked.stage}" if is_own else "train_recipe")
    kind = config_class(function)
    assert kind is not None
    config = _config(kind, asked)
    inputs: dict[str, str | list[str] | None] = {"samples": asked.samples}
    if asked.policy or not is_own:
        inputs["policy"] = asked.policy or None
    if processes.rank() > 0:
        if processes.wait_for_call():
            before = Artifact.open(asked.policy) if asked.policy else None
            step.follow(asked.stage, Artifact.open(asked.samples), before, config)
        return
    made = run(function, inputs, out=asked.out or None, root=asked.root or None, config=config)
    if processes.world() > 1 and not processes.called():
        processes.call(False)  # it was there already: nothing to do for anybody
    if asked.manifest:
        Path(asked.manifest).parent.mkdir(parents=True, exist_ok=True)
        Path(asked.manifest).write_text(made.to_json())
    print(made.to_json())


def _config(kind: type, asked: argparse.Namespace) -> Any:
    settings = read_settings(asked.settings, kind, "--settings")
    if asked.recipe != "alpamayo":
        settings = recipe_named(asked.recipe).settings(asked.stage, settings)
    return kind(**settings)


def _as_worker(words: list[str]) -> int:
    """One of torchrun's processes: leave the exit code where the launcher looks."""
    code = EXIT_BUG
    try:
        code = _guarded(words)
    finally:
        if _CODES in os.environ:
            Path(os.environ[_CODES], os.environ["RANK"]).write_text(str(code))
    return code


def _torchrun(words: list[str], processes: int) -> int:
    with tempfile.TemporaryDirectory() as codes:
        command = [sys.executable, "-m", "torch.distributed.run", f"--nproc_per_node={processes}"]
        if os.environ.get("PET_NNODES", "1") in ("", "1"):
            command.append("--standalone")
        command += ["-m", "causeway.training.entry", *words]
        child = subprocess.Popen(command, env=os.environ | {_CODES: codes})
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda received, _: child.send_signal(received))
        ended = child.wait()
        left = {int(file.read_text()) for file in Path(codes).iterdir()}
    if ended == 0:
        return EXIT_DONE
    return next((code for code in _MATTERS if code in left), EXIT_BUG)


if __name__ == "__main__":
    sys.exit(main())
