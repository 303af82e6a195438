"""Samples on disk: what comes back is what was written, or a refusal that names the sample and the reason."""

import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from causeway.artifacts import Artifact, Writer, run, step
from causeway.errors import UnusableInput
from causeway.model.observation import Sample
from causeway.training.sample_arrays import checksum, write_arrays
from causeway.training.sample_store import index_row, shard_file, write_shard
from causeway.training.samples import load_samples
from tests.training.examples import example_samples

FILE = shard_file("000000")


def small_samples(count: int) -> list[Sample]:
    """Samples of a few hundred bytes; the second has a route of one point, the third one of three."""
    samples = example_samples(count)
    cut = [replace(s, observation=replace(s.observation, images=s.observation.images[:, :, :4, :6])) for s in samples]
    routes = [None, np.ones((1, 2), np.float32), np.arange(6, dtype=np.float32).reshape(3, 2)]
    return [
        replace(s, observation=replace(s.observation, route=routes[i] if i < len(routes) else None))
        for i, s in enumerate(cut)
    ]


def store(folder: Path, samples: list[Sample], **changes: object) -> Artifact:
    @step(kind="samples")
    def given(*, out: Writer) -> None:
        write_shard(samples, samples[0].observation.cameras, out.path(FILE))
        rows = [index_row(s, "000000", i, "test drives") for i, s in enumerate(samples)]
        out.table("samples", [rows[0] | changes, *rows[1:]])

    return Artifact(run(given, {}, out=str(folder)))


def change(artifact: Artifact, edit: Callable[[bytearray], bytes | bytearray], number: int = 0) -> None:
    """Other bytes in the shard, as if another day had damaged it."""
    path = Path(artifact.location, FILE)
    path.write_bytes(edit(bytearray(path.read_bytes())))
    os.utime(path, ns=(number, number))


def same(one: Sample, other: Sample) -> bool:
    a, b = one.observation, other.observation
    arrays = [(getattr(a, n), getattr(b, n)) for n in ("images", "frame_t_us", "rig", "ego_history", "route")]
    arrays += [(one.controls, other.controls), (one.trajectory_rig, other.trajectory_rig)]
    equal = all((x is None and y is None) or (x.dtype == y.dtype and np.array_equal(x, y)) for x, y in arrays)
    texts = ("sample_id", "clip_id", "t0_us", "split", "scenario", "reasoning", "decision")
    return equal and a.speed_mps == b.speed_mps and all(getattr(one, n) == getattr(other, n) for n in texts)


def test_what_is_read_is_what_was_written(tmp_path):
    written = small_samples(4)
    samples = load_samples(store(tmp_path / "s", written))
    assert all(same(*pair) for pair in zip(samples, written, strict=True))
    assert [None if s.observation.route is None else len(s.observation.route) for s in samples] == [None, 1, 3, None]
    assert same(samples[-1], written[3])
    assert [s.sample_id for s in samples[1:3]] == [s.sample_id for s in written[1:3]]
    assert len(samples[:0]) == 0
    with pytest.raises(IndexError):
        samples[4]
    assert samples.controls(2).tolist() == [written[0].controls.tolist(), written[2].controls.tolist()]
    assert samples.with_reasoning() == 4
    assert same(pickle.loads(pickle.dumps(samples))[2], written[2])  # so that other processes can read them


def test_a_sample_does_not_change_when_its_file_does(tmp_path):
    artifact = store(tmp_path / "s", small_samples(2))
    (first, _), kept = load_samples(artifact), small_samples(2)[0]
    change(artifact, lambda data: bytes(len(data)))
    assert same(first, kept)


def refusal(artifact: Artifact, number: int, kept: Sample) -> str:
    """Why a sample is refused; "" when it is read, and then it must be what was written."""
    try:
        read = load_samples(artifact)[number]
    except UnusableInput as error:
        return str(error)
    assert same(read, kept)
    return ""


def test_every_flipped_bit_is_refused_or_harmless(tmp_path):
    written = small_samples(2)
    artifact = store(tmp_path / "s", written)
    whole = Path(artifact.location, FILE).read_bytes()
    refused = 0
    for number, place in enumerate(range(0, len(whole), 5), start=1):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << (place % 8)
        change(artifact, lambda _, flipped=flipped: flipped, number)
        for sample, kept in zip(range(2), written, strict=True):
            said = refusal(artifact, sample, kept)
            refused += bool(said)
            assert not said or (kept.sample_id in said and FILE in said)
    assert refused > len(whole) // 10  # what is not refused is the other sample's, or white space in the header


@pytest.mark.parametrize("says", [b"rear,front", b"rear,rear_", b"front,rear "])
def test_a_header_that_names_other_cameras_is_refused(tmp_path, says):
    seen = small_samples(1)[0].observation
    both = replace(seen, cameras=("front", "rear"), images=np.repeat(seen.images, 2, axis=0))
    both = replace(both, rig=np.repeat(seen.rig, 2, axis=0), frame_t_us=np.repeat(seen.frame_t_us, 2, axis=0))
    artifact = store(tmp_path / "s", [replace(small_samples(1)[0], observation=both)])
    assert load_samples(artifact)[0].observation.cameras == ("front", "rear")
    change(artifact, lambda data: data.replace(b"front,rear", says, 1))
    with pytest.raises(UnusableInput, match=r"sample sample-000: .*(is not what was written|contradict the index)"):
        load_samples(artifact)[0]


