"""Every expectation as a table in Markdown, for the page in docs: `python -m causeway.quality.suites.listing`."""

import sys

from causeway.quality.expectations import Expectation
from causeway.quality.suites import SUITES, SUITES_OF_KIND
from causeway.quality.suites.layout import COLUMNS

_DOES = {"refuse": "refuse", "drop_clip": "drop the clip", "drop_row": "drop the row", "warn": "warn"}


def listing() -> str:
    """A heading and a table for each suite, in the order of kinds."""
    kinds: dict[str, list[str]] = {COLUMNS.name: ["every kind"]}
    for kind, suites in SUITES_OF_KIND.items():
        for suite in suites:
            kinds.setdefault(suite.name, []).append(kind)
    parts = []
    for name, suite in SUITES.items():
        rows = "\n".join(_row(e) for e in suite.expectations)
        head = "| expectation | expected | when not met | why |\n|---|---|---|---|"
        parts.append(f"### `{name}`: {suite.row} ({', '.join(kinds[name])})\n{head}\n{rows}")
    return "\n\n".join(parts) + "\n"


def _row(e: Expectation) -> str:
    return f"| `{e.name}` | {e.wanted} | {_DOES[e.on_failure]} | {e.why} |"


if __name__ == "__main__":
    sys.stdout.write(listing())
