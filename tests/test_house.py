"""What a stranger relies on in the house itself: the lock, the map in README, the pages it links to."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_lock_holds_names_versions_and_hashes_and_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    pinned = re.findall(r"^([a-z0-9._-]+)==", lock, flags=re.MULTILINE)
    assert {"kfp", "feast", "great-expectations", "kserve", "torch", "transformers"} <= set(pinned)
    assert lock.count("--hash=sha256:") >= len(pinned)


def test_every_room_is_on_the_map() -> None:
    readme = (ROOT / "README.md").read_text()
    rooms = [p.name for p in (ROOT / "causeway").iterdir() if (p / "__init__.py").is_file()]
    assert len(rooms) >= 12
    assert [room for room in rooms if f"`causeway/{room}/`" not in readme] == []


def test_every_step_and_component_is_on_the_map() -> None:
    from causeway.platform.steps import STEPS

    text = (ROOT / "README.md").read_text() + (ROOT / "docs" / "pipelines.md").read_text()
    assert [name for name in STEPS if name not in text and name not in ("evaluate", "validate_artifact")] == []
    components = {p.stem for p in (ROOT / "components").glob("*.py")} - {"__init__", "images"}
    plumbing = components - set(STEPS)  # what lies between steps is told in words
    assert plumbing == {"open_artifact", "gate_stage", "find_news", "bench_or_samples", "remember", "take_turn", "conclude"}
    assert [name for name in plumbing if f"`{name}`" not in text] == []


def test_links_in_the_docs_lead_somewhere() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_no_file_is_too_long_to_read() -> None:
    for room in ("causeway", "components", "pipelines", "feature_repo"):
        for path in (ROOT / room).rglob("*.py"):
            if not path.name.endswith("_pb2.py"):
                assert len(path.read_text().splitlines()) <= 500, path
