"""The page: self-contained, verdict on top, the worst as pictures, and text that stays text."""

import re

import numpy as np
import pytest

from causeway.artifacts import Artifact, write_artifact
from causeway.artifacts.markup import Markup
from causeway.quality import quality_of
from causeway.quality.drawings import from_above, over_time, pictures_in_time
from causeway.quality.examples import Example, examples_of
from causeway.quality.page import quality_page
from tests.quality.planted import TICK_US, clip_parts, jpeg, track_rows

EVIL = "<script>alert('x')</script>"


def artifact(folder, parts):
    tables = {name: [row for part in parts for row in part[name]] for name in parts[0]}
    write_artifact("clips", tables, folder)
    return Artifact.open(folder)


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory):
    rng = np.random.default_rng(11)
    parts = [clip_parts(rng, EVIL, speed=9.0), clip_parts(rng, "frozen", speed=8.0)]
    parts += [clip_parts(rng, "good", speed=7.0), clip_parts(rng, "fine", speed=6.0)]
    for row in parts[0]["ego"]:
        row["speed_mps"] *= 3.6
    parts[0]["ego"][4]["y_m"] = 1e300
    parts[0]["frames"][1]["image"] = b"no picture"
    parts[0]["frames"][2]["image"] = jpeg(grey=0)
    parts[0]["tracks"] += track_rows(EVIL, EVIL, type="pedestrian", length_m=12.0, speed=1.0)
    parts[0]["lanes"][0]["kind"] = EVIL
    for row in parts[1]["frames"]:
        row["image"] = parts[1]["frames"][0]["image"]
    clips = artifact(tmp_path_factory.mktemp("spoilt") / "clips", parts)
    report = quality_of(clips)
    return report, examples_of(report, clips), clips


def test_the_worst_are_shown(spoilt):
    report, examples, _ = spoilt
    shown = {(e.kind, e.title) for e in examples}
    assert ("motion", EVIL) in shown
    assert ("pictures", f"{EVIL} f {10 * TICK_US}") in shown
    assert ("pictures", "frozen f") in shown
    assert ("tracks", f"{EVIL} {EVIL}") in shown
    (pair,) = [e for e in examples if e.title == "frozen f"]
    assert pair.body.count("data:image/jpeg;base64,") == 2
    (walker,) = [e for e in examples if e.kind == "tracks" and e.title == f"{EVIL} {EVIL}"]
    assert walker.reasons[0].startswith("track_size: pedestrian 12.00")
    assert not report.failed("refuse")


def test_text_stays_text_and_nothing_is_fetched(spoilt):
    report, examples, clips = spoilt
    page = quality_page(report, [{"name": EVIL, "licence": EVIL}, *clips.manifest.sources], examples)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") > 10
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    assert "http" not in page
    assert len(page) < 1_000_000
    assert not re.search(r"(?<![\w.])(?:nan|inf)(?![\w])", page)


def test_the_verdict_is_on_top_and_every_expectation_below(spoilt):
    report, examples, _ = spoilt
    page = quality_page(report, [], examples)
    assert (
        page.index("Passed, with what is bad left out") < page.index("What is not as expected") < page.index("Motion")
    )
    for check in report.checks:
        assert f"<b>{check.expectation.name}</b>" in page
    assert "drops the clip" in page
    assert "drops the row" in page
    assert "Left out: 2 of 4 clips, 2 of 48 frames, 1 of 9 tracks, 1 of 4 lanes." in page


def test_examples_that_would_be_too_much_are_left_out_and_that_is_said(spoilt):
    report, _, _ = spoilt
    large = [Example("motion", f"clip {i}", (), Markup("x" * 400_000)) for i in range(4)]
    page = quality_page(report, [], large)
    assert "2 more are not shown" in page
    assert len(page) < 1_000_000


def test_a_good_artifact_shows_what_came_nearest_to_a_bound(tmp_path, rng):
    clips = artifact(tmp_path / "good", [clip_parts(rng, "only", speed=8.0)])
    report = quality_of(clips)
    examples = examples_of(report, clips)
    assert {e.kind for e in examples} == {"motion", "pictures"}
    assert all(e.reasons[0].startswith("nothing is wrong: the nearest to a bound is ") for e in examples)
    page = quality_page(report, [], examples)
    assert '<h1 class="passed">Passed</h1>' in page
    assert "What is not as expected" not in page


def test_a_drawing_of_nothing_or_of_nonsense_is_still_one():
    odd = np.array([0.0, np.nan, 1e300, -np.inf])
    for drawing in (
        over_time("Speed", "m/s", [0.0, 1.0, 2.0, 3.0], {"told": odd}, (-1, 1)),
        over_time("Speed", "m/s", [0.0], {"told": [np.nan]}),
        from_above("Path", {"path": [np.stack([odd, odd], axis=-1)]}),
        from_above("Path", {"path": [np.zeros((0, 2))]}),
        pictures_in_time("Pictures", 0.0, {"f": []}, 0.1),
    ):
        assert drawing.startswith("<svg")
        assert "nan" not in drawing.lower()
        assert "inf" not in drawing.lower()


def test_points_are_where_the_numbers_say():
    drawn = over_time("Speed", "m/s", [0.0, 10.0], {"told": [0.0, 5.0]})
    assert 'points="40.0,130.0 332.0,20.0"' in drawn
    assert drawn.count('class="axis"') == 2
    near_zero = over_time("Speed", "m/s", [0.0, 10.0], {"told": [-0.005, 5.0]})
    assert "-0.005" not in near_zero
    assert near_zero.count('class="axis"') == 2
    assert over_time("Speed", "m/s", [0.0, 10.0], {"told": [-3.0, 5.0]}).count('class="axis"') == 3
    assert "1e+300</text>" in over_time("Speed", "m/s", [0.0, 10.0], {"told": [0.0, 1e300]})
    gaps = pictures_in_time("Pictures", 10.0, {"front": [0.0, 1.0, 9.0, 10.0]}, 2.0)
    assert gaps.count('class="gap"') == 1
