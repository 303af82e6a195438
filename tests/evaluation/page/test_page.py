from html.parser import HTMLParser

import numpy as np
import pytest

from causeway.artifacts.markup import Markup, el, number, quantity
from causeway.evaluation.answers import AskConfig
from causeway.evaluation.open_loop_suite import open_loop
from causeway.evaluation.page.chart_above import box, from_above
from causeway.evaluation.page.charts import change, curve, running_mean, whisker
from causeway.evaluation.page.page import AnswerCard, LabelCard, RunSummary, StepLine, gate_page, report_page, run_page
from causeway.evaluation.page.pictures import jpeg
from causeway.evaluation.page.wording import SUITE_TITLES, WORDS
from causeway.evaluation.report import build_report
from causeway.evaluation.suites import SUITES

EVIL = "<script>alert('x')</script> & \"co\""
DATA = {"name": EVIL, "content_hash": "ab" * 32, "sources": [], "split": "test", "samples": 8, "clips": 4}


class Balanced(HTMLParser):
    """Fails on a tag that is not closed, and keeps every address a browser would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.fetched += [v or "" for k, v in attrs if k in ("src", "href")]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.fetched += [v or "" for k, v in attrs if k in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check(page: str) -> None:
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    assert all(address.startswith("data:image/jpeg;base64,") for address in parser.fetched)
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert len(page) < 10_000_000


@pytest.fixture
def report(known, samples):
    found = open_loop(known(EVIL), samples, AskConfig(n=6))
    return build_report([found], {"open-loop": DATA}, "c0ffee" * 8, 0)


def test_report_page_is_whole_and_escaped(report):
    page = report_page(report)
    check(page)
    assert "&lt;script&gt;" in page
    assert "minADE₆" in page
    assert "constant velocity" in page
    assert page.count("<img") == len(report["examples"]) == 3
    assert page.index("No verdict on this page") < page.index("Read this first") < page.index("Measured on")


def test_run_page_shows_every_part(report):
    picture = jpeg(np.zeros((8, 12, 3), dtype=np.uint8))
    name = "progress >= 0.5 × constant_velocity/progress"
    rule = {
        "name": name,
        "metric": "progress",
        "op": ">=",
        "verdict": "fail",
        "detail": "2 m, at most 1 m",
        "why": EVIL,
    }
    run = RunSummary(
        title="A run",
        verdict=EVIL,
        steps=[StepLine("ingest", "clips", {"clips": 12}, 3.25), StepLine("train_vlm", "policy", {}, 40.0, "kept")],
        data=["vlm: 12 samples of the built-in world"],
        losses={"vlm": [(0, 3.0), (1, 1.0)], "rl": []},
        report=report,
        decision={"decision": "refuse", "summary": "", "rules": [rule]},
        label=LabelCard(picture, EVIL, ("yield", "none"), [{"kind": EVIL}], [("speed", "8")], 0.5, "m1", "accepted"),
        answer=AnswerCard(picture, ("yield", "none"), EVIL, [(0.8, -0.001)], {"total": 99.4}, "s1", "v1"),
        sources=[{"name": EVIL, "licence": "CC"}],
        gaps=["no tracks"],
    )
    page = run_page(run)
    check(page)
    for said in (
        "Refused by the gate",
        "2 m, at most",
        "closed-loop: progress ≥ 0.5 × that of constant velocity",
        "loss of vlm",
        "0.80, 0.00",
        "12 clips",
        "no tracks",
        "kept",
    ):
        assert said in page
    assert page.index("Refused by the gate") < page.index("The served answer")


def test_from_above_draws_road_and_agents():
    assert box((1.0, 2.0, np.pi / 2), (4.0, 2.0)) == [
        pytest.approx(corner) for corner in ((0.0, 4.0), (2.0, 4.0), (2.0, 0.0), (0.0, 0.0))
    ]
    agent = {"kind": "car", "pose": [10.0, 3.0, 0.0], "size": [4.0, 2.0], "way": [[10.0, 3.0], [20.0, 3.0]]}
    around = {"agents": [agent], "road": [[[0, -3], [30, -3], [30, 3]]], "car": [4.7, 1.9, 1.4]}
    drawn = from_above([(10.0, 0.0)], [[(9.0, 0.0)]], around)
    assert [drawn.count(f'class="{name}"') for name in ("road", "agent", "car", "faint agent")] == [1, 1, 1, 1]
    assert from_above([(10.0, 0.0)], []).count("polygon points") == 1, "the car alone"


def test_gate_page_has_the_verdict_on_top_and_the_champion_beside(report):
    worse = {"suite": "open-loop", "metric": "ade", "ours": 2.0, "theirs": 1.0, "value": 1.0, "low": 0.5, "high": 1.5}
    unclear = worse | {"metric": "speed_error_mps", "low": -1.0, "verdict": "unclear"}
    rules = [
        {"name": f"m{i} <= 1", "metric": f"m{i}", "op": "<=", "verdict": v, "detail": f"detail {i}", "why": "w"}
        for i, v in enumerate(["pass", *["inconclusive"] * 7, "fail"])
    ]
    decision = {"decision": "refuse", "champion": "beef" * 16, "rules": rules}
    beside = [row | {"n": 8, "unit": "m"} for row in (unclear, worse | {"verdict": "worse"})]
    page = gate_page(report, decision, beside)
    check(page)
    assert page.index("Refused by the gate") < page.index("detail 8") < page.index("Read this first")
    assert "2 more, in the table of rules below" in page, "six are named, the failed one first"
    assert page.index("Champion beside candidate") < page.index("Measured on")
    assert "1 worse, 1 unclear, 0 better" in page
    assert "1 more, all unclear" in page
    assert "nobody stands beside this policy" not in page
    assert "nobody stands beside this policy" in gate_page(report, decision | {"champion": None})


def test_an_empty_run_is_still_a_page():
    page = run_page(RunSummary("Nothing", "nothing ran"))
    check(page)
    assert "<h1>Nothing</h1>" in page
    assert "nothing ran" in page


def test_every_suite_has_words():
    assert tuple(SUITE_TITLES) == tuple(WORDS) == tuple(SUITES)


def test_markup_escapes_what_is_not_markup():
    assert el("p", "<b>", Markup("<i></i>"), None, title='"') == '<p title="&quot;">&lt;b&gt;<i></i></p>'


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (None, "m", "–"),
        (0.25, "share", "25\u00a0%"),
        (2.3456, "m", "2.35\u00a0m"),
        (1234.5, "ms", "1,234\u00a0ms"),
        (3, "count", "3"),
    ],
)
def test_quantities(value, unit, said):
    assert quantity(value, unit) == said


def test_numbers():
    assert [number(x) for x in (0.01234, 12.34, 123456, -0.5, 0, -2e-7)] == [
        "0.012",
        "12.3",
        "123,456",
        "-0.500",
        "0",
        "≈0",
    ]


def test_charts_of_hardly_anything():
    nothing = {"value": None, "low": None, "high": None, "n": 0, "unit": "m"}
    assert whisker(nothing) is None
    assert whisker({"value": 1e-6, "low": 0.0, "high": 2e-6, "n": 8, "unit": "m"}) is None, "noise has no scale"
    assert "<circle" in whisker({"value": 1.0, "low": None, "high": None, "n": 1, "unit": "m"})
    assert "polyline" in curve([(0, 1.0)], "one step")
    assert "polyline" in from_above([(0.0, 0.0)], [[(0.0, 0.0)]])
    assert change({"value": None, "low": None, "high": None}, "bad") is None
    assert 'cx="154.0"' in change({"value": 2.0, "low": None, "high": None}, "bad"), "alone it reaches the edge"
    assert 'x1="43.0"' in change({"value": 1.0, "low": -1.0, "high": 2.0}, "plain"), "half way to the left"
    assert running_mean([1.0, 3.0, 5.0], 2) == [1.0, 2.0, 4.0]
