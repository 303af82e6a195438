"""Looking into tables where they lie: which rows come, and how little of an object on S3 is fetched for them."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from causeway.artifacts import Artifact, Writer, run, step, store, store_s3, store_transfer
from causeway.errors import UnusableInput
from tests.artifacts.fault_proxy import proxied

CLIPS, PICTURES, PICTURE_BYTES = 4, 15, 200_000


@step(kind="clips")
def film(*, out: Writer) -> None:
    """Four clips of fifteen pictures: 12 MB that do not compress, in row groups of some 8 MB."""
    rng = np.random.default_rng(0)
    for clip in range(CLIPS):
        with out.shard(f"c{clip}") as shard:
            assert shard is not None
            row = {"clip_id": f"c{clip}", "camera": "front", "width": 1, "height": 1}
            shard.table("frames", [{**row, "t_us": t, "image": rng.bytes(PICTURE_BYTES)} for t in range(PICTURES)])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return Artifact(run(film, {}, out=str(tmp_path_factory.mktemp("film") / "clips")))


def _looked(artifact: Artifact, *names: str, **among: list) -> pa.Table:
    return pa.concat_tables(artifact.look("frames", list(names), **among))


def test_the_rows_that_are_looked_for_come_and_no_others(made: Artifact) -> None:
    whole = made.table("frames")
    found = _looked(made, "image", clip_id=["c3"], t_us=[4, 9, 99])
    assert found.column("t_us").to_pylist() == [4, 9]
    assert found.column("image").to_pylist() == [whole.column("image")[3 * PICTURES + t].as_py() for t in (4, 9)]
    assert _looked(made, "t_us").num_rows == CLIPS * PICTURES
    assert sum(rows.num_rows for rows in made.look("frames", clip_id=["nope"])) == 0
    assert len(list(made.look("frames", ["t_us"], clip_id=["c3"]))) < len(list(made.look("frames", ["t_us"])))


def test_a_column_that_is_not_there_and_a_damaged_page_are_one_line(made: Artifact, tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="lacks column speed"):
        list(made.look("frames", ["speed"]))
    copy = shutil.copytree(made.location, tmp_path / "copy")
    data = bytearray((copy / "frames.parquet").read_bytes())
    data[len(data) // 2] ^= 1
    (copy / "frames.parquet").write_bytes(data)
    with pytest.raises(UnusableInput, match="not a readable Parquet file"):
        list(Artifact.open(copy).look("frames"))


def test_of_s3_only_what_is_looked_for_is_fetched_and_nothing_is_kept(
    made: Artifact, s3: str, s3_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.publish(Path(shutil.copytree(made.location, tmp_path / "staging")), s3)
    with proxied(s3_server) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        opened = Artifact.open(s3)
        assert _looked(opened, "t_us", clip_id=["c3"]).column("t_us").to_pylist() == list(range(PICTURES))
        assert proxy.answered_bytes < 200_000
        picture = _looked(opened, "image", clip_id=["c3"], t_us=[7])
        assert picture.column("image")[0].as_py() == made.table("frames").column("image")[3 * PICTURES + 7].as_py()
        assert proxy.answered_bytes < 10_000_000
    assert not [f for f in store.cache_folder().rglob("*") if f.is_file()]


def test_an_object_without_a_known_hash_is_fetched_whole_and_checked(
    made: Artifact, s3: str, tmp_path: Path
) -> None:
    store.publish(Path(shutil.copytree(made.location, tmp_path / "staging")), s3)
    bucket, key = store_s3.split(f"{s3}/frames.parquet")
    store_s3.client().fput_object(bucket, key, str(Path(made.location, "frames.parquet")))  # by another tool
    assert _looked(Artifact.open(s3), "t_us").num_rows == CLIPS * PICTURES
    assert [f.name for f in store.cache_folder().rglob("*.parquet")] == ["frames.parquet"]


def test_an_object_that_was_replaced_is_never_read_with_the_old_manifest(
    made: Artifact, s3: str, tmp_path: Path
) -> None:
    store.publish(Path(shutil.copytree(made.location, tmp_path / "staging")), s3)
    opened, (bucket, key) = Artifact.open(s3), store_s3.split(f"{s3}/frames.parquet")
    pieces = opened.look("frames", ["t_us", "image"])
    next(pieces)
    store_transfer.put_bytes(bucket, key, b"of another version" * 10**6)
    with pytest.raises(UnusableInput, match="it was replaced or removed: open it again"):
        list(pieces)
    with pytest.raises(UnusableInput, match="bytes differ from the manifest's"):
        list(opened.look("frames"))
