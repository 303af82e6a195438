import json

import pyarrow as pa
import pytest

from causeway.artifacts import Artifact, write_artifact
from causeway.errors import Refused, UsageError
from causeway.quality import SUITES, Expectation, quality_of, validate
from causeway.quality.step import refuse
from causeway.quality.validate import check

SUITE = (
    Expectation("some", "a", "rows", "refuse", "why", low=1),
    Expectation("a_range", "a", "between", "drop_row", "why a", 0, 2),
    Expectation("b_true", "b", "true", "warn", "why b"),
    Expectation("c_known", "c", "in_set", "refuse", "why c", values=("x", "y")),
    Expectation("c_once", "c", "unique", "warn", "why once"),
    Expectation("c_filled", "c", "not_null", "warn", "why filled"),
    Expectation("a_mostly", "a", "between", "refuse", "why mostly", 0, 2, mostly=0.5),
)


@pytest.fixture(scope="module")
def report():
    columns = {"a": [0.0, 2.0, 7.5, None], "b": [True, False, True, True], "c": ["x", "x", "z", None]}
    return check(pa.table(columns), "test", SUITE)


def test_every_kind_of_check_finds_its_rows(report):
    found = {c.expectation.name: (c.passed, c.failing) for c in report.checks}
    assert found == {
        "some": (True, ()),
        "a_range": (False, (2,)),
        "b_true": (False, (1,)),
        "c_known": (False, (2,)),
        "c_once": (False, (0, 1)),
        "c_filled": (False, (3,)),
        "a_mostly": (True, (2,)),
    }
    assert report.failing("drop_row") == {2: ["a_range"]}


def test_a_refusal_names_the_expectation_with_numbers(report):
    assert not report.passed
    with pytest.raises(Refused, match=r"c_known: 1 of 4 violate c \(expected x, y\), for example z: why c") as caught:
        refuse(report)
    assert caught.value.exit_code == 3


def test_json_and_page(report):
    document = json.loads(json.dumps(report.to_json()))
    assert document["passed"] is False
    assert document["checks"][1]["expectation"]["name"] == "a_range"
    page = report.to_html()
    assert "<td>a_range</td>" in page
    assert "http" not in page


def test_an_empty_table_violates_nothing_but_the_number_of_rows():
    empty = pa.table({name: pa.array([], pa.float64()) for name in ("a", "b", "c")})
    assert [c.expectation.name for c in check(empty, "test", SUITE).checks if not c.passed] == ["some"]


def test_wrong_use_is_said():
    with pytest.raises(UsageError, match="no such suite"):
        validate(pa.table({"a": [1]}), "nonsense")
    with pytest.raises(UsageError, match="has no column moment_id"):
        validate(pa.table({"a": [1]}), "labels")


def test_every_suite_is_consistent():
    for expectations in SUITES.values():
        names = [e.name for e in expectations]
        assert len(set(names)) == len(names)
        for e in expectations:
            assert (e.check == "in_set") == bool(e.values)
            assert e.check != "between" or (e.low is not None and e.high is not None and e.low < e.high)


def test_a_kind_without_a_suite_is_checked_for_its_keys(tmp_path):
    rows = [{"clip_id": "c", "t_us": t, "longitudinal": "stop", "lateral": "go_straight"} for t in (0, 1, 1)]
    write_artifact("meta_actions", {"meta_actions": rows}, tmp_path / "m")
    report = quality_of(Artifact.open(tmp_path / "m"))
    assert [c.expectation.name for c in report.refusals] == ["row_once"]
    write_artifact("meta_actions", {"meta_actions": rows[:2]}, tmp_path / "n")
    assert quality_of(Artifact.open(tmp_path / "n")).passed
