"""A server that cannot start says why, in the process that started it; the real tiny policy is served."""

import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from causeway.artifacts import Writer, run, step
from causeway.errors import CausewayError, UnusableInput
from causeway.model.observation import example_observation
from causeway.serving.client import ask
from causeway.serving.process import ServerProcess
from causeway.serving.seen_pictures import ACCELERATOR_BYTES, HOST_BYTES
from causeway.serving.server import load_policy

PROGRAM = [sys.executable, "-m", "causeway.serving.server"]


@step(kind="policy")
def save_policy(*, out: Writer) -> None:
    from causeway.model import Policy

    Policy.from_scale("tiny", seed=3).save(out.path("config.json").parent)


@step(kind="policy")
def save_pickle(*, out: Writer) -> None:
    out.path("config.json").write_text("{}")
    out.path("model.bin").write_bytes(b"\x80\x04.")


def test_a_start_that_was_given_up_ends_and_leaves_no_process(tmp_path: Path):
    server = ServerProcess("nowhere", program=(sys.executable, "-c", "import time; time.sleep(600)"))
    with ThreadPoolExecutor(1) as pool:
        started = pool.submit(server.__enter__)
        server.give_up()
        with pytest.raises(CausewayError, match="was given up"):
            started.result(60)
    assert server.wait(0) != 0


def test_a_policy_that_is_none_ends_with_its_line(tmp_path: Path):
    with pytest.raises(UnusableInput, match="not a finished artifact"), ServerProcess(str(tmp_path)):
        pass


def test_a_pickle_is_refused(tmp_path: Path):
    made = run(save_pickle, {}, out=str(tmp_path / "policy"))
    with pytest.raises(UnusableInput, match=r"model\.bin may hold a pickle"):
        load_policy(made.location)


@pytest.mark.parametrize(("there", "place", "room"), [(True, "cuda", ACCELERATOR_BYTES), (False, "cpu", HOST_BYTES)])
def test_a_policy_is_put_on_the_accelerator_when_there_is_one(there, place, room, tmp_path: Path, monkeypatch):
    import torch

    from causeway.model import Policy

    placed: list[str] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    monkeypatch.setattr(Policy, "to", lambda self, device: placed.append(device) or self)
    policy, _, version = load_policy(run(save_policy, {}, out=str(tmp_path / "policy")).location)
    assert placed == [place]
    assert policy.backbone.look._most_bytes == room
    assert len(version) == 64


def test_a_server_that_never_gets_ready_is_ended_and_its_last_lines_told():
    program = [sys.executable, "-c", "import time; print('still loading', flush=True); time.sleep(60)"]
    server = ServerProcess("x", timeout_s=1.5, program=program)
    with pytest.raises(CausewayError, match=r"not ready after 1\.5 s: still loading"), server:
        pass
    assert server.wait(0) != 0


def test_a_port_in_use_is_one_line_and_exit_code_2(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [*PROGRAM, "--policy", str(tmp_path), "--http-port", str(port)], capture_output=True, text=True, check=False
        )
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [f"causeway: port {port} of 127.0.0.1: Address already in use; name another"]


def test_the_tiny_policy_is_served_and_batching_does_not_change_its_answers(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # test workers share the cores
    made = run(save_policy, {}, out=str(tmp_path / "policy"))
    questions = [replace(example_observation(seed), speed_mps=3.0 + seed) for seed in range(8)]
    with ServerProcess(made.location) as server, ThreadPoolExecutor(8) as pool:
        alone = [ask(server.grpc_url, q, temperature=0.0) for q in questions]
        together = list(pool.map(lambda q: ask(server.grpc_url, q, temperature=0.0), questions))
        over_rest = ask(server.http_url, questions[0], samples=2, seed=4)
    assert alone[0].policy_version == made.content_hash
    assert over_rest.trajectory.shape == (2, 64, 3)
    assert over_rest.timing_ms["action"] > 0
    for one, other in zip(alone, together, strict=True):
        assert one.reasoning == other.reasoning
        assert np.abs(one.trajectory - other.trajectory).max() < 1e-4
