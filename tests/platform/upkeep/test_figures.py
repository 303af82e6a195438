import json
import threading
import urllib.request
from pathlib import Path

import pytest

from causeway.errors import UnusableInput
from causeway.platform.upkeep import figures


def labels(root: Path, content_hash: str, counts: dict[str, int]) -> None:
    folder = root / "labels" / content_hash
    folder.mkdir(parents=True)
    manifest = {
        "kind": "labels", "schema_version": 1, "content_hash": content_hash, "counts": counts, "inputs": {},
        "code_version": "c", "config": {}, "sources": [], "location": str(folder),
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))


def values(page: str) -> dict[str, float]:
    lines = [line for line in page.splitlines() if not line.startswith("#")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_the_yield_is_of_the_newest_labels(tmp_path: Path):
    import os

    labels(tmp_path, "old", {"accepted": 1, "review": 1})
    labels(tmp_path, "new", {"accepted": 3, "review": 4, "rejected": 1})
    os.utime(tmp_path / "labels" / "old" / "manifest.json", (1, 1))
    os.utime(tmp_path / "labels" / "new" / "manifest.json", (1000, 1000))
    told = values(figures.page(str(tmp_path), "", now_s=1060.0))
    assert told["causeway_label_yield"] == 0.375
    assert told['causeway_labels{status="review"}'] == 4
    assert told['causeway_artifacts{kind="labels"}'] == 2
    assert told['causeway_newest_age_seconds{kind="labels"}'] == 60
    assert told["causeway_store_answers"] == 1


def test_the_age_of_the_last_backup_is_told_and_without_one_it_is_very_old(tmp_path: Path):
    assert values(figures.page(str(tmp_path), str(tmp_path / "to"), now_s=2e9))["causeway_backup_age_seconds"] == 2e9
    taken = tmp_path / "to" / "19700101T000100Z"
    taken.mkdir(parents=True)
    (taken / "backup.json").write_text("{}")
    told = values(figures.page(str(tmp_path / "root"), str(tmp_path / "to"), now_s=100.0))
    assert told["causeway_backup_age_seconds"] == 40


def test_a_store_that_is_away_is_a_figure(monkeypatch: pytest.MonkeyPatch):
    def away(root: str):
        raise UnusableInput(f"{root}: does not answer")

    monkeypatch.setattr(figures, "files", away)
    assert values(figures.page("s3://bucket/runs", "", 0.0)) == {"causeway_store_answers": 0}


def test_prometheus_is_answered(tmp_path: Path):
    labels(tmp_path, "a", {"accepted": 1})
    port: list[int] = []
    ready = threading.Event()

    def started(number: int) -> None:
        port.append(number)
        ready.set()

    threading.Thread(target=figures.serve, args=(str(tmp_path), "", "127.0.0.1", 0, started), daemon=True).start()
    assert ready.wait(10)
    with urllib.request.urlopen(f"http://127.0.0.1:{port[0]}/metrics", timeout=10) as answer:
        assert "causeway_label_yield 1.000000" in answer.read().decode()
