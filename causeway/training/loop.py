"""The one training loop, the same for every stage.

Knows order, passes, learning rate, checkpoints, the record of losses, being asked to stop, and what to do when a number
is not finite. Does not know what a loss means: a stage hands it a function. Killed at any moment, the same call goes on
from the last checkpoint and ends with the same losses as an undisturbed run; with other numbers of processes too, as
long as a step is cut into the same passes.
"""

import math
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from causeway.artifacts import progress
from causeway.errors import TryAgain, UnusableInput, UsageError
from causeway.model.observation import Sample
from causeway.training import checkpoint, checkpoint_store, losses, schedule
from causeway.training.config import TrainConfig, recipe_of
from causeway.training.engine import Engine, Optimisation, Pass, learning_shapes, make_engine
from causeway.training.sample_stream import read_ahead
from causeway.training.stopping import stop_asked

READERS = 2  # threads that read the next batches while a step computes; a batch is the same whoever reads it

T = TypeVar("T")
StepLoss = Callable[[Sequence[Sample], torch.Generator], dict[str, Any]]
"""(batch, generator) -> {"loss": scalar tensor with gradients, part name: number…}."""
Told = Callable[[losses.Line, "Pace"], None]
Feed = Callable[[range], Iterator[list[Pass]]]
"""(steps) -> the passes of each in turn, asked for when the step before has been learned from."""


@dataclass
class Pace:
    """How fast a run is; for who watches, never for a file whose bytes must be the same each time."""

    samples: int = 0
    took_s: float = 0.0
    waited_s: float = 0.0  # for samples

    def samples_per_s(self) -> float:
        """Samples trained in a second, over all processes."""
        return self.samples / self.took_s if self.took_s else 0.0

    def waiting(self) -> float:
        """The share of the time in which the step waited for its samples."""
        return self.waited_s / self.took_s if self.took_s else 0.0


def _untold(line: losses.Line, pace: Pace) -> None:
    """Nobody watches."""


@dataclass(frozen=True)
class Course:
    """One stage's run: what is trained, on what, by which loss, and the folder for what a kill must not lose."""

    stage: str
    policy: Any
    trains: tuple[str, ...]  # the policy's modules that learn; the rest stay as they are
    samples: Sequence[Sample]
    loss: StepLoss
    config: TrainConfig
    folder: Path
    store: str = ""  # `s3://…` where checkpoints are kept too
    tell: Told = _untold
    feed: Feed | None = None  # where passes come from when not from `samples`: other processes, that train nothing


def use_threads(count: int) -> None:
    """Let torch use so many threads."""
    torch.set_num_threads(max(1, count))


def train(course: Course) -> list[losses.Line]:
    """Train to the end (or from the last checkpoint to the end); returns the run's lines, one a step.

    UnusableInput naming the step and the samples when a loss or gradient is not finite: such a batch is never
    skipped. TryAgain when SIGTERM came: everything is saved by then.
    """
    config = course.config
    engine = _engine(course)
    record = course.folder / losses.FILE_NAME
    start = _resume(course, engine, record)
    saved, pace = time.monotonic(), Pace()
    steps = range(start, config.steps)
    source = course.feed(steps) if course.feed else read_ahead(partial(_passes, course, engine), steps, READERS)
    batches = _timed(source, pace)
    with stop_asked() as stopping:
        for step, passes in _shown(course, engine, zip(steps, batches, strict=True), len(steps)):
            line = _one_step(course, engine, step, passes)
            pace.samples += config.batch_size
            if engine.rank == 0:
                losses.append_line(record, line)
                course.tell(line, pace)
            stop = engine.any(stopping())
            if stop or engine.any(time.monotonic() - saved > config.checkpoint_every_s):
                _save(course, engine, step + 1, record)
                saved = time.monotonic()
            if stop and step + 1 < config.steps:
                raise TryAgain(f"{course.stage}: stopped after step {step + 1} of {config.steps} with its work saved; "
                               "the same command goes on")  # fmt: skip
    if engine.world > 1:
        _save(course, engine, config.steps, record)  # no process has the whole of it
    return losses.read_lines(record) if engine.rank == 0 else []


def forget(folder: Path, location: str = "") -> None:
    """Remove the checkpoints of a run that has ended: they are no part of a policy."""
    shutil.rmtree(folder, ignore_errors=True)
    if location:
        checkpoint_store.forget(location)


def _engine(course: Course) -> Engine:
    from causeway.training.processes import world

    config, there = course.config, 1 if course.feed else world()
    passes = max(config.passes, there)
    if config.batch_size < passes or passes % there:
        raise UsageError(
            f"batch_size {config.batch_size} in {passes} passes on {there} processes: give each pass a sample, and "
            "each process as many passes as the others"
        )
    how = Optimisation(
        _groups(course), config.weight_decay, config.grad_clip, passes // there, config.bf16, config.zero, there
    )
    return make_engine(course.policy, partial(_loss, course), how)


def _groups(course: Course) -> list[dict[str, Any]]:
    """Parameter groups with their peak rates; everything that does not learn gets no gradient."""
    course.policy.requires_grad_(False)
    groups = []
    for name in course.trains:
        learning = [p.requires_grad_(True) for p in course.policy.trained_parameters(name)]
        peak = course.config.expert_lr if name.partition(".")[0] == "expert" else course.config.lr
        groups.append({"params": learning, "lr": peak})
    return groups


