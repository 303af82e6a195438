"""The loop on a stand-in policy: order, schedule, resume after a kill, what is not finite, a checkpoint cut in half."""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from causeway.errors import UnusableInput, UsageError
from causeway.training import loop, losses, schedule
from causeway.training.checkpoint import latest_checkpoint
from causeway.training.config import TrainConfig
from causeway.training.engine import LocalEngine
from causeway.training.loop import Course, train
from causeway.training.samples import load_samples
from tests.training.examples import example_samples, store_samples

CONFIG = TrainConfig(steps=12, batch_size=3, lr=0.05, checkpoint_every_s=0.0)


class Line(nn.Module):
    """Speed → first acceleration: enough to learn, and with noise so that resuming must repeat it."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.backbone, self.expert = nn.Linear(1, 1), nn.Linear(1, 1)


def course(folder, samples=None, config=CONFIG, poison=(), kill_at=None) -> Course:
    policy, calls = Line(), []

    def loss(batch: Sequence[Any], generator: torch.Generator) -> dict[str, Any]:
        calls.append(None)
        if kill_at is not None and len(calls) > kill_at:
            raise KeyboardInterrupt
        speed = torch.tensor([[sample.observation.speed_mps / 10] for sample in batch])
        noisy = speed + 0.1 * torch.randn(speed.shape, generator=generator) + 0.1 * torch.randn(speed.shape)
        error = policy.backbone(noisy).square().mean()
        if any(sample.sample_id in poison for sample in batch):
            error = error * torch.nan
        return {"loss": error, "error": error.detach()}

    return Course("vlm", policy, ("backbone",), samples or example_samples(7), loss, config, folder)


def test_loss_falls_and_every_step_has_its_line(tmp_path):
    before = course(tmp_path)
    frozen = before.policy.expert.weight.clone()
    lines = train(before)
    assert [line["step"] for line in lines] == list(range(12))
    assert lines[-1]["loss"] < lines[0]["loss"]
    assert set(lines[0]) == {"stage", "step", "loss", "parts", "lr", "grad_norm"}  # and no clock
    assert torch.equal(before.policy.expert.weight, frozen)


@pytest.mark.parametrize("kill_at", [0, 1, 5, 11])
def test_a_killed_run_goes_on_with_the_same_losses(tmp_path, kill_at):
    whole = train(course(tmp_path / "whole"))
    with pytest.raises(KeyboardInterrupt):
        train(course(tmp_path / "killed", kill_at=kill_at))
    again = course(tmp_path / "killed")
    resumed = train(again)
    assert [line["loss"] for line in resumed] == [line["loss"] for line in whole]
    assert [line["step"] for line in resumed] == list(range(12))


def test_steps_after_the_last_checkpoint_are_trained_again(tmp_path):
    rare = replace(CONFIG, checkpoint_every_s=1e9)
    whole = train(course(tmp_path / "whole", config=rare))
    with pytest.raises(KeyboardInterrupt):
        train(course(tmp_path / "killed", config=rare, kill_at=5))
    with (tmp_path / "killed" / losses.FILE_NAME).open("a") as file:
        file.write('{"stage": "vlm", "st')  # the kill came in the middle of a line
    resumed = train(course(tmp_path / "killed", config=rare))
    assert [line["loss"] for line in resumed] == [line["loss"] for line in whole]


def test_a_loss_that_is_not_finite_names_its_sample_and_trains_nothing(tmp_path):
    samples = example_samples(7)
    bad = course(tmp_path, samples, poison={samples[4].sample_id})
    with pytest.raises(
        UnusableInput, match=rf"vlm step \d+: the loss is not finite with sample\(s\) {samples[4].sample_id};"
    ):
        train(bad)
    assert all(torch.isfinite(p).all() for p in bad.policy.parameters())


def test_a_gradient_that_is_not_finite_names_its_sample(tmp_path):
    samples = example_samples(3)
    bad = course(tmp_path, samples)

    def loss(batch: Sequence[Any], generator: torch.Generator) -> dict[str, Any]:
        total = bad.policy.backbone.weight.sum() * 0
        for sample in batch:
            steep = (bad.policy.backbone.weight * 0).sqrt().sum()
            total = total + (steep if sample is samples[1] else bad.policy.backbone.weight.sum())
        return {"loss": total}

    with pytest.raises(UnusableInput, match=rf"the gradient is not finite with sample\(s\) {samples[1].sample_id};"):
        train(replace(bad, loss=loss))
    assert torch.isfinite(bad.policy.backbone.weight).all()


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b[:900] + bytes([b[900] ^ 1]) + b[901:]])
def test_a_damaged_checkpoint_is_refused(tmp_path, damage):
    with pytest.raises(KeyboardInterrupt):
        train(course(tmp_path, kill_at=5))
    found = latest_checkpoint(tmp_path)
    assert found is not None
    assert found[0] == 5
    file = found[1] / "state.pt"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(UnusableInput, match=r"state\.pt: bytes differ"):
        train(course(tmp_path))


def test_one_checkpoint_is_kept_and_an_unfinished_one_is_not_read(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(course(tmp_path, kill_at=5))
    (tmp_path / ".step-00000009").mkdir()
    assert [path.name for path in tmp_path.glob("step-*")] == ["step-00000005"]
    assert len(train(course(tmp_path))) == 12


def test_samples_on_disk_train_as_those_in_memory_do(tmp_path, monkeypatch):
    held = example_samples(7)
    stored = load_samples(store_samples(tmp_path / "samples", held))
    whole = train(course(tmp_path / "whole", held))
    for readers in (1, 3):
        monkeypatch.setattr(loop, "READERS", readers)
        assert train(course(tmp_path / f"readers-{readers}", stored)) == whole


@pytest.mark.parametrize("world", [1, 2, 3])
def test_all_processes_together_train_on_the_same_batches(tmp_path, world):
    config = replace(CONFIG, batch_size=3)
    engines = [SimpleNamespace(rank=rank, world=world) for rank in range(world)]
    one = course(tmp_path, config=config)
    for step in range(5):
        ids = [[s.sample_id for s in loop._batch(one, engine, step)] for engine in engines]
        together = [name for turn in zip_longest(*ids) for name in turn if name]
        assert together == [one.samples[i].sample_id for i in schedule.batch_of(step, 3, 7, config.seed)]


def test_more_processes_than_samples_of_a_step_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(LocalEngine, "world", 4)
    with pytest.raises(UsageError, match="batch_size 3: give each of 4 processes"):
        train(course(tmp_path))


def test_one_process_never_imports_deepspeed(tmp_path):
    import subprocess
    import sys

    script = (
        "import sys, pathlib; from tests.training.test_loop import course; from causeway.training.loop import train;"
        "train(course(pathlib.Path(sys.argv[1]))); assert 'deepspeed' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(1, 20), st.integers(0, 5))
def test_every_epoch_sees_every_sample_once(batch_size, samples, seed):
    steps = samples  # batch_size epochs
    seen = [i for step in range(steps) for i in schedule.batch_of(step, batch_size, samples, seed)]
    for epoch in range(batch_size):
        assert sorted(seen[epoch * samples : (epoch + 1) * samples]) == list(range(samples))


def test_the_learning_rate_warms_up_and_falls_to_its_share():
    rates = [schedule.learning_rate(step, 100, 2.0, 0.1, 0.05) for step in range(100)]
    assert rates[0] == pytest.approx(0.2)
    assert max(rates) == rates[10] == pytest.approx(2.0)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(0.1, abs=0.01)


def test_first_and_last_tenth_by_stage(tmp_path):
    lines = [{"stage": s, "step": i, "loss": float(i)} for s in ("vlm", "action") for i in range(20)]
    assert losses.first_and_last(lines) == {"vlm": (0.5, 18.5), "action": (0.5, 18.5)}
    losses.write_lines(tmp_path / "l.jsonl", lines)
    assert losses.read_lines(tmp_path / "l.jsonl") == lines
    assert json.loads((tmp_path / "l.jsonl").read_text().splitlines()[0])["stage"] == "vlm"
