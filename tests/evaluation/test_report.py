import json

import numpy as np
import pytest

from causeway.errors import UnusableInput
from causeway.evaluation.measured import Measured, groups_of, value_table
from causeway.evaluation.report import build_report, from_json, merged, to_json
from causeway.evaluation.statistics import exact

DATA = {"name": "x", "content_hash": "h", "sources": []}


def measured(suite="open-loop", **values):
    values = values or {"ade": np.array([1.0, np.nan, 3.0])}
    return Measured(
        suite=suite,
        unit_ids=["a", "b", "c"],
        clusters=["k", "k", "l"],
        groups=["curve", "curve", "light"],
        values=values,
        units=dict.fromkeys(values, "m"),
        counts={f"{suite} failed": (1, 3)},
        estimates={f"{suite} time": (exact(5, 2), "ms")},
        grouped=list(values),
    )


def test_a_report_round_trips():
    report = build_report([measured()], {"open-loop": DATA}, "policy", 0)
    assert report["metrics"]["ade"] | {"low": 0, "high": 0} == {"value": 2.0, "low": 0, "high": 0, "n": 2, "unit": "m"}
    assert report["metrics"]["open-loop failed"] == {"value": 1.0, "low": 1.0, "high": 1.0, "n": 3, "unit": "count"}
    assert report["data"] == {"open-loop": DATA}
    assert from_json(to_json(report), "here") == report


def test_groups_and_values_keep_what_was_not_measured():
    found = groups_of(measured(), 0)
    assert found["curve"]["ade"] == {"value": 1.0, "low": None, "high": None, "n": 1, "unit": "m"}
    rows = value_table(measured()).to_pylist()
    assert [row["value"] for row in rows] == [1.0, None, 3.0]
    assert rows[2] | {"value": 0} == {"suite": "open-loop", "metric": "ade", "unit_id": "c", "cluster": "l", "value": 0}


def test_merging():
    one = build_report([measured()], {"open-loop": DATA}, "policy", 0)
    other = build_report([measured("reasoning", grade=np.ones(3))], {"reasoning": DATA}, "policy", 0)
    whole = merged([other, one])
    assert whole["suites"] == ["open-loop", "reasoning"]
    assert set(whole["metrics"]) == set(one["metrics"]) | set(other["metrics"])
    with pytest.raises(UnusableInput, match="both hold metrics"):
        merged([one, one])
    with pytest.raises(UnusableInput, match="different policies"):
        merged([one, other | {"policy": "another"}])
    with pytest.raises(UnusableInput, match="no reports"):
        merged([])


@pytest.mark.parametrize("broken", ["{", "[]", "{}", '{"metrics": {"a": {"value": 1}}}'])
def test_files_that_are_no_report(broken):
    with pytest.raises(UnusableInput, match="evaluate again"):
        from_json(broken, "here")


CURVE = {"stage": "vlm", "name": "loss", "points": [[1, 0.5]]}
GATE = dict.fromkeys(("stage", "metric", "value", "baseline", "baseline_name", "beats", "n", "split"), 1)


def with_training(training):
    report = build_report([measured()], {"open-loop": DATA}, "policy", 0) | {"training": training}
    return from_json(to_json(report), "here")


@pytest.mark.parametrize(
    "training",
    [
        {"gates": [], "curves": {"vlm": [[1, 0.5]]}},  # as it was once written
        {"gates": [], "curves": [CURVE | {"points": [[1, "low"]]}]},
        {"gates": [], "curves": [CURVE | {"points": [0.5]}]},
        {"gates": [], "curves": [CURVE | {"points": []}]},
        {"gates": [{"stage": "vlm"}], "curves": []},
        {"gates": [GATE | {"value": "low"}], "curves": []},
        {"gates": [], "curves": [], "scale": 8},
        {"curves": [CURVE]},
        [],
    ],
)
def test_training_in_another_shape_is_said_in_one_line(training):
    with pytest.raises(UnusableInput, match=r"here: report\.json tells of training in another shape; evaluate again"):
        with_training(training)


def test_training_in_its_shape_is_read():
    kept = {"step": "train_vlm", "scale": "tiny", "gates": [GATE], "curves": [CURVE]}
    assert with_training(kept)["training"] == kept
    assert with_training(None)["training"] is None


def test_nan_never_reaches_a_file():
    report = build_report([measured()], {"open-loop": DATA}, "policy", 0)
    report["metrics"]["ade"]["value"] = float("nan")
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json(report)
    with pytest.raises(UnusableInput, match="no finite number"):
        from_json(json.dumps(report), "here")
