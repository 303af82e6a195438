"""Clips artifacts made of tables in memory."""

from collections.abc import Callable
from pathlib import Path

import pytest

from causeway.artifacts import write_artifact


@pytest.fixture
def write_clips(tmp_path: Path) -> Callable[..., str]:
    """Write a clips artifact from tables; returns its folder."""

    def write(name: str, **tables: list[dict]) -> str:
        folder = tmp_path / name
        write_artifact("clips", tables, folder)
        return str(folder)

    return write
