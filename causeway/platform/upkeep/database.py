"""A SQL database as one file of JSON lines, and back: the registry (MLflow) and Feast's, on SQLite or PostgreSQL.

Knows tables, not what is in them. The file says how each table is made, so a restore needs an empty database and no
program that lays tables out. Dialects are not translated. SQLAlchemy is imported inside functions.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from causeway.errors import Refused, UnusableInput, UsageError

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData, Table

_ROWS = 500  # inserted at once


def database_name(url: str) -> str:
    """What a backup's file is named after: the last part of the URL, without an ending."""
    name = url.rstrip("/").rsplit("/", 1)[-1].partition("?")[0].removesuffix(".db")
    if not name or "://" not in url:
        raise UsageError(f"--database {url}: not a database; write sqlite:////folder/registry.db or postgresql+psycopg://…")
    return name


def dump(url: str) -> bytes:
    """The whole database, read in one transaction: a line for its dialect and tables, then a line for each row."""
    with _connected(url) as connection:
        tables = _reflected(connection)
        head = {
            "dialect": connection.dialect.name,
            "tables": {table.name: _definition(table, connection) for table in tables.sorted_tables},
        }
        lines = [json.dumps(head)]  # not sorted: a table comes after those it refers to
        for table in tables.sorted_tables:
            lines += [json.dumps([table.name, row]) for row in _rows(connection, table)]
    return gzip.compress("\n".join(lines).encode(), mtime=0)


def restore(url: str, data: bytes, where: str) -> dict[str, int]:
    """Write a dump into an empty database; rows by table. Refused where there are tables, or rows differ after."""
    head, rows = _parsed(data, where)
    with _connected(url) as connection:
        if head["dialect"] != connection.dialect.name:
            raise UsageError(f"{where}: a dump of {head['dialect']}, which {connection.dialect.name} cannot take")
        if _reflected(connection).tables:
            raise Refused(f"{_shown(url)}: has tables already; restore into an empty database and use that one instead")
        for statements in head["tables"].values():
            for statement in statements:
                connection.exec_driver_sql(statement)
        counts = _insert(connection, rows)
        _set_sequences(connection)
        connection.commit()
    if fingerprint(url) != _fingerprint_of(head, rows):
        raise Refused(f"{_shown(url)}: differs from {where} after the restore; keep the backup and look at both")
    return {name: counts.get(name, 0) for name in head["tables"]}


def fingerprint(url: str) -> dict[str, str]:
    """{table: hash of its rows in any order}; equal databases have equal fingerprints."""
    return _fingerprint_of(*_parsed(dump(url), _shown(url)))


def _fingerprint_of(head: dict[str, Any], rows: dict[str, list[dict[str, Any]]]) -> dict[str, str]:
    texts = {name: sorted(json.dumps(row, sort_keys=True) for row in rows.get(name, [])) for name in head["tables"]}
    return {name: sha256("\n".join(lines).encode()).hexdigest() for name, lines in texts.items()}


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError

    from causeway.platform.registry import refuse_password

    refuse_password(url)
    try:
        engine = create_engine(url)
        try:
            if engine.dialect.name == "postgresql":  # one picture of all tables
                engine = engine.execution_options(isolation_level="REPEATABLE READ")
            with engine.connect() as connection:
                if engine.dialect.name == "sqlite":  # its driver begins by itself only before rows, not before tables
                    connection.exec_driver_sql("BEGIN")
                yield connection
        finally:
            engine.dispose()
    except SQLAlchemyError as error:
        text = f"{_shown(url)}: the database refuses ({str(error).splitlines()[0]})"
        raise UnusableInput(f"{text}; check its address and PGPASSWORD") from error


def _shown(url: str) -> str:
    return url.partition("?")[0]


def _reflected(connection: Connection) -> MetaData:
    from sqlalchemy import MetaData

    tables = MetaData()
    tables.reflect(connection)
    return tables


def _definition(table: Table, connection: Connection) -> list[str]:
    """The statements that make a table and its indexes; a counting column counts by itself again."""
    from sqlalchemy.schema import CreateIndex, CreateTable

    for column in table.columns:
        if column.server_default is not None and "nextval(" in str(getattr(column.server_default, "arg", "")):
            column.server_default = None
            column.autoincrement = True
    indexes = sorted(table.indexes, key=lambda index: str(index.name))
    made: list[Any] = [CreateTable(table), *(CreateIndex(index) for index in indexes)]
    return [str(statement.compile(dialect=connection.dialect)) for statement in made]


def _rows(connection: Connection, table: Table) -> Iterator[dict[str, Any]]:
    for row in connection.execute(table.select()).mappings():
        yield {name: _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return {"bytes": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, datetime):
        return {"datetime": value.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    return {"json": value} if isinstance(value, dict) else value


def _value(plain: Any) -> Any:
    if not isinstance(plain, dict):
        return plain
    ((kind, content),) = plain.items()
    makers: dict[str, Callable[[Any], Any]] = {
        "bytes": base64.b64decode,
        "datetime": datetime.fromisoformat,
        "date": date.fromisoformat,
        "decimal": Decimal,
        "json": lambda content: content,
    }
    return makers[kind](content)


def _parsed(data: bytes, where: str) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    try:
        first, *lines = gzip.decompress(data).decode().split("\n")
        head = json.loads(first)
        rows: dict[str, list[dict[str, Any]]] = {}
        for line in lines:
            name, row = json.loads(line)
            rows.setdefault(name, []).append(row)
        if not isinstance(head["dialect"], str) or not isinstance(head["tables"], dict):
            raise TypeError("no head")
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise UnusableInput(f"{where}: not a dump of a database ({error}); take another backup") from error
    return head, rows


def _insert(connection: Connection, rows: dict[str, list[dict[str, Any]]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for table in _reflected(connection).sorted_tables:
        values = [{name: _value(plain) for name, plain in row.items()} for row in rows.get(table.name, [])]
        for start in range(0, len(values), _ROWS):
            connection.execute(table.insert(), values[start : start + _ROWS])
        counts[table.name] = len(values)
    return counts


def _set_sequences(connection: Connection) -> None:
    """PostgreSQL's counters go on after the rows that were put in."""
    from sqlalchemy import func, select

    if connection.dialect.name != "postgresql":
        return
    for table in _reflected(connection).sorted_tables:
        for column in table.columns:
            if column.server_default is not None and "nextval(" in str(getattr(column.server_default, "arg", "")):
                last = connection.execute(select(func.max(column))).scalar()
                if last is not None:
                    connection.execute(select(func.setval(func.pg_get_serial_sequence(table.name, column.name), last)))
