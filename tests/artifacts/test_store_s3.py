"""Artifacts on a real S3 server on loopback; skips, saying so, where no MinIO binary is at hand."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from causeway.artifacts import Artifact, Writer, run, step, store, write_artifact
from causeway.errors import UnusableInput, UsageError

ROWS = [{"clip_id": "a", "t_us": 1, "longitudinal": "stop", "lateral": "go_straight", "lane": None}]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    binary = shutil.which("minio")
    if binary is None:
        pytest.skip("no S3 server here: put a minio binary on the PATH")
    port, patch = _free_port(), pytest.MonkeyPatch()
    data = tmp_path_factory.mktemp("minio")
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "causeway-test",
        "AWS_SECRET_ACCESS_KEY": "causeway-test-only",
        "CAUSEWAY_CACHE": str(tmp_path_factory.mktemp("cache")),
        "MINIO_ROOT_USER": "causeway-test",
        "MINIO_ROOT_PASSWORD": "causeway-test-only",
    }.items():
        patch.setenv(name, value)
    store._client.cache_clear()
    command = [binary, "server", "--address", f"127.0.0.1:{port}", "--console-address", "127.0.0.1:0", str(data)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_until_up(port)
        store._client().make_bucket("causeway")
        yield "s3://causeway/run"
    finally:
        server.terminate()
        server.wait(timeout=20)
        store._client.cache_clear()
        patch.undo()


def _wait_until_up(port: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                time.sleep(0.5)
                return
        time.sleep(0.1)
    raise AssertionError("the S3 server did not start")


@step(kind="meta_actions")
def copy(meta: Artifact, *, out: Writer) -> None:
    out.table("meta_actions", meta.table("meta_actions"))
    out.path("notes/extra.txt").write_text("a file beside the tables")


def test_same_content_hash_on_s3_and_on_disk(s3: str, tmp_path: Path) -> None:
    write_artifact("meta_actions", {"meta_actions": ROWS}, tmp_path / "meta")
    local = run(copy, {"meta": str(tmp_path / "meta")}, out=str(tmp_path / "copy"))
    remote = run(copy, {"meta": str(tmp_path / "meta")}, root=f"{s3}/root")
    assert remote.content_hash == local.content_hash
    assert remote.location == f"{s3}/root/meta_actions/{local.content_hash}"
    opened = Artifact.open(remote.location)
    assert opened.table("meta_actions").to_pylist() == ROWS
    assert opened.path("notes/extra.txt").read_text() == "a file beside the tables"


def test_a_finished_step_on_s3_is_found_again(s3: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    write_artifact("meta_actions", {"meta_actions": ROWS}, tmp_path / "meta")
    run(copy, {"meta": str(tmp_path / "meta")}, root=f"{s3}/again")
    capsys.readouterr()
    run(copy, {"meta": str(tmp_path / "meta")}, root=f"{s3}/again")
    assert "kept, already done" in capsys.readouterr().err


def test_a_corrupted_object_is_refused(s3: str, tmp_path: Path) -> None:
    write_artifact("meta_actions", {"meta_actions": ROWS}, tmp_path / "meta")
    manifest = run(copy, {"meta": str(tmp_path / "meta")}, out=f"{s3}/corrupt")
    shutil.rmtree(store.cache_folder() / "artifacts", ignore_errors=True)
    store.write_bytes(f"{s3}/corrupt/notes/extra.txt", b"tampered")
    with pytest.raises(UnusableInput, match="bytes differ"):
        Artifact.open(manifest.location).path("notes/extra.txt")


def test_an_absent_artifact_and_bucket_are_one_line(s3: str) -> None:
    with pytest.raises(UnusableInput, match=r"no manifest\.json"):
        Artifact.open(f"{s3}/nowhere")
    with pytest.raises(UnusableInput, match="NoSuchBucket"):
        Artifact.open("s3://no-such-bucket-here/x")


def test_raw_drives_are_mirrored(s3: str) -> None:
    store.write_bytes(f"{s3}/drives/a/one.txt", b"1")
    store.write_bytes(f"{s3}/drives/two.txt", b"22")
    mirror = store.local_copy(f"{s3}/drives")
    assert {f.relative_to(mirror).as_posix(): f.read_bytes() for f in mirror.rglob("*.txt")} == {
        "a/one.txt": b"1",
        "two.txt": b"22",
    }


def test_a_mirror_follows_what_changes_in_its_prefix(s3: str) -> None:
    store.write_bytes(f"{s3}/moving/a.txt", b"old")
    store.write_bytes(f"{s3}/moving/gone.txt", b"1")
    store.local_copy(f"{s3}/moving")
    time.sleep(1.1)  # S3 gives times of change in whole seconds
    store.write_bytes(f"{s3}/moving/a.txt", b"new")  # as long as it was
    bucket, key = store._split(f"{s3}/moving/gone.txt")
    store._client().remove_object(bucket, key)
    mirror = store.local_copy(f"{s3}/moving")
    assert {f.name: f.read_bytes() for f in mirror.rglob("*") if f.is_file()} == {"a.txt": b"new"}


def test_what_the_store_refuses_on_writing_is_one_line(s3: str, tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="NoSuchBucket"):
        store.write_bytes("s3://no-such-bucket-here/x", b"1")
    (tmp_path / "a").write_bytes(b"1")
    with pytest.raises(UnusableInput, match="NoSuchBucket"):
        store.publish(tmp_path, "s3://no-such-bucket-here/x")


def test_a_wrong_endpoint_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "ENDPOINT_URL": "http://host/with/path"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3", raising=False)
    store._client.cache_clear()
    with pytest.raises(UsageError, match="AWS_ENDPOINT_URL"):
        store._client()
    store._client.cache_clear()
