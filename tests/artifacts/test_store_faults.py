"""Transfers through a proxy that does harm: they end right, or fail in one line and leave nothing under the name."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import urllib3

from causeway.artifacts import Artifact, Writer, run, step, store, store_s3, store_transfer
from causeway.artifacts.manifest import FILE_NAME
from causeway.artifacts.store_transfer import again, in_parallel
from causeway.errors import UnusableInput
from tests.artifacts.conftest import SECRET_KEY
from tests.artifacts.fault_proxy import FaultProxy, proxied

PART = 5 << 20  # what the client sends in one piece
_SLOW = pytest.mark.slow


@step(kind="quality")
def parts(*, out: Writer) -> None:
    """One file of two parts, six small ones, one of them empty."""
    rng = np.random.default_rng(7)
    out.path("large.bin").write_bytes(rng.bytes(PART + 1234))
    for number in range(5):
        out.path(f"shards/{number}.bin").write_bytes(rng.bytes(1000 + number))
    out.path("empty.bin").write_bytes(b"")


@pytest.fixture
def proxy(s3_server: str, s3: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    monkeypatch.setattr(store_s3, "RETRIES", store_s3.RETRIES.new(total=4, backoff_factor=0.01, backoff_jitter=0.02))
    monkeypatch.setattr(store_s3, "TIMEOUT", urllib3.Timeout(connect=2, read=0.5))
    monkeypatch.setattr(store_transfer, "PAUSES_S", (0.01, 0.02))
    with proxied(s3_server) as made:
        monkeypatch.setenv("AWS_ENDPOINT_URL", made.url)
        yield made


def _once_each(fault: str, *methods: str):  # type: ignore[no-untyped-def]
    """The first request of every kind for every object meets the fault, whatever upload in parts it belongs to."""
    met: set[tuple[str, str]] = set()

    def plan(method: str, path: str, _: int) -> str | None:
        asked = (method, re.sub("uploadId=[^&]*", "", path))
        if method in methods and asked not in met:
            met.add(asked)
            return fault
        return None

    return plan


def _same(made: str, location: str) -> None:
    folder = Artifact.open(location).folder()
    for file in [f for f in Path(made).rglob("*") if f.is_file() and f.name != FILE_NAME]:
        assert (folder / file.relative_to(made)).read_bytes() == file.read_bytes(), file.name


@pytest.fixture
def made(tmp_path: Path) -> str:
    return run(parts, {}, out=str(tmp_path / "made")).location


@pytest.mark.parametrize("fault", ["drop", "busy", pytest.param("gateway", marks=_SLOW), "flip-request", "lose-answer"])
def test_an_upload_goes_on_after_every_request_failed_once(proxy: FaultProxy, s3: str, made: str, fault: str) -> None:
    proxy.plan = _once_each(fault, "PUT", "POST", "DELETE")
    run(parts, {}, out=s3)
    assert len(proxy.done) >= 7
    proxy.plan = lambda *_: None
    _same(made, s3)


@pytest.mark.parametrize("fault", ["drop", "busy", "cut", "flip-answer", *(pytest.param(f, marks=_SLOW) for f in ("gateway", "lose-answer"))])
def test_a_download_goes_on_after_every_request_failed_once(proxy: FaultProxy, s3: str, made: str, fault: str) -> None:
    run(parts, {}, out=s3)
    opened = Artifact.open(s3)
    proxy.plan = _once_each(fault, "GET")
    folder = opened.folder()
    assert len(proxy.done) >= 7
    assert sorted(f.name for f in folder.rglob("*") if f.is_file()) == sorted(
        Path(n).name for n in opened.manifest.files
    )
    _same(made, s3)


def test_a_stalled_request_is_given_up_and_made_again(proxy: FaultProxy, s3: str, made: str) -> None:
    proxy.plan = lambda method, path, _: "stall" if path.endswith("/0.bin") and not proxy.done else None
    run(parts, {}, out=s3)
    assert proxy.done == ["stall"]
    proxy.done.clear()
    _same(made, s3)
    assert proxy.done == ["stall"]


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("busy", "SlowDown, asked 5 times"),
        ("drop", "does not answer"),
        pytest.param("stall", "does not answer", marks=_SLOW),
        ("flip-request", "Mismatch"),
    ],
)
def test_an_upload_that_never_gets_through_is_one_line_and_nothing_visible(
    proxy: FaultProxy, s3: str, fault: str, says: str
) -> None:
    proxy.plan = lambda method, path, _: fault if method == "PUT" and "large.bin" in path else None
    with pytest.raises(UnusableInput, match=says) as caught:
        run(parts, {}, out=s3)
    _one_safe_line(str(caught.value), proxy)
    assert store.read_bytes(f"{s3}/{FILE_NAME}") is None
    assert not _open_uploads(s3)
    proxy.plan = lambda *_: None
    run(parts, {}, out=s3)  # the same again goes through
    assert Artifact.open(s3).path("large.bin").stat().st_size == PART + 1234


@pytest.mark.parametrize(
    ("fault", "name", "says"),
    [
        ("flip-answer", "large.bin", "bytes differ from the manifest's"),
        ("flip-answer", "shards/3.bin", "bytes differ from the manifest's"),
        ("cut", "large.bin", "does not answer"),
        ("busy", "shards/3.bin", "SlowDown, asked 5 times"),
    ],
)
def test_a_download_that_stays_wrong_is_one_line_and_no_file(
    proxy: FaultProxy, s3: str, tmp_path: Path, fault: str, name: str, says: str
) -> None:
    run(parts, {}, out=s3)
    opened = Artifact.open(s3)
    proxy.plan = lambda method, path, _: fault if path.endswith(name) else None
    with pytest.raises(UnusableInput, match=says) as caught:
        opened.path(name)
    _one_safe_line(str(caught.value), proxy)
    assert [f for f in (tmp_path / "cache" / "artifacts").rglob("*") if f.is_file()] == []


def _one_safe_line(text: str, proxy: FaultProxy) -> None:
    assert "\n" not in text
    assert proxy.url in text
    assert SECRET_KEY not in text


def _open_uploads(location: str) -> list[str]:
    bucket, key = store_s3.split(f"{location}/large.bin")
    return [u.upload_id for u in store_s3.client()._list_multipart_uploads(bucket, prefix=key).uploads]


KILLED = """
import sys
from causeway.artifacts import run
from tests.artifacts.test_store_faults import parts
run(parts, {}, out=sys.argv[1])
"""


@pytest.mark.parametrize("after", [6, *(pytest.param(n, marks=_SLOW) for n in (1, 2, 7, 8))])
def test_kill_9_in_the_middle_of_an_upload_leaves_nothing_visible(
    proxy: FaultProxy, s3: str, made: str, after: int
) -> None:
    puts = [0]

    def plan(method: str, *_: object) -> str | None:
        puts[0] += method == "PUT"
        return "stall" if puts[0] > after else None

    proxy.plan, proxy.stall_s = plan, 2.0
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(KILLED), s3])
    try:
        for _ in range(600):
            if proxy.done:
                break
            time.sleep(0.02)
        assert proxy.done, "the upload did not get that far"
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=10)
    proxy.plan = lambda *_: None
    assert store.read_bytes(f"{s3}/{FILE_NAME}") is None
    with pytest.raises(UnusableInput, match=r"no manifest\.json"):
        Artifact.open(s3)
    run(parts, {}, out=s3)
    _same(made, s3)


def test_a_replaced_artifact_is_never_mixed_with_the_one_that_was_opened(s3: str, tmp_path: Path) -> None:
    def version(number: int) -> Path:
        @step(kind="quality")
        def made(*, out: Writer) -> None:
            for name in "ab":
                out.path(name).write_text(f"{name} of {number}")
            out.path(f"only-{number}").write_text("")

        return Path(run(made, {}, out=str(tmp_path / f"v{number}")).location)

    first, second = version(1), version(2)
    store.publish(first, s3)
    old = Artifact.open(s3)
    assert old.path("a").read_text() == "a of 1"
    store.publish(second, s3)
    with pytest.raises(UnusableInput, match="replaced or damaged since: open it again"):
        old.path("b")
    with pytest.raises(UnusableInput, match="gone, it was replaced or removed: open it again"):
        old.path("only-1")
    assert Artifact.open(s3).path("b").read_text() == "b of 2"
    bucket, prefix = store_s3.split(s3)
    names = {str(i.object_name) for i in store_s3.client().list_objects(bucket, prefix=f"{prefix}/", recursive=True)}
    assert names == {f"{prefix}/{name}" for name in ("a", "b", "only-2", "quarantine.parquet", FILE_NAME)}


def test_a_manifest_does_not_stand_over_another_writers_files(proxy: FaultProxy, s3: str) -> None:
    bucket, key = store_s3.split(f"{s3}/shards/3.bin")

    def plan(method: str, path: str, _: int) -> None:
        if method == "PUT" and path.endswith(FILE_NAME) and not proxy.done:
            proxy.done.append("other writer")
            store_transfer.put_bytes(bucket, key, b"of another version")

    proxy.plan = plan
    with pytest.raises(UnusableInput, match="another process wrote to it at the same time"):
        run(parts, {}, out=s3)
    assert store.read_bytes(f"{s3}/{FILE_NAME}") is None


def test_the_same_bytes_are_not_sent_twice_and_the_artifact_never_goes_away(
    proxy: FaultProxy, s3: str, tmp_path: Path
) -> None:
    first = Path(run(parts, {}, out=str(tmp_path / "first")).location)
    second = Path(run(parts, {}, out=str(tmp_path / "second")).location)
    store.publish(first, s3)
    proxy.seen.clear()
    store.publish(second, s3)
    changes = [(m, p.rpartition("/")[2]) for m, p in proxy.seen if m != "GET"]
    assert changes == [("PUT", FILE_NAME)]


def test_a_file_that_changed_on_this_disk_is_not_published(s3: str, tmp_path: Path) -> None:
    staging = Path(run(parts, {}, out=str(tmp_path / "made")).location)
    (staging / "shards" / "2.bin").write_bytes(b"rotten")
    with pytest.raises(UnusableInput, match=r"2\.bin: changed on this disk"):
        store.publish(staging, s3)
    assert store.read_bytes(f"{s3}/{FILE_NAME}") is None


def test_mirrored_drives_are_checked_by_what_the_store_says(proxy: FaultProxy, s3: str) -> None:
    data = bytes(range(256)) * 40
    bucket, key = store_s3.split(f"{s3}/drive/a.bin")
    store_s3.client().put_object(bucket, key, BytesIO(data), len(data))  # no checksum of ours
    proxy.plan = lambda method, path, _: "flip-answer" if path.endswith("a.bin") and len(proxy.done) < 2 else None
    mirror = store.local_copy(f"{s3}/drive")
    assert proxy.done == ["flip-answer"] * 2
    assert sha256((mirror / "a.bin").read_bytes()).digest() == sha256(data).digest()


def test_an_object_that_is_known_to_be_another_one_is_not_fetched_over_and_over(proxy: FaultProxy, s3: str) -> None:
    run(parts, {}, out=s3)
    opened = Artifact.open(s3)
    store.write_bytes(f"{s3}/shards/3.bin", b"of another version")
    proxy.seen.clear()
    with pytest.raises(UnusableInput, match="bytes differ from the manifest's"):
        opened.path("shards/3.bin")
    assert len(proxy.seen) == 1


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"])
def test_what_does_not_pass_is_asked_once(
    proxy: FaultProxy, s3: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "made-up")
    with pytest.raises(UnusableInput, match="check AWS_ACCESS_KEY_ID") as caught:
        store.read_bytes(f"{s3}/a")
    assert len(proxy.seen) == 1
    assert "made-up" not in str(caught.value)


def test_waits_between_requests_grow_and_differ() -> None:
    def waits() -> list[float]:
        retries, found = store_s3.RETRIES, []
        for _ in range(store_s3.RETRIES.total):
            retries = retries.increment("PUT", "/", error=urllib3.exceptions.ProtocolError("gone"))
            found.append(retries.get_backoff_time())
        return found

    table = np.array([waits() for _ in range(100)])
    assert np.all(np.diff(table.mean(axis=0)) > 0.3)
    assert np.all(table[:, 1:].std(axis=0) > 0.2)
    assert table.sum(axis=1).max() < 60


def test_only_what_happened_on_the_way_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_transfer, "PAUSES_S", (0.0, 0.0))
    calls = []

    def fails(error: Exception) -> None:
        calls.append(1)
        raise error

    for error, times in ((KeyError("a bug"), 1), (urllib3.exceptions.ProtocolError("cut"), 3), (OSError(28, "full"), 1)):
        calls.clear()
        with pytest.raises(type(error)):
            again(lambda e=error: fails(e))
        assert len(calls) == times


def test_the_first_failure_ends_what_has_not_begun() -> None:
    begun = []

    def work(number: int) -> int:
        begun.append(number)
        time.sleep(0.01)
        if number == 3:
            raise ValueError("three")
        return number

    with pytest.raises(ValueError, match="three"):
        in_parallel(work, range(500))
    assert len(begun) < 100
    assert in_parallel(lambda n: n * n, range(30)) == [n * n for n in range(30)]
