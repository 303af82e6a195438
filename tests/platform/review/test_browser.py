"""The page in a real browser: from the printed address to the figures, by keyboard alone, with two people.

Needs Debian's Chromium; skips, saying so, where there is none.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from causeway.artifacts import Artifact
from tests.platform.review.conftest import Page, lines

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: install Debian's to run these tests")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-quic"])
        yield chromium
        chromium.close()


@pytest.fixture
def printed(clips: Artifact, labels: Artifact, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The page as the command line serves it: (printed address, folder of corrections)."""
    folder = tmp_path / "corrections"
    command = [sys.executable, "-m", "causeway.cli", "review", labels.location, "--clips", clips.location]
    command += ["--port", "0", "--corrections", str(folder)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"})
    try:
        assert process.stderr is not None
        address = next((m[1] for line in process.stderr if (m := re.search(r"open (\S+)", line))), "")
        assert address, "no address was printed"
        yield address, folder
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


@pytest.fixture
def served(open_page: Callable[..., Page]) -> Iterator[tuple[str, Path]]:
    """The same page in this process: (address, folder of corrections)."""
    import uvicorn

    page = open_page(audit=None)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(page.app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/login#{page.door.token}", page.folder
    server.should_exit = True
    thread.join(timeout=10)


class Reviewer:
    """A person at a browser of their own; every complaint of the browser is kept."""

    def __init__(self, browser: Any, address: str, name: str, width: int = 1280) -> None:
        self.complaints: list[str] = []
        self.page = browser.new_context(viewport={"width": width, "height": 860}).new_page()
        self.page.set_default_timeout(60_000)  # of a machine that does other things too
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)
        self.page.goto(address)
        self.page.keyboard.type(name)
        self.page.keyboard.press("Enter")
        self.until("causes")

    def until(self, stage: str) -> None:
        self.page.wait_for_selector(f"body[data-stage={stage}]:not([aria-busy])")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def key(self) -> str:
        return str(self.page.get_attribute("body", "data-key"))

    def decide(self, *keys: str) -> None:
        """Name the first thing that is there, then press the keys of a decision and store it."""
        before = self.key()
        self.press("1", "Enter")
        self.until("decision")
        self.press(*keys, "Enter")
        self.page.wait_for_function("key => document.body.dataset.key !== key", arg=before)
        self.page.wait_for_selector("body:not([aria-busy])")


def accepted(folder: Path) -> list[dict[str, Any]]:
    return [row for row in lines(folder) if row["state"] == "accepted"]


def test_from_login_to_kappa_with_two_people_by_keyboard_alone(browser: Any, printed: tuple[str, Path]) -> None:
    address, folder = printed
    ann, bob = Reviewer(browser, address, "Ann"), Reviewer(browser, address, "Bob")
    assert "#" not in ann.page.url
    assert ann.key() != bob.key()  # what one has opened is offered to the other last
    assert ann.page.title() == "Causeway review"  # HTML in a field stayed text
    for person, along in ((ann, "2"), (bob, "6")):
        while person.page.is_visible("#desk"):
            person.decide(along, "v", "i", *"so", "Escape")
    rows = accepted(folder)
    assert {row["longitudinal_decision"] for row in rows if row["who"] == "Ann"} == {"lead_following"}
    assert all(row["lateral_decision"] == "none" and row["note"] == "so" for row in rows)
    assert len({row["moment_id"] for row in rows}) == 10
    assert len(list(folder.glob("*.jsonl"))) == 2
    both = {row["moment_id"] for row in rows if row["role"] == "audit"}
    ann.page.goto(address.split("/login", maxsplit=1)[0] + "/quality")
    ann.page.wait_for_selector(".tile b")
    text = ann.page.inner_text("main")
    assert len(both) >= 2
    assert f"n = {len(both)}, the same in 0 %" in text  # along the road
    assert f"n = {len(both)}, the same in 100 %" in text  # across it, and the causes
    assert (ann.complaints, bob.complaints) == ([], [])


def test_html_of_any_field_is_shown_as_text(browser: Any, served: tuple[str, Path]) -> None:
    ann = Reviewer(browser, served[0], "<b>Ann_B</b>")
    assert ann.page.inner_text("#leave") == "<b>Ann_B</b>"
    seen = ""
    while ann.page.is_visible("#desk"):
        before = ann.key()
        ann.press("1", "Enter")
        ann.until("decision")
        seen += ann.page.inner_text("#panel")
        ann.press("2", "v", "Enter")
        ann.page.wait_for_timeout(50)
        if ann.page.is_visible("#message"):  # nothing cited causes it: say why
            ann.press("i", "x", "Escape", "Enter")
        ann.page.wait_for_function("key => document.body.dataset.key !== key", arg=before)
    assert "<img src=x onerror" in seen
    assert ann.page.evaluate("document.querySelectorAll('#panel img, #leave b').length") == 0
    assert ann.page.title() == "Causeway review"
    ann.page.goto(served[0].split("/login", maxsplit=1)[0] + "/quality")
    ann.page.wait_for_selector(".tile b")
    text = ann.page.inner_text("main")
    assert "<b>Ann_B</b>" in text  # a name is no word of ours
    assert "<img src=x onerror" in text  # the scenario
    assert ann.page.evaluate("document.querySelectorAll('td b, td img').length") == 0
    assert "owned" not in ann.page.title()


def test_undo_brings_back_an_edit_and_then_the_last_decision(browser: Any, served: tuple[str, Path]) -> None:
    ann = Reviewer(browser, served[0], "Ann")
    first = ann.key()
    ann.press("1")
    assert ann.page.locator(".named li").count() == 1
    ann.press("u")
    assert ann.page.locator(".named li").count() == 0
    ann.decide("2", "v", "i", "x", "Escape")
    assert ann.key() != first
    ann.press("u")
    ann.page.wait_for_function("key => document.body.dataset.key === key", arg=first)
    ann.until("decision")
    ann.press("6", "v", "i", *"late", "Escape", "Enter")
    ann.page.wait_for_function("key => document.body.dataset.key !== key", arg=first)
    assert [row["state"] for row in lines(served[1])] == ["components", "accepted", "withdrawn", "accepted"]
    assert accepted(served[1])[-1]["longitudinal_decision"] == "yield"


def test_nothing_named_is_asked_twice_and_a_missing_decision_is_told(browser: Any, served: tuple[str, Path]) -> None:
    ann = Reviewer(browser, served[0], "Ann")
    ann.press("Enter")
    assert "Nothing is named" in ann.page.inner_text("#message")
    assert ann.page.get_attribute("body", "data-stage") == "causes"
    ann.press("Enter")
    ann.until("decision")
    ann.press("2", "Enter")
    assert "across it" in ann.page.inner_text("#message")
    assert accepted(served[1]) == []


def test_a_small_screen_holds_everything_without_scrolling_sideways(browser: Any, served: tuple[str, Path]) -> None:
    ann = Reviewer(browser, served[0], "Ann", width=390)
    wide = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert ann.page.evaluate(wide)
    ann.press("1", "Enter")
    ann.until("decision")
    assert ann.page.evaluate(wide)
    ann.page.get_by_role("button", name="lead following").click()
    ann.page.locator("fieldset").nth(1).get_by_role("button", name="none").click()
    assert ann.page.locator("button[aria-pressed=true]").count() >= 2


def test_a_second_browser_of_the_same_person_learns_that_the_moment_is_done(
    browser: Any, served: tuple[str, Path]
) -> None:
    ann, again = Reviewer(browser, served[0], "Ann"), Reviewer(browser, served[0], "Ann")
    assert ann.key() == again.key()
    first = ann.key()
    ann.decide("2", "v", "i", "x", "Escape")
    again.press("1", "Enter")
    again.page.wait_for_function("key => document.body.dataset.key !== key", arg=first)
    assert len([row for row in lines(served[1]) if row["state"] == "components"]) == 1