@pytest.mark.parametrize(
    "header", [b"[]", b"7", b'{"__metadata__": 7}', b'{"__metadata__": ["a"]}', b"[" * 9000, b"{}"]
)
def test_a_header_that_is_none_is_refused(tmp_path, header):
    artifact = store(tmp_path / "s", small_samples(1))
    change(artifact, lambda data: len(header).to_bytes(8, "little") + header + bytes(64))
    with pytest.raises(UnusableInput, match=r"sample sample-000: .*build"):
        load_samples(artifact)[0]


def test_a_refusal_names_the_sample_even_if_its_folder_is_called_so(tmp_path):
    artifact = store(tmp_path / "sample-000", small_samples(1))
    change(artifact, lambda data: data[:100])
    with pytest.raises(UnusableInput, match=r"^sample sample-000: "):
        load_samples(artifact)[0]


@pytest.mark.parametrize("left", [0, 1, 7, 8, 9, 200, 0.5, -1])
def test_a_shard_cut_short_is_refused(tmp_path, left):
    artifact = store(tmp_path / "s", small_samples(2))
    change(artifact, lambda data: data[: int(left * len(data)) if isinstance(left, float) else left])
    with pytest.raises(UnusableInput, match=r"sample sample-001: .*000000\.safetensors"):
        load_samples(artifact)[1]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"shard": "000007"}, r"holds no shards/000007\.safetensors"),
        ({"row": 2}, "has no row 2"),
        ({"row": -1}, "has no row -1"),
        ({"row": 1}, "is not what was written"),  # another sample's numbers
        ({"sample_id": "sample-0"}, "is not what was written"),
        ({"cameras": ["rear"]}, "cameras or reasoning contradict the index"),
        ({"has_reasoning": False}, "cameras or reasoning contradict the index"),
        ({"cameras": []}, "cameras"),
    ],
)
def test_an_index_that_does_not_fit_is_refused_with_the_id(tmp_path, changes, reason):
    artifact = store(tmp_path / "s", small_samples(2), **changes)
    with pytest.raises(UnusableInput, match=rf"sample sample-0.*{reason}"):
        load_samples(artifact)[0]


def test_a_missing_shard_is_refused_with_the_id(tmp_path):
    artifact = store(tmp_path / "s", small_samples(2))
    Path(artifact.location, FILE).unlink()
    with pytest.raises(UnusableInput, match=r"sample sample-001: .*missing"):
        load_samples(artifact)[1]


def test_a_damaged_index_is_refused(tmp_path):
    artifact = store(tmp_path / "s", small_samples(2))
    path = Path(artifact.location, "samples.parquet")
    data = path.read_bytes()
    path.write_bytes(data.replace(b"front_wide", b"front_wjde"))
    with pytest.raises(UnusableInput, match=r"samples\.parquet"):
        load_samples(artifact)


@pytest.mark.parametrize(("name", "of"), [("controls", "sample"), ("ego_history", "observation")])
def test_a_sample_with_nan_is_refused_with_the_id(tmp_path, name, of):
    first, second = small_samples(2)
    broken = np.full_like(getattr(second if of == "sample" else second.observation, name), np.nan)
    if of == "sample":
        second = replace(second, **{name: broken})
    else:
        second = replace(second, observation=replace(second.observation, **{name: broken}))
    samples = load_samples(store(tmp_path / "s", [first, second]))
    assert same(samples[0], first)
    with pytest.raises(UnusableInput, match=rf"sample sample-001: {name} holds NaN"):
        samples[1]


def test_a_shard_of_something_else_is_refused(tmp_path):
    artifact = store(tmp_path / "s", small_samples(1))
    path = Path(artifact.location, FILE)
    write_arrays([{"images": np.zeros(3, np.uint8)}], ["sample-000"], {"cameras": "front_wide"}, path)
    with pytest.raises(UnusableInput, match=r"sample sample-000: .*has no array"):
        load_samples(artifact)[0]
    from safetensors.numpy import save_file

    save_file({"images": np.zeros((1, 3), np.uint8)}, path)
    with pytest.raises(UnusableInput, match="no checksums"):
        load_samples(artifact)[0]


def test_shards_are_plain_safetensors(tmp_path):
    from safetensors.numpy import load_file

    written = small_samples(3)
    arrays = load_file(Path(store(tmp_path / "s", written).location, FILE))
    np.testing.assert_array_equal(arrays["controls"], [s.controls for s in written])
    np.testing.assert_array_equal(arrays["images"], [s.observation.images for s in written])
    assert arrays["route_points"].tolist() == [-1, 1, 3]


def test_a_checksum_knows_whose_numbers_it_is_of():
    values = np.arange(4, dtype=np.float32)
    sums = {
        checksum(i, n, v) for i in "ab" for n in "xy" for v in (values, values.reshape(2, 2), values.view(np.int32))
    }
    assert len(sums) == 12
    assert checksum("a", "x", values[:0]) == checksum("a", "x", np.zeros(0, np.float32))
