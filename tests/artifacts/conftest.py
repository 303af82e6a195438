"""A real S3 server on loopback for the tests of this folder; skips, saying so, where no MinIO binary is at hand."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from causeway.artifacts import store_s3

ACCESS_KEY, SECRET_KEY = "causeway-test", "causeway-test-only"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of a fresh server with an empty bucket `causeway`."""
    binary = shutil.which("minio")
    if binary is None:
        pytest.skip("no S3 server here: put a minio binary on the PATH")
    address, data = f"127.0.0.1:{free_port()}", tmp_path_factory.mktemp("minio")
    command = [binary, "server", "--address", address, "--console-address", "127.0.0.1:0", str(data)]
    keys = {"MINIO_ROOT_USER": ACCESS_KEY, "MINIO_ROOT_PASSWORD": SECRET_KEY, "HOME": str(data)}
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=keys)
    try:
        with pytest.MonkeyPatch.context() as patch:
            _use(patch, f"http://{address}", data)
            _make_bucket()
        yield address
    finally:
        server.terminate()
        server.wait(timeout=20)


def _make_bucket() -> None:
    for _ in range(100):
        try:
            return store_s3.client().make_bucket("causeway")
        except Exception:
            time.sleep(0.1)
    raise AssertionError("the S3 server did not start")


def _use(patch: pytest.MonkeyPatch, endpoint: str, cache: Path) -> None:
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        patch.delenv(name, raising=False)
    patch.setenv("AWS_ENDPOINT_URL", endpoint)
    patch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    patch.setenv("CAUSEWAY_CACHE", str(cache))


@pytest.fixture
def s3(s3_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """A prefix of the test's own on the server, which the environment names; an empty cache."""
    _use(monkeypatch, f"http://{s3_server}", tmp_path / "cache")
    return f"s3://causeway/{request.node.name.replace('[', '-').replace(']', '')}"
