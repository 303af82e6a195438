import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from minio import Minio
from minio.error import S3Error

from causeway.errors import UnusableInput, UsageError
from causeway.platform.upkeep import object_store

ROOT, USER = ("the-root", "root-secret-1"), ("runs", "runs-secret-1")


def _set(patch: pytest.MonkeyPatch, address: str, root: tuple[str, str] = ROOT, user: tuple[str, str] = USER) -> None:
    patch.setenv("AWS_ENDPOINT_URL", f"http://{address}")
    for name, value in zip((object_store.ROOT_USER, object_store.ROOT_PASSWORD), root, strict=True):
        patch.setenv(name, value)
    for name, value in zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), user, strict=True):
        patch.setenv(name, value)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A MinIO of our own on a free loopback port; ended by its process id."""
    server = shutil.which("minio")
    if server is None:
        pytest.skip("no minio on the PATH: the object store's user is not tested")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [server, "server", "--address", where, "--console-address", "127.0.0.1:0", str(tmp_path / "data")]
    keys = {"MINIO_ROOT_USER": ROOT[0], "MINIO_ROOT_PASSWORD": ROOT[1], "HOME": str(tmp_path)}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=keys)
    try:
        yield where
    finally:
        process.terminate()
        process.wait(timeout=20)


def _client(address: str, user: tuple[str, str] = USER) -> Minio:
    return Minio(address, *user, secure=False, region="us-east-1")


def _code(call) -> str:
    with pytest.raises(S3Error) as refused:
        call()
    return str(refused.value.code)


def test_the_user_may_use_the_objects_of_his_buckets_and_nothing_else(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    _set(monkeypatch, address)
    assert object_store.prepare(["ours", "pipelines"], 30)["made"] == ["ours", "pipelines"]
    assert object_store.prepare(["ours", "pipelines"], 30)["made"] == []  # the same again
    _client(address, ROOT).make_bucket("others")
    (tmp_path / "x").write_bytes(b"x")
    client = _client(address)
    client.fput_object("ours", "a/b", str(tmp_path / "x"))
    assert [found.object_name for found in client.list_objects("ours", recursive=True)] == ["a/b"]
    client.remove_object("ours", "a/b")
    assert client.bucket_exists("pipelines")
    assert _code(lambda: client.fput_object("others", "a", str(tmp_path / "x"))) == "AccessDenied"
    assert _code(lambda: client.make_bucket("mine")) == "AccessDenied"
    assert _code(lambda: client.remove_bucket("ours")) == "AccessDenied"
    assert [bucket.name for bucket in client.list_buckets()] == ["ours", "pipelines"]

    _set(monkeypatch, address, user=(USER[0], "another-secret"))
    object_store.prepare(["ours"], 30)
    assert _code(lambda: client.fput_object("ours", "a", str(tmp_path / "x"))) == "SignatureDoesNotMatch"
    assert _client(address, (USER[0], "another-secret")).bucket_exists("ours")

    _set(monkeypatch, address, user=("others", "another-secret"))
    object_store.prepare(["ours"], 30)
    assert _client(address, ("others", "another-secret")).bucket_exists("ours")
    assert _code(lambda: _client(address, (USER[0], "another-secret")).fput_object("ours", "a", str(tmp_path / "x"))) == (
        "InvalidAccessKeyId"
    )

    _set(monkeypatch, address, root=(ROOT[0], "not-this-one"))
    with pytest.raises(UsageError, match="not the store's"):
        object_store.prepare(["ours"], 30)


@pytest.mark.parametrize(
    ("root", "user", "says"),
    [
        (ROOT, (ROOT[0], "another-secret"), "are the same"),
        (("", ""), USER, object_store.ROOT_USER),
        (ROOT, ("runs", "short"), "AWS_SECRET_ACCESS_KEY eight"),
    ],
)
def test_keys_that_cannot_be_are_told_before_anything_is_asked(
    root: tuple[str, str], user: tuple[str, str], says: str, monkeypatch: pytest.MonkeyPatch
):
    _set(monkeypatch, "127.0.0.1:1", root, user)
    with pytest.raises(UsageError, match=says):
        object_store.prepare(["ours"], 0)


def test_a_store_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch):
    _set(monkeypatch, "127.0.0.1:1")
    with pytest.raises(UnusableInput, match="does not answer"):
        object_store.prepare(["ours"], 0)
    with pytest.raises(UsageError, match="--bucket"):
        object_store.prepare([], 0)
