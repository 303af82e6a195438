"""Facts of truth, meta actions, moments, evidence, labels, samples, policies, rollouts, reports, gates and releases."""

import json

import numpy as np
import pytest
from safetensors.numpy import save

from causeway.artifacts import Artifact, run, step, write_artifact
from causeway.errors import UnusableInput
from causeway.quality.facts import behaviour, learning, results
from causeway.quality.facts.evidence import evidence_facts
from tests.quality.planted import table

EARLY = {"category": "critical_object", "kind": "car", "observed_from_us": 50, "observed_to_us": 90, "rank": 1}
LATE = EARLY | {"observed_to_us": 600_100, "rank": 2}


def column(facts, name):
    return facts.column(name).to_pylist()


def test_truth_may_last_beyond_t0_but_not_begin_after_it():
    row = {"drive_id": "d", "t0_us": 100, "longitudinal_decision": "yield", "lateral_decision": "none"}
    rows = [row | {"components": [LATE]}, row | {"t0_us": 20, "components": [EARLY]}]
    facts = behaviour.truth_facts(table("drives", "truth", rows))
    assert column(facts, "began_before_t0") == [True, False]
    assert column(facts, "subject") == ["d@100", "d@20"]


def test_components():
    flags = behaviour.component_flags(
        [(100, [EARLY]), (100, [EARLY, LATE]), (100, [EARLY | {"category": "weather", "rank": 7}]), (100, None)]
    )
    assert flags["observed_before_t0"].to_pylist() == [True, False, True, True]
    assert flags["components_known"].to_pylist() == [True, True, False, True]
    assert flags["ranks_whole"].to_pylist() == [True, True, False, True]
    assert flags["components"].to_pylist()[1].endswith("critical_object car seen until 0.6 s after t0")


def test_lane_actions_of_a_clip_are_for_all_ticks_or_none():
    rows = [
        {"clip_id": c, "t_us": t, "lane": lane}
        for c, t, lane in (("a", 0, "lane_keep"), ("a", 1, None), ("b", 0, None))
    ]
    facts = behaviour.meta_action_facts(table("meta_actions", "meta_actions", rows))
    assert column(facts, "lane_whole") == [True, False, None]
    assert column(facts, "subject") == ["a 0", "a 1", "b 0"]


def moment(t0_s, split="train", drive="d", **changes):
    row = {"moment_id": f"{drive}@{round(t0_s * 1e6)}", "clip_id": "c", "t0_us": round(t0_s * 1e6), "split": split}
    return row | {"channel": "longitudinal", "before": "maintain_speed", "after": "stop", "scenario": "stop"} | changes


def test_windows_of_two_splits_must_not_touch():
    rows = [moment(2), moment(3, "val"), moment(11.5, "test"), moment(2, "test", drive="e"), moment(19.9, "test")]
    facts = behaviour.moment_facts(table("moments", "moments", rows))
    assert column(facts, "apart") == [False, False, True, True, True]
    assert column(facts, "nearest")[:2] == ["d@3000000 in val", "d@2000000 in train"]
    touching = behaviour.moment_facts(
        table("moments", "moments", [moment(2), moment(10.4, "val"), moment(18.7, "train")])
    )
    assert column(touching, "apart") == [True, False, False]


def test_actions_are_those_of_the_channel():
    rows = [moment(2), moment(3, after="steer_left"), moment(4, after="maintain_speed"), moment(5, channel="mood")]
    facts = behaviour.moment_facts(table("moments", "moments", rows))
    assert column(facts, "actions_known") == [True, False, True, None]
    assert column(facts, "changes") == [True, True, False, True]
    assert column(facts, "range_s") == [None] * 4
    ranged = behaviour.moment_facts(
        table("moments", "moments", [moment(2, end_us=3_500_000), moment(3, end_us=2_000_000)])
    )
    assert column(ranged, "range_s") == [1.5, -1.0]
    steady = [moment(2, after="maintain_speed", end_us=end) for end in (None, 2_000_000, 3_000_000)]
    assert column(behaviour.moment_facts(table("moments", "moments", steady)), "changes") == [False, False, True]
    assert column(facts, "change")[1] == "longitudinal: maintain_speed → steer_left"


def evidence(**changes):
    row = {"moment_id": "m", "clip_id": "c", "t0_us": 5_000_000, "event_us": 4_900_000, "created_us": 5_000_000}
    lead = {"lead_track_id": "t", "lead_type": "car", "lead_distance_m": 20.0, "lead_speed_mps": 3.0}
    row |= lead | {"lead_since_us": 1_000_000, "ego_speed_mps": 4.0, "split": "train"}
    return row | {"has_tracks": True, "has_map": True, "has_signals": False} | changes


