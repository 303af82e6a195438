"""kill -9 at random moments of training: the run that goes on ends with the very losses of an undisturbed one."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from causeway.training import losses
from causeway.training.loop import train
from tests.training.test_loop import CONFIG, course

STEPS = 60
STEP_S = 0.004


def slow_course(folder: Path):
    """A run of steps that take their time, with a checkpoint behind each."""
    one = course(folder, config=replace(CONFIG, steps=STEPS))

    def loss(batch, generator):
        time.sleep(STEP_S)
        return one.loss(batch, generator)

    return replace(one, loss=loss)


def in_a_child(folder: Path, kill_after_s: float | None) -> int:
    """Train in a forked process, killed after so long; returns how it ended (0 done, 9 killed)."""
    child = os.fork()
    if child == 0:
        try:
            torch.set_num_threads(1)
            train(slow_course(folder))
            os._exit(0)
        except BaseException:
            os._exit(1)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_and_resumed(folder: Path, kills: int, rng: np.random.Generator) -> tuple[list[int], list[losses.Line]]:
    ends = [in_a_child(folder, float(rng.uniform(0.02, 0.25))) for _ in range(kills)]
    ends.append(in_a_child(folder, None))
    return ends, losses.read_lines(folder / losses.FILE_NAME)


def test_two_kills_change_no_loss(tmp_path, rng):
    whole = train(slow_course(tmp_path / "whole"))
    ends, lines = killed_and_resumed(tmp_path / "killed", 2, rng)
    assert set(ends[:-1]) <= {0, -signal.SIGKILL}
    assert ends[-1] == 0
    assert lines == whole


@pytest.mark.slow
def test_thirty_runs_killed_at_random_moments_end_with_the_same_losses(tmp_path, rng):
    whole = train(slow_course(tmp_path / "whole"))
    killed = 0
    for number in range(10):
        ends, lines = killed_and_resumed(tmp_path / str(number), 3, rng)
        killed += sum(end == -signal.SIGKILL for end in ends)
        assert ends[-1] == 0
        assert lines == whole
    assert killed >= 20  # a run that was already done when its kill came counts as none