def _says(course: Course) -> dict[str, Any]:
    """What a checkpoint must agree in with the run that goes on from it."""
    config = course.config
    return {
        "stage": course.stage,
        "recipe": recipe_of(config),
        "seed": config.seed,
        "batch_size": config.batch_size,
        "steps": config.steps,
        "samples": len(course.samples),
    }


def _resume(course: Course, engine: Engine, record: Path) -> int:
    """The step to go on from. The first process alone reads files; tensors reach the others through the engine."""
    read, step, updates = None, 0, 0
    if engine.rank == 0:
        course.folder.mkdir(parents=True, exist_ok=True)
        if course.store:
            checkpoint_store.bring(course.store, course.folder)
        found = checkpoint.newest_checkpoint(course.folder, _says(course))
        if found:
            state, path = found
            step, updates = state["step"], state["updates"]
            read = checkpoint.reader_of(path, learning_shapes(course.policy))
            shutil.copyfile(path / record.name, record)
            print(f"{course.stage}: going on from step {step}", file=sys.stderr)
        else:
            losses.write_lines(record, [])
    step, updates = engine.first_says(step), engine.first_says(updates)
    if step:
        engine.restore(read, updates)
    return step


def _save(course: Course, engine: Engine, step: int, record: Path) -> None:
    epoch, position = divmod(step * course.config.batch_size, len(course.samples))
    # order and noise follow from (seed, step) alone, so the place in the data is all there is to say of randomness
    state = {**_says(course), "epoch": epoch, "position": position}
    checkpoint.save_checkpoint(course.folder, step, engine, state, course.config.keep_checkpoints, record)
    if course.store and engine.rank == 0:
        checkpoint_store.send(course.folder, course.store, course.config.keep_checkpoints)
    engine.barrier()


def _shown(course: Course, engine: Engine, items: Iterable[T], total: int) -> Iterable[T]:
    """The items, with the first process telling how far along they are."""
    return progress(items, total, f"{course.stage} steps") if engine.rank == 0 else items


def _timed(items: Iterable[T], pace: Pace) -> Iterator[T]:
    """The items, and into `pace` how long the run takes and how much of it went by waiting for the next one."""
    source = iter(items)
    while True:
        began = time.monotonic()
        try:
            item = next(source)
        except StopIteration:
            return
        waited = time.monotonic() - began
        yield item
        pace.waited_s += waited
        pace.took_s += time.monotonic() - began


def _passes(course: Course, engine: Engine, step: int) -> list[Pass]:
    """This process's passes of a step; of all processes together the same, however many there are."""
    config = course.config
    picked = schedule.batch_of(step, config.batch_size, len(course.samples), config.seed)
    count = max(config.passes, engine.world)
    ours = range(engine.rank, count, engine.world)
    return [([course.samples[i] for i in picked[n::count]], schedule.step_seed(config.seed, step, n)) for n in ours]


def _loss(course: Course, batch: Sequence[Sample], seed: int) -> dict[str, Any]:
    """A pass's loss with noise that follows from its seed alone."""
    torch.manual_seed(seed)
    return course.loss(batch, torch.Generator().manual_seed(seed))


def _one_step(course: Course, engine: Engine, step: int, passes: Sequence[Pass]) -> losses.Line:
    config = course.config
    scale = schedule.learning_rate(step, config.steps, 1.0, config.warmup, config.final_lr)
    found, norm = engine.step(passes, scale)
    own = [float(parts["loss"].detach()) for parts in found]
    if engine.any(not all(map(math.isfinite, own))):
        raise _not_finite(course, engine, step, passes, own, "loss")
    if not math.isfinite(norm):
        raise _not_finite(course, engine, step, passes, own, "gradient")
    names = sorted(found[0])
    means = engine.mean([sum(_number(parts[name]) for parts in found) / len(found) for name in names])
    by_name = dict(zip(names, means, strict=True))
    return {
        "stage": course.stage,
        "step": step,
        "loss": by_name.pop("loss"),
        "parts": by_name,
        "lr": config.lr * scale,
        "grad_norm": norm,
    }


def _number(value: Any) -> float:
    return float(value.detach()) if isinstance(value, Tensor) else float(value)


def _not_finite(
    course: Course, engine: Engine, step: int, passes: Sequence[Pass], own: Sequence[float], what: str
) -> UnusableInput:
    """The error that names the samples whose own loss or gradient is not finite (all, when only together)."""
    where = f"{course.stage} step {step}"
    guilty = [item for item, loss in zip(passes, own, strict=True) if what == "gradient" or not math.isfinite(loss)]
    if not guilty:
        return UnusableInput(f"{where}: the {what} is not finite in another process, which names its samples")
    if engine.world == 1:  # a sample by itself can be tried where no other process has to take part
        alone = [
            ([s], seed) for batch, seed in guilty for s in batch if not _is_sound(course, _loss(course, [s], seed))
        ]
        guilty = alone or guilty
    names = ", ".join(sample.sample_id for batch, _ in guilty for sample in batch)
    return UnusableInput(f"{where}: the {what} is not finite with sample(s) {names}; repair or drop them")


def _is_sound(course: Course, parts: dict[str, Any]) -> bool:
    loss = parts["loss"]
    if not math.isfinite(float(loss.detach())):
        return False
    learning = [p for p in course.policy.parameters() if p.requires_grad]
    gradients = torch.autograd.grad(loss, learning, allow_unused=True)
    return all(bool(torch.isfinite(g).all()) for g in gradients if g is not None)
