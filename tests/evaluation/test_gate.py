import json
from pathlib import Path

import pytest

from causeway.errors import UnusableInput
from causeway.evaluation.gate import Evaluated, decide, judge_interval, unpaired
from causeway.evaluation.rules import parse_rules, rules_text
from causeway.evaluation.statistics import Estimate


def metric(value, low=None, high=None, n=10, unit="m"):
    return {"value": value, "low": low, "high": high, "n": n, "unit": unit}


def report(metrics, policy="p" * 64, data="d" * 64):
    return {"metrics": metrics, "policy": policy, "data": {"open-loop": {"content_hash": data}}}


def rules(**fields):
    return parse_rules(json.dumps({"version": 1, "rules": [{"why": "because", **fields}]}))


def by_unit(values):
    return {f"s{i}": (f"clip{i}", value) for i, value in enumerate(values)}


@pytest.mark.parametrize(
    ("op", "interval", "on_doubt", "verdict"),
    [
        ("<=", (1.0, 0.5, 1.5), "inconclusive", "pass"),
        ("<=", (3.0, 2.5, 3.5), "inconclusive", "fail"),
        ("<=", (1.9, 1.5, 2.5), "inconclusive", "inconclusive"),
        ("<=", (1.9, 1.5, 2.5), "value", "pass"),
        ("<=", (2.1, 1.5, 2.5), "value", "fail"),
        (">=", (3.0, 2.5, 3.5), "inconclusive", "pass"),
        (">=", (1.0, 0.5, 1.5), "inconclusive", "fail"),
        ("<=", (1.0, None, None), "inconclusive", "inconclusive"),
        ("<=", (1.0, None, None), "value", "pass"),
        (">=", (None, 2.5, None), "inconclusive", "pass"),
        (">=", (None, None, None), "value", "inconclusive"),
    ],
)
def test_intervals_decide(op, interval, on_doubt, verdict):
    assert judge_interval(op, Estimate(*interval, 10, 10), 2.0, on_doubt)[0] == verdict


def test_one_failed_answer_refuses():
    broken = metric(1, 1, 1, 40, "count")
    found = decide(Evaluated(report({"failed_answers": broken})), rules(metric="failed_answers", op="<=", limit=0))
    assert found["decision"] == "refuse"
    assert found["rules"][0]["detail"] == "1, at most 0"
    assert "failed_answers <= 0" in found["summary"]


def test_what_was_not_measured_cannot_be_decided():
    found = decide(Evaluated(report({})), rules(metric="min_ade_6", op="<=", limit=1))
    assert (found["decision"], found["rules"][0]["verdict"]) == ("inconclusive", "inconclusive")
    absent = rules(metric="min_ade_6", op="<=", limit=1, of="constant_velocity/min_ade_6")
    found = decide(Evaluated(report({"min_ade_6": metric(1, 0.9, 1.1)})), absent)
    assert "constant_velocity/min_ade_6 was not measured" in found["rules"][0]["detail"]


def test_a_factor_on_a_baseline_is_judged_pair_by_pair():
    ours, theirs = [1.0, 5.0, 9.0, 2.0], [2.0, 6.0, 10.0, 3.0]  # always 1 m better, though both spread widely
    both = report({"ade": metric(4.25, 1.5, 7.5), "cv/ade": metric(5.25, 2.5, 8.5)})
    values = {"ade": by_unit(ours), "cv/ade": by_unit(theirs)}
    rule = rules(metric="ade", op="<=", limit=1, of="cv/ade")
    assert decide(Evaluated(both, values), rule)["decision"] == "promote"
    assert decide(Evaluated(both), rule)["decision"] == "inconclusive", "without pairs the intervals overlap"
    row = decide(Evaluated(both, values), rule)["rules"][0]
    assert (row["value"], row["limit"]) == (4.25, 5.25)


def test_the_margin_to_the_champion():
    champion = Evaluated(report({"ade": metric(1.0, 0.8, 1.2)}, "c" * 64), {"ade": by_unit([1.0] * 20)})
    rule = rules(metric="ade", op="<=", margin=0.1)
    for worse_by, decision in ((0.05, "promote"), (0.2, "refuse")):
        values = {"ade": by_unit([1.0 + worse_by] * 20)}
        candidate = Evaluated(report({"ade": metric(1 + worse_by, 0.8, 1.4)}), values)
        found = decide(candidate, rule, champion)
        assert (found["decision"], found["champion"]) == (decision, "c" * 64)
    mixed = Evaluated(report({"ade": metric(1.05, 0.8, 1.4)}), {"ade": by_unit([0.0, 2.1] * 10)})
    found = decide(mixed, rule, champion)
    assert found["decision"] == "inconclusive"
    assert found["rules"][0]["needed"] == 2219, "((3.0902 + 1.2816) * 1.07728 / 0.1)^2 = 2218.1"
    assert "about 2219 would exclude a loss of 0.100 m" in found["summary"]


