"""What drives cannot feed is said before anything is trained."""

import pytest

from causeway.artifacts import Artifact, write_artifact
from causeway.errors import UnusableInput, UsageError
from causeway.platform import demo
from causeway.platform.costs import PRICES
from causeway.platform.demo import check_trainable


def samples(folder, *splits, quarantined=()):
    rows = [
        {"sample_id": f"s{i}", "clip_id": "c", "t0_us": i, "split": split, "shard": "000000"}
        for i, split in enumerate(splits)
    ]
    left_out = [
        {"source": "label", "where": f"m{i}", "reason": "no_sample", "detail": d} for i, d in enumerate(quarantined)
    ]
    write_artifact("samples", {"samples": rows, "quarantine": left_out}, folder)
    return Artifact.open(folder).manifest


def test_samples_of_which_none_may_be_trained_on_are_told_by_split(tmp_path):
    with pytest.raises(UnusableInput, match=r"^mine: no sample to train on \(2 in test, 1 in val\); give more drives"):
        check_trainable(samples(tmp_path / "a", "test", "val", "test"), "mine")


def test_no_sample_at_all_is_told_with_the_commonest_reason(tmp_path):
    reasons = ["no window", "no picture", "no picture"]
    with pytest.raises(UnusableInput, match=r"\(none at all\); 2 moments have none: no picture; give more"):
        check_trainable(samples(tmp_path / "a", quarantined=reasons), "mine")


def test_one_sample_in_train_is_enough(tmp_path):
    assert check_trainable(samples(tmp_path / "a", "train", "test"), "mine") is None


def test_what_is_no_price_is_said_before_anything_is_done(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "run_loop", lambda *_: pytest.fail("the loop was begun"))
    monkeypatch.setenv(PRICES, "cpu=cheap")
    with pytest.raises(UsageError, match=f"^{PRICES}=cpu=cheap: write cpu="):
        demo.run_demo(tmp_path / "out", "", "auto")
    assert not (tmp_path / "out").exists()
