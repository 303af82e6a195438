"""Whether a candidate goes on: worked examples, and what must hold for any figures."""

import math
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causeway.errors import UnusableInput
from causeway.platform.release.judge import Finding, Sight, answers_needed, figures, judge, next_move
from causeway.platform.release.rules import parse_rules, rules_text

RULES = parse_rules(rules_text(""))
A, B = "a" * 64, "b" * 64
GOOD = Sight(
    through={A: 54, B: 6},
    lost=0,
    failed=0,
    restarts=0,
    candidate_ms=[10.0, 11.0, 12.0],
    champion_ms=[10.0, 10.0, 10.0],
    candidate_ade_m=[1.0, 1.1, 0.9],
    champion_ade_m=[1.0, 1.0, 1.0],
    path_m=[0.2, 0.1, 0.3],
)


def verdicts(sight: Sight, percent: int = 10) -> dict[str, str]:
    return {finding.name: finding.verdict for finding in judge(sight, B, percent, RULES)}


def test_a_good_candidate_is_within_every_limit():
    assert set(verdicts(GOOD).values()) == {"ok"}
    assert "ade_m_worse" not in verdicts(replace(GOOD, champion_ade_m=[], champion_ms=[]))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"failed": 1}, "failed_answers"),
        ({"lost": 1}, "lost_requests"),
        ({"restarts": 1}, "restarts"),
        ({"candidate_ade_m": [1.5, 1.5, 1.5]}, "ade_m_worse"),
        ({"path_m": [20.0, 20.0, 21.0]}, "path_m"),
        ({"candidate_ms": [90.0, 80.0, 71.0]}, "median_ms"),
        ({"candidate_cut": 0.1}, "degraded"),
        ({"through": {A: 30, B: 30}}, "split_sigmas"),
    ],
)
def test_each_limit_is_seen(change, name):
    bad = {found for found, verdict in verdicts(replace(GOOD, **change)).items() if verdict == "bad"}
    assert bad == ({name} if name != "ok" else set())


def test_too_few_answers_of_the_endpoint_are_doubt_and_lost_ones_were_asked():
    assert verdicts(replace(GOOD, needed=60))["answers_missing"] == "ok"
    assert verdicts(replace(GOOD, needed=61))["answers_missing"] == "doubt"
    assert verdicts(replace(GOOD, needed=61, lost=1))["answers_missing"] == "ok"
    assert "answers_missing" not in verdicts(GOOD)  # nobody answers there before the first champion


def test_in_the_dark_a_single_answer_of_the_candidate_is_too_much():
    assert verdicts(replace(GOOD, through={A: 99, B: 1}), percent=0)["split_sigmas"] == "bad"
    assert verdicts(replace(GOOD, through={A: 99}), percent=0)["split_sigmas"] == "ok"


@pytest.mark.parametrize(
    ("through", "percent", "verdict"),
    [({A: 60}, 10, "doubt"), ({}, 10, "doubt"), ({B: 12}, 50, "doubt"), ({A: 59, B: 1}, 10, "ok")],
)
def test_a_policy_that_is_not_heard_in_a_canary_is_doubt(through, percent, verdict):
    """No answer of six: chance, to four deviations. So it is asked again, and not promoted unheard."""
    found = verdicts(replace(GOOD, through=through), percent)
    assert (found["policies_unheard"], found["split_sigmas"]) == (verdict, "ok")
    assert "policies_unheard" not in verdicts(replace(GOOD, through={A: 60}), percent=0)


@settings(deadline=None)
@given(st.integers(1, 99), st.integers(1, 30), st.floats(0.5, 8.0))
def test_a_share_that_goes_all_to_one_policy_is_seen_at_every_step(percent, answers, sigmas):
    limits = RULES.limits.model_copy(update={"split_sigmas": sigmas})
    rules = RULES.model_copy(update={"answers": answers, "limits": limits})
    count = answers_needed(percent, rules)
    assert count * percent >= 100 * answers
    for policy in (A, B):
        split = next(f for f in judge(replace(GOOD, through={policy: count}), B, percent, rules) if f.name == "split_sigmas")
        assert split.verdict == "bad"


