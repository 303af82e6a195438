import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from causeway.artifacts import Artifact, write_artifact
from causeway.errors import UnusableInput, UsageError
from causeway.quality import checking, quality_of, validate
from causeway.quality.engine import check_table
from causeway.quality.expectations import Suite, between, filled, in_set, some, true, unique
from causeway.quality.report import in_one
from tests.quality.planted import clip_parts

SUITE = Suite(
    "test",
    "a row",
    (
        some("some", "a", "refuse", "why"),
        between("a_range", "a", 0, 2, "drop_row", "why a", "m"),
        true("b_true", "b", "warn", "why b", about="said"),
        in_set("c_known", "c", ("x", "y"), "refuse", "why c"),
        unique("c_once", "c", "warn", "why once"),
        filled("c_filled", "c", "warn", "why filled"),
    ),
)
ROWS = pa.table(
    {
        **{"subject": ["one", "two", "three", "four"], "clip_id": ["k"] * 4, "item": [0, 1, 2, 3]},
        **{"a": [0.0, 2.0, 7.5, None], "b": [True, False, True, True], "c": ["x", "x", "z", None]},
        "said": ["fine", "not so", "fine", "fine"],
    }
)


@pytest.fixture(scope="module")
def report():
    return check_table(ROWS, SUITE)


def test_every_kind_of_check_finds_its_rows(report):
    found = {c.expectation.name: (c.passed, [f.subject for f in c.failures]) for c in report.checks}
    assert found == {
        "some": (True, []),
        "a_range": (False, ["three"]),
        "b_true": (False, ["two"]),
        "c_known": (False, ["three"]),
        "c_once": (False, ["one", "two"]),
        "c_filled": (False, ["four"]),
    }


def test_a_violation_says_where_what_and_how_bad(report):
    check = report.check("a_range")
    (failure,) = check.failures
    assert (failure.clip_id, failure.item, failure.shown, failure.excess) == ("k", 2, "7.5 m", 2.75)
    assert (check.lowest, check.highest, check.observed) == (0.0, 7.5, "0 to 7.5 m")
    assert check.reason_of(failure) == "why a (7.5 m, expected at most 2 m)"
    assert report.check("b_true").failures[0].shown == "not so"
    assert check.line == "a_range: 1 of 4 violate a (expected at most 2 m), for example three: 7.5 m: why a"


def test_parts_add_up_to_the_whole(report):
    parts = in_one("test", [check_table(ROWS.slice(0, 2), SUITE), check_table(ROWS.slice(2), SUITE)])
    for name in ("some", "a_range", "b_true", "c_known", "c_filled"):
        whole, joined = report.check(name), parts.check(name)
        assert (whole.rows, whole.unexpected, whole.failures) == (joined.rows, joined.unexpected, joined.failures)
        assert (whole.lowest, whole.highest) == (joined.lowest, joined.highest)


def test_json_is_plain(report):
    document = json.loads(json.dumps(report.to_json()))
    assert document["passed"] is False
    assert document["summary"].startswith("c_known: 1 of 4 violate c (expected one of x, y), for example three: z")
    assert document["checks"][1]["failures"] == [
        {"subject": "three", "clip_id": "k", "item": 2, "shown": "7.5 m", "excess": 2.75}
    ]


def test_wrong_use_is_said():
    with pytest.raises(UsageError, match="nonsense: no such suite; suites are columns, truth"):
        validate(pa.table({"a": [1]}), "nonsense")
    with pytest.raises(UsageError, match="suite labels: the table has no column moment_id"):
        validate(pa.table({"a": [1]}), "labels")


def test_an_expectation_on_a_column_of_another_type_is_said():
    with pytest.raises(UsageError, match="a_range cannot be checked on column a"):
        check_table(pa.table({"a": ["x", "y"], "b": [True, True], "c": ["x", "y"]}), SUITE)


def written(tmp_path, parts, name="clips"):
    tables = {table: [row for part in parts for row in part[table]] for table in parts[0]}
    write_artifact("clips", tables, tmp_path / name)
    return Artifact.open(tmp_path / name)


def test_parts_of_a_clips_artifact_add_up(tmp_path, rng, monkeypatch):
    parts = [clip_parts(rng, f"c{i}", speed=6.0 + i) for i in range(4)]
    parts[1]["ego"][7]["x_m"] += 40.0
    clips = written(tmp_path, parts)
    whole = quality_of(clips, "ego")
    monkeypatch.setattr(checking, "_PART_ROWS", 1)
    assert quality_of(clips, "ego").to_json() == whole.to_json()
    assert {c.rows for c in whole.checks if c.suite == "ego"} == {4}
    assert [f.subject for f in whole.check("pose_jump").failures] == ["c1"]


