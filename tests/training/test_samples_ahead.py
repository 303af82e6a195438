"""Frames after t0: cut from the clips where they are asked for, stored beside the shards, a target and never an input."""

from dataclasses import fields, replace

import numpy as np
import pytest

from causeway.artifacts import Artifact, run
from causeway.errors import UnusableInput, UsageError
from causeway.model.ahead import check_ahead
from causeway.model.observation import Observation
from causeway.training.joined_samples import JoinConfig, join_samples
from causeway.training.sample_ahead_store import ahead_file
from causeway.training.samples import SamplesConfig, load_samples
from tests.training.examples import example_samples, store_samples, with_ahead
from tests.training.test_samples import build, clip_tables, jpeg, label

T0_US = 4_000_000


def bytes_of(observation: Observation) -> list[bytes]:
    return [np.asarray(getattr(observation, field.name)).tobytes() for field in fields(Observation)]


def test_frames_after_t0_are_the_latest_up_to_their_offset_and_none_of_before(tmp_path):
    samples = build(tmp_path, [label(T0_US)], future_offsets_s=(0.1, 0.5, 1.0))
    (plain,), (sample,) = load_samples(samples), load_samples(samples, ahead=True)
    assert plain.ahead is None
    assert sample.ahead is None  # 0.1 s on there is no picture yet: one each 0.2 s, and that of t0 is no future
    samples = build(tmp_path, [label(T0_US)], future_offsets_s=(0.5, 1.0))
    (sample,) = load_samples(samples, ahead=True)
    assert sample.ahead.cameras == ("front_tele", "front_wide")
    assert sample.ahead.t_us.tolist() == [[T0_US + 400_000, T0_US + 1_000_000]] * 2
    shade = sample.ahead.images.reshape(2, 2, -1).mean(axis=2)
    np.testing.assert_allclose(shade, [[44, 50]] * 2, atol=1.0)  # every picture's shade is its tick
    np.testing.assert_array_equal(sample.ahead.rig, sample.observation.rig)


def test_what_the_future_shows_reaches_no_input(tmp_path):
    tables = clip_tables()
    poisoned = [
        row | {"image": jpeg(250)} if row["t_us"] > T0_US else row for row in tables["frames"]
    ]
    one = build(tmp_path, [label(T0_US)], tables, future_offsets_s=(0.5,))
    two = build(tmp_path, [label(T0_US)], tables | {"frames": poisoned}, future_offsets_s=(0.5,))
    (clean,), (other,) = load_samples(one, ahead=True), load_samples(two, ahead=True)
    assert bytes_of(clean.observation) == bytes_of(other.observation)
    assert not np.array_equal(clean.ahead.images, other.ahead.images)


def test_samples_without_frames_ahead_are_the_same_bytes_as_before(tmp_path):
    plain, more = build(tmp_path, [label(T0_US)]), build(tmp_path, [label(T0_US)], future_offsets_s=(0.5,))
    shard = "shards/000000.safetensors"
    assert plain.path(shard).read_bytes() == more.path(shard).read_bytes()
    assert ahead_file("000000") not in plain.manifest.files
    assert load_samples(plain, ahead=True)[0].ahead is None


def test_a_damaged_or_impossible_frame_ahead_is_refused(tmp_path):
    (sample,) = with_ahead(example_samples(1))
    for wrong, said in (
        ({"t_us": np.full((1, 1), sample.t0_us)}, "a frame ahead is not after t0"),
        ({"rig": np.zeros((2, 16), np.float32)}, "times or rig"),
        ({"images": sample.ahead.images.astype(np.float32)}, "expected uint8"),
        ({"cameras": ()}, "0 camera"),
    ):
        with pytest.raises(UnusableInput, match=said):
            check_ahead(replace(sample.ahead, **wrong), sample.t0_us)
    stored = store_samples(tmp_path / "samples", [sample])
    file = stored.path(ahead_file("000000"))
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(UnusableInput, match="is not what was written"):
        load_samples(stored, ahead=True)[0]
    for wrong in ((0.0,), (1.0, 0.5), (np.inf,), (0.5, 0.5)):
        with pytest.raises(UsageError, match="future_offsets_s"):
            SamplesConfig(future_offsets_s=wrong)


def test_frames_ahead_go_with_their_samples_when_drives_are_withdrawn(tmp_path):
    samples = with_ahead(example_samples(3))
    samples = [replace(sample, clip_id=f"drive{i}-0") for i, sample in enumerate(samples)]
    stored = store_samples(tmp_path / "samples", samples).location
    inputs = {"samples": stored, "before": None}
    for withdrawn in ((), ("drive1",)):
        out = str(tmp_path / f"joined{len(withdrawn)}")
        joined = Artifact(run(join_samples, inputs, out=out, config=JoinConfig(withdrawn)))
        found = load_samples(joined, ahead=True)
        left = [sample for sample in samples if sample.clip_id.split("-")[0] not in withdrawn]
        assert [one.sample_id for one in found] == [one.sample_id for one in left]
        for one, sample in zip(found, left, strict=True):
            np.testing.assert_array_equal(one.ahead.images, sample.ahead.images)