def shares(worse, better, of):
    """A champion that never collides and a candidate that does in `worse` of the clips; `better` the other way."""
    ours, theirs = [1.0] * worse + [0.0] * (of - worse), [0.0] * (of - better) + [1.0] * better
    reports = [report({"hits": metric(sum(side) / of, 0, 1, of, "share")}) for side in (ours, theirs)]
    return [Evaluated(one, {"hits": by_unit(side)}) for one, side in zip(reports, (ours, theirs), strict=True)]


@pytest.mark.parametrize(
    ("worse", "better", "of", "decision"),
    [
        (0, 0, 8, "inconclusive"),  # eight clips without a collision exclude no loss of 5 in 100
        (0, 0, 134, "inconclusive"),
        (0, 0, 135, "promote"),  # ln(0.001) / ln(0.95) = 134.7
        (3, 3, 400, "promote"),
        (6, 0, 200, "inconclusive"),  # six against none may be chance at 0.1 %
        (20, 0, 200, "refuse"),
        (20, 1, 200, "refuse"),
    ],
)
def test_a_margin_of_nothing_with_what_must_be_excluded(worse, better, of, decision):
    candidate, champion = shares(worse, better, of)
    assert decide(candidate, rules(metric="hits", op="<=", margin=0, exclude=0.05), champion)["decision"] == decision


def test_rules_share_the_error_of_the_family():
    candidate, champion = shares(0, 0, 135)
    one = {"metric": "hits", "op": "<=", "margin": 0, "exclude": 0.05, "why": "because"}
    found = decide(candidate, parse_rules(json.dumps({"version": 1, "rules": [one] * 4})), champion)
    assert found["decision"] == "inconclusive", "each rule has a quarter of 0.1 %"
    assert found["rules"][0]["loss"]["level"] == pytest.approx(1 - 0.00025)
    assert found["rules"][0]["needed"] == 162, "ln(0.00025) / ln(0.95) = 161.7"
    lax = decide(candidate, parse_rules(json.dumps({"version": 1, "family_wise_error": 0.05, "rules": [one]})), champion)
    assert lax["decision"] == "promote"


def test_data_without_a_metric_may_be_allowed():
    skip = rules(metric="path_collision", op="<=", margin=0, exclude=0.05, absent="skip")
    found = decide(Evaluated(report({})), skip, Evaluated(report({})))
    assert (found["rules"][0]["verdict"], found["decision"]) == ("skipped", "inconclusive"), "nothing was judged"
    unmeasured = Evaluated(report({"path_collision": metric(None, n=0, unit="share")}))
    found = decide(unmeasured, rules(metric="path_collision", op="<=", margin=0), unmeasured)
    assert (found["rules"][0]["verdict"], found["decision"]) == ("inconclusive", "inconclusive")


def test_a_champion_without_the_suite_decides_nothing():
    candidate, _ = shares(0, 0, 200)
    found = decide(candidate, rules(metric="hits", op="<=", margin=0, exclude=0.05), Evaluated(report({})))
    assert "the champion was not measured" in found["summary"]


def test_higher_is_better_turns_the_margin():
    champion = Evaluated(report({"score": metric(0.9, 0.8, 1.0)}), {"score": by_unit([0.9] * 8)})
    rule = rules(metric="score", op=">=", margin=0.05)
    for value, decision in ((0.88, "promote"), (0.8, "refuse")):
        candidate = Evaluated(report({"score": metric(value, 0.7, 1.0)}), {"score": by_unit([value] * 8)})
        assert decide(candidate, rule, champion)["decision"] == decision


