"""The entry point of a job: what it refuses, what it makes, and the code it ends with."""

import json
import os
import signal

import pytest

from causeway.artifacts import Artifact
from causeway.training import entry, loop
from tests.training.examples import example_samples, store_samples

SETTINGS = json.dumps({"steps": 3, "batch_size": 2, "gate_samples": 2, "checkpoint_every_s": 1e9})


@pytest.fixture(scope="module")
def samples(tmp_path_factory) -> str:
    return store_samples(tmp_path_factory.mktemp("entry") / "samples", example_samples(4)).location


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["dance", "--samples", "x", "--out", "y"], "no such stage; stages of recipe alpamayo are vlm, action, coc, rl"),
        (["vlm", "--recipe", "pi1", "--samples", "x", "--out", "y"], "recipe 'pi1' is not known"),
        (["vlm", "--out", "y"], "--samples"),
        (["vlm", "--samples", "x"], "give --out or --root"),
        (["action", "--samples", "x", "--out", "y"], "train stage vlm first and name its policy with --from"),
        (["vlm", "--samples", "x", "--from", "p", "--out", "y"], "stage vlm begins a new policy; leave --from out"),
        (["vlm", "--samples", "x", "--out", "y", "--settings", "{"], "no JSON object"),
        (["vlm", "--samples", "x", "--out", "y", "--settings", '{"speed": 1}'], "no setting 'speed'"),
    ],
)
def test_wrong_words_end_with_two_and_one_line(words, said, capsys):
    assert entry.main(words) == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert len([line for line in told if said in line]) == 1


def test_samples_that_are_not_there_end_with_four(tmp_path, capsys):
    assert entry.main(["vlm", "--samples", str(tmp_path / "none"), "--out", str(tmp_path / "p")]) == 4
    assert "none" in capsys.readouterr().err


def test_sigterm_ends_with_75_and_the_same_words_go_on(samples, tmp_path, monkeypatch, capsys):
    words = ["vlm", "--samples", samples, "--out", str(tmp_path / "policy"), "--settings", SETTINGS]
    words += ["--manifest", str(tmp_path / "left" / "manifest.json")]
    original = loop._one_step

    def stopped(*arguments):
        os.kill(os.getpid(), signal.SIGTERM)
        return original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "_one_step", stopped)
        assert entry.main(words) == 75
    assert not (tmp_path / "policy").exists()
    assert entry.main(words) == 0
    said = capsys.readouterr().err
    assert "stopped after step 1 of 3" in said
    assert "vlm: going on from step 1" in said
    left = json.loads((tmp_path / "left" / "manifest.json").read_text())
    assert left["content_hash"] == Artifact.open(tmp_path / "policy").manifest.content_hash


def test_sigterm_before_the_loop_ends_with_75_and_one_line(samples, tmp_path, monkeypatch, capsys):
    words = ["vlm", "--samples", samples, "--out", str(tmp_path / "policy"), "--settings", SETTINGS]
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(loop, "train", lambda course: os.kill(os.getpid(), signal.SIGTERM))
    assert entry.main(words) == 75
    assert capsys.readouterr().err.strip().endswith("stopped outside the training loop; the same command goes on")
    assert not (tmp_path / "policy").exists()
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_code_that_matters_most_is_that_of_a_process_not_torchruns_one(tmp_path, monkeypatch):
    def ended(code, left):
        class Child:
            def __init__(self, command, env):
                for rank, exit_code in enumerate(left):
                    (entry.Path(env[entry._CODES]) / str(rank)).write_text(str(exit_code))

            def wait(self):
                return code

        monkeypatch.setattr(entry.subprocess, "Popen", Child)
        monkeypatch.setattr(entry.signal, "signal", lambda *_: None)
        return entry._torchrun([], 2)

    assert ended(0, [0, 0]) == 0
    assert ended(1, [75, 75]) == 75
    assert ended(1, [75, 4]) == 4
    assert ended(1, []) == 1
