import sqlite3
from pathlib import Path

import pytest

from causeway.errors import UnusableInput, UsageError
from causeway.platform.upkeep import backup as backups
from causeway.platform.upkeep.database import fingerprint


def registry(path: Path) -> str:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE champions (policy TEXT PRIMARY KEY)")
        db.execute("INSERT INTO champions VALUES ('abc')")
    return f"sqlite:///{path}"


@pytest.fixture
def stamps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each backup a second after the one before."""
    taken = iter(f"20261122T0102{second:02d}Z" for second in range(60))
    monkeypatch.setattr(backups.time, "strftime", lambda *_: next(taken))


@pytest.mark.usefixtures("stamps")
def test_destroyed_and_restored_it_is_what_it_was(tmp_path: Path):
    url = registry(tmp_path / "registry.db")
    before = fingerprint(url)
    told = backups.backup(str(tmp_path / "to"), [url])
    (tmp_path / "registry.db").unlink()
    assert backups.restore(told["backup"], [url]) == {"tables": {"registry": {"champions": 1}}}
    assert fingerprint(url) == before


@pytest.mark.usefixtures("stamps")
def test_the_oldest_go_and_unfinished_ones_do_not_count(tmp_path: Path):
    to, url = tmp_path / "to", registry(tmp_path / "registry.db")
    (to / "20200101T000000Z").mkdir(parents=True)
    (to / "20200101T000000Z" / "registry.jsonl.gz").write_bytes(b"half")
    told = [backups.backup(str(to), [url], keep=2)["removed"] for _ in range(3)]
    assert told == [[], [], ["20261122T010200Z"]]
    assert backups.backups(str(to)) == ["20261122T010201Z", "20261122T010202Z"]
    assert not (to / "20261122T010200Z").exists()


@pytest.mark.usefixtures("stamps")
@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda folder: (folder / "registry.jsonl.gz").write_bytes(b"other"), "damaged"),
        (lambda folder: (folder / "registry.jsonl.gz").unlink(), "has no registry.jsonl.gz"),
        (lambda folder: (folder / "backup.json").unlink(), "no finished backup"),
        (lambda folder: (folder / "backup.json").write_text("[]"), "not of a backup"),
    ],
)
def test_a_harmed_backup_restores_nothing(tmp_path: Path, harm, message: str):
    told = backups.backup(str(tmp_path / "to"), [registry(tmp_path / "registry.db")])
    harm(Path(told["backup"]))
    with pytest.raises(UnusableInput, match=message):
        backups.restore(told["backup"], [f"sqlite:///{tmp_path}/new/registry.db"])
    assert not (tmp_path / "new").exists()


def test_nothing_to_do_is_told(tmp_path: Path):
    with pytest.raises(UsageError, match="--database"):
        backups.backup(str(tmp_path), [])
    with pytest.raises(UsageError, match="--database"):
        backups.restore(str(tmp_path), [])


def test_two_databases_of_one_name_are_refused(tmp_path: Path):
    one, two = registry(tmp_path / "a.db"), f"sqlite:///{tmp_path}/b/a.db"
    with pytest.raises(UsageError, match="must differ"):
        backups.backup(str(tmp_path / "to"), [one, two])


@pytest.mark.usefixtures("stamps")
def test_a_number_of_backups_below_none_removes_nothing(tmp_path: Path):
    to, url = str(tmp_path / "to"), registry(tmp_path / "registry.db")
    backups.backup(to, [url])
    with pytest.raises(UsageError, match="--keep -1"):
        backups.backup(to, [url], keep=-1)
    assert backups.backups(to) == ["20261122T010200Z"]
