"""Checkpoints where a lost machine cannot take them along: a shared folder, and a real S3 server."""

import shutil

import pytest

from causeway.training import checkpoint_store, loop
from causeway.training.checkpoint_store import VARIABLE, place_of
from causeway.training.loop import train
from tests.artifacts.conftest import s3, s3_server  # noqa: F401
from tests.training.test_loop import course


def test_where_checkpoints_go(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert place_of("run-1", tmp_path) == (tmp_path, "")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "shared"))
    assert place_of("run-1", tmp_path) == (tmp_path / "shared" / "run-1", "")
    monkeypatch.setenv(VARIABLE, "s3://bucket/checkpoints")
    assert place_of("run-1", tmp_path) == (tmp_path, "s3://bucket/checkpoints/run-1")


def in_store(folder, location, **more):
    one = course(folder, **more)
    return loop.Course(**{**vars(one), "store": location})


def test_a_run_on_another_machine_goes_on_from_the_store(s3, tmp_path):  # noqa: F811
    whole = train(course(tmp_path / "whole"))
    with pytest.raises(KeyboardInterrupt):
        train(in_store(tmp_path / "first", s3, kill_at=5))
    shutil.rmtree(tmp_path / "first")  # the machine is gone
    assert sorted(checkpoint_store._index(s3)) == ["step-00000004", "step-00000005"]
    assert train(in_store(tmp_path / "second", s3)) == whole
    loop.forget(tmp_path / "second", s3)
    assert checkpoint_store._index(s3) == {}
