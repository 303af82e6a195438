from pathlib import Path

import pytest

from causeway.artifacts import Artifact, write_artifact
from causeway.errors import UsageError
from causeway.platform.review.desk import Desk
from causeway.platform.review.login import Session
from causeway.platform.review.serving import _listen, corrections_folder, tasks_of
from causeway.platform.review.window import open_source
from tests.platform.review.conftest import label_row


def test_corrections_lie_beside_the_labels(tmp_path: Path) -> None:
    labels = tmp_path / "labels"
    labels.mkdir()
    assert corrections_folder(str(labels), "") == tmp_path / "labels-corrections"
    assert corrections_folder(str(labels / "manifest.json"), "") == tmp_path / "labels-corrections"
    assert corrections_folder(str(labels), str(tmp_path / "a" / "b")).is_dir()


@pytest.mark.parametrize(("labels", "wanted"), [("s3://b/labels", ""), ("labels", "s3://b/c")])
def test_corrections_are_on_this_machine(labels: str, wanted: str) -> None:
    with pytest.raises(UsageError, match="on this machine"):
        corrections_folder(labels, wanted)


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(UsageError, match="cannot be made"):
        corrections_folder(str(tmp_path / "labels"), str(tmp_path / "taken"))


def test_labels_of_other_clips_are_refused_and_some_are_left_out(
    clips: Artifact, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = open_source(clips)
    strange = label_row(3_000_000, name="x", clip_id="elsewhere")
    write_artifact("labels", {"labels": [strange]}, tmp_path / "other")
    with pytest.raises(UsageError, match="none with its clip"):
        tasks_of(Artifact.open(tmp_path / "other"), source)
    write_artifact("labels", {"labels": [strange, label_row(4_000_000)]}, tmp_path / "mixed")
    assert [t.t0_us for t in tasks_of(Artifact.open(tmp_path / "mixed"), source)] == [4_000_000]
    assert "1 of 2 queued moments" in capsys.readouterr().err


def test_a_port_in_use_is_told() -> None:
    taken = _listen("127.0.0.1", 0)
    with pytest.raises(UsageError, match="cannot listen"):
        _listen("127.0.0.1", taken.getsockname()[1])
    with pytest.raises(UsageError, match="cannot listen"):
        _listen("127.0.0.1", 70_000)
    taken.close()


def test_a_claim_is_given_up_after_a_while(clips: Artifact, labels: Artifact, tmp_path: Path) -> None:
    now = [0.0]
    desk = Desk(tasks_of(labels, open_source(clips)), [], clock=lambda: now[0])
    ann, bob = (Session(who, tmp_path / who) for who in ("ann", "bob"))
    first = desk.upcoming(ann)[0]
    desk.claim("ann", first)
    assert desk.upcoming(bob)[0] != first
    now[0] = 1000.0
    assert desk.upcoming(bob)[0] == first


def test_neighbours_in_time_are_apart_and_the_unexplained_come_first(clips: Artifact, tmp_path: Path) -> None:
    rows = [label_row(t, status="accepted", agreement=None) for t in range(2_100_000, 9_000_000, 100_000)]
    rows += [label_row(9_500_000)]
    for row in rows:
        row.pop("agreement", None)
    write_artifact("labels", {"labels": rows}, tmp_path / "labels")
    tasks = tasks_of(Artifact.open(tmp_path / "labels"), open_source(clips))
    desk = Desk(tasks, [])
    keys = desk.upcoming(Session("ann", tmp_path / "x"), count=100)
    order = [desk.tasks[key].t0_us for key in keys]
    assert order[0] == 9_500_000
    assert order != sorted(order)
