from html.parser import HTMLParser

import numpy as np
import pytest

from causeway.artifacts.markup import Markup, el, number, quantity
from causeway.evaluation.answers import AskConfig
from causeway.evaluation.charts import curve, from_above, running_mean, whisker
from causeway.evaluation.open_loop_suite import open_loop
from causeway.evaluation.page import AnswerCard, LabelCard, RunSummary, StepLine, report_page, run_page
from causeway.evaluation.pictures import jpeg
from causeway.evaluation.report import build_report
from causeway.evaluation.suites import SUITES
from causeway.evaluation.wording import SUITE_TITLES, WORDS

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
    assert running_mean([1.0, 3.0, 5.0], 2) == [1.0, 2.0, 4.0]
