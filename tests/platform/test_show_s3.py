"""Looking at clips on S3: what is shown is fetched, pictures that are not shown stay where they are."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from causeway.artifacts import Artifact, store, write_artifact
from causeway.platform.show import Wish, show
from tests.artifacts.conftest import s3, s3_server  # noqa: F401
from tests.artifacts.fault_proxy import proxied
from tests.platform.shown import write_clips


def _long_film(folder: Path) -> Artifact:
    """The two clips with 12 MB of pictures of another camera beside theirs."""
    small = write_clips(folder / "small")
    tables = {n: small.table(n).to_pylist() for n in ("clips", "ego", "tracks", "frames", "rigs", "lanes", "road_elements")}
    noise = np.random.default_rng(0)
    for t_us in range(40):
        row = {"clip_id": "bend-001", "camera": "rear", "t_us": t_us, "width": 1, "height": 1}
        tables["frames"].append({**row, "image": noise.bytes(300_000)})
    return Artifact(write_artifact("clips", tables, folder / "clips"))


def test_a_summary_and_a_strip_leave_other_pictures_where_they_are(
    s3: str, s3_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:
    made = _long_film(tmp_path)
    store.publish(Path(shutil.copytree(made.location, tmp_path / "staging")), s3)
    with proxied(s3_server) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        summary, _ = show(s3, Wish())
        assert proxy.answered_bytes < 500_000
        assert summary["holds"] == show(made.location, Wish())[0]["holds"]
        show(s3, Wish(out=str(tmp_path / "there"), clip_ids=("bend-000",)))
        assert proxy.answered_bytes < 10_000_000
    show(made.location, Wish(out=str(tmp_path / "here"), clip_ids=("bend-000",)))
    for name in ("bend-000-strip.png", "bend-000-above.png"):
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
    assert not list(store.cache_folder().rglob("frames.parquet"))
