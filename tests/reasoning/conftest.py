from dataclasses import replace
from typing import Any

import pytest

from causeway.evidence import Evidence
from causeway.reasoning.behaviour import Behaviour
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
