"""What a page says of a report: what to read first, what is not there, tables by name, the champion, the training."""

import numpy as np
import pytest

from causeway.artifacts import Artifact, Writer, run, step
from causeway.errors import UnusableInput
from causeway.evaluation.page.champion_parts import compared
from causeway.evaluation.page.charts import bars
from causeway.evaluation.page.first_parts import failures_section, not_shown_section
from causeway.evaluation.page.matrix_parts import classes_table, in_a_matrix, moved_table
from causeway.evaluation.page.report_parts import about_line
from causeway.evaluation.page.suite_parts import names_of, suite_section
from causeway.evaluation.page.training_parts import training_section
from causeway.evaluation.training_record import thinned, training_of


def metric(value, unit="m", n=8, low=None, high=None):
    return {"value": value, "low": low, "high": high, "n": n, "unit": unit}


def report(metrics=None, suite="open-loop", **parts):
    data = {"name": "built-in world", "content_hash": "h", "sources": [], "split": "test", "samples": 8, "clips": 4}
    whole = {"metrics": metrics or {}, "data": {suite: data}, "policy": "c0ffee" * 10, "suites": [suite], "groups": {}}
    return whole | {"examples": [], "notes": [], "measured": {suite: list(metrics or {})}, "training": None} | parts


def test_failures_come_first_then_who_does_better():
    metrics = {
        "ade": metric(2.0), "constant_velocity/ade": metric(1.0),
        "comfort": metric(0.9, "share"), "constant_velocity/comfort": metric(0.5, "share"),
        "failed_answers": metric(3.0, "count"),
    }  # fmt: skip
    said = failures_section(report(metrics, notes=["a note"]))
    order = ["open-loop: 3 of 8 answers failed", "constant velocity does better on ADE", "few clips", "a note"]
    assert [text in said for text in order] == [True] * 4
    assert sorted(order, key=said.index) == order
    assert "comfort" not in said, "more comfort is better, and the policy has more"


def test_a_worse_metric_is_named_so_that_it_stands_alone_and_folded_ones_are_counted():
    worse = {name: metric(0.5, "share") for name in ("collision_front", "alpasim_collision_any", "alpasim_off_road")}
    beside = {f"constant_velocity/{name}": metric(0.0, "share") for name in worse}
    said = failures_section(report(worse | beside, "closed-loop"))
    assert "does better on collisions: with the front 50\u00a0% against 0\u00a0%; 2 of the metrics by AlpaSim" in said


def test_an_unjudged_answer_is_not_said_to_have_failed():
    said = failures_section(report({"judge_failed_answers": metric(2.0, "count")}, "reasoning"))
    assert "reasoning: 2 of 8 answers were not judged by the endpoint" in said


def test_bars_below_nought_are_drawn_to_the_left_of_it():
    row = [metric(-1.0, low=-2.0, high=0.5), metric(1.0)]
    drawn = bars({"curve": row}, "faster")
    assert 'width="-' not in drawn
    assert 'x="193.3" y="5" width="43.3"' in drawn, "from -1 to 0 on an axis of 130 from -2 to 1 that starts at 150"


def test_nothing_to_say_is_said():
    calm = report({"ade": metric(1.0)})
    calm["data"]["open-loop"]["clips"] = 100
    assert "No answer failed and no baseline is better" in failures_section(calm)


def test_what_is_not_there_is_told():
    said = not_shown_section(report({"ade": metric(None, n=0)}), champion=False)
    for text in ("says nothing of a real one", "closed-loop, replay", "nothing could be measured: ade", "a champion"):
        assert text in said
    real = report({"ade": metric(1.0)})
    real["data"]["open-loop"]["name"] = "kitti"
    assert "built-in world" not in not_shown_section(real, champion=True)
    assert "champion" not in not_shown_section(real, champion=True)


def test_a_suite_shows_every_metric_it_measured():
    metrics = {"ade": metric(1.0), "nobody_knows_m": metric(2.0), "constant_velocity/ade": metric(3.0)}
    shown = suite_section("open-loop", report(metrics))
    assert "1 metrics: more of this suite" in shown
    assert "nobody knows m" in shown
    older = report(metrics) | {"measured": {}}
    assert names_of("open-loop", older) == ["ade", "nobody_knows_m"]
    assert names_of("reasoning", older) == []


def test_every_grouping_has_its_charts():
    row = {"ade": metric(1.0), "constant_velocity/ade": metric(2.0)}
    groups = {"open-loop": {"curve": row, "stop": row}, "open-loop, by meta action": {"left": row, "right": row}}
    shown = suite_section("open-loop", report(row, groups=groups))
    assert "By scenario (n)" in shown
    assert "By meta action (n)" in shown
    assert "curve (8)" in shown
    assert "By scenario" not in suite_section("open-loop", report(row, groups={"open-loop": {"one": row}}))


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("faithfulness_swapped_m", True),
        ("faithfulness_without_rear_left_worse_m", True),
        ("faithfulness_label_hidden_nats", True),
        ("faithfulness_stop_go_mps", False),
        ("faithfulness_left_right_deg", False),
        ("faithfulness_failed_answers", False),
        ("longitudinal_f1@yield", True),
        ("longitudinal_macro_f1", False),
    ],
)
def test_names_with_a_table_of_their_own(name, there):
    assert in_a_matrix(name) is there


