import gzip
import json
import sqlite3
from pathlib import Path

import pytest

from causeway.errors import Refused, UnusableInput, UsageError
from causeway.platform.upkeep import database


def made(path: Path, rows: int = 3) -> str:
    """A database with what registries hold: text, numbers, bytes, NULL, a time, a key to another table."""
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE models (name VARCHAR(256) PRIMARY KEY, made DATETIME)")
        db.execute(
            "CREATE TABLE versions (id INTEGER PRIMARY KEY AUTOINCREMENT, model VARCHAR(256) REFERENCES models(name), "
            "score FLOAT, proto BLOB, note TEXT)"
        )
        db.execute("CREATE INDEX by_model ON versions (model)")
        db.execute("INSERT INTO models VALUES ('causeway', '2026-11-22 01:02:03.000004')")
        for n in range(rows):
            db.execute(
                "INSERT INTO versions VALUES (?, 'causeway', ?, ?, ?)", (n + 1, n / 3, b"\x00\xff", None if n else "ä\n")
            )
    return f"sqlite:///{path}"


def rows_of(path: Path) -> list[tuple]:
    with sqlite3.connect(path) as db:
        return db.execute("SELECT * FROM versions ORDER BY id").fetchall()


def test_a_restored_database_holds_every_row_and_counts_on(tmp_path: Path):
    url = made(tmp_path / "a.db")
    counts = database.restore(f"sqlite:///{tmp_path}/b.db", database.dump(url), "a")
    assert counts == {"models": 1, "versions": 3}
    assert rows_of(tmp_path / "b.db") == rows_of(tmp_path / "a.db")
    assert rows_of(tmp_path / "b.db")[0] == (1, "causeway", 0.0, b"\x00\xff", "ä\n")
    with sqlite3.connect(tmp_path / "b.db") as db:
        assert db.execute("SELECT made FROM models").fetchone() == ("2026-11-22 01:02:03.000004",)
        assert db.execute("SELECT name FROM sqlite_master WHERE name = 'by_model'").fetchone() == ("by_model",)
        db.execute("INSERT INTO versions (model) VALUES ('causeway')")
        assert db.execute("SELECT max(id) FROM versions").fetchone() == (4,)


def test_the_same_rows_are_the_same_dump_and_one_row_more_is_not(tmp_path: Path):
    one, two, more = made(tmp_path / "a.db"), made(tmp_path / "b.db"), made(tmp_path / "c.db", rows=4)
    assert database.dump(one) == database.dump(two)
    assert database.fingerprint(one) == database.fingerprint(two)
    assert database.fingerprint(one)["models"] == database.fingerprint(more)["models"]
    assert database.fingerprint(one)["versions"] != database.fingerprint(more)["versions"]


def test_a_table_comes_after_those_it_refers_to(tmp_path: Path):
    with sqlite3.connect(tmp_path / "a.db") as db:
        db.execute("CREATE TABLE z_parent (id INTEGER PRIMARY KEY)")
        db.execute("CREATE TABLE a_child (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES z_parent(id))")
    head = json.loads(gzip.decompress(database.dump(f"sqlite:///{tmp_path}/a.db")).decode().split("\n")[0])
    assert list(head["tables"]) == ["z_parent", "a_child"]


def test_only_an_empty_database_is_restored_into(tmp_path: Path):
    url = made(tmp_path / "a.db")
    with pytest.raises(Refused, match="has tables already"):
        database.restore(url, database.dump(url), "backup")
    assert len(rows_of(tmp_path / "a.db")) == 3


@pytest.mark.parametrize(
    "data",
    [b"", b"not gzip", *(gzip.compress(text, mtime=0) for text in (b"", b"[]", b'{"dialect": "sqlite"}'))],
)
def test_what_is_no_dump_is_told_with_its_place(tmp_path: Path, data: bytes):
    with pytest.raises(UnusableInput, match=r"here: not a dump"):
        database.restore(f"sqlite:///{tmp_path}/new.db", data, "here")


def test_a_dump_of_another_dialect_is_refused(tmp_path: Path):
    data = gzip.compress(json.dumps({"dialect": "postgresql", "tables": {}}).encode())
    with pytest.raises(UsageError, match="postgresql, which sqlite cannot take"):
        database.restore(f"sqlite:///{tmp_path}/new.db", data, "here")


def test_a_password_in_the_address_is_refused_and_not_repeated(tmp_path: Path):
    with pytest.raises(UsageError) as told:
        database.dump("postgresql+psycopg://causeway:hunter2@db/mlflow")
    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:////data/registry.db", "registry"),
        ("postgresql+psycopg://causeway@causeway-postgres:5432/mlflow", "mlflow"),
        ("postgresql+psycopg://c@h/feast?sslmode=require", "feast"),
    ],
)
def test_a_dump_is_named_after_its_database(url: str, name: str):
    assert database.database_name(url) == name


def test_what_is_no_address_is_told():
    with pytest.raises(UsageError, match="not a database"):
        database.database_name("registry.db")


def test_a_restore_that_breaks_off_leaves_no_tables(tmp_path: Path):
    head = {"dialect": "sqlite", "tables": {"a": ["CREATE TABLE a (x INTEGER NOT NULL)"]}}
    data = gzip.compress("\n".join([json.dumps(head), json.dumps(["a", {"x": 1}]), json.dumps(["a", {"x": None}])]).encode())
    with pytest.raises(UnusableInput, match="the database refuses"):
        database.restore(f"sqlite:///{tmp_path}/new.db", data, "here")
    with sqlite3.connect(tmp_path / "new.db") as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
