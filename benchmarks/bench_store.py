"""Our publish and fetch of an artifact with 200 shards beside the client's own calls, file by file, in one run.

Needs a `minio` binary on the PATH; the server runs on loopback, so what is compared is work and waiting per request,
not a network. `--delay-ms 5` puts a proxy between that holds every request back, as a store elsewhere would. Also
prints the peak of memory while one file of 512 MiB goes up and comes down.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from causeway.artifacts import Artifact, Writer, run, step, store, store_s3

SHARDS, SHARD_BYTES, LARGE_BYTES, REPEATS = 200, 256 << 10, 512 << 20, 3


@step(kind="quality")
def shards(*, out: Writer) -> None:
    rng = np.random.default_rng(0)
    for number in range(SHARDS):
        out.path(f"shards/{number:03d}.bin").write_bytes(rng.bytes(SHARD_BYTES))


@step(kind="quality")
def large(*, out: Writer) -> None:
    rng = np.random.default_rng(0)
    with out.path("large.bin").open("wb") as file:
        for _ in range(LARGE_BYTES >> 24):
            file.write(rng.bytes(1 << 24))


@contextmanager
def server(folder: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    keys = {"MINIO_ROOT_USER": "causeway-bench", "MINIO_ROOT_PASSWORD": "causeway-bench-only", "HOME": str(folder)}
    command = ["minio", "server", "--address", address, "--console-address", "127.0.0.1:0", str(folder)]
    process = subprocess.Popen(command, env=os.environ | keys, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://{address}",
        "AWS_ACCESS_KEY_ID": keys["MINIO_ROOT_USER"],
        "AWS_SECRET_ACCESS_KEY": keys["MINIO_ROOT_PASSWORD"],
    }
    try:
        for attempt in range(100):
            try:
                store_s3.client().make_bucket("bench")
                break
            except Exception:
                if attempt == 99:
                    raise
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait()


@contextmanager
def delayed(address: str, delay_s: float) -> Iterator[str]:
    """A relay that passes bytes on after a wait; the wait is served once for each burst in each direction."""
    host, _, port = address.partition(":")
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, target: socket.socket) -> None:
        quiet = time.monotonic()
        try:
            while piece := source.recv(1 << 18):
                if time.monotonic() - quiet > delay_s / 2:
                    time.sleep(delay_s)
                target.sendall(piece)
                quiet = time.monotonic()
        except OSError:
            pass
        finally:
            target.close()

    def accept() -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.create_connection((host, int(port)))
            for pair in ((near, far), (far, near)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    listener.close()


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def compare(scratch: Path) -> None:
    made = Path(run(shards, {}, out=str(scratch / "made")).location)
    files = sorted(f for f in made.rglob("*") if f.is_file())
    client = store_s3.client()
    ours_up, theirs_up, ours_down, theirs_down = [], [], [], []
    for turn in range(REPEATS):
        shutil.copytree(made, scratch / "staging")
        ours_up.append(_seconds(lambda t=turn: store.publish(scratch / "staging", f"s3://bench/ours-{t}")))
        theirs_up.append(_seconds(lambda t=turn: [
            client.fput_object("bench", f"theirs-{t}/{f.relative_to(made).as_posix()}", str(f)) for f in files
        ]))  # fmt: skip
        shutil.rmtree(store.cache_folder(), ignore_errors=True)
        ours_down.append(_seconds(lambda t=turn: Artifact.open(f"s3://bench/ours-{t}").folder()))
        theirs_down.append(_seconds(lambda t=turn: [
            client.fget_object("bench", f"theirs-{t}/{f.relative_to(made).as_posix()}", str(scratch / "down" / f.name))
            for f in files
        ]))  # fmt: skip
    for name, ours, theirs in (("publish", ours_up, theirs_up), ("fetch", ours_down, theirs_down)):
        low, other = min(ours), min(theirs)
        what = f"{name} {SHARDS} x {SHARD_BYTES >> 10} KiB"
        print(f"{what}: ours {low:.3f} s, one by one {other:.3f} s, ratio {other / low:.2f}")


def peak(what: str, location: str, folder: str) -> None:
    """Run in a process of its own; the kernel's high-water mark is set back before the transfer."""
    store_s3.client()
    before = _resident_mib()
    Path("/proc/self/clear_refs").write_text("5")
    if what == "publish":
        took_s = _seconds(lambda: store.publish(Path(folder), location))
    else:
        took_s = _seconds(lambda: Artifact.open(location).folder())
    rate = LARGE_BYTES / took_s / 1e6
    sizes = f"memory {before} MiB before, {_resident_mib()} MiB at most"
    print(f"{what} {LARGE_BYTES >> 20} MiB: {took_s:.2f} s ({rate:.0f} MB/s), {sizes}")


def _resident_mib() -> int:
    """The most memory that this process has had resident."""
    line = next(r for r in Path("/proc/self/status").read_text().splitlines() if r.startswith("VmHWM"))
    return int(line.split()[1]) >> 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    parser.add_argument("--peak", nargs=3, default=None, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peak:
        return peak(*given.peak)
    if shutil.which("minio") is None:
        return print("skipped: no minio binary on the PATH")
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        os.environ["CAUSEWAY_CACHE"] = str(scratch / "cache")
        with server(scratch / "data") as address:
            if given.delay_ms:
                with delayed(address, given.delay_ms / 1e3) as slow:
                    os.environ["AWS_ENDPOINT_URL"] = f"http://{slow}"
                    compare(scratch)
                return None
            compare(scratch)
            made = run(large, {}, out=str(scratch / "large")).location
            for what in ("publish", "fetch"):
                command = [sys.executable, __file__, "--peak", what, "s3://bench/large", made]
                subprocess.run(command, check=True)
    return None


if __name__ == "__main__":
    main()
