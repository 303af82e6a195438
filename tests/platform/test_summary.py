"""The summary of every kind: what it holds, counted."""

import json
import math
from pathlib import Path

import pyarrow as pa
import pytest

from causeway.artifacts import Artifact, Writer, run, step, write_artifact
from causeway.artifacts.schemas import SCHEMAS, tables_of
from causeway.errors import UnusableInput
from causeway.platform.show import Wish, show
from causeway.platform.show_sections import ROWS_SHOWN, Section, counted, crossed
from causeway.platform.summary import contents
from tests.platform.shown import write_clips, write_moments


def _holds(artifact: Artifact | str) -> dict[str, list[dict]]:
    opened = Artifact.open(artifact) if isinstance(artifact, str) else artifact
    return {section.title: section.values() for section in contents(opened)}


def _written(kind: str, folder: Path, files: dict[str, str | bytes]) -> Artifact:
    @step(kind=kind)
    def made(*, out: Writer) -> None:
        for name, data in files.items():
            out.path(name).write_bytes(data if isinstance(data, bytes) else data.encode())

    return Artifact(run(made, {}, out=str(folder)))


@pytest.mark.parametrize("kind", [k for k in SCHEMAS if SCHEMAS[k]])
def test_an_empty_artifact_of_each_kind_has_a_summary(tmp_path, kind):
    files = {"report.json": json.dumps({"metrics": {}, "data": {}, "notes": []})}
    made = _written(kind, tmp_path / "made", files if kind == "report" else {})
    values, text = show(made.location, Wish())
    assert values["kind"] == kind
    assert text.startswith(f"{kind}  {made.manifest.content_hash}")


def _nothing(schema: pa.Schema) -> dict:
    return dict.fromkeys(schema.names)


def _worse(kind: pa.DataType) -> object:
    """A value that nobody expects."""
    if pa.types.is_list(kind):
        return [_worse(kind.value_type)]
    if pa.types.is_struct(kind):
        return {field.name: _worse(field.type) for field in kind}
    if pa.types.is_floating(kind):
        return math.inf
    return pa.scalar(-1).cast(kind).as_py() if pa.types.is_integer(kind) else None


@pytest.mark.parametrize("kind", [k for k in SCHEMAS if SCHEMAS[k]])
def test_rows_of_nulls_and_infinities_have_a_summary_that_is_json(tmp_path, kind):
    @step(kind=kind)
    def made(*, out: Writer) -> None:
        for name, table in tables_of(kind).items():
            worse = {field.name: _worse(field.type) for field in table.schema}
            out.table(name, [_nothing(table.schema), worse, worse])
        out.path("report.json").write_text("{}")

    values, text = show(run(made, {}, out=str(tmp_path / "made")).location, Wish())
    assert json.loads(json.dumps(values, allow_nan=False))["kind"] == kind
    assert "quarantine" in text


def test_clips(tmp_path):
    holds = _holds(write_clips(tmp_path / "clips"))
    assert holds["clips"][1] == {
        "clip": "bend-001", "drive": "bend", "length_s": 9.9, "slowest_mps": 10.0, "fastest_mps": 10.0,
        "speed": "measured", "cameras": "1 (20 pictures)", "tracks": 1, "lanes": 1, "signals": "-", "place": "here",
    }  # fmt: skip
    assert holds["tracks by type"] == [{"type": "car", "count": 2, "share": "100.0%"}]  # one a clip


def test_meta_actions_and_moments(tmp_path):
    row = {"clip_id": "a", "lateral": "go_straight", "lane": None}
    rows = [{**row, "t_us": t, "longitudinal": "stop" if t else "reverse"} for t in range(4)]
    write_artifact("meta_actions", {"meta_actions": rows}, tmp_path / "meta")
    holds = _holds(str(tmp_path / "meta"))
    assert holds["longitudinal, ticks"][0] == {"longitudinal": "stop", "count": 3, "share": "75.0%"}
    assert holds["lane, ticks"] == [{"lane": "none", "count": 4, "share": "100.0%"}]
    moments = _holds(write_moments(tmp_path / "moments"))
    assert moments["moments by scenario and split"] == [{"scenario": "steer_left", "train": 2, "all": 2}]
    assert moments["what changes"][0]["change"] == "lateral: go_straight -> steer_left"


def test_evidence_says_what_was_known(tmp_path):
    row = {"clip_id": "a", "t0_us": 1, "scenario": "stop", "split": "train", "ego_speed_mps": 3.0}
    known = [
        {**row, "moment_id": "1", "lead_track_id": "7", "has_map": True},
        {**row, "moment_id": "2", "has_map": False},
    ]
    write_artifact("evidence", {"evidence": known}, tmp_path / "evidence")
    features = {
        r["feature"]: (r["moments"], r["share"])
        for r in _holds(str(tmp_path / "evidence"))["known at t0, of 2 moments"]
    }
    assert features["ego_speed_mps"] == (2, "100.0%")
    assert features["lead_track_id"] == features["has_map"] == (1, "50.0%")
    assert features["signal_id"] == (0, "0.0%")
    assert "t0_us" not in features


