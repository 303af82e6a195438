"""The four training steps: samples (and the policy before) in, a whole policy out.

Knows what a step reads and writes. Does not know losses or optimizers; torch is imported when a step runs, so that
looking a finished one up costs nothing.
"""

import os
import sys
import time
from typing import Any

from causeway.artifacts import Artifact, Writer, step
from causeway.errors import UnusableInput
from causeway.training.config import ActionConfig, CocConfig, RlConfig, TrainConfig, VlmConfig

STATISTICS_OF = 65_536  # samples, spread evenly: more would say the same


@step(kind="policy")
def train_vlm(samples: Artifact, *, out: Writer, config: VlmConfig) -> None:
    """Stage one: a new policy learns to answer questions about the drive."""
    _train("vlm", samples, None, out, config)


@step(kind="policy")
def train_action(samples: Artifact, policy: Artifact, *, out: Writer, config: ActionConfig) -> None:
    """Stage two: the policy learns to act, with and without reasoning."""
    _train("action", samples, policy, out, config)


@step(kind="policy")
def train_coc(samples: Artifact, policy: Artifact, *, out: Writer, config: CocConfig) -> None:
    """Stage three: the policy learns to reason first. Refuses samples without any reasoning."""
    _train("coc", samples, policy, out, config)


@step(kind="policy")
def train_rl(samples: Artifact, policy: Artifact, *, out: Writer, config: RlConfig) -> None:
    """Stage four: the policy learns from rewards. Refuses samples without any reasoning."""
    _train("rl", samples, policy, out, config)


def _train(name: str, samples: Artifact, before: Artifact | None, out: Writer, config: TrainConfig) -> None:
    # threads that spin while they wait make a step five times slower as soon as another process wants the core;
    # read once, when torch is first imported
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from causeway.training.loop import Course, forget, train, use_threads
    from causeway.training.losses import FILE_NAME, read_lines, write_lines
    from causeway.training.samples import load_samples
    from causeway.training.stages import STAGES, checked

    threads = _cores()
    use_threads(threads)
    stage = STAGES[name]
    wanted = True if stage.reasoning_only else None
    taken = checked(stage, load_samples(samples, "train", config.limit or None, with_reasoning=wanted))
    policy = _start(before, taken, config).to(_device())
    staging = out.path(f"checkpoint/{FILE_NAME}").parent
    loss = stage.make_loss(policy, config)
    started = time.monotonic()
    lines = train(Course(name, policy, stage.trains, taken, loss, config, staging))
    record = [*(read_lines(before.path(FILE_NAME)) if before else []), *lines]
    write_lines(out.path(FILE_NAME), record)
    counts = {"samples": len(taken), "with reasoning": taken.with_reasoning()}
    policy.save(out.path(FILE_NAME).parent, card=_card(out, counts, record))
    out.count(**{key.replace(" ", "_"): value for key, value in counts.items()}, steps=len(lines))
    forget(staging)
    took_s = time.monotonic() - started  # a clock is for who watches: in a file, no two runs would hash alike
    ends = f"loss {_ends(name, lines)} over {len(lines)} steps of {config.batch_size} in {took_s:.0f} s"
    print(f"{name}: {ends}, {len(taken)} samples, {threads} threads", file=sys.stderr)


def _start(before: Artifact | None, taken: Any, config: TrainConfig) -> Any:
    """The policy to train: the one before, or a new one that keeps the statistics of these samples' controls."""
    from causeway.model import Policy
    from causeway.model.action_space import statistics_from

    if before is None:
        statistics = statistics_from(taken.controls(STATISTICS_OF))
        return Policy.from_scale(config.scale, config.seed, statistics)
    policy = Policy.load(before.folder())
    scale = policy.config.scale.name
    if scale != config.scale:
        raise UnusableInput(f"{before.location}: a policy of scale {scale}, but scale {config.scale} was asked for")
    return policy


def _card(out: Writer, counts: dict[str, int], record: list[dict[str, Any]]) -> str:
    from causeway.training.card import model_card
    from causeway.training.stages import STAGES

    says = {name: stage.says for name, stage in STAGES.items()}
    return model_card(out.sources, counts, says, record)


def _ends(name: str, lines: list[dict[str, Any]]) -> str:
    from causeway.training.losses import first_and_last

    first, last = first_and_last(lines)[name]
    return f"{first:.3f} → {last:.3f}"


def _device() -> str:
    """This process's accelerator when there is one."""
    import torch

    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if torch.cuda.is_available() else "cpu"


def _cores() -> int:
    """Threads for torch: what OMP_NUM_THREADS says, else the cores this process may use."""
    return int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0)))
