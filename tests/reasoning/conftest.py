from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from causeway.evidence import Evidence
from causeway.reasoning.behaviour import Behaviour
from causeway.reasoning.teachers import endpoint_client
from tests.reasoning.endpoint_labels import KEY, write_inputs
from tests.reasoning.seen import T0_US


@pytest.fixture
def evidence() -> Any:
    """Make evidence of a car at 10 m/s that sees nothing but what is given."""
    plain = Evidence("d@10000000", "d-000", T0_US, T0_US, T0_US, ego_speed_mps=10.0)
    return lambda **fields: replace(plain, **fields)


@pytest.fixture
def behaviour() -> Any:
    """Five ticks of what was under way, then the given actions."""

    def make(longitudinal: str = "maintain_speed", lateral: str = "go_straight") -> Behaviour:
        return Behaviour(
            ("maintain_speed",) * 5 + (longitudinal,) * 20,
            ("go_straight",) * 5 + (lateral,) * 20,
            (None,) * 25,
        )

    return make


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Short pauses, a ledger of the test's own and a key."""
    monkeypatch.setattr(endpoint_client, "_WAITS_S", (0.005, 0.02))
    monkeypatch.setenv("CAUSEWAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CAUSEWAY_TEACHER_KEY", KEY)


@pytest.fixture(scope="session")
def endpoint_inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Inputs of the step that labels, with pictures."""
    return write_inputs(tmp_path_factory.mktemp("inputs"))
