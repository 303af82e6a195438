"""Whatever stands in an artifact's tables: facts are computed or it is refused, never a traceback."""

import numpy as np
import pyarrow as pa
import pytest

from causeway.artifacts import Artifact, write_artifact
from causeway.artifacts.schemas import SCHEMAS
from causeway.quality import quality_of
from causeway.quality.facts.clips import facts_of_clip
from causeway.quality.facts.duplicates import SeenClips
from tests.quality.planted import clip_parts, tables_of_clip

PLACING = {"clip_id", "t_us", "start_us", "end_us", "ticks", "track_id", "camera", "lane_id", "element_id", "signal_id"}
COLUMNS = [
    (table, column) for table, spec in SCHEMAS["clips"].items() for column in spec.schema.names if column not in PLACING
]
ODD = {
    pa.string(): [None, "", "<script>alert(1)</script>", "x" * 10_000],
    pa.int64(): [None, -1, 2**62, 0],
    pa.float64(): [None, float("nan"), float("inf"), -1e300],
    pa.bool_(): [None, False],
    pa.binary(): [None, b"", b"\xff\xd8\xff", b"\x89PNG\r\n"],
}


def odd_values(kind):
    if pa.types.is_list(kind):
        return [None, [], *[[v] for v in odd_values(kind.value_type)]]
    return ODD[kind]


@pytest.fixture(scope="module")
def parts():
    return clip_parts(np.random.default_rng(3))


@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=lambda value: value)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_no_value_of_a_column_breaks_the_facts(parts, table, column):
    for value in odd_values(SCHEMAS["clips"][table].schema.field(column).type):
        rows = [dict(row) for row in parts[table]]
        rows[-1][column] = value
        spoilt = {**parts, table: rows}
        facts = facts_of_clip(spoilt["clips"][0], tables_of_clip(spoilt), SeenClips())
        assert facts["ego"].num_rows == facts["clips"].num_rows == 1


@pytest.mark.parametrize("table", [name for name in SCHEMAS["clips"] if name != "clips"])
def test_a_table_without_rows_breaks_nothing(parts, table):
    spoilt = {**parts, table: []}
    facts = facts_of_clip(spoilt["clips"][0], tables_of_clip(spoilt), SeenClips())
    assert facts["clips"].column("span_agrees").to_pylist() == [table != "ego"]


def test_rows_without_their_key_are_refused(tmp_path, rng):
    rows = clip_parts(rng)
    rows["tracks"][5]["t_us"] = None
    rows["clips"][0]["start_us"] = None
    write_artifact("clips", rows, tmp_path / "clips")
    report = quality_of(Artifact.open(tmp_path / "clips"))
    assert [c.expectation.name for c in report.refusals] == ["keys_filled"]
    assert {f.subject: f.shown for f in report.refusals[0].failures} == {"clips": "1", "tracks": "1"}
