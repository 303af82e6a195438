"""Rigs by vehicle: what the view holds, and the same answers from SQLite and from a real Redis server."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import feature_repo
from causeway.artifacts import Artifact
from causeway.errors import UnusableInput
from causeway.evidence import UnknownVehicle, materialise_rigs, rig_of
from causeway.evidence.rigs import rig_view_rows
from causeway.evidence.store import write_view
from causeway.evidence.views import RIG_SCHEMA, RIG_VIEW
from tests.evidence.scenes import clip_row, ego_rows, rig_row

SECOND = 1_000_000


@pytest.fixture
def view_of(write_clips):
    """The rig view of clips given as (clip_id, start in seconds, fx)."""

    def view(*given: tuple[str, int, float]) -> pa.Table:
        rows = [clip_row(clip_id, "d", 2, start * SECOND) for clip_id, start, _ in given]
        ego = [row for clip_id, start, _ in given for row in ego_rows(clip_id, [1.0] * 2, start * SECOND)]
        rigs = [rig_row(clip_id) | {"fx": fx} for clip_id, _, fx in given]
        return rig_view_rows(Artifact.open(write_clips("clips", clips=rows, ego=ego, rigs=rigs)))

    return view


def test_a_row_for_each_change_dated_by_the_first_clip_that_used_it(view_of):
    rows = view_of(("a", 5, 100.0), ("b", 1, 100.0), ("c", 9, 120.0), ("d", 12, 120.0), ("e", 15, 100.0)).to_pylist()
    times = [row["event_timestamp"].timestamp() for row in rows]
    assert [(t, row["calibration"][2]) for t, row in zip(times, rows, strict=True)] == [(1, 100), (9, 120), (15, 100)]


@pytest.fixture
def views(tmp_path: Path) -> Path:
    """A folder of views with two vehicles, one of them calibrated twice."""

    def row(vehicle_id: str, at: int, fx: float, **sizes: float | None) -> dict:
        numbers = [100.0, 80.0, fx, 110.0, 50.0, 40.0, *(float(i) for i in range(16))]
        found = {"vehicle_id": vehicle_id, "event_timestamp": at, "created": at, "cameras": ["front"]}
        return found | {"calibration": numbers} | dict.fromkeys(RIG_SCHEMA.names[5:], 4.0) | sizes

    rows = [row("car-1", 1 * SECOND, 90.0), row("car-1", 2 * SECOND, 100.0), row("van", 1 * SECOND, 70.0, width_m=None)]
    write_view(tmp_path / "views", RIG_VIEW, "all", [pa.Table.from_pylist(rows, schema=RIG_SCHEMA)], RIG_SCHEMA)
    return tmp_path / "views"


def test_the_latest_calibration_is_served(views: Path, tmp_path: Path):
    materialise_rigs(views, tmp_path / "online")
    rig = rig_of("car-1", tmp_path / "online")
    assert (rig.cameras, rig.intrinsics.tolist()) == (("front",), [[100, 110, 50, 40]])
    assert np.isnan(rig_of("van", tmp_path / "online").width_m)
    with pytest.raises(UnknownVehicle, match="car-9: no such vehicle") as unknown:
        rig_of("car-9", tmp_path / "online")
    assert "\n" not in str(unknown.value)


def test_a_folder_without_a_store_is_one_line(tmp_path: Path):
    with pytest.raises(UnusableInput, match=r"no online store, feature_store\.yaml is not there"):
        rig_of("car-1", tmp_path)


@pytest.fixture
def redis_address(tmp_path: Path) -> Iterator[str]:
    """A Redis server of our own on a free loopback port; ended by its process id."""
    server = shutil.which("redis-server")
    if server is None:
        pytest.skip("no redis-server on the PATH: the online store is tested with SQLite alone")
    port = free_port()
    command = [server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_until_open(port)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=10)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_open(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"redis-server does not answer on port {port}")


def cluster_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis: str) -> Path:
    """A store's folder with the cluster's own settings; the registry is SQLite here."""
    monkeypatch.setenv("CAUSEWAY_REDIS", redis)
    monkeypatch.setenv("CAUSEWAY_REGISTRY_URL", f"sqlite:///{tmp_path}/registry.db")
    settings = Path(feature_repo.__file__).parent / "feature_store.cluster.yaml"
    folder = tmp_path / "cluster"
    folder.mkdir()
    shutil.copy(settings, folder / "feature_store.yaml")
    return folder


def test_redis_gives_what_sqlite_gives(
    views: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis_address: str
):
    cluster = cluster_folder(tmp_path, monkeypatch, redis_address)
    for folder in (tmp_path / "laptop", cluster):
        materialise_rigs(views, folder)
    for vehicle_id in ("car-1", "van"):
        ours, theirs = (vars(rig_of(vehicle_id, folder)) for folder in (tmp_path / "laptop", cluster))
        for name, value in ours.items():
            np.testing.assert_array_equal(value, theirs[name])
    with pytest.raises(UnknownVehicle, match="car-9: no such vehicle"):
        rig_of("car-9", cluster)


def test_a_server_that_is_away_is_one_line(views: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """For who fills the store and for who asks it; neither says that it does not know the vehicle."""
    waits: list[float] = []
    monkeypatch.setattr("redis.retry.sleep", waits.append)
    cluster = cluster_folder(tmp_path, monkeypatch, f"127.0.0.1:{free_port()}")
    with pytest.raises(UnusableInput, match="the online store cannot be reached") as away:
        materialise_rigs(views, cluster)
    assert "\n" not in str(away.value)
    assert not os.path.exists(cluster / "online.db")
    with pytest.raises(UnusableInput, match="the online store cannot be reached") as away:
        rig_of("car-1", cluster)
    assert not isinstance(away.value, UnknownVehicle)
    assert not waits  # by itself the client would try again for 10 s


def test_a_server_that_takes_calls_and_never_answers_is_one_line(
    views: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Without a limit in the shipped settings this would wait for ever."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        cluster = cluster_folder(tmp_path, monkeypatch, f"127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(UnusableInput, match=r"cannot be reached .*Timeout reading from"):
            materialise_rigs(views, cluster)


def test_a_registry_that_is_away_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    cluster = cluster_folder(tmp_path, monkeypatch, "127.0.0.1:1")
    monkeypatch.setenv("CAUSEWAY_REGISTRY_URL", f"sqlite:///{tmp_path}/away/registry.db")
    with pytest.raises(UnusableInput, match="the online store cannot be reached") as away:
        rig_of("car-1", cluster)
    assert not isinstance(away.value, UnknownVehicle)