def test_a_camera_nobody_thought_of_has_its_row():
    shown = moved_table(
        {"faithfulness_without_rear_m": metric(0.5, low=0.2, high=0.9), "faithfulness_swapped_nats": metric(2.0, "nats")}
    )
    assert "without camera rear" in shown
    assert "0.200 … 0.900" in shown
    assert shown.index("another scene") < shown.index("without camera")
    assert moved_table({"ade": metric(1.0)}) is None


def test_decisions_by_how_often_they_are_labelled():
    shown = classes_table(
        {
            "lateral_f1@none": metric(0.5, "score", 9),
            "longitudinal_f1@yield": metric(0.25, "score", 2),
            "longitudinal_f1@none": metric(0.75, "score", 7),
            "majority/longitudinal_f1@none": metric(0.875, "score", 7),
        }
    )
    assert [shown.index(text) for text in ("0.750", "0.250", "0.500")] == sorted(
        shown.index(text) for text in ("0.750", "0.250", "0.500")
    )
    assert "0.875" in shown


def test_the_champion_is_compared_on_the_same_clips_only():
    values = {"ade": {f"s{i}": (f"clip{i}", 2.0 + 0.01 * (i % 3)) for i in range(30)}}
    theirs = {"ade": {unit: (clip, value - 1.0) for unit, (clip, value) in values["ade"].items()}}
    ours, champion = report({"ade": metric(2.0)}), report({"ade": metric(1.0)})
    (row,) = compared(ours, values, champion, theirs)
    assert (row["metric"], row["verdict"], row["n"]) == ("ade", "worse", 30)
    assert row["value"] == pytest.approx(1.0)
    (back,) = compared(champion, theirs, ours, values)
    assert back["verdict"] == "better"
    (same,) = compared(ours, values, champion, values)
    assert same["verdict"] == "unclear"
    champion["data"]["open-loop"]["content_hash"] = "another"
    assert compared(ours, values, champion, theirs) == []


def test_shares_differ_by_no_more_than_all():
    name = "miss_rate"
    values = {name: {"a": ("k", 1.0), "b": ("l", 0.0)}}
    theirs = {name: {"a": ("k", 0.0), "b": ("l", 1.0)}}
    both = report({name: metric(0.5, "share")})
    (row,) = compared(both, values, both, theirs)
    assert (row["low"], row["high"]) == (-1.0, 1.0)


def test_about_line():
    said = about_line(report({}, training={"step": "train_coc", "scale": "tiny", "gates": [], "curves": []}))
    assert said == "Policy c0ffeec0ffee (tiny, train_coc), measured on built-in world: 8 samples of 4 clips."


def policy_with(tmp_path, files):
    @step(kind="policy")
    def made(*, out: Writer) -> None:
        for name, text in files.items():
            out.path(name).write_text(text)

    run(made, {}, out=str(tmp_path / "policy"))
    return Artifact.open(tmp_path / "policy")


def test_training_is_read_from_the_policy_and_shown_in_its_order(tmp_path):
    gate = '[{"stage": "vlm", "metric": "m", "value": 1, "baseline": 2, "baseline_name": "b", "n": 3, "split": "val"'
    losses = '{"stage": "vlm", "step": 0, "loss": 2.0}\n{"stage": "action", "step": 0, "loss": 3.0, "reward": null}\n'
    policy = policy_with(tmp_path, {"stage_gates.json": gate + ', "beats": false}]', "losses.jsonl": losses})
    found = training_of(policy)
    assert [(c["stage"], c["name"], c["points"]) for c in found["curves"]] == [
        ("vlm", "loss", [[0, 2.0]]),
        ("action", "loss", [[0, 3.0]]),
    ]
    shown = training_section(found)
    assert "does not beat" in shown
    assert shown.index("loss of vlm") < shown.index("loss of action")
    assert training_section(None) is None


def test_a_policy_that_tells_nothing_and_one_that_tells_nonsense(tmp_path):
    assert training_of(policy_with(tmp_path, {"config.json": "{}"})) is None
    with pytest.raises(UnusableInput, match="line 1 is no loss"):
        training_of(policy_with(tmp_path / "b", {"losses.jsonl": "{}"}))
    with pytest.raises(UnusableInput, match="not readable"):
        training_of(policy_with(tmp_path / "c", {"stage_gates.json": "["}))


def test_thinned_curves_keep_their_mean_and_end():
    points = [[i, float(i % 2)] for i in range(1000)]
    found = thinned(points, 100)
    assert len(found) == 100
    assert found[-1] == [999, 0.5]
    assert np.mean([value for _, value in found]) == pytest.approx(0.5)
    assert thinned(points[:3]) == points[:3]