def test_one_suite_of_a_clips_artifact(tmp_path, rng):
    clips = written(tmp_path, [clip_parts(rng)])
    report = quality_of(clips, "tracks")
    assert {c.suite for c in report.checks} == {"columns", "tracks"}
    assert report.passed
    with pytest.raises(UsageError, match="suite labels is not for clips artifacts"):
        quality_of(clips, "labels")


def test_no_clips_at_all_are_refused(tmp_path, rng):
    empty = {name: [] for name in clip_parts(rng)}
    write_artifact("clips", empty, tmp_path / "none")
    report = quality_of(Artifact.open(tmp_path / "none"))
    assert [c.expectation.name for c in report.refusals] == ["has_clips"]
    assert "has_clips: 0 rows, at least 1 expected" in report.summary


def spoilt(artifact, table, change):
    """Change a table of a written artifact on disk, behind its manifest's back."""
    path = artifact.path(f"{table}.parquet")
    pq.write_table(change(pq.read_table(path)), path)
    return artifact


def test_columns_that_are_missing_unknown_or_of_another_type_are_refused(tmp_path, rng):
    def change(table):
        table = table.drop_columns(["speed_mps"]).append_column("mood", pa.array(["fine"] * table.num_rows))
        return table.set_column(table.column_names.index("x_m"), "x_m", table.column("x_m").cast(pa.string()))

    report = quality_of(spoilt(written(tmp_path, [clip_parts(rng)]), "ego", change))
    found = {c.expectation.name: [f.subject for f in c.failures] for c in report.refusals}
    assert found == {
        "column_there": ["ego.speed_mps"],
        "column_known": ["ego.mood"],
        "column_type": ["ego.x_m"],
    }
    assert report.check("column_type").failures[0].shown == "ego.x_m is string, promised double"
    assert {c.suite for c in report.checks} == {"columns"}


@pytest.mark.parametrize("table", ["clips", "ego"])
@pytest.mark.parametrize("kind", [pa.int64(), pa.list_(pa.string()), pa.dictionary(pa.int32(), pa.string())])
def test_a_clip_id_that_is_no_text_is_told_by_its_type(tmp_path, rng, table, kind):
    clips = written(tmp_path, [clip_parts(rng)])
    rows = clips.table(table)
    ids = pa.array(["c"] * len(rows)).dictionary_encode() if pa.types.is_dictionary(kind) else pa.nulls(len(rows), kind)
    pq.write_table(rows.set_column(0, "clip_id", ids), clips.path(f"{table}.parquet"), store_schema=True)
    report = quality_of(clips)
    assert f"{table}.clip_id" in {f.subject for f in report.check("column_type").failures}


def test_a_clip_that_is_there_twice_is_found_across_parts(tmp_path, rng, monkeypatch):
    parts = clip_parts(rng)
    parts["clips"] *= 2
    clips = written(tmp_path, [parts])
    monkeypatch.setattr(checking, "_PART_ROWS", 1)
    assert quality_of(clips).check("clip_id_once").unexpected == 1


def test_rows_of_a_clip_that_is_not_there_are_refused(tmp_path, rng):
    parts = [clip_parts(rng, "a"), clip_parts(rng, "b", speed=9.0)]
    parts[1]["clips"] = []
    report = quality_of(written(tmp_path, parts), "clips")
    strays = {f.subject.split(".")[0]: f.shown for f in report.check("rows_of_known_clips").failures}
    assert strays == {"ego": "60", "tracks": "120", "frames": "12", "rigs": "1", "lanes": "1", "road_elements": "1"} | {
        "signals": "3",
        "route": "1",
    }


def test_a_table_that_cannot_be_read_is_unusable(tmp_path, rng):
    clips = written(tmp_path, [clip_parts(rng)])
    clips.path("ego.parquet").write_bytes(b"PAR1 nonsense PAR1")
    with pytest.raises(UnusableInput, match=r"ego\.parquet: not a readable Parquet file"):
        quality_of(clips)


@pytest.mark.parametrize(
    ("kind", "table", "row", "refused"),
    [
        ("meta_actions", "meta_actions", {"clip_id": "c", "t_us": 0, "longitudinal": "fly", "lateral": "go_straight"}, "longitudinal_known"),
        ("moments", "moments", {"moment_id": "d@1", "clip_id": "c", "t0_us": 1, "channel": "lateral", "before": "go_straight",
                                "after": "steer_left", "scenario": "x", "split": "exam"}, "moment_split"),
        ("evidence", "evidence", {"moment_id": "m", "clip_id": "c", "t0_us": 5, "event_us": 6, "created_us": 5, "ego_speed_mps": 1.0,
                                  "split": "train"}, "seen_by_t0"),
    ],
)  # fmt: skip
def test_each_kind_is_held_against_its_suites(tmp_path, kind, table, row, refused):
    write_artifact(kind, {table: [row]}, tmp_path / kind)
    report = quality_of(Artifact.open(tmp_path / kind))
    assert [c.expectation.name for c in report.refusals] == [refused]