def test_evidence():
    rows = [
        evidence(),
        evidence(event_us=5_100_000, created_us=5_200_000, lead_since_us=5_300_000),
        evidence(lead_type="dragon", lead_distance_m=-1.0),
        evidence(lead_distance_m=None, signal_id="s", signal_state="red"),
        evidence(has_tracks=False),
    ]
    facts = evidence_facts(table("evidence", "evidence", rows))
    assert column(facts, "event_after_t0_s")[:2] == [pytest.approx(-0.1), pytest.approx(0.1)]
    assert column(facts, "created_after_t0_s")[:2] == [0.0, pytest.approx(0.2)]
    assert column(facts, "since_after_t0_s")[:2] == [-4.0, pytest.approx(0.3)]
    assert column(facts, "event_age_s")[:2] == [pytest.approx(0.1), None]
    assert column(facts, "types_known") == [True, True, False, True, True]
    assert column(facts, "foreign_types")[2] == "lead_type dragon"
    assert column(facts, "lead_whole") == [True, True, True, False, True]
    assert column(facts, "has_agrees") == [True, True, True, False, False]
    assert column(facts, "nearest_m") == [20.0, 20.0, -1.0, None, 20.0]


def test_labels():
    row = {"moment_id": "m", "t0_us": 100, "status": "accepted", "trace": "Stop.", "components": [EARLY], "reasons": []}
    rows = [row, row | {"components": [], "trace": ""}, row | {"trace": None}, row | {"status": "rejected"}]
    facts = learning.label_facts(table("labels", "labels", rows))
    assert column(facts, "accepted_has_cause") == [True, False, True, True]
    assert column(facts, "accepted_has_trace") == [True, False, None, True]
    assert column(facts, "rejected_has_reason") == [True, True, True, False]


def test_samples():
    row = {"sample_id": "s", "clip_id": "a", "split": "train", "shard": "000000", "row": 0, "cameras": ["f"]}
    rows = [
        row | {"has_reasoning": True, "reasoning": "Stop."},
        row | {"split": "val", "row": 1, "has_reasoning": True},
    ]
    rows += [row | {"clip_id": "b", "shard": "000009", "cameras": None}]
    facts = learning.sample_facts(table("samples", "samples", rows), {"shards/000000.safetensors"})
    assert column(facts, "place") == ["000000:0", "000000:1", "000009:0"]
    assert column(facts, "shard_there") == [True, True, False]
    assert column(facts, "reasoning_agrees") == [True, False, True]
    assert column(facts, "clip_in_one_split") == [False, False, True]
    assert column(facts, "cameras") == [1, 1, 0]


def artifact(tmp_path, kind, files, name="a"):
    """An artifact of files alone."""

    @step(kind=kind)
    def given(*, out):
        for file, data in files.items():
            out.path(file).write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())

    return Artifact(run(given, {}, out=str(tmp_path / name)))


def test_policies(tmp_path):
    weights = save({"a": np.zeros((2, 3), np.float32), "b": np.zeros(4, np.int64)})
    good = artifact(tmp_path, "policy", {"model.safetensors": weights, "config.json": {}, "MODEL_CARD.md": b"#"})
    assert learning.policy_facts(good).to_pylist() == [
        {"subject": "model.safetensors", "clip_id": None, "config_readable": True, "card_there": True}
        | {"header_readable": True, "whole": True, "no_pickle": True, "tensors": 2.0}
        | {"size": "model.safetensors: 56 bytes of tensors, its header names 56"}
    ]
    files = {
        "model.safetensors": weights[:-8],
        "config.json": [],
        "model.pt": b"",
        "more.safetensors": b"\x05\0\0\0\0\0\0\0nonsense",
    }
    cut, foreign = learning.policy_facts(artifact(tmp_path, "policy", files, "b")).to_pylist()
    assert (cut["whole"], cut["config_readable"], cut["no_pickle"], cut["card_there"]) == (False, False, False, False)
    assert foreign["header_readable"] is False
    none = artifact(tmp_path, "policy", {"config.json": {}}, "c")
    assert learning.policy_facts(none).num_rows == 0


def test_rollouts():
    row = {
        "driver": "p",
        "scene": "s",
        "seed": 1,
        "x_m": 0.0,
        "y_m": 0.0,
        "yaw_rad": 0.0,
        "speed_mps": 5.0,
        "failure": "",
    }
    rows = [row | {"tick": t, "x_m": 0.5 * t, "done": t == 3} for t in range(4)]
    rows += [row | {"seed": 2, "tick": t, "y_m": 20.0 * (t == 2), "done": False} for t in (0, 1, 2, 4)]
    rows[5]["yaw_rad"] = float("nan")
    facts = results.rollout_facts(table("rollouts", "rollouts", rows))
    assert column(facts, "follows") == [True] * 7 + [False]
    assert column(facts, "step_m") == [None, 0.5, 0.5, 0.5, None, 0.0, 20.0, None]
    assert column(facts, "finite") == [True] * 5 + [False] + [True] * 2