def test_without_a_champion_margins_are_skipped():
    measured = Evaluated(report({"ade": metric(1, 0.9, 1.1)}))
    both = [{"metric": "ade", "op": "<=", "why": "because", **kind} for kind in ({"margin": 0}, {"limit": 2})]
    found = decide(measured, parse_rules(json.dumps({"version": 1, "rules": both})))
    assert (found["decision"], [row["verdict"] for row in found["rules"]]) == ("promote", ["skipped", "pass"])
    alone = decide(measured, rules(metric="ade", op="<=", margin=0))
    assert (alone["decision"], alone["rules"][0]["verdict"]) == ("inconclusive", "skipped")
    assert "no rule could be judged" in alone["summary"]


def test_a_baseline_at_zero_lets_nothing_pass():
    both = report({"score": metric(0.0, 0.0, 0.5, 4, "score"), "cv/score": metric(0.0, 0.0, 0.5, 4, "score")})
    values = {"score": by_unit([0.0] * 4), "cv/score": by_unit([0.0] * 4)}
    row = decide(Evaluated(both, values), rules(metric="score", op=">=", limit=0.5, of="cv/score"))["rules"][0]
    assert (row["verdict"], row["detail"]) == ("skipped", "cv/score is 0, which any policy reaches")


def test_a_doubt_about_a_difference_says_of_what():
    both = report({"progress": metric(0.2, 0.1, 0.3, 4, "share"), "cv/progress": metric(0.6, 0.2, 1.0, 4, "share")})
    values = {"progress": by_unit([0.1, 0.3, 0.1, 0.3]), "cv/progress": by_unit([0.2, 1.0, 1.0, 0.2])}
    rule = rules(metric="progress", op=">=", limit=0.5, of="cv/progress", on_doubt="value")
    row = decide(Evaluated(both, values), rule)["rules"][0]
    assert row["verdict"] == "fail"
    assert row["detail"].startswith("20\u00a0%, at least 30\u00a0%; the difference to that has the 95 % interval -")


def test_other_data_cannot_be_compared():
    champion = Evaluated(report({"ade": metric(1.0, 0.8, 1.2)}, "c" * 64, data="e" * 64))
    found = decide(Evaluated(report({"ade": metric(0.1, 0.05, 0.2)})), rules(metric="ade", op="<=", margin=0), champion)
    assert found["decision"] == "refuse"
    assert "dddddddddddd" in found["summary"]
    assert "eeeeeeeeeeee" in found["summary"]


def test_the_widest_interval_of_what_cannot_be_paired():
    difference = unpaired(metric(10, 8, 12), metric(4, 3, 5), 2.0)
    assert (difference.value, difference.low, difference.high) == (2, -2, 6)


def test_shipped_rules_are_valid():
    assert {rule.metric for rule in parse_rules(rules_text("")).rules} >= {"failed_answers", "faithfulness_swapped_m"}
    assert len(parse_rules(rules_text("stage")).rules) == 2
    assert rules_text("default") == rules_text("")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("version: 1\nrules: []", "rules"),
        ("version: 2\nrules: [{metric: a, op: '<=', limit: 1, why: x}]", "version"),
        ("version: 1\nrules: [{metric: a, op: '<', limit: 1, why: x}]", "op"),
        ("version: 1\nrules: [{metric: a, op: '<=', why: x}]", "either limit or margin"),
        ("version: 1\nrules: [{metric: a, op: '<=', margin: 1, of: b, why: x}]", "`of` needs a limit"),
        ("version: 1\nrules: [{metric: a, op: '<=', limit: .nan, why: x}]", "finite"),
        ("version: 1\nrules: [{metric: a, op: '<=', margin: 1, exclude: 0.5, why: x}]", "no less than it"),
        ("version: 1\nrules: [{metric: a, op: '<=', limit: 1, exclude: 2, why: x}]", "needs a margin"),
        ("version: 1\nfamily_wise_error: 0.5\nrules: [{metric: a, op: '<=', limit: 1, why: x}]", "family_wise_error"),
        ("version: 1\nrules: [{metric: a, op: '<=', limit: 1, why: x, colour: red}]", "colour"),
        ("rules: [", "not YAML"),
        ("- a", "the file"),
    ],
)
def test_bad_rules_say_what_is_wrong(text, says):
    with pytest.raises(UnusableInput, match=says):
        parse_rules(text)


def test_rules_from_a_file(tmp_path: Path):
    (tmp_path / "own.yaml").write_text("version: 1\n")
    assert rules_text(str(tmp_path / "own.yaml")) == "version: 1\n"
    with pytest.raises(UnusableInput, match="no readable rules file"):
        rules_text(str(tmp_path / "none.yaml"))
