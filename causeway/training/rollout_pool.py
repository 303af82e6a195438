"""Rollout workers beside one training process: weights go out, rollouts come back, over torch.distributed.

Knows who sends what and when. Does not know how a rollout is made, paid or learned from. Process 0 trains, all others
roll out: of every step's moments each its share, with the noise that the step's number says. While a step is learned
from, the next one is rolled out; weights are sent anew so often that none that rolled out is older than the bound. As
all of this follows from the step's number, nobody has to be asked what to do next, and no rollout is thrown away.
Weights travel as the processes met (gloo, or NCCL on GPUs), rollouts always over gloo. Only between these processes,
which one launcher started, are objects pickled.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import reduce
from typing import Any

import torch

from causeway.errors import TryAgain, UsageError
from causeway.model.observation import Sample
from causeway.model.policy import Policy
from causeway.training import processes, schedule
from causeway.training.config import RlConfig
from causeway.training.engine import Pass
from causeway.training.mixes import mix_named
from causeway.training.rolling import Rolled, joined, roll
from causeway.training.scoring import Pay
from causeway.training.stopping import stop_asked

NOTHING_SENT = -1

Mail = Any  # a process group, as torch.distributed makes them


def version_of(step: int, start: int, staleness: int) -> int:
    """The step whose weights roll out `step`, of a run that began at `start`: never more than `staleness` before it.

    With 0 the worker waits for the weights of the very step. Else it works one step ahead of what is learned, and new
    weights reach it every `staleness` steps.
    """
    if not staleness or step == start:
        return step
    return start + (step - 1 - start) // staleness * staleness


def refuse_unready(config: RlConfig) -> None:
    """UsageError where there are not as many processes as config asks for, or not a moment for each."""
    workers, there, share = config.rollout_workers, processes.world(), config.batch_size // config.passes
    if there != 1 + workers:
        raise UsageError(f"rollout_workers {workers}: start {1 + workers} processes, of which one trains, not {there}")
    if share < workers:
        raise UsageError(f"rollout_workers {workers}: a pass of {share} moments has none for each; raise batch_size")
    if config.staleness < 0:
        raise UsageError(f"staleness {config.staleness}: use 0 or more steps")


def fed(policy: Policy, trains: Sequence[str], config: RlConfig, steps: range) -> Iterator[list[Pass]]:
    """For the training process: every step's passes, whose batches are rollouts of the workers.

    Weights are sent as they are when the next step's passes are asked for. TryAgain when a worker is gone.
    """
    mail = _mail()
    weights, sent = _weights(policy, trains), NOTHING_SENT
    _from_first([steps.start], mail)
    for step in steps:
        sent = _refreshed(weights, sent, version_of(step, steps.start, config.staleness))
        passes = [_received(config, step, n, mail) for n in range(config.passes)]
        if step + 1 < steps.stop:  # what the next one waits for goes out before this one is learned from
            sent = _refreshed(weights, sent, min(step, version_of(step + 1, steps.start, config.staleness)))
        yield passes
    _all_done(mail)


def _refreshed(weights: Sequence[torch.Tensor], sent: int, due: int) -> int:
    """Which version every worker has now, as all processes reckon it; weights travel when a newer one is due."""
    if due > sent:
        _share(weights)
    return due


def work(policy: Policy, trains: Sequence[str], config: RlConfig, taken: Sequence[Sample]) -> None:
    """For every other process: roll out this worker's share of each step to come, and send it.

    TryAgain when the training process is gone. SIGTERM is that one's to answer: it needs this step to save and leave.
    """
    mail = _mail()
    weights, held = _weights(policy, trains), NOTHING_SENT
    pay = Pay(mix_named(config.mix, config.weights), config.judge)
    with stop_asked():
        start = _from_first([0], mail)[0]
        for step in range(start, config.steps):
            version = version_of(step, start, config.staleness)
            held = _refreshed(weights, held, version)
            for n in range(config.passes):
                _send(replace(_rolled(policy, config, pay, taken, step, n), age=step - version), mail)
        _all_done(mail)


def _rolled(policy: Policy, config: RlConfig, pay: Pay, taken: Sequence[Sample], step: int, number: int) -> Rolled:
    """This worker's share of a pass; of the first worker alone with the very noise of a process without workers."""
    picked = schedule.batch_of(step, config.batch_size, len(taken), config.seed)[number :: config.passes]
    worker = processes.rank() - 1
    seed = schedule.step_seed(config.seed, step, number + worker * config.passes)
    generator = torch.Generator().manual_seed(seed)
    samples = [taken[i] for i in picked[worker :: config.rollout_workers]]
    with torch.autocast(policy.device.type, torch.bfloat16, enabled=config.bf16):  # as the loop computes a pass
        rolled = roll(policy, config, pay, samples, taken, generator)
    return replace(rolled, drawn=generator.get_state())


def _received(config: RlConfig, step: int, number: int, mail: Mail) -> Pass:
    """A pass of all workers' shares, and its seed."""
    shares = [_receive(worker, mail) for worker in range(1, 1 + config.rollout_workers)]
    return reduce(_together, shares), schedule.step_seed(config.seed, step, number)


def _together(one: Rolled, other: Rolled) -> Rolled:
    samples, refilled = [*one.samples, *other.samples], one.refilled + other.refilled
    return replace(one, samples=samples, sequences=joined(one.sequences, other.sequences), refilled=refilled)


def _weights(policy: Policy, trains: Sequence[str]) -> list[torch.Tensor]:
    """What learns, in an order that is the same in every process."""
    return [parameter.data for name in trains for parameter in policy.trained_parameters(name)]


def _share(weights: Sequence[torch.Tensor]) -> None:
    """The training process's weights into every worker's."""
    with _meeting():
        for tensor in weights:
            torch.distributed.broadcast(tensor, src=0)


def _mail() -> Mail:
    """The group that objects travel in: NCCL knows tensors on accelerators alone."""
    processes.join()
    return torch.distributed.new_group(backend="gloo")


def _from_first(numbers: list[int], mail: Mail) -> list[int]:
    """The training process's numbers, known to all."""
    with _meeting():
        torch.distributed.broadcast_object_list(numbers, src=0, group=mail)
    return numbers


def _send(rolled: Rolled, mail: Mail) -> None:
    with _meeting():
        torch.distributed.send_object_list([rolled], dst=0, group=mail)


def _receive(worker: int, mail: Mail) -> Rolled:
    found: list[Any] = [None]
    with _meeting():
        torch.distributed.recv_object_list(found, src=worker, group=mail)
    rolled: Rolled = found[0]
    return rolled


def _all_done(mail: Mail) -> None:
    """Wait for the others: a worker that left while its last rollout travels would take it along."""
    with _meeting():
        torch.distributed.barrier(group=mail)


@contextmanager
def _meeting() -> Iterator[None]:
    """TryAgain where the process at the other end has ended."""
    try:
        yield
    except RuntimeError as error:
        reason = (str(error).splitlines() or ["no reason given"])[0]
        raise TryAgain(f"rl: the rollout pool broke off ({reason}); the same command goes on") from error
