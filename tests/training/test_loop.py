"""The loop on a stand-in policy: order, schedule, resume after a kill, what is not finite, a checkpoint cut in half."""

import json
import os
import signal
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

from causeway.errors import TryAgain, UnusableInput, UsageError
from causeway.training import loop, losses, schedule
from causeway.training.checkpoint import reader_of
from causeway.training.config import TrainConfig
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

    def trained_parameters(self, part: str) -> list[nn.Parameter]:
        return list(getattr(self, part).parameters())


def course(folder, samples=None, config=CONFIG, poison=(), kill_at=None, noise=0.1) -> Course:
    policy, calls = Line(), []

    def loss(batch: Sequence[Any], generator: torch.Generator) -> dict[str, Any]:
        calls.append(None)
        if kill_at is not None and len(calls) > kill_at:
            raise KeyboardInterrupt
        speed = torch.tensor([[sample.observation.speed_mps / 10] for sample in batch])
        noisy = speed + noise * torch.randn(speed.shape, generator=generator) + noise * torch.randn(speed.shape)
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


DAMAGES = [lambda b: b[: len(b) // 2], lambda b: b[:900] + bytes([b[900] ^ 1]) + b[901:], lambda b: b""]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["00000.safetensors", "state.json", "losses.jsonl"])
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(tmp_path, damage, name, capsys):
    whole = train(course(tmp_path / "whole"))
    with pytest.raises(KeyboardInterrupt):
        train(course(tmp_path / "killed", kill_at=8))
    newest = tmp_path / "killed" / "step-00000008" / name
    newest.write_bytes(damage(newest.read_bytes().ljust(1000)))
    assert train(course(tmp_path / "killed")) == whole
    said = capsys.readouterr().err
    assert f"{name}: bytes differ from what was saved; it is passed over" in said
    assert "going on from step 7" in said


def test_when_every_checkpoint_is_damaged_that_is_said_in_one_line(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(course(tmp_path, kill_at=5))
    for file in tmp_path.glob("step-*/state.json"):
        file.write_text("{}")
    with pytest.raises(UnusableInput, match="no checkpoint is as it was saved; remove the folder to start over"):
        train(course(tmp_path))


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(course(tmp_path, kill_at=5))
    with pytest.raises(UnusableInput, match="is of a run with seed 0, not 1"):
        train(course(tmp_path, config=replace(CONFIG, seed=1)))


@pytest.mark.parametrize(("shapes", "word"), [({"a": (), "b": ()}, "missing from"), ({}, "unexpected in")])
def test_every_missing_or_unexpected_parameter_is_an_error(tmp_path, shapes, word):
    with pytest.raises(KeyboardInterrupt):
        train(course(tmp_path, kill_at=2))
    with pytest.raises(UnusableInput, match=word):
        reader_of(tmp_path / "step-00000002", shapes)


def test_a_checkpoint_of_another_scale_is_refused(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(course(tmp_path, kill_at=2))
    larger = course(tmp_path)
    larger.policy.backbone = nn.Linear(1, 2)
    with pytest.raises(UnusableInput, match=r"weights of backbone.* have shape \[1.*, expected \[2.*: another scale"):
        train(larger)


def test_the_newest_checkpoints_are_kept_and_an_unfinished_one_is_not_read(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(course(tmp_path, kill_at=5))
    (tmp_path / ".step-00000009").mkdir()
    assert sorted(path.name for path in tmp_path.glob("step-*")) == ["step-00000004", "step-00000005"]
    state = json.loads((tmp_path / "step-00000005" / "state.json").read_text())
    assert (state["step"], state["updates"], state["epoch"], state["position"]) == (5, 5, 2, 1)
    assert not list(tmp_path.glob("**/*.pt"))  # nothing is pickled
    assert len(train(course(tmp_path))) == 12


def test_sigterm_saves_and_ends_with_the_code_that_a_job_retries(tmp_path):
    whole = train(course(tmp_path / "whole", config=replace(CONFIG, checkpoint_every_s=1e9)))
    stopped = course(tmp_path / "stopped", config=replace(CONFIG, checkpoint_every_s=1e9))

    def told(line, pace):
        if line["step"] == 4:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(TryAgain, match="vlm: stopped after step 5 of 12 with its work saved") as stop:
        train(replace(stopped, tell=told))
    assert stop.value.exit_code == 75
    assert train(stopped) == whole


def test_a_step_in_passes_has_the_gradient_of_the_whole(tmp_path):
    """Without noise the mean over equal passes is the mean over the batch."""
    config = replace(CONFIG, batch_size=4)
    lines = [train(course(tmp_path / str(n), config=replace(config, passes=n), noise=0.0)) for n in (1, 2, 4)]
    for other in lines[1:]:
        assert [line["loss"] for line in other] == pytest.approx([line["loss"] for line in lines[0]], abs=1e-6)
        assert [line["grad_norm"] for line in other] == pytest.approx(
            [line["grad_norm"] for line in lines[0]], abs=1e-5
        )


def test_the_pace_of_a_run_counts_samples_and_waiting(tmp_path):
    paces = []
    train(replace(course(tmp_path), tell=lambda line, pace: paces.append(replace(pace))))
    assert [pace.samples for pace in paces] == [3 * n for n in range(1, 13)]
    assert 0 <= paces[-1].waiting() <= 1


def test_samples_on_disk_train_as_those_in_memory_do(tmp_path, monkeypatch):
    held = example_samples(7)
    stored = load_samples(store_samples(tmp_path / "samples", held))
    whole = train(course(tmp_path / "whole", held))
    for readers in (1, 3):
        monkeypatch.setattr(loop, "READERS", readers)
        assert train(course(tmp_path / f"readers-{readers}", stored)) == whole


@pytest.mark.parametrize("world", [1, 2, 3, 6])
def test_all_processes_together_make_the_same_passes(tmp_path, world):
    config = replace(CONFIG, batch_size=7, passes=6)
    engines = [SimpleNamespace(rank=rank, world=world) for rank in range(world)]
    one = course(tmp_path, config=config)
    for step in range(3):
        by_rank = [loop._passes(one, engine, step) for engine in engines]
        together = [made for turn in zip_longest(*by_rank) for made in turn if made]
        assert [seed for _, seed in together] == [schedule.step_seed(0, step, n) for n in range(6)]
        ids = [sample.sample_id for batch, _ in together for sample in batch]
        assert sorted(ids) == sorted(one.samples[i].sample_id for i in schedule.batch_of(step, 7, 7, config.seed))


@pytest.mark.parametrize(("world", "passes"), [(4, 1), (2, 3)])
def test_processes_that_cannot_share_a_step_are_refused(tmp_path, monkeypatch, world, passes):
    monkeypatch.setenv("WORLD_SIZE", str(world))
    with pytest.raises(UsageError, match=f"batch_size 3 in {max(world, passes)} passes on {world} processes"):
        train(course(tmp_path, config=replace(CONFIG, passes=passes)))


def test_one_process_never_imports_deepspeed(tmp_path):
    import subprocess
    import sys

    script = (
        "import sys, pathlib; from tests.training.test_loop import course; from causeway.training.loop import train;"
        "train(course(pathlib.Path(sys.argv[1]))); assert 'deepspeed' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False).returncode == 0


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
