"""The one training loop, the same for every stage.

Knows order, learning rate, checkpoints, the record of losses and what to do when a number is not finite. Does not
know what a loss means: a stage hands it a function. Killed at any moment, the same call goes on from the last
checkpoint and ends with the same losses as an undisturbed run.
"""

import math
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from causeway.artifacts import progress
from causeway.errors import UnusableInput, UsageError
from causeway.model.observation import Sample
from causeway.training import losses, schedule
from causeway.training.checkpoint import latest_checkpoint, save_checkpoint
from causeway.training.config import TrainConfig
from causeway.training.engine import Engine, make_engine
from causeway.training.sample_stream import read_ahead

READERS = 2  # threads that read the next batches while a step computes; a batch is the same whoever reads it

StepLoss = Callable[[Sequence[Sample], torch.Generator], dict[str, Any]]
"""(batch, generator) -> {"loss": scalar tensor with gradients, part name: number…}."""


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


def use_threads(count: int) -> None:
    """Let torch use so many threads."""
    torch.set_num_threads(max(1, count))


def train(course: Course) -> list[losses.Line]:
    """Train to the end (or from the last checkpoint to the end); returns the run's lines, one a step.

    UnusableInput naming the step and the samples when a loss or gradient is not finite: such a batch is never
    skipped.
    """
    engine = make_engine(course.policy, _groups(course), course.config.weight_decay, course.config.grad_clip)
    if course.config.batch_size < engine.world:
        raise UsageError(
            f"batch_size {course.config.batch_size}: give each of {engine.world} processes a sample a step"
        )
    record = course.folder / losses.FILE_NAME
    start = _resume(course, engine, record)
    saved = time.monotonic()
    steps = range(start, course.config.steps)
    batches = read_ahead(partial(_batch, course, engine), steps, READERS)
    for step, batch in progress(zip(steps, batches, strict=True), len(steps), f"{course.stage} steps"):
        line = _one_step(course, engine, step, batch)
        if engine.rank == 0:
            losses.append_line(record, line)
        if engine.agree(time.monotonic() - saved > course.config.checkpoint_every_s):
            save_checkpoint(course.folder, step + 1, engine)
            saved = time.monotonic()
    return losses.read_lines(record)


def forget(folder: Path) -> None:
    """Remove the checkpoints of a run that has ended: they are no part of a policy."""
    shutil.rmtree(folder, ignore_errors=True)


def _groups(course: Course) -> list[dict[str, Any]]:
    """Parameter groups with their peak rates; everything that does not learn gets no gradient."""
    course.policy.requires_grad_(False)
    groups = []
    for name in course.trains:
        module = getattr(course.policy, name).requires_grad_(True)
        peak = course.config.expert_lr if name == "expert" else course.config.lr
        groups.append({"params": list(module.parameters()), "lr": peak})
    return groups


def _resume(course: Course, engine: Engine, record: Path) -> int:
    found = latest_checkpoint(course.folder)
    step = 0
    if found:
        step, folder = found
        engine.load(folder)
        print(f"{course.stage}: going on from step {step}", file=sys.stderr)
    if engine.rank == 0:
        losses.cut_back(record, step)
    engine.barrier()
    return step


def _batch(course: Course, engine: Engine, step: int) -> list[Sample]:
    """This process's samples of a step; of all processes together the same, however many there are."""
    picked = schedule.batch_of(step, course.config.batch_size, len(course.samples), course.config.seed)
    return [course.samples[i] for i in picked[engine.rank :: engine.world]]


def _one_step(course: Course, engine: Engine, step: int, batch: Sequence[Sample]) -> losses.Line:
    config = course.config
    parts = dict(_loss(course, batch, step, engine.rank))
    loss = parts.pop("loss")
    if not math.isfinite(float(loss.detach())):
        raise _not_finite(course, batch, step, engine.rank, "loss")
    scale = schedule.learning_rate(step, config.steps, 1.0, config.warmup, config.final_lr)
    norm = engine.step(loss, scale)
    if not math.isfinite(norm):
        raise _not_finite(course, batch, step, engine.rank, "gradient")
    return {
        "stage": course.stage,
        "step": step,
        "loss": float(loss.detach()),
        "parts": {name: _number(value) for name, value in parts.items()},
        "lr": config.lr * scale,
        "grad_norm": norm,
    }


def _number(value: Any) -> float:
    return float(value.detach()) if isinstance(value, Tensor) else float(value)


def _loss(course: Course, batch: Sequence[Sample], step: int, rank: int) -> dict[str, Any]:
    """The step's loss with noise that follows from (seed, step, process) alone."""
    seed = schedule.step_seed(course.config.seed, step, rank)
    torch.manual_seed(seed)
    return course.loss(batch, torch.Generator().manual_seed(seed))


def _not_finite(course: Course, batch: Sequence[Sample], step: int, rank: int, what: str) -> UnusableInput:
    """The error that names the samples whose own loss or gradient is not finite (all, when only together)."""
    alone = [sample for sample in batch if not _is_sound(course, _loss(course, [sample], step, rank)["loss"])]
    names = ", ".join(sample.sample_id for sample in alone or batch)
    where = f"{course.stage} step {step}"
    return UnusableInput(f"{where}: the {what} is not finite with sample(s) {names}; repair or drop them")


def _is_sound(course: Course, loss: Tensor) -> bool:
    if not math.isfinite(float(loss.detach())):
        return False
    learning = [p for p in course.policy.parameters() if p.requires_grad]
    gradients = torch.autograd.grad(loss, learning, allow_unused=True)
    return all(bool(torch.isfinite(g).all()) for g in gradients if g is not None)