def test_values_and_reports(tmp_path):
    rows = [
        {"suite": "s", "metric": "m", "unit_id": "u", "cluster": "c", "value": v} for v in (1.0, None, float("inf"))
    ]
    assert column(results.value_facts(table("report", "values", rows)), "finite") == [True, True, False]
    good = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 10, "unit": "share"}
    metrics = {
        "a": good,
        "b": good | {"low": 0.7},
        "c": good | {"value": None},
        "d": {"value": "high"},
        "e": good | {"unit": "m"},
    }
    data = {"open-loop": {"name": "n", "content_hash": "h"}}
    facts = results.report_facts(artifact(tmp_path, "report", {"report.json": {"metrics": metrics, "data": data}}))
    assert column(facts, "ordered") == [True, False, None, None, True]
    assert column(facts, "finite") == [True, True, True, False, True]
    assert column(facts, "share") == [0.5, 0.5, None, None, None]
    assert column(facts, "unit") == ["share", "share", "share", None, "m"]
    assert set(column(facts, "data_named")) == {True}
    unnamed = artifact(tmp_path, "report", {"report.json": {"metrics": {"a": good}, "data": {"s": {"name": "n"}}}}, "u")
    assert column(results.report_facts(unnamed), "data_named") == [False]


@pytest.mark.parametrize(
    ("verdicts", "decision", "follows"),
    [
        (["pass", "skipped"], "promote", True),
        (["pass", "fail"], "promote", False),
        (["pass", "inconclusive"], "inconclusive", True),
        (["skipped"], "inconclusive", True),
        (["skipped"], "promote", False),
        (["perhaps"], "promote", None),
        (["pass"], "celebrate", None),
    ],
)
def test_a_decision_is_what_its_rules_say(tmp_path, verdicts, decision, follows):
    rules = [{"name": f"r{i}", "verdict": v, "why": "w"} for i, v in enumerate(verdicts)]
    gate = artifact(tmp_path, "gate", {"decision.json": {"decision": decision, "rules": rules}})
    assert set(column(results.gate_facts(gate), "follows")) == {follows}


def test_releases_and_quality_reports(tmp_path):
    release = artifact(tmp_path, "release", {"release.json": {"policy": "p", "step": "", "why": "w"}})
    (row,) = results.release_facts(release).to_pylist()
    assert (row["policy"], row["step"], row["why"]) == ("p", None, "w")
    check = {"expectation": {"name": "e", "on_failure": "refuse"}, "passed": False, "rows": 4, "unexpected": 1}
    honest = artifact(tmp_path, "quality", {"quality.json": {"passed": False, "checks": [check]}}, "h")
    (row,) = results.quality_facts(honest).to_pylist()
    assert (row["subject"], row["follows"], row["unexpected_share"]) == ("e", True, 0.25)
    wrong = artifact(tmp_path, "quality", {"quality.json": {"passed": True, "checks": [check]}}, "w")
    assert column(results.quality_facts(wrong), "follows") == [False]


@pytest.mark.parametrize("text", [b"{", b"[]", b"\xff\xfe", b"[" * 5000])
def test_what_is_no_json_object_is_unusable(tmp_path, text):
    with pytest.raises(UnusableInput, match=r"report\.json: not (a )?JSON"):
        results.report_facts(artifact(tmp_path, "report", {"report.json": text}))


def test_odd_shapes_of_json_are_facts_not_crashes(tmp_path):
    for i, odd in enumerate(({"metrics": [1], "data": 3}, {"metrics": {"a": 3, "b": None}, "data": {"s": 1}})):
        facts = results.report_facts(artifact(tmp_path, "report", {"report.json": odd}, f"r{i}"))
        assert not any(column(facts, "data_named"))
    assert results.gate_facts(artifact(tmp_path, "gate", {"decision.json": {"rules": [3, None]}}, "g")).num_rows == 0
    assert (
        results.quality_facts(
            artifact(tmp_path, "quality", {"quality.json": {"checks": [{"expectation": 1}]}}, "q")
        ).num_rows
        == 1
    )


def test_an_artifact_of_a_kind_that_holds_no_table_is_written(tmp_path):
    write_artifact("moments", {"moments": [moment(2)]}, tmp_path / "m")
    assert behaviour.moment_facts(Artifact.open(tmp_path / "m").table("moments")).num_rows == 1
