"""What every test may use: where outside data is, and a fixed seed that is printed."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

SEED = 20261121

# the same examples in every run; HYPOTHESIS_PROFILE=search looks for others
settings.register_profile("fixed", derandomize=True)
settings.register_profile("search", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))


def pytest_report_header() -> str:
    return f"seed {SEED}"


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with the printed seed."""
    return np.random.default_rng(SEED)


@pytest.fixture(scope="session")
def test_drives() -> Path:
    """The folder of real drives; skips, saying so, where there is none."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("CAUSEWAY_TEST_DRIVES", default))
    if not folder.is_dir():
        pytest.skip("no real drives here: set CAUSEWAY_TEST_DRIVES to a folder that holds them")
    return folder