@pytest.mark.parametrize(("percent", "count"), [(0, 6), (10, 145), (50, 17)])
def test_how_often_the_shipped_rules_ask(percent, count):
    assert answers_needed(percent, RULES) == count


def test_worse_by_its_mean_alone_is_doubt():
    doubtful = replace(GOOD, candidate_ade_m=[1.0, 1.0, 2.5])
    assert verdicts(doubtful)["ade_m_worse"] == "doubt"
    assert verdicts(replace(GOOD, candidate_ade_m=[2.0], champion_ade_m=[1.0]))["ade_m_worse"] == "doubt"


OK, DOUBT, BAD = (Finding("x", 1.0, 2.0, verdict) for verdict in ("ok", "doubt", "bad"))


@pytest.mark.parametrize(
    ("phase", "percent", "champion", "findings", "asked", "expected"),
    [
        ("dark", 0, True, [OK], 1, ("canary", 10)),
        ("canary", 10, True, [OK], 1, ("canary", 50)),
        ("canary", 50, True, [OK, OK], 1, ("promoting", 100)),
        ("dark", 0, False, [OK], 1, ("promoting", 100)),
        ("canary", 10, True, [OK, BAD], 1, ("rolling_back", 0)),
        ("dark", 0, False, [BAD], 1, ("rolling_back", 0)),
        ("canary", 10, True, [OK, DOUBT], 1, None),
        ("canary", 10, True, [DOUBT], 3, ("rolling_back", 0)),
    ],
)
def test_what_follows(phase, percent, champion, findings, asked, expected):
    move = next_move(phase, percent, champion, findings, asked, RULES)
    assert (move and (move.phase, move.percent)) == expected


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.floats(0, 5), min_size=3, max_size=5), st.floats(0, 3), st.floats(0, 3))
def test_a_worse_path_is_never_judged_better(ade, more, still_more):
    order = ["ok", "doubt", "bad"]
    base = replace(GOOD, champion_ade_m=ade)
    less = verdicts(replace(base, candidate_ade_m=[value + more for value in ade]))["ade_m_worse"]
    worse = verdicts(replace(base, candidate_ade_m=[value + more + still_more for value in ade]))["ade_m_worse"]
    assert order.index(worse) >= order.index(less)


def test_what_a_record_keeps_can_be_written_as_json():
    kept = figures(GOOD, [Finding("split_sigmas", math.inf, 4.0, "bad")])
    assert kept["findings"] == {"split_sigmas": {"value": "all", "limit": 4.0, "verdict": "bad"}}
    assert kept["through"] == {A: 54, B: 6}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("steps: [10, 50]", "steps: [50, 10]"), "steps rise"),
        (("steps: [10, 50]", "steps: []"), "at least one"),
        (("steps: [10, 50]", "steps: [10, 100]"), "less than or equal to 99"),
        (("rounds: 3", "rounds: 0"), "rounds"),
        (("path_m: 15", "path_m: .nan"), "limits.path_m"),
        (("questions: 24", "question: 24"), "questions: Field required"),
        (("version: 1", "version: ["), "not YAML"),
    ],
)
def test_rules_that_do_not_fit_are_named(change, message):
    with pytest.raises(UnusableInput, match=message):
        parse_rules(rules_text("").replace(*change))


def test_rules_are_shipped_or_a_file(tmp_path):
    (tmp_path / "own.yaml").write_text(rules_text("").replace("rounds: 3", "rounds: 5"))
    assert parse_rules(rules_text(str(tmp_path / "own.yaml"))).rounds == 5
    with pytest.raises(UnusableInput, match="no readable canary rules"):
        rules_text(str(tmp_path / "none.yaml"))
