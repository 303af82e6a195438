"""Labels of moments of a small drive, one of them with HTML in every text, and the page that reviews them."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from causeway.artifacts import Artifact, write_artifact
from causeway.platform.review.app import make_app
from causeway.platform.review.desk import Desk
from causeway.platform.review.guard import guarded
from causeway.platform.review.login import Door
from causeway.platform.review.serving import tasks_of
from causeway.platform.review.shelf import Shelf
from causeway.platform.review.window import open_source
from causeway.reasoning.answers import read_answers
from causeway.reasoning.review import audited
from tests.platform.shown import write_clips

HTML = "<img src=x onerror=\"document.title='owned'\">"
HOST = "http://127.0.0.1:8790"
LEAD = {
    "category": "critical_object",
    "kind": "car",
    "track_id": "7",
    "relative_pose": "in_path",
    "motion": "slowing",
    "observed_from_us": 1,
    "observed_to_us": 2,
    "rank": 1,
}


def label_row(t0_us: int, name: str = "bend", **fields: Any) -> dict[str, Any]:
    row = {
        "moment_id": f"{name}@{t0_us}",
        "clip_id": "bend-000" if t0_us < 10_000_000 else "bend-001",
        "t0_us": t0_us,
        "longitudinal_decision": "lead_following",
        "lateral_decision": "none",
        "components": [LEAD],
        "trace": "Keep distance to the slowing car ahead.",
        "teacher": "rules",
        "critic_score": 1.0,
        "consistent": "yes",
        "status": "review",
        "reasons": ["cause: none was observable up to t0"],
        "scenario": "slow_for_lead",
        "split": "train",
    }
    return row | fields


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return write_clips(tmp_path_factory.mktemp("review") / "clips")


@pytest.fixture(scope="session")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    rows = [label_row(t) for t in range(2_500_000, 8_500_001, 1_000_000)]
    rows.append(label_row(3_000_000, name=HTML, trace=HTML, reasons=[HTML], teacher=HTML, scenario=HTML))
    twice = [name for name in (f"bend{i}" for i in range(100)) if audited(f"{name}@4000000")]
    rows += [label_row(4_000_000, name=name) for name in twice[:2]]  # these get a second look
    folder = tmp_path_factory.mktemp("review") / "labels"
    write_artifact("labels", {"labels": rows}, folder)
    return Artifact.open(folder)


@dataclass
class Page:
    """A running page: its parts, and a client for each person."""

    desk: Desk
    door: Door
    app: Any
    folder: Path

    def person(self, name: str) -> TestClient:
        client = TestClient(self.app, base_url=HOST, raise_server_exceptions=False)
        answer = client.post("/api/login", json={"token": self.door.token, "name": name})
        assert answer.status_code == 200, answer.text
        return client

    def stranger(self) -> TestClient:
        return TestClient(self.app, base_url=HOST, raise_server_exceptions=False)


@pytest.fixture
def open_page(clips: Artifact, labels: Artifact, tmp_path: Path) -> Callable[..., Page]:
    """Make a page over a folder of corrections; `audit` says which moments get a second look."""

    def make(audit: bool | None = True, chosen: Artifact | None = None, own_clips: Artifact | None = None) -> Page:
        folder = tmp_path / "corrections"
        folder.mkdir(exist_ok=True)
        source = open_source(own_clips or clips)
        tasks = tasks_of(chosen or labels, source)
        if audit is not None:
            tasks = [replace(task, audit=audit) for task in tasks]
        desk = Desk(tasks, read_answers(str(folder))[0])
        door = Door(folder)
        app = guarded(make_app(desk, Shelf(source), door, "cookie"), "127.0.0.1")
        return Page(desk, door, app, folder)

    return make


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    return open_page()


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for file in sorted(folder.glob("*.jsonl")) for line in file.read_text().splitlines()]
