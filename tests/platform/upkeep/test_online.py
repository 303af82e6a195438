import gzip
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from causeway.errors import Refused, UnusableInput, UsageError
from causeway.platform.upkeep import online


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A Redis of our own on a free loopback port; ended by its process id."""
    server = shutil.which("redis-server")
    if server is None:
        pytest.skip("no redis-server on the PATH: backups of the online store are not tested")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=10)


def test_destroyed_and_restored_every_key_is_what_it_was(address: str):
    from redis import Redis

    redis = Redis("127.0.0.1", int(address.rpartition(":")[2]))
    redis.hset("rig\x00car", mapping={"fx": b"\x00\xff", "fy": b"2"})
    redis.set("short", "x", px=100_000)
    data = online.dump(address)
    with pytest.raises(Refused, match="holds keys already"):
        online.restore(address, data, "backup")
    redis.flushall()
    assert online.restore(address, data, "backup") == 2
    assert redis.hgetall("rig\x00car") == {b"fx": b"\x00\xff", b"fy": b"2"}
    assert 0 < redis.pttl("short") <= 100_000
    assert redis.pttl("rig\x00car") == -1
    redis.close()


# mtime: a gzip header holds the second, and a test's name comes from its parameters
@pytest.mark.parametrize("data", [b"x", gzip.compress(b"{", mtime=0), gzip.compress(b"[1]", mtime=0)])
def test_what_is_no_dump_is_told(data: bytes):
    with pytest.raises(UnusableInput, match="not a dump of Redis"):
        online.restore("127.0.0.1:1", data, "here")


def test_an_address_without_port_is_told():
    with pytest.raises(UsageError, match="host:port"):
        online.dump("redis")


def test_a_store_that_is_away_is_told():
    with pytest.raises(UnusableInput, match="Redis refuses"):
        online.dump("127.0.0.1:1")


def test_an_address_with_a_password_is_refused_without_telling_it():
    with pytest.raises(UsageError, match="--redis here:6379: write host:port") as refused:
        online.dump("here:6379,password=hush")
    assert "hush" not in str(refused.value)