def test_labels_and_samples(tmp_path):
    row = {"clip_id": "a", "t0_us": 1, "longitudinal_decision": "yield", "lateral_decision": "none", "teacher": "rules"}
    labels = [
        {**row, "moment_id": "1", "status": "accepted", "consistent": "yes", "critic_score": 0.9, "reasons": []},
        {**row, "moment_id": "2", "status": "review", "consistent": "no", "critic_score": 0.3, "reasons": ["no_cause"]},
    ]
    write_artifact("labels", {"labels": labels}, tmp_path / "labels")
    holds = _holds(str(tmp_path / "labels"))
    assert holds["longitudinal decision by status"] == [{"decision": "yield", "accepted": 1, "review": 1, "all": 2}]
    assert holds["scenario by status"] == [{"scenario": "none", "accepted": 1, "review": 1, "all": 2}]
    assert holds["first cause by status"] == [{"category": "none", "accepted": 1, "review": 1, "all": 2}]
    balance = {r["of"]: (r["labels"], r["most frequent"]) for r in holds["balance of accepted labels"]}
    assert balance["longitudinal_decision"] == (1, "yield")
    assert "said twice within a second" not in holds
    assert holds["scores"][0] == {
        "what": "critic score",
        "labels": 2,
        "lowest": 0.3,
        "median": pytest.approx(0.6),
        "highest": 0.9,
    }
    assert holds["reasons"] == [{"reason": "no_cause", "count": 1, "share": "100.0%"}]
    sample = {"clip_id": "a", "t0_us": 1, "split": "val", "scenario": "stop", "source": "world"}
    samples = [
        {**sample, "sample_id": str(i), "has_reasoning": i == 0, "longitudinal_decision": "yield"} for i in range(3)
    ]
    write_artifact("samples", {"samples": samples}, tmp_path / "samples")
    holds = _holds(str(tmp_path / "samples"))
    assert holds["samples by split and reasoning"] == [{"split": "val", "with reasoning": 1, "without": 2, "all": 3}]


def test_a_policy_has_its_size_from_the_headers_and_its_losses(tmp_path):
    header = json.dumps({
        "__metadata__": {}, "a": {"dtype": "F32", "shape": [3, 4], "data_offsets": [0, 48]},
        "b": {"dtype": "F32", "shape": [5], "data_offsets": [48, 68]},
    }).encode()  # fmt: skip
    files = {
        "config.json": json.dumps({"scale": {"name": "tiny"}, "vocabulary_size": 99}),
        "model.safetensors": len(header).to_bytes(8, "little") + header + bytes(68),
        "losses.jsonl": "".join(
            json.dumps({"stage": s, "loss": v}) + "\n" for s, v in [("vlm", 3.0), ("vlm", 1.0), ("coc", 2.0)]
        ),
    }
    made = _written("policy", tmp_path / "policy", files)
    holds = _holds(made)
    assert (holds["policy"][0]["scale"], holds["policy"][0]["parameters"]) == ("tiny", 17)
    assert holds["losses"][0] == {"stage": "vlm", "steps": 2, "first": 3.0, "last": 1.0, "lowest": 1.0}


@pytest.mark.parametrize(
    ("kind", "files"),
    [
        ("policy", {"config.json": "{", "model.safetensors": b""}),
        ("policy", {"config.json": "{}", "model.safetensors": b"\xff" * 40}),
        ("policy", {"config.json": "[]"}),
        ("policy", {}),
        ("report", {"report.json": '{"metrics": {"a": 3}}'}),
        ("gate", {"decision.json": '{"rules": [4]}'}),
        ("quality", {"quality.json": '{"checks": 3}'}),
        ("release", {"release.json": "null"}),
    ],
)
def test_damaged_files_are_one_line(tmp_path, kind, files):
    made = _written(kind, tmp_path / "made", files)
    with pytest.raises(UnusableInput) as caught:
        contents(made)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_quarantine_is_counted_by_reason(tmp_path):
    rows = [{"source": "s", "where": f"row {i}", "reason": "late" if i else "broken", "detail": "x"} for i in range(3)]
    write_artifact("moments", {"moments": [], "quarantine": rows}, tmp_path / "moments")
    assert _holds(str(tmp_path / "moments"))["quarantine"] == [
        {"reason": "late", "rows": 2, "first": "row 1: x"},
        {"reason": "broken", "rows": 1, "first": "row 0: x"},
    ]


def test_sections_are_aligned_and_say_what_is_left_out():
    section = Section("title", ("name", "value"), (("a", 1.0), ("longer", 12.5)))
    assert section.text() == ["title", "  name    value", "  a           1", "  longer   12.5"]
    many = Section("many", ("n",), tuple((i,) for i in range(ROWS_SHOWN + 7)))
    assert many.text()[-1] == "  … and 7 more"
    assert len(many.values()) == ROWS_SHOWN + 7
    assert Section("none", ("n",), ()).text() == []
    assert counted("c", "x", ["b", "a", "b", None]).rows == (("b", 2, "50.0%"), ("a", 1, "25.0%"), ("none", 1, "25.0%"))
    assert crossed("c", "x", [("a", "p"), ("a", "q"), ("b", "q")]).rows == (("a", 1, 1, 2), ("b", 0, 1, 1))
