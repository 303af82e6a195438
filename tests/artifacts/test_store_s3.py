"""Artifacts on a real S3 server on loopback; skips, saying so, where no MinIO binary is at hand."""

import shutil
import ssl
import subprocess
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from minio.credentials import AssumeRoleProvider
from minio.datatypes import Object

from causeway.artifacts import Artifact, Writer, run, step, store, store_s3, write_artifact
from causeway.artifacts.store_mirror import _check_names
from causeway.errors import UnusableInput, UsageError
from tests.artifacts.conftest import ACCESS_KEY, SECRET_KEY
from tests.artifacts.fault_proxy import proxied

ROWS = [{"clip_id": "a", "t_us": 1, "longitudinal": "stop", "lateral": "go_straight", "lane": None}]


@step(kind="meta_actions")
def copy(meta: Artifact, *, out: Writer) -> None:
    out.table("meta_actions", meta.table("meta_actions"))
    out.path("notes/extra.txt").write_text("a file beside the tables")


def test_same_content_hash_on_s3_and_on_disk(s3: str, tmp_path: Path) -> None:
    write_artifact("meta_actions", {"meta_actions": ROWS}, tmp_path / "meta")
    local = run(copy, {"meta": str(tmp_path / "meta")}, out=str(tmp_path / "copy"))
    remote = run(copy, {"meta": str(tmp_path / "meta")}, root=f"{s3}/kept")
    assert remote.content_hash == local.content_hash
    assert remote.location == f"{s3}/kept/meta_actions/{local.content_hash}"
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
    store_s3.client().remove_object(*store_s3.split(f"{s3}/moving/gone.txt"))
    mirror = store.local_copy(f"{s3}/moving")
    assert {f.name: f.read_bytes() for f in mirror.rglob("*") if f.is_file()} == {"a.txt": b"new"}


def test_a_mirror_takes_a_file_that_was_a_folder(s3: str) -> None:
    store.write_bytes(f"{s3}/moving/a/b.txt", b"1")
    store.local_copy(f"{s3}/moving")
    store_s3.client().remove_object(*store_s3.split(f"{s3}/moving/a/b.txt"))
    store.write_bytes(f"{s3}/moving/a", b"2")
    assert (store.local_copy(f"{s3}/moving") / "a").read_bytes() == b"2"


def test_a_mirror_leaves_what_another_process_is_just_fetching(s3: str) -> None:
    for name in ("a.txt", "b.txt"):
        store.write_bytes(f"{s3}/drives/{name}", name.encode() * 1000)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: store.local_copy(f"{s3}/drives"), range(8)))
    assert {f.name: f.stat().st_size for f in found[0].iterdir()} == {"a.txt": 5000, "b.txt": 5000}


@pytest.mark.parametrize("name", ["a//b", "./a", "x" * 201, "é" * 101])
def test_object_names_that_are_no_file_names_are_refused_and_not_dropped(name: str) -> None:
    with pytest.raises(UnusableInput, match="no name of a file"):
        _check_names("s3://b/x", {name: Object("b", name)})


def test_an_object_below_another_one_is_refused() -> None:
    with pytest.raises(UnusableInput, match="'a/b/c' lies below another object"):
        _check_names("s3://b/x", {n: Object("b", n) for n in ("a", "a/b/c")})


def test_what_the_store_refuses_on_writing_is_one_line(s3: str, tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="NoSuchBucket"):
        store.write_bytes("s3://no-such-bucket-here/x", b"1")
    write_artifact("meta_actions", {"meta_actions": ROWS}, tmp_path / "meta")
    with pytest.raises(UnusableInput, match="NoSuchBucket"):
        store.publish(tmp_path / "meta", "s3://no-such-bucket-here/x")
    with pytest.raises(UsageError, match="invalid bucket name"):
        store.read_bytes("s3://x/y")
    with pytest.raises(UsageError, match="no bucket"):
        store.read_bytes("s3:///y")


@pytest.mark.parametrize(
    "endpoint",
    ["http://user:secret@host", "ftp://host", "http://", "http://host:secret", "http://host?x=1", "http://host/path"],
)
def test_a_wrong_endpoint_is_wrong_usage(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3", raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    with pytest.raises(UsageError, match="AWS_ENDPOINT_URL") as caught:
        store_s3.client()
    assert "secret" not in str(caught.value)


def test_a_session_token_is_used_and_never_told(
    s3: str, s3_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lent = AssumeRoleProvider(
        sts_endpoint=f"http://{s3_server}", access_key=ACCESS_KEY, secret_key=SECRET_KEY
    ).retrieve()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", lent.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", lent.secret_key)
    monkeypatch.setenv("AWS_SESSION_TOKEN", lent.session_token)
    store.write_bytes(f"{s3}/a", b"1")
    assert store.read_bytes(f"{s3}/a") == b"1"
    monkeypatch.setenv("AWS_SESSION_TOKEN", "wrong-token-0123456789")
    with pytest.raises(UnusableInput, match="check AWS_ACCESS_KEY_ID") as caught:
        store.read_bytes(f"{s3}/a")
    told = "".join(traceback.format_exception(caught.value)) + repr(store_s3._settings())
    for secret in (lent.secret_key, "wrong-token-0123456789", lent.session_token):
        assert secret not in told


def test_tls_with_an_authority_of_ones_own(
    s3: str, s3_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl here to make a certificate with")
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out", certificate]
    subprocess.run([*command, *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with proxied(s3_server) as proxy:
        proxy.socket = context.wrap_socket(proxy.socket, server_side=True)
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url.replace("http://", "https://"))
        with pytest.raises(UnusableInput, match="SSLError"):
            store.write_bytes(f"{s3}/a", b"1")
        assert not proxy.seen
        monkeypatch.setenv("AWS_CA_BUNDLE", certificate)
        write_artifact("meta_actions", {"meta_actions": ROWS}, tmp_path / "meta")
        store.publish(tmp_path / "meta", f"{s3}/meta")
        assert Artifact.open(f"{s3}/meta").table("meta_actions").to_pylist() == ROWS
