"""docs/evidence.md says of every view which columns it has, in their order and with their units."""

import re
from pathlib import Path

from causeway.evidence.views import RIG_SCHEMA, RIG_VIEW, TTL_US, VIEWS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "evidence.md").read_text()
UNITS = {"_mps2": "m/s²", "_mps": "m/s", "_radps": "rad/s", "_per_m": "1/m", "_us": "µs", "_m": "m"}


def documented() -> dict[str, list[tuple[str, str]]]:
    """{view: (column, unit) of each row of its table}."""
    found = {}
    for section in PAGE.split("\n### ")[1:]:
        view = re.match(r"`(\w+)`", section)
        assert view
        table = section.split("\n## ")[0]
        found[view[1]] = re.findall(r"^\| `(\w+)` \| ([^|]*?) ?\|", table, re.MULTILINE)
    return found


def unit_of(column: str) -> str:
    return next((unit for end, unit in UNITS.items() if column.endswith(end)), "")


def test_every_view_and_column_is_there_in_order_with_its_unit():
    expected = {view: [(name, unit_of(name)) for name in names] for view, names in VIEWS.items()}
    rig = [(name, unit_of(name) if name != "calibration" else "px, m") for name in RIG_SCHEMA.names[3:]]
    assert documented() == expected | {RIG_VIEW: rig}


def test_the_ttl_is_the_one_that_counts():
    assert f"at most {TTL_US // 1_000_000} s old" in PAGE
