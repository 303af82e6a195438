"""Rollout workers: real processes beside one that trains, with its very losses where nothing is stale."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from causeway.errors import EXIT_TRY_AGAIN, CausewayError, UsageError
from causeway.model import Policy
from causeway.training import losses, rollout_pool
from causeway.training.config import RlConfig
from causeway.training.loop import Course, train
from causeway.training.reinforcement import reinforcement_loss
from causeway.training.rollout_pool import fed, refuse_unready, version_of, work
from causeway.training.stages import STAGES
from tests.training.examples import example_samples

TRAINS = STAGES["rl"].trains
CONFIG = RlConfig(
    steps=3, batch_size=2, group_size=2, lr=1e-3, tokens=False, walk_draws=1, walk_level=0.0, weights="jerk=1",
    rollout_workers=1, staleness=0, checkpoint_every_s=0.0,
)  # fmt: skip
SAMPLES = example_samples(6)

Told = Callable[[losses.Line], None]


def in_processes(folder: Path, config: RlConfig, tell: Told = lambda line: None) -> list[int]:
    """Exit codes of a run: of the process that trains, then of its workers."""
    (folder / "meeting").unlink(missing_ok=True)
    children: list[int] = []
    for rank in range(1 + config.rollout_workers):
        part = partial(_part, folder, config, tell)
        children.append(_child(part, rank, 1 + config.rollout_workers, folder / "meeting", children[:1]))
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def _child(part: Callable[[], object], rank: int, world: int, meeting: Path, group: list[int]) -> int:
    """A process of the run, all of them in one process group of their own."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.setpgid(0, group[0] if group else 0)
        torch.set_num_threads(1)
        os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(world)}
        torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=world)
        part()
        code = 0
    except CausewayError as error:
        code = error.exit_code
    finally:
        os._exit(code)


def _part(folder: Path, config: RlConfig, tell: Told) -> None:
    policy = Policy.from_scale("tiny", seed=3).train()
    if os.environ["RANK"] != "0":
        work(policy, TRAINS, config, SAMPLES)
        return
    loss = reinforcement_loss(policy, config, SAMPLES)
    course = Course("rl", policy, TRAINS, SAMPLES, loss, config, folder / "run", feed=partial(fed, policy, TRAINS, config))
    train(replace(course, tell=lambda line, pace: tell(line)))


def lines_of(folder: Path) -> list[losses.Line]:
    return losses.read_lines(folder / "run" / losses.FILE_NAME)


def run_alone(folder: Path, config: RlConfig) -> list[losses.Line]:
    """The same without workers, in this process."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    policy = Policy.from_scale("tiny", seed=3).train()
    loss = reinforcement_loss(policy, config, SAMPLES)
    found = train(Course("rl", policy, TRAINS, SAMPLES, loss, replace(config, rollout_workers=0), folder))
    torch.set_num_threads(threads)
    return found


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> list[losses.Line]:
    return run_alone(tmp_path_factory.mktemp("alone"), CONFIG)


def test_a_worker_that_is_never_stale_gives_the_losses_of_a_process_alone(alone, tmp_path):
    assert in_processes(tmp_path, CONFIG) == [0, 0]
    assert lines_of(tmp_path) == alone


@pytest.mark.parametrize("more", [{"bf16": True}, {"passes": 2, "tokens": True}])
def test_so_it_does_in_half_precision_and_in_passes(tmp_path, more):
    config = replace(CONFIG, steps=2, **more)
    assert in_processes(tmp_path, config) == [0, 0]
    assert lines_of(tmp_path) == run_alone(tmp_path / "alone", config)


def test_two_workers_that_work_ahead_are_never_older_than_the_bound(tmp_path):
    config = replace(CONFIG, steps=5, rollout_workers=2, staleness=2)
    assert in_processes(tmp_path, config) == [0, 0, 0]
    parts = [line["parts"] for line in lines_of(tmp_path)]
    assert [told["stale_steps"] for told in parts] == [0.0, 1.0, 2.0, 1.0, 2.0]
    gaps = [told["logprob_gap_text"] for told in parts]
    assert gaps[0] < 1e-4 < min(gaps[1:])  # older weights found other words likely, and the ratio says so


def test_kill_9_of_the_process_that_trains_changes_no_loss(alone, tmp_path):
    def dies_late(line: losses.Line) -> None:
        if line["step"] == 2:
            dies(line)

    assert in_processes(tmp_path, CONFIG, dies_late) == [-signal.SIGKILL, EXIT_TRY_AGAIN]
    assert in_processes(tmp_path, CONFIG) == [0, 0]
    assert lines_of(tmp_path) == alone


def dies(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_whose_training_process_is_gone_ends_and_says_so(tmp_path):
    assert in_processes(tmp_path, CONFIG, dies) == [-signal.SIGKILL, EXIT_TRY_AGAIN]


def test_the_training_process_whose_worker_is_gone_ends_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(rollout_pool, "_send", dies)
    assert in_processes(tmp_path, CONFIG) == [EXIT_TRY_AGAIN, -signal.SIGKILL]


def test_sigterm_to_all_leaves_the_step_saved_and_the_same_losses_in_the_end(alone, tmp_path):
    def all_are_told(line: losses.Line) -> None:
        if line["step"] == 0:
            os.killpg(0, signal.SIGTERM)

    assert in_processes(tmp_path, replace(CONFIG, checkpoint_every_s=1e9), all_are_told) == [EXIT_TRY_AGAIN] * 2
    assert len(lines_of(tmp_path)) == 1
    assert (tmp_path / "run" / "step-00000001" / "state.json").is_file()
    assert in_processes(tmp_path, CONFIG) == [0, 0]
    assert lines_of(tmp_path) == alone


@given(st.integers(0, 100), st.integers(0, 40), st.integers(0, 7))
def test_what_is_learned_from_is_within_the_bound_and_weights_only_become_newer(start, more, staleness):
    versions = [version_of(step, start, staleness) for step in range(start, start + more + 1)]
    assert all(0 <= step - version <= staleness for step, version in enumerate(versions, start))
    assert versions == sorted(versions)
    assert versions[0] == start


def test_a_pool_is_one_that_trains_and_the_workers_each_with_a_moment(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    refuse_unready(replace(CONFIG, rollout_workers=2))
    for wrong, said in (
        (replace(CONFIG, rollout_workers=1), "start 2 processes, of which one trains, not 3"),
        (replace(CONFIG, rollout_workers=2, passes=2), "a pass of 1 moments"),
        (replace(CONFIG, rollout_workers=2, staleness=-1), "staleness -1"),
    ):
        with pytest.raises(UsageError, match=said):
            refuse_unready(wrong)
