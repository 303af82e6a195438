"""Columns are a promise: whoever changes them changes the version too, and says so in CHANGELOG.md."""

from hashlib import sha256
from pathlib import Path

from causeway.artifacts.schemas import SCHEMA_VERSION, SCHEMAS, tables_of

# Which columns a version stands for. A change needs a new version here and in `schemas.py` once this one is released or
# pushed; until then the print of the version in the making is written anew.
VERSION, PRINT = 2, "ca751d0686080af8"

CHANGELOG = Path(__file__).resolve().parents[2] / "CHANGELOG.md"


def columns_print() -> str:
    lines = [
        f"{kind}.{table} by {' '.join(spec.keys)}: {field.name} {field.type}"
        for kind in sorted(SCHEMAS)
        for table, spec in sorted(tables_of(kind).items())
        for field in spec.schema
    ]
    return sha256("\n".join(lines).encode()).hexdigest()[:16]


def test_the_version_stands_for_these_columns():
    told = f"columns changed: is {SCHEMA_VERSION} pushed already, then count it up; write PRINT anew; say it in CHANGELOG.md"
    assert (SCHEMA_VERSION, columns_print()) == (VERSION, PRINT), told


def test_the_changelog_names_the_version():
    assert f"schema version {SCHEMA_VERSION}" in CHANGELOG.read_text(encoding="utf-8")
