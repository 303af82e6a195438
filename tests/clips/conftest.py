"""The rig that the tests of own tables start from."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.clips.own_tables import POSES
from tests.clips.test_tables_conventions import BASE


@pytest.fixture
def rig(tmp_path):
    """3 s at 5 m/s along y from (10, 0), so that ahead is y and left is -x."""
    t = np.arange(POSES) * 0.1
    ego = {"t": t, "x": np.full(POSES, 10.0), "y": 5 * t, "yaw": np.full(POSES, np.pi / 2)}
    pq.write_table(pa.table(ego), tmp_path / "ego.parquet")
    columns = {name: name for name in ego}
    return tmp_path, BASE | {"ego": {"file": "ego.parquet", "columns": columns}}
